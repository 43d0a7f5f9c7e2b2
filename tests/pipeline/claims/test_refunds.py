"""Refunds that name no purchase, by hand and through the real jobs: which purchase each takes back.

Every case is of merchants of its own, so that all of them are told by two runs of one bank.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest
from rich.console import Console

from jobs.lake import Lake
from jobs.reading.explain import explain
from jobs.reading.statement import REASONS
from tanzhang.screens.statement import explanation
from tests.support.one_person import D1, D2, known_world
from tests.support.refunding import (
    FULL,
    KNOWN,
    PARTIAL,
    REFUND,
    Row,
    Statement,
    account_for,
    claim_id,
    newest,
    registry,
    story,
)
from tests.support.worlds import rows

ACT, TAKEN = ("evidence", "spend"), ("refunded", "payment_taken_back_by_match")
MATCHED, PENDING = ("evidence", "refund_by_match"), ("pending", "no_purchase_matches")
RESTAURANT = "知味观"


class Case(NamedTuple):
    """Rows of the first run and of the second, and what must be told after both.

    anew: of a day whose statement the second run sends again, the rows before and after.
    """

    first: Sequence[Row]
    takes: dict[str, str | None]
    spent: dict[str, int]
    then: Sequence[Row] = ()
    anew: tuple[Sequence[Row], Sequence[Row]] = ((), ())
    outcomes: dict[str, tuple[str, str]] = {}


def at(number: str, day: int, fen: int = 3_000, kind: str = "消费", **said: str) -> Row:
    return Row(number, f"2026-11-{day:02} 12:00:00", fen, kind, **said)


CASES = {
    # which one
    "of two equal purchases the later": Case(
        [at("a", 1), at("b", 2), at("r", 3, kind=REFUND)],
        {"r": "b"}, {"a": 3_000, "b": 0}, outcomes={"a": ACT, "b": TAKEN, "r": MATCHED},
    ),
    "two refunds take back two": Case(
        [at("a", 1), at("b", 2), *(at(name, day, kind=REFUND) for name, day in (("r", 3), ("s", 4), ("t", 5)))],
        {"r": "b", "s": "a", "t": None}, {"a": 0, "b": 0}, outcomes={"t": PENDING},
    ),
    "of two pairs each": Case(
        [at("a", 1), at("b", 2), at("r", 3, kind=REFUND), at("c", 4), at("s", 5, kind=REFUND)],
        {"r": "b", "s": "c"}, {"a": 3_000, "b": 0, "c": 0},
    ),
    "not another merchant's, nor another customer's": Case(
        [at("a", 1), at("r", 2, kind=REFUND, merchant="楼外楼"), at("s", 2, kind=REFUND, account="R2")],
        {"r": None, "s": None}, {"a": 3_000},
    ),
    "however the merchant is written": Case(
        [at("a", 1, merchant=" ＡＢＣ咖啡"), at("r", 2, kind=REFUND, merchant="退货-ABC咖啡")], {"r": "a"}, {"a": 0},
    ),
    "not one that was later": Case(
        [at("a", 3), Row("r", "2026-11-03 11:59:59", 3_000, REFUND)], {"r": None}, {"a": 3_000},
    ),
    "of the last day that the contract allows": Case(
        [Row("a", "2026-10-01 12:00:00", 4_000), Row("r", "2026-10-31 09:00:00", 4_000, REFUND)], {"r": "a"}, {"a": 0},
    ),
    "not of a day before": Case(
        [Row("a", "2026-10-01 12:00:00", 4_000), Row("r", "2026-11-01 09:00:00", 4_000, REFUND)],
        {"r": None}, {"a": 4_000},
    ),
    "on its day, where the clock is unknown": Case(
        [at("a", 1), Row("r", "2026-11-01", 3_000, REFUND), Row("b", "2026-11-02", 4_000),
         Row("s", "2026-11-02 08:00:00", 4_000, REFUND)],
        {"r": "a", "s": "b"}, {"a": 0, "b": 0},
    ),
    # how much
    "a part of the latest that cost more": Case(
        [at("a", 1, 5_000), at("b", 2, 9_000), at("c", 3, 1_000), at("r", 4, 2_000, REFUND)],
        {"r": "b"}, {"a": 5_000, "b": 7_000, "c": 1_000}, outcomes={"b": ACT},
    ),
    "parts of no more than was paid": Case(
        [at("a", 1, 9_000), at("b", 2, 9_000), at("r", 3, 5_000, PARTIAL), at("s", 4, 5_000, PARTIAL),
         at("t", 5, 4_000, PARTIAL)],
        {"r": "b", "s": "a", "t": "b"}, {"a": 4_000, "b": 0},
    ),
    "parts that add up to the whole": Case(
        [at("a", 1), at("r", 2, 1_000, REFUND), at("s", 3, 2_000, REFUND)],
        {"r": "a", "s": "a"}, {"a": 0}, outcomes={"a": TAKEN},
    ),
    "a whole refund of no part, a part of no whole": Case(
        [at("a", 1, 5_000), at("r", 2, 4_000, FULL), at("s", 2, 5_000, PARTIAL)], {"r": None, "s": None}, {"a": 5_000},
    ),
    "of what comes to be taken back whole no part": Case(
        [at("a", 1, 9_000), at("b", 2, 5_000), at("r", 3, 2_000, REFUND)],
        {"r": "a", "s": "b"}, {"a": 7_000, "b": 0}, then=[at("s", 4, 5_000, REFUND)],
    ),
    # what comes later
    "a refund before its purchase": Case(
        [at("r", 3, kind=REFUND)], {"r": "a"}, {"a": 0}, then=[at("a", 1)], outcomes={"a": TAKEN, "r": MATCHED},
    ),
    "a purchase that comes late": Case(
        [at("a", 1), at("r", 3, kind=REFUND)],
        {"r": "b"}, {"a": 3_000, "b": 0}, then=[at("b", 2)], outcomes={"a": ACT, "b": TAKEN},
    ),
    "a corrected amount": Case(
        [at("a", 1), at("b", 2), at("r", 3, kind=FULL)],
        {"r": "a"}, {"a": 0, "b": 2_500}, then=[at("b", 2, 2_500)], outcomes={"a": TAKEN, "b": ACT},
    ),
    "a corrected merchant": Case(
        [at("a", 1), at("b", 2), at("r", 3, kind=REFUND)],
        {"r": "a"}, {"a": 0, "b": 3_000}, then=[at("b", 2, merchant="楼外楼")],
    ),
    "a corrected customer": Case(
        [at("a", 1), at("b", 2), at("r", 3, kind=REFUND)],
        {"r": "a"}, {"a": 0}, then=[at("b", 2, account="R2")],
    ),
    "a purchase that frees a part for a refund of two months later": Case(
        [Row("b", "2026-09-29", 15_000), Row("r", "2026-10-01", 10_000, REFUND), Row("s", "2026-10-25", 10_000, PARTIAL)],
        {"r": "a", "s": "b"}, {"a": 0, "b": 5_000}, then=[Row("a", "2026-09-01", 10_000)],
    ),
    "a refund of a month before, for what was three months before": Case(
        [Row("a", "2026-02-05", 10_000), Row("b", "2026-03-06", 15_000), Row("r", "2026-03-07", 10_000, REFUND),
         Row("s", "2026-04-04", 10_000, PARTIAL)],
        {"r": "a", "s": "b"}, {"a": 0, "b": 5_000, "c": 100}, then=[Row("c", "2026-05-04", 100)],
    ),
    "a refund that disappears": Case(
        [at("a", 1), at("b", 2)], {"s": "b"}, {"a": 3_000, "b": 0},
        anew=([at("r", 3, kind=REFUND), at("s", 4, kind=REFUND)], [at("s", 4, kind=REFUND)]),
    ),
    "a refund that is a purchase": Case(
        [at("a", 1), at("r", 3, kind=REFUND)], {}, {"a": 3_000, "r": 2_000},
        then=[at("r", 3, 2_000)], outcomes={"a": ACT, "r": ACT},
    ),
}  # fmt: skip


def of_case(number: int, told: Sequence[Row]) -> list[str]:
    """The rows with numbers and merchants of the case's own."""
    return [
        one._replace(number=f"{number}{one.number}", merchant=f"{one.merchant}{RESTAURANT}{number}").line
        for one in told
    ]  # fmt: skip


