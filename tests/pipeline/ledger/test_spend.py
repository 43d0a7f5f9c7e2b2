"""Payments: counted once whoever reports them, less what was given back, and apart from everything that is earned."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from jobs.lake import Lake
from jobs.landing.land import replay
from jobs.landing.tokens import Tokens
from jobs.reading.emissions import own_emissions
from jobs.reading.explain import explain
from schemas import Registry
from tests.oracle.oracle_spend import micrograms_per_fen
from tests.support.exports import CITIZEN, CONSENTED, PHONE, REGISTERED, deliver, table
from tests.support.registries import changed, shipped
from tests.support.sent import wechat_bill
from tests.support.worlds import days, embedded_lake, land_world, make_world, rows, run_days

REGISTRY = shipped()
FIRST, SECOND, THIRD = (date(2026, 11, day) for day in (1, 2, 3))
OPENID = "oPENID0000000001"
RESTAURANT, SUPERMARKET = "5812", "5411"


def emitted(code: str, fen: int) -> int:
    """Milligrams, rounded up."""
    return -(-fen * micrograms_per_fen(code) // 1_000)


def card(
    number: int, day: date, yuan: str, merchant: str, kind: str = "消费", original: str = "", code: str = ""
) -> str:
    """A row of the bank; `code` makes a merchant number."""
    merchant_number = f"3023310{code}0001" if code else ""
    return f"T{number}|C1|6217001234567890122|{day:%Y%m%d}|{yuan}|{kind}|{merchant}|{merchant_number}|{original}"


def bank(home: Path, day: date, *cards: str, consent: str = "授权", revision: int = 0) -> None:
    """The bank's delivery of a business date; the customer is known from the first on."""
    known = (
        [
            table("citic_bank", "registrations", f"C1|{CITIZEN[0]}|{PHONE[0]}||个人|{REGISTERED}"),
            table("citic_bank", "consents", f"C1|金融|{consent}|{CONSENTED}", f"C1|出行|授权|{CONSENTED}"),
        ]
        if day == FIRST
        else []
    )
    total = sum(float(one.split("|")[4]) for one in cards)
    sent = table("citic_bank", "card_transactions", *cards, total=f"{total:.2f}")
    stamp = f"{day:%Y%m%d}T2000{revision:02}Z"
    deliver(home, "citic_bank", *known, sent, stamp=stamp, business_date=str(day), revision=revision)


def bill(home: Path, brought: date, *payments: tuple[int, str, str, str, str]) -> None:
    """A WeChat bill from the first of the month to the day before: (number, time, merchant, yuan, state) each."""
    last = brought - timedelta(days=1)
    sent = wechat_bill(OPENID, FIRST, last, f"{brought} 10:00:00", *payments)
    known = table("wechat_pay", "registrations", f"{OPENID},{CITIZEN[0]},{PHONE[0]},personal,{REGISTERED}")
    deliver(home, "wechat_pay", known, sent, stamp=f"{brought:%Y%m%d}T210000Z", business_date=str(brought))


def accounted(home: Path, dates: Sequence[date], registry: Registry = REGISTRY, folder: str = "lake") -> Lake:
    land_world(home, registry)
    lake = embedded_lake(home, registry, folder)
    run_days(lake, home, dates)
    return lake


