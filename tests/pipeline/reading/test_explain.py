"""Entries are followed to their lines, and the milligrams computed again from what stands there.

The files are opened by the tests' own reader, and the factors are the oracle's.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import NotFound
from jobs.lake import Lake
from jobs.landing.manifests import LANDING
from jobs.reading.explain import Explanation, explain, source_values
from jobs.reading.stories import ClaimStory, Line
from tests.oracle.oracle import (
    BANK,
    GRAMS,
    KILOGRAMS,
    POINT_MG,
    WALKING_CAP_MG,
    WALLET,
    WASTE,
    great_circle,
    network,
)
from tests.oracle.oracle_spend import micrograms_per_fen
from tests.oracle.oracle_terms import fen_of
from tests.support.reader import Row, rows_of
from tests.support.registries import shipped
from tests.support.worlds import accounted, embedded_lake, rich_world, rows

METRES = network()
SAMPLE = {"reverse": 40, "cap": 40, "tier": 3, "post": 120, "payment": 60, "given up": 8}
GIVEN_UP = ("redemption", "donation")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rich_world(tmp_path_factory.mktemp("explain"))


@pytest.fixture(scope="module")
def lake(home: Path) -> Lake:
    accounted(home, 5)
    return embedded_lake(home)


@pytest.fixture(scope="module")
def told(lake: Lake, home: Path) -> list[Explanation]:
    """Entries drawn from reversals, caps, tiers and all others of acts, from payments, and from what was given up."""
    kinds: dict[str, list[str]] = {kind: [] for kind in SAMPLE}
    for row in sorted(rows(lake, "gold.ledger"), key=lambda row: str(row["entry_id"])):
        kind = "reverse" if row["entry_kind"] == "reverse" else "cap" if row["position_kind"] == "cap" else "post"
        if row["position_kind"] == "payment":
            kind = "payment"
        if row["position_kind"] in GIVEN_UP:
            kind = "given up"
        if row["position_kind"] == "tier":
            kind = "tier"
        kinds[kind].append(row["entry_id"])
    draw = random.Random(1)
    chosen = [entry for kind, count in SAMPLE.items() for entry in draw.sample(kinds[kind], count)]
    return explain(lake, shipped(), home, chosen)


def acts(told: list[Explanation]) -> list[Explanation]:
    return [one for one in told if one.entry["position_kind"] not in ("payment", *GIVEN_UP)]


@cache
def lines_of(path: Path) -> dict[int, Row]:
    return dict(rows_of(path))


def row_at(home: Path, line: Line) -> Row:
    assert line.path is not None
    return lines_of(home / LANDING / line.path)[line.line]


def act_of(home: Path, claim: ClaimStory) -> tuple[str, Decimal]:
    """Scenario and quantity that the claim's lines tell."""
    found = [row_at(home, line) for line in claim.lines]
    place = (claim.lines[0].institution, claim.lines[0].feed)
    if place == ("hangzhou_metro", "taps"):
        entry, leave = found
        assert (entry["status"], leave["status"]) == ("1", "0")
        return "metro", Decimal(METRES[frozenset((entry["stationID"], leave["stationID"]))]) / 1_000
    [row] = found
    if place == ("citic_bank", "acts"):
        scenario = BANK.get(row["业务场景"], "utility_payment")
        return scenario, Decimal(1 if scenario == "utility_payment" else row["笔数"])
    if place == ("hellobike", "trips"):
        ends = (float(row[name]) for name in ("start_lat", "start_lng", "end_lat", "end_lng"))
        return {"bike": "shared_bike", "ebike": "e_bike"}[row["rideable_type"]], Decimal(
            int(great_circle(*ends))
        ) / 1_000
    if place == ("huge_recycling", "orders"):
        return WASTE[row["category"]], Decimal(row["settledWeight"]) * KILOGRAMS[row["unit"]]
    if place[1] == "bills":
        return "utility_payment", Decimal(1)
    assert place == ("alipay", "acts")
    scenario = WALLET[row["scenario_code"].rsplit("_", 1)[1]]
    if scenario == "metro":
        return scenario, Decimal(min(METRES.values())) / 1_000
    return scenario, Decimal(1 if scenario == "utility_payment" else row["active_data_list"][0]["item_amount"])


