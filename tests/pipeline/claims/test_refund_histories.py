"""Random purchases and refunds: what each takes back is what a second opinion finds, whatever came first."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from jobs.claims.refunds import originals_of
from jobs.lake import Lake
from tests.oracle.oracle_refunds import EITHER, PART, WHOLE, Line, taken_back
from tests.support.order import newest as held
from tests.support.order import without
from tests.support.refunding import (
    BANK,
    FULL,
    KINDS_OF_ROWS,
    KNOWN,
    PARTIAL,
    PURCHASE,
    REFUND,
    Row,
    Statement,
    account_for,
    claim_id,
    newest,
    registry,
    told,
)
from tests.support.worlds import embedded_lake, rows

WITHIN = 30
KINDS = {PURCHASE: None, REFUND: EITHER, PARTIAL: PART, FULL: WHOLE}
LATEST = date(2026, 11, 1)
BUSINESS_DATES = [LATEST + timedelta(days=number) for number in range(4)]


# -- by the engine alone: many short histories at once


def lines(chance: random.Random, merchant: str) -> list[Line]:
    """A dozen of one merchant, near each other or months apart, of few amounts, by clock or by day."""
    span = chance.choice((3, 20, 90, 200))
    return [
        Line(
            merchant,
            LATEST - timedelta(days=chance.randrange(span)),
            chance.choice((None, 0, 43_200, 86_399)),
            chance.choice((100, 100, 200, 300)),
            f"{chance.randrange(1 << 64):032x}",
            chance.choice((None, None, None, WHOLE, EITHER, EITHER, PART)),
        )
        for _ in range(chance.randrange(2, 14))
    ]


def as_claim(line: Line) -> dict[str, Any]:
    midnight = (line.day - date(1970, 1, 1)).days * 86_400
    return {
        "claim_id": line.key,
        "institution": BANK,
        "feed": "statements",
        "merchant_key": line.of,
        "claim_kind": "refund" if line.refund else "payment",
        "occurred_at_unix": midnight + (line.second or 0),
        "time_precision": "day" if line.second is None else "second",
        "act_date": line.day,
        "amount_fen": line.fen,
        "is_full_refund": {WHOLE: True, PART: False}.get(line.refund or ""),
    }


def check_by_engine(folder: Path, seed: int, histories: int) -> None:
    chance = random.Random(seed)
    told = [line for number in range(histories) for line in lines(chance, f"{number}")]
    lake = embedded_lake(folder, registry())
    claims = pa.Table.from_pylist(chance.sample([as_claim(line) for line in told], len(told)))
    rules = pa.table({"institution": [BANK], "feed": ["statements"], "within_days": pa.array([WITHIN], pa.int32())})
    found = lake.to_arrow(originals_of(lake, lake.from_arrow(claims), lake.from_arrow(rules))).to_pylist()
    expected = taken_back(told, WITHIN)
    assert len(found) == len({row["claim_id"] for row in found})
    takes = {row["claim_id"]: row["original"] for row in found}
    wrong = {line.of for line in told if line.refund and takes.get(line.key) != expected[line.key]}
    assert not wrong, (seed, sorted(line for line in told if line.of == min(wrong)))
    assert {line.refund for line in told if takes.get(line.key)} == {WHOLE, EITHER, PART}


def test_every_refund_takes_back_what_the_oracle_says(tmp_path: Path) -> None:
    check_by_engine(tmp_path, 7, 400)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1_000, 1_020))
def test_twenty_thousand_histories(tmp_path: Path, seed: int) -> None:
    check_by_engine(tmp_path, seed, 1_000)


# -- through the real jobs: what comes late, and what is corrected


class History:
    """Statements of some merchants whose purchases and refunds come in any order, and are corrected or taken out."""

    def __init__(self, seed: int, merchants: int) -> None:
        self._chance = random.Random(seed)
        said: list[list[Row]] = [[] for _ in BUSINESS_DATES]
        for merchant in range(merchants):
            span = self._chance.choice((3, 40, 100, 250))
            for number in range(self._chance.randrange(3, 9)):
                row = self._row(f"{merchant}-{number}", f"商户{merchant}", span)
                first = self._chance.randrange(len(BUSINESS_DATES))
                said[first].append(row)
                if first + 1 < len(BUSINESS_DATES) and self._chance.random() < 0.3:
                    said[first + 1].append(self._corrected(row, span))
        self.statements = {f"{day}": told(day, *of_day) for day, of_day in zip(BUSINESS_DATES, said)}
        for day, of_day in zip(BUSINESS_DATES, said):
            if self._chance.random() < 0.5:
                kept = [row for row in of_day if self._chance.random() < 0.8]
                self.statements[f"{day} anew"] = told(day, *kept, revision=1)

    def _row(self, number: str, merchant: str, span: int) -> Row:
        day = LATEST - timedelta(days=self._chance.randrange(span))
        clock = self._chance.choice(("", " 00:00:00", " 12:00:00", " 18:30:00"))
        kind = self._chance.choice(KINDS_OF_ROWS)
        return Row(number, f"{day}{clock}", self._chance.choice((100, 100, 200, 300)), kind, merchant)

    def _corrected(self, row: Row, span: int) -> Row:
        other = self._row(row.number, self._chance.choice((row.merchant, "商户0")), span)
        return self._chance.choice((row._replace(fen=other.fen), row._replace(kind=other.kind), other))

    def lines(self) -> Iterator[Line]:
        """What is in force: of each number the row of the latest business date, in its latest revision."""
        in_force: dict[date, Statement] = {}
        for statement in sorted(self.statements.values(), key=lambda one: one.revision):
            in_force[statement.day] = statement
        rows: dict[str, list[str]] = {}
        for day in sorted(in_force):
            for line in in_force[day].feeds["statements"]:
                number, *rest = line.split(";")
                rows[number] = rest
        for number, (account, at, fen, kind, merchant) in rows.items():
            day, _, clock = at.partition(" ")
            hour, minute, second = map(int, clock.split(":")) if clock else (0, 0, 0)
            seconds = hour * 3_600 + minute * 60 + second if clock else None
            of = f"{account} {merchant}"
            yield Line(of, date.fromisoformat(day), seconds, int(fen), claim_id(number), KINDS[kind])

    def orders(self) -> Iterator[list[list[Statement]]]:
        """At once, day by day with what is sent anew last, and in any order over three runs."""
        names = list(self.statements)
        yield [names_of(self, names)]
        yield [names_of(self, [name for name in names if name == str(day)]) for day in BUSINESS_DATES[:3]] + [
            names_of(self, [name for name in names if "anew" in name or name == str(BUSINESS_DATES[3])])
        ]
        mixed = self._chance.sample(names, len(names))
        yield [names_of(self, part) for part in (mixed[:2], mixed[2:4], mixed[4:])]


def names_of(history: History, names: Sequence[str]) -> list[Statement]:
    return [history.statements[name] for name in names]


def takes(lake: Lake) -> dict[str, str | None]:
    claims = newest(rows(lake, "silver.claims"))
    return {row["claim_id"]: row["refers_to_key"] for row in claims if row["claim_kind"] == "refund"}


def check(folder: Path, seed: int, merchants: int) -> None:
    history = History(seed, merchants)
    expected = taken_back(history.lines(), WITHIN)
    assert {True, False} == {bool(original) for original in expected.values()}
    outcomes = None
    for number, runs in enumerate(history.orders()):
        lake = account_for(folder / str(number), [KNOWN, *runs[0]], *runs[1:])
        assert takes(lake) == expected, (seed, number)
        found = sorted(
            str(without(row, "person_id")) for row in held(lake.path, "silver.activities", "claim_id", "act_date")
        )
        outcomes = outcomes or found
        assert found == outcomes, (seed, number)


def test_a_history_in_any_order(tmp_path: Path) -> None:
    check(tmp_path, 3, 60)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1_000, 1_030))
def test_thirty_histories_in_any_order(tmp_path: Path, seed: int) -> None:
    check(tmp_path, seed, 120)
