"""What a person reads: the account as it was published for a date, and nobody else's acts."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from jobs.errors import NotFound
from jobs.lake import Lake
from jobs.reading.statement import AccountStatement, statement
from tests.support.exports import (
    CITIZEN,
    CONSENTED,
    PHONE,
    REGISTERED,
    Part,
    alipay_acts,
    alipay_consents,
    alipay_registrations,
    deliver,
    table,
)
from tests.support.registries import shipped
from tests.support.worlds import embedded_lake, land_world, rows, run_days

REGISTRY = shipped()
FIRST, SECOND = date(2026, 11, 1), date(2026, 11, 2)


def metro(citizen: str) -> list[Part]:
    """One ride, and an entry whose exit is missing, of the customer with this citizen id."""
    return [
        table("hangzhou_metro", "registrations", f"H1,{citizen},,P,{REGISTERED}"),
        table("hangzhou_metro", "consents", f"H1,all,grant,{CONSENTED}"),
        table("hangzhou_metro", "taps", "2026-11-01 08:00:00,1,S01,D1,1,H1,3,0",
              "2026-11-01 08:25:00,1,S05,D1,0,H1,3,400", "2026-11-01 18:00:00,1,S05,D1,1,H1,3,0", total="400"),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The metro takes a wallet's customer for its own on the first day, and corrects itself on the second."""
    home = tmp_path_factory.mktemp("statement")
    wallet = [
        alipay_registrations((1, CITIZEN[0], PHONE[0], [], REGISTERED)),
        alipay_consents((1, "ALL", "AUTHORIZED", CONSENTED)),
        alipay_acts(
            (1, 1, "2026-11-01 12:00:00", "xingzou", "9000"), (2, 1, "2026-11-01 09:00:00", "lvsezhengwu", "1")
        ),
    ]
    deliver(home, "alipay", *wallet, stamp="20261101T200000Z")
    deliver(home, "hangzhou_metro", *metro(CITIZEN[0]), stamp="20261101T200000Z")
    deliver(home, "hangzhou_metro", *metro(CITIZEN[1]), stamp="20261102T200000Z", revision=1)
    land_world(home, REGISTRY)
    lake = embedded_lake(home, REGISTRY)
    run_days(lake, home, [FIRST, SECOND])
    return lake


@pytest.fixture(scope="module")
def persons(lake: Lake) -> dict[str, str]:
    """Institution → the person that its customer is now."""
    customer = {row["customer_key"]: row["institution"] for row in rows(lake, "silver.customer_events")}
    members = sorted(rows(lake, "silver.membership"), key=lambda row: int(row["publication_seq"]))
    return {customer[row["customer_key"]]: str(row["person_id"]) for row in members}


def read(lake: Lake, person: str, day: date) -> AccountStatement:
    return statement(lake, REGISTRY, person, day)


def held_back(account: AccountStatement) -> set[tuple[str, str]]:
    return {(row["scenario"], row["reason"]) for row in account.not_credited}


def test_the_first_day_is_whole(lake: Lake, persons: dict[str, str]) -> None:
    [before] = {str(row["person_id"]) for row in rows(lake, "silver.membership") if row["publication_seq"] == 1}
    account = read(lake, before, FIRST)
    assert before in persons.values()
    assert account.reductions["walking"] == 9_000 * 20 and account.reductions["metro"] > 0
    assert {one.programme: one.balance for one in account.points} == {
        # The ride alone: a phone does not tell where its steps were, so a province gives nothing for them.
        "zhejiang_tanpuhui": account.reductions["metro"] // 1_000,
        "ant_forest": 80 + 9_000 // 50,
        "unionpay_low_carbon": 10 + 9,  # the wallet and the metro report the person: two institutions
    }
    assert {one.programme for one in account.due} == {"unionpay_low_carbon"}
    assert [(one.on, one.points) for one in account.due] == [(date(2027, 11, 30), 19)]
    assert [(one.act_month, one.acts, one.reporting_grade) for one in account.record.months] == [("2026-11", 2, "A")]
    assert (account.record.tier, account.record.levels) == ("浅绿", [])
    assert account.record.reduction_mg == sum(account.reductions.values())
    assert {(row["scenario"], row["institution"], row["acts"]) for row in account.credited} == {
        ("walking", "alipay", 1),
        ("metro", "hangzhou_metro", 1),
    }
    assert held_back(account) == {("online_government", "no_factor"), ("metro", "other_tap_missing")}
    assert account.institutions == ["alipay", "hangzhou_metro"]
    assert account.missing == [], "the bank owes its files, but not to this person"


def test_after_the_split_each_reads_the_own(lake: Lake, persons: dict[str, str]) -> None:
    assert persons["alipay"] != persons["hangzhou_metro"]
    wallet, metro = (read(lake, persons[name], SECOND) for name in ("alipay", "hangzhou_metro"))
    assert {name for name, amount in wallet.reductions.items() if amount} == {"walking"}
    assert {name for name, amount in metro.reductions.items() if amount} == {"metro"}
    assert held_back(wallet) == {("online_government", "no_factor")}
    assert held_back(metro) == {("metro", "other_tap_missing")}
    assert {row["scenario"] for row in wallet.credited} == {"walking"}
    assert {row["scenario"] for row in metro.credited} == {"metro"}
    assert metro.institutions == ["hangzhou_metro"]
    for account, amount in ((wallet, 9_000 // 50), (metro, 80)):  # one institution each is too few for the third
        balances = {one.programme: one.balance for one in account.points}
        assert balances["ant_forest"] == amount and balances.get("unionpay_low_carbon", 0) == 0
    assert metro.missing == [("hangzhou_metro", feed) for feed in ("consents", "registrations", "taps")]


@pytest.mark.parametrize(
    ("person", "day", "said"),
    [
        ("00" * 16, FIRST, "no person 0000"),
        ("hangzhou_metro", date(2026, 11, 3), "2026-11-03 was not published"),
    ],
)
def test_what_is_not_there_is_said(lake: Lake, persons: dict[str, str], person: str, day: date, said: str) -> None:
    with pytest.raises(NotFound, match=said):
        read(lake, persons.get(person, person), day)


def test_a_source_that_came_after_all_is_not_missing(tmp_path: Path) -> None:
    """The wallet's statement for the same date arrives between two runs of it."""
    wallet = [
        alipay_registrations((1, CITIZEN[0], PHONE[0], [], REGISTERED)),
        alipay_consents((1, "ALL", "AUTHORIZED", CONSENTED)),
    ]
    walk = alipay_acts((1, 1, "2026-11-02 12:00:00", "xingzou", "9000"))
    deliver(tmp_path, "alipay", *wallet, stamp="20261101T200000Z")
    land_world(tmp_path, REGISTRY)
    lake = embedded_lake(tmp_path, REGISTRY)
    run_days(lake, tmp_path, [FIRST])
    run_days(lake, tmp_path, [SECOND], full=True)
    person = str(rows(lake, "silver.membership")[0]["person_id"])
    assert read(lake, person, SECOND).missing == [("alipay", feed) for feed in ("acts", "consents", "registrations")]
    deliver(tmp_path, "alipay", walk, stamp="20261102T190000Z", business_date="2026-11-02")
    land_world(tmp_path, REGISTRY)
    run_days(lake, tmp_path, [SECOND])
    account = read(lake, person, SECOND)
    assert (account.missing, set(account.reductions)) == ([], {"walking"})