def run(which: str) -> list[str]:
    return [line for number, case in enumerate(CASES.values()) for line in of_case(number, getattr(case, which))]


def anew(after: int) -> list[str]:
    return [line for number, case in enumerate(CASES.values()) for line in of_case(number, case.anew[after])]


ENTRIES = (
    "R1;20261101;5000;消费;楼外楼;湖滨",
    "R1;20261101;5000;消费;楼外楼;城西",
    "R1;20261101;-5000;退款;楼外楼;湖滨",
    "R1;20261102;-1000;退款;楼外楼;城西",
    "R1;20261103;-1000;部分退款;楼外楼;城西",
)
"""Without numbers and clocks, their merchant in two fields; the contract allows no parts but those that are called so."""
NAMELESS = Row("x", "2026-11-03 12:00:00", 3_000, REFUND, "")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    first = [
        KNOWN,
        Statement(date(2026, 11, 5), 0, {"statements": [*run("first"), NAMELESS.line], "entries": [*ENTRIES]}),
        Statement(date(2026, 11, 8), 0, {"statements": anew(0)}),
    ]
    then = [
        Statement(date(2026, 11, 6), 0, {"statements": run("then")}),
        Statement(date(2026, 11, 8), 1, {"statements": anew(1)}),
    ]
    return account_for(tmp_path_factory.mktemp("refunds") / "home", first, then)