def paid(home: Path, claim: ClaimStory) -> int | None:
    """Fen that the claim's line states; of a ride the exit's."""
    row = row_at(home, claim.lines[-1])
    if "active_data_list" in row:
        return int(Decimal(row["active_data_list"][0]["item_amount"]) * 100)
    if "fare" in row:
        return int(row["fare"])
    stated = next(
        (str(row[name]) for name in ("交易金额", "金额", "金额（元）", "金额(元)", "Amt") if row.get(name)), ""
    )
    return fen_of(stated.strip().lstrip("¥")) if stated else None


def test_what_a_payment_emits_follows_from_its_lines(told: list[Explanation], home: Path) -> None:
    """The amount on the line of the best report, less refunds; the category that a number or a name tells."""
    payments_ = [one for one in told if one.entry["position_kind"] == "payment"]
    assert len(payments_) == SAMPLE["payment"]
    refunded = 0
    for one in payments_:
        entry = one.entry
        fen, code = entry["quantity_micro"] // 10_000, entry["factor_id"].split(":")[1]
        stated = [paid(home, claim) for claim in one.claims if claim.claim_kind != "refund"]
        assert {amount for amount in stated if amount is not None} >= {fen} or any(fen < (of or 0) for of in stated)
        refunded += fen not in stated
        assert one.amount == -(-fen * micrograms_per_fen(code) // 1_000)
        assert entry["amount"] == (one.amount if entry["entry_kind"] == "post" else -one.amount)
        assert f"{fen / 100:,.2f} CNY_2025" in one.formula
        assert len([claim for claim in one.claims if claim.claim_id == entry["position"]]) == 1
    assert refunded <= len(payments_) // 10, "few are given back"
    assert {len(one.claims) for one in payments_} >= {1, 2}


def test_what_was_given_up_follows_from_its_line(told: list[Explanation], home: Path) -> None:
    found = [one for one in told if one.entry["position_kind"] in GIVEN_UP]
    assert len(found) == SAMPLE["given up"]
    for one in found:
        [claim] = one.claims
        [line] = claim.lines
        assert one.amount == -int(row_at(home, line)["积分"]), one.entry
        assert (
            one.factor["rule"].split(".")[0] in ("zhejiang_tanpuhui", "unionpay_low_carbon")
            and one.factor["assumption"]
        )
        assert claim.claim_id == one.entry["position"]


def day_of(row: Row) -> date:
    """The day on the line, whatever its column."""
    columns = (
        "occurrent_time",
        "time",
        "started_at",
        "settleTime",
        "TRANSACT_TIME",
        "date",
        "付款时间",
        "交易时间",
        "兑换时间",
    )
    said: Any = next((row[name] for name in columns if row.get(name)), None)
    return date.fromisoformat(said.strip()[:10]) if said else datetime.strptime(row["记账日期"], "%Y%m%d").date()


ZHEJIANG, FOREST, UNIONPAY = (f"points.{name}" for name in ("zhejiang_tanpuhui", "ant_forest", "unionpay_low_carbon"))
RIDES = ("metro", "bus", "shared_bike")


def worth(measure: str, scenario: str, quantity: Decimal) -> int:
    """Milligrams or points of one act."""
    milligrams = int(quantity * GRAMS[scenario] * 1_000)
    return {
        "reduction_mg": milligrams,
        ZHEJIANG: milligrams // POINT_MG,
        FOREST: {"utility_payment": 262, "metro": 80, "bus": 80, "walking": int(quantity * 2) // 100}.get(scenario, 0),
        UNIONPAY: 10 if scenario in RIDES else 5 if scenario == "utility_payment" else int(quantity) // 1_000,
    }[measure]


def counted(home: Path, one: Explanation) -> Decimal:
    """What its lines tell of one act: of a running total the reading that counts, or what it is above the first one."""
    [(scenario, quantity)] = [act_of(home, claim) for claim in one.claims if claim.outcome == "credited"]
    others = [act_of(home, claim)[1] for claim in one.claims if scenario == "walking" and claim.outcome == "absorbed"]
    since_the_first = quantity - min(others, default=quantity)
    is_part = others and Decimal(one.entry["quantity_micro"]) == since_the_first * 1_000_000
    return since_the_first if is_part else quantity


def test_figures_follow_from_the_lines(told: list[Explanation], home: Path) -> None:
    kinds = set()
    for one in acts(told):
        entry, credited = one.entry, [claim for claim in one.claims if claim.outcome == "credited"]
        kind, measure = entry["position_kind"], entry["measure"]
        expected = sum(worth(measure, *act_of(home, claim)) for claim in credited)
        scenarios = [act_of(home, claim)[0] for claim in credited]
        if kind == "cap":
            assert set(scenarios) == {entry["scenario"]} == {"walking"}
            assert measure != ZHEJIANG, "it gives nothing for steps, which no export places"
            expected = (296 if measure == FOREST else WALKING_CAP_MG) - expected
        elif kind == "tier":
            assert set(scenarios) <= set(RIDES) and entry["scenario"] == "*" and measure == UNIONPAY
            expected = 150 if len(scenarios) >= 20 else 50
            assert len(scenarios) >= 10
        else:
            assert scenarios == [entry["scenario"]]
            expected = worth(measure, scenarios[0], counted(home, one))
        assert one.amount == expected, entry
        assert entry["amount"] == (expected if entry["entry_kind"] == "post" else -expected), entry
        kinds.add((measure, kind))
    assert kinds >= {("reduction_mg", "cap"), (ZHEJIANG, "activity"), (FOREST, "cap"), (FOREST, "activity"),
                     (UNIONPAY, "activity"), (UNIONPAY, "tier")}  # fmt: skip


def test_every_claim_is_of_that_act(told: list[Explanation], home: Path) -> None:
    """Suppressed claims among them: on the act's date, a booking or a midnight away at most; of a tier in its month."""
    reporters: Counter[int] = Counter()
    for one in told:
        for claim in one.claims:
            for line in claim.lines:
                away = 31 if one.entry["position_kind"] == "tier" else 1
                assert abs((day_of(row_at(home, line)) - one.entry["act_date"]).days) <= away, one.entry
        if one.entry["position_kind"] == "activity":
            assert Counter(claim.outcome for claim in one.claims)["credited"] == 1
            reporters[len({(line.institution, line.feed) for claim in one.claims for line in claim.lines})] += 1
    assert {1, 2, 3} <= reporters.keys()
    assert {claim.outcome for one in told for claim in one.claims} >= {"credited", "absorbed"}


def test_a_line_is_shown_as_it_was_sent(told: list[Explanation], home: Path) -> None:
    registry = shipped()
    for one in told[:: len(told) // 20]:
        for line in (line for claim in one.claims for line in claim.lines):
            values = source_values(home, line, registry.sources[line.institution].feeds[line.feed])
            text = "|".join(map(str, row_at(home, line).values()))
            shown = [value for value in values.values() if isinstance(value, str) and value]
            assert len(shown) >= 3
            assert all(value[:10].lower() in text.lower() for value in shown)  # a moment to its day; True is true


def test_the_factor_names_its_clause(told: list[Explanation]) -> None:
    for one in told:
        assert (
            one.factor.get("assumption") or one.factor["source"]["document"]
        ) and f"{abs(one.amount):,}" in one.formula


def test_history_ends_in_what_stands(told: list[Explanation]) -> None:
    reversed_ = [one for one in told if one.entry["entry_kind"] == "reverse"]
    assert len({one.entry["reason"] for one in reversed_}) >= 2
    for one in reversed_:
        assert one.entry in one.history and len(one.history) >= 2


def test_an_unknown_entry_is_said_to_be_unknown(lake: Lake, home: Path) -> None:
    with pytest.raises(NotFound, match="no ledger entry 00"):
        explain(lake, shipped(), home, ["00" * 16])