def standing(lake: Lake) -> dict[tuple[str, int], int]:
    """(merchant code, fen) → milligrams of what stands in the ledger; two alike would be told as twice as much."""
    found: defaultdict[tuple[str, int], int] = defaultdict(int)
    for row in rows(lake, "gold.ledger"):
        assert row["measure"] == "emission_mg", "nothing is earned by paying"
        found[row["factor_id"].split(":")[1], row["quantity_micro"] // 10_000] += row["amount"]
    return {key: amount for key, amount in found.items() if amount}


def outcomes(lake: Lake) -> list[tuple[str, str, str, int | None]]:
    """Institution, outcome, reason and fen spent of the claims in force."""
    newest: dict[tuple[str, date], dict[str, Any]] = {}
    for row in sorted(rows(lake, "silver.activities"), key=lambda row: int(row["publication_seq"])):
        newest[row["claim_id"], row["act_date"]] = row
    live = [row for row in newest.values() if row["is_live"]]
    return sorted((row["institution"], row["outcome"], row["reason"], row["spend_fen"]) for row in live)


def test_a_payment_through_a_wallet_is_one_with_the_row_of_the_bank_behind_it(tmp_path: Path) -> None:
    bank(tmp_path, FIRST)
    bank(tmp_path, SECOND, card(1, SECOND, "30.00", "财付通-知味观"))
    bill(tmp_path, SECOND, (1, "2026-11-01 12:00:00", "知味观", "30.00", "支付成功"))
    lake = accounted(tmp_path, [SECOND])
    assert outcomes(lake) == [
        ("citic_bank", "absorbed", "same_act", None),
        ("wechat_pay", "evidence", "spend", 3_000),
    ]
    # 3,000 fen × 477,364 micrograms
    assert standing(lake) == {(RESTAURANT, 3_000): 1_432_092} == {(RESTAURANT, 3_000): emitted(RESTAURANT, 3_000)}


@pytest.mark.parametrize(
    ("merchant", "yuan", "booked"),
    [
        ("知味观", "30.00", FIRST),  # not through the wallet
        ("支付宝-知味观", "30.00", FIRST),  # through another
        ("财付通-知味观", "30.01", FIRST),  # of another amount
        ("财付通-知味观", "30.00", THIRD),  # booked later than the bank ever does
    ],
)
def test_a_row_that_may_be_another_payment_counts_by_itself(
    tmp_path: Path, merchant: str, yuan: str, booked: date
) -> None:
    bank(tmp_path, FIRST, *([card(1, booked, yuan, merchant)] if booked == FIRST else []))
    if booked != FIRST:
        bank(tmp_path, booked, card(1, booked, yuan, merchant))
    bill(tmp_path, SECOND, (1, "2026-11-01 12:00:00", "知味观", "30.00", "支付成功"))
    lake = accounted(tmp_path, [THIRD])
    assert {(institution, outcome) for institution, outcome, *_ in outcomes(lake)} == {
        ("citic_bank", "evidence"),
        ("wechat_pay", "evidence"),
    }
    assert sum(fen or 0 for *_, fen in outcomes(lake)) == 3_000 + int(yuan.replace(".", ""))


def test_behind_one_payment_lies_one_row(tmp_path: Path) -> None:
    """Two rows of the same amount and wallet on a day are two payments, of which the bill tells of one."""
    twice = [card(number, FIRST, "30.00", "财付通-知味观") for number in (1, 2)]
    bank(tmp_path, FIRST, *twice)
    bill(tmp_path, SECOND, (1, "2026-11-01 12:00:00", "知味观", "30.00", "支付成功"))
    lake = accounted(tmp_path, [SECOND])
    assert standing(lake) == {(RESTAURANT, 3_000): 2 * emitted(RESTAURANT, 3_000)}


def test_a_refund_that_both_report_is_of_the_same_money(tmp_path: Path) -> None:
    """A part lowers the spend; the whole leaves nothing, whoever says so; the claims stand as they stood."""
    bank(
        tmp_path,
        FIRST,
        card(1, FIRST, "30.00", "财付通-知味观"),
        card(2, FIRST, "50.00", "世纪联华超市"),
        card(3, FIRST, "70.00", "财付通-奎元馆"),
    )
    bank(
        tmp_path,
        SECOND,
        card(4, SECOND, "-10.00", "财付通-知味观", "部分退款", "T1"),
        card(5, SECOND, "-20.00", "世纪联华超市", "部分退款", "T2"),
        card(6, SECOND, "-5.00", "世纪联华超市", "部分退款", "T2"),
        card(7, SECOND, "-70.00", "财付通-奎元馆", "冲正", "T3"),
    )
    bill(
        tmp_path,
        THIRD,
        (1, "2026-11-01 12:00:00", "知味观", "30.00", "已退款(￥10.00)"),
        (2, "2026-11-01 19:00:00", "奎元馆", "70.00", "支付成功"),
    )
    lake = accounted(tmp_path, [THIRD])
    assert standing(lake) == {
        (RESTAURANT, 2_000): emitted(RESTAURANT, 2_000),
        (SUPERMARKET, 2_500): emitted(SUPERMARKET, 2_500),
    }
    found = outcomes(lake)
    assert ("wechat_pay", "refunded", "payment_taken_back", 0) in found
    assert ("citic_bank", "evidence", "spend", 2_500) in found


def test_what_nobody_knows_lowers_the_coverage(tmp_path: Path) -> None:
    """No category, none in the set, a number that holds none: spent, and no emission; a number counts before a name."""
    bank(
        tmp_path,
        FIRST,
        card(1, FIRST, "40.00", "某某贸易有限公司"),
        card(2, FIRST, "25.00", "某某贸易有限公司", code="0000"),
        card(3, FIRST, "35.00", "急救中心", code="9702"),
        card(4, FIRST, "100.00", "世纪联华超市", code=RESTAURANT),
        card(5, FIRST, "900.00", "支付宝-余额宝"),
    )
    lake = accounted(tmp_path, [FIRST])
    assert standing(lake) == {(RESTAURANT, 10_000): emitted(RESTAURANT, 10_000)}
    own = own_emissions(lake)
    assert (own.spent_fen, own.known_fen) == (20_000, 10_000)
    assert own.by_category(REGISTRY.spending) == {"食": emitted(RESTAURANT, 10_000)} == {"食": own.milligrams}
    [person] = {row["person_id"] for row in rows(lake, "gold.ledger")}
    assert own_emissions(lake, 1, person=person) == own == own_emissions(lake, since=FIRST)
    assert own_emissions(lake, since=SECOND).spent_fen == 0


def test_no_amount_of_a_row_ends_a_run(tmp_path: Path) -> None:
    """A hundred million yuan are computed with; more in one row is a slip, of which the row alone is quarantined."""
    bank(
        tmp_path,
        FIRST,
        card(1, FIRST, "999999999999.99", "知味观"),
        card(2, FIRST, "100000000.01", "知味观"),
        card(3, FIRST, "100000000.00", "知味观"),
        card(4, FIRST, "30.00", "知味观"),
    )
    taken_back = card(5, SECOND, "-999999999999.99", "知味观", "部分退款", "T3")
    bank(tmp_path, SECOND, taken_back, card(6, SECOND, "0.00", "知味观"))
    lake = accounted(tmp_path, [SECOND])
    assert standing(lake) == {(RESTAURANT, fen): emitted(RESTAURANT, fen) for fen in (10**10, 3_000)}
    bad = [(row["line"], row["code"]) for row in rows(lake, "silver.rows") if row["disposition"] == "quarantined"]
    assert sorted(bad) == [(2, "too_much"), (2, "too_much"), (3, "too_much")]


def test_a_bill_that_comes_later_takes_the_place_of_the_banks_row(tmp_path: Path) -> None:
    """The figure stays, the entry moves: from the bank's row to the wallet's; the history says so."""
    bank(tmp_path, FIRST, card(1, FIRST, "30.00", "财付通-知味观"))
    land_world(tmp_path)
    lake = embedded_lake(tmp_path)
    run_days(lake, tmp_path, [FIRST])
    before = standing(lake)
    bill(tmp_path, SECOND, (1, "2026-11-01 12:00:00", "知味观", "30.00", "支付成功"))
    land_world(tmp_path)
    run_days(lake, tmp_path, [SECOND])
    assert standing(lake) == before == {(RESTAURANT, 3_000): emitted(RESTAURANT, 3_000)}
    entries = sorted(rows(lake, "gold.ledger"), key=lambda row: (row["publication_seq"], row["entry_kind"]))
    told = [(row["institution"], row["entry_kind"], row["reason"], row["amount"] > 0) for row in entries]
    assert told == [
        ("citic_bank", "post", "new", True),
        ("wechat_pay", "post", "new", True),
        ("citic_bank", "reverse", "absorbed", False),
    ]


def test_a_corrected_statement_restates_a_payment(tmp_path: Path) -> None:
    bank(tmp_path, FIRST, card(1, FIRST, "30.00", "知味观"))
    land_world(tmp_path)
    lake = embedded_lake(tmp_path)
    run_days(lake, tmp_path, [FIRST])
    bank(tmp_path, FIRST, card(1, FIRST, "31.00", "知味观", code=SUPERMARKET), revision=1)
    land_world(tmp_path)
    run_days(lake, tmp_path, [FIRST])
    assert standing(lake) == {(SUPERMARKET, 3_100): emitted(SUPERMARKET, 3_100)}
    assert {row["reason"] for row in rows(lake, "gold.ledger") if row["publication_seq"] == 2} == {"restated"}


def test_without_consent_nothing_is_said(tmp_path: Path) -> None:
    bank(tmp_path, FIRST, card(1, FIRST, "30.00", "知味观"), consent="撤回")
    lake = accounted(tmp_path, [FIRST])
    assert outcomes(lake) == [("citic_bank", "no_consent", "consent_missing", None)]
    assert rows(lake, "gold.ledger") == []


def test_a_fare_that_wallet_and_bank_report_without_the_ride_is_one_payment(tmp_path: Path) -> None:
    """Neither shows a ride, so nothing is earned; and still it was paid once."""
    bank(tmp_path, FIRST, card(1, FIRST, "4.00", "财付通-杭州地铁集团有限公司"))
    bill(tmp_path, SECOND, (1, "2026-11-01 08:30:00", "杭州地铁集团有限公司", "4.00", "支付成功"))
    lake = accounted(tmp_path, [SECOND])
    assert outcomes(lake) == [
        ("citic_bank", "evidence", "same_payment", None),
        ("wechat_pay", "evidence", "payment_alone", 400),
    ]
    assert standing(lake) == {("4111", 400): emitted("4111", 400)}


def test_an_entry_is_followed_to_set_code_year_rate_index_and_lines(tmp_path: Path) -> None:
    bank(tmp_path, FIRST, card(1, FIRST, "30.00", "财付通-知味观"))
    bill(tmp_path, SECOND, (1, "2026-11-01 12:00:00", "知味观", "30.00", "支付成功"))
    lake = accounted(tmp_path, [SECOND])
    [entry] = [row["entry_id"] for row in rows(lake, "gold.ledger")]
    [told] = explain(lake, REGISTRY, tmp_path, [entry])
    assert told.amount == told.entry["amount"] == emitted(RESTAURANT, 3_000)
    assert told.formula == "30.00 CNY_2025 × 47,736.4 mgCO2e per CNY_2025 = 1,432,092 mg (rounded up)"
    assert told.factor["factor_id"] == "exiobase_2019:5812:2025"
    assert told.factor["merchant category"].startswith("5812 Eating places and restaurants")
    assert told.factor["value"] == "0.3911 kgCO2e/EUR_2019"
    assert told.factor["rate"].startswith("7.7355 CNY_2019/EUR_2019")
    assert told.factor["price index"].startswith("1.059133 CNY_2025/CNY_2019; The last index counts")
    assert told.factor["licence"]["name"] == "CC BY-SA 4.0"
    assert [(claim.outcome, claim.lines[0].institution, claim.lines[0].line) for claim in told.claims] == [
        ("evidence", "wechat_pay", 6),
        ("absorbed", "citic_bank", 2),
    ]


def test_files_that_older_code_landed_are_taken_and_landed_again_on_request(tmp_path: Path) -> None:
    """Older landings have no codes: unknown, until they are landed again; newer ones stand beside them."""
    bank(tmp_path, FIRST, card(1, FIRST, "30.00", "知味观"))
    land_world(tmp_path)
    [landed] = (tmp_path / "landed/payment/citic_bank").rglob("*[0-9a-f].parquet")
    newer = ["refunded_fen", "merchant_code", "merchant_code_source"]
    pq.write_table(pq.read_table(landed).drop_columns(newer), landed)
    manifest = landed.with_suffix(".json")
    told = json.loads(manifest.read_text())
    assert told.pop("merchants_hash") and told.pop("hashes")
    manifest.write_text(json.dumps(told))
    bank(tmp_path, SECOND, card(2, SECOND, "50.00", "世纪联华超市"))
    lake = accounted(tmp_path, [SECOND])
    assert standing(lake) == {(SUPERMARKET, 5_000): emitted(SUPERMARKET, 5_000)}
    assert own_emissions(lake).spent_fen == 8_000
    [again] = replay(REGISTRY.sources["citic_bank"], tmp_path, Tokens.from_env())
    assert again.landing == 1
    run_days(lake, tmp_path, [SECOND])
    assert standing(lake) == {
        (SUPERMARKET, 5_000): emitted(SUPERMARKET, 5_000),
        (RESTAURANT, 3_000): emitted(RESTAURANT, 3_000),
    }


# -- a simulated world -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("spend"), 150, 3, seed=5, bills=0.4, late=0.2, corrected=0.2)


def earned(lake: Lake) -> list[tuple[Any, ...]]:
    """Everything in the ledger but emissions."""
    names = lake.tables["gold.ledger"].fields
    found = [row for row in rows(lake, "gold.ledger") if row["measure"] != "emission_mg"]
    return sorted(tuple(str(row[name]) for name in names) for row in found)


def test_emissions_change_nothing_that_is_earned(world: Path, tmp_path: Path) -> None:
    """Whether payments emit or not – no set applied in these years –, reductions and points are the same rows."""
    edits = {"spending/spending.yaml": [("valid_from: 2019-01-01", "valid_from: 2090-01-01")]}
    without = changed(tmp_path / "registry", edits)
    lakes = [embedded_lake(world), embedded_lake(world, without, "without")]
    for lake in lakes:
        run_days(lake, world, days(3))
    assert earned(lakes[0]) == earned(lakes[1]) != []
    measures = [{row["measure"] for row in rows(lake, "gold.balances")} for lake in lakes]
    assert measures[0] - measures[1] == {"emission_mg"} and measures[1] > {"reduction_mg"}


def test_another_set_restates_payments_and_nothing_else(world: Path, tmp_path: Path) -> None:
    lake = embedded_lake(world, folder="sets")
    run_days(lake, world, days(3))
    before = earned(lake)
    edits = {"spending/spending.yaml": [("set: exiobase_2019", "set: epa_2022")]}
    other = embedded_lake(world, changed(tmp_path / "registry", edits), "sets")
    [outcome] = run_days(other, world, days(3)[-1:], full=True)
    assert outcome.seq == 4 and earned(other) == before
    sums: defaultdict[str, int] = defaultdict(int)
    for row in rows(other, "gold.ledger"):
        if row["measure"] == "emission_mg":
            sums[row["factor_id"].split(":")[0]] += row["amount"]
            assert row["publication_seq"] < 4 or row["reason"] == "restated"
            assert row["match_quality"] == ("proxy" if row["factor_id"].startswith("epa") else "parent")
    assert sums["exiobase_2019"] == 0 < sums["epa_2022"]