@pytest.mark.parametrize("name", CASES)
def test_a_refund_takes_back(lake: Lake, name: str) -> None:
    number, case = list(CASES).index(name), CASES[name]
    every = {one.number for told in (case.first, case.then, *case.anew) for one in told}
    found = story(lake, {f"{number}{one}": one for one in every})
    assert (found.takes, found.spent) == (case.takes, case.spent)
    assert found.outcomes.items() >= case.outcomes.items()


def test_what_a_change_does_not_move_is_not_written_again(lake: Lake) -> None:
    number = list(CASES).index("a refund of a month before, for what was three months before")
    written = Counter(row["claim_id"] for row in rows(lake, "silver.claims"))
    assert [written[claim_id(f"{number}{one}")] for one in "rs"] == [1, 1]


def test_rows_without_numbers_and_clocks(lake: Lake) -> None:
    found = [row for row in newest(rows(lake, "silver.activities")) if row["feed"] == "entries"]
    assert Counter(row["reason"] for row in found) == {
        "payment_taken_back_by_match": 1, "spend": 1, "refund_by_match": 2, "no_purchase_matches": 1,
    }  # fmt: skip
    assert sum(row["spend_fen"] or 0 for row in found) == 4_000


def test_it_is_told_what_took_a_payment_back(lake: Lake) -> None:
    paid = claim_id(f"{list(CASES).index('a part of the latest that cost more')}b")
    entry = next(row["entry_id"] for row in rows(lake, "gold.ledger") if row["position"] == paid)
    [told] = explain(lake, registry(), lake.path.parent, [entry])
    console = Console(width=200, record=True, file=io.StringIO())
    explanation(console, told, registry())
    [shown] = [line for line in console.export_text().splitlines() if "taken back" in line]
    said, place = shown.rsplit(": ", 1)
    assert said.strip() == "taken back by the refund of 2026-11-04, 20.00 yuan, matched by amount and merchant"
    assert "/statements_20261105_1.csv:" in place
    assert {row["reason"] for row in rows(lake, "silver.activities")} <= REASONS.keys()


def test_no_merchant_is_readable_and_none_is_no_merchant(lake: Lake) -> None:
    keys = {row["merchant_key"] for row in rows(lake, "silver.claims")}
    assert all(len(key) == 32 and set(key) <= set("0123456789abcdef") for key in keys)
    quarantined = [row for row in rows(lake, "silver.rows") if row["disposition"] == "quarantined"]
    assert {(row["code"], row["column_name"]) for row in quarantined} == {("missing_value", "merchant")}


def test_nobody_asks_where_no_contract_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("jobs.claims.refunds._changed")
    assert rows(known_world(tmp_path).run(D1, D2), "silver.membership")
