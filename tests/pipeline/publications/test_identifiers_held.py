"""Identifiers that are none are slips where they are few; where they are many, the columns of the statement are exchanged."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from stdnum.cn import ric

from jobs.lake import Lake
from jobs.landing.hold import let_pass
from jobs.landing.manifests import load_manifests
from jobs.reading.quarantine import kinds
from tests.support.exports import REGISTERED, Part, deliver, table
from tests.support.worlds import embedded_lake, land_world, rows, run_days

METRO = "hangzhou_metro"
DAY, NEXT, THIRD = (date(2026, 11, day) for day in (1, 2, 3))


def registrations(count: int, bad_phones: int = 0, swapped: bool = False) -> Part:
    """So many customers of the metro; the first phones are none, and where swapped, ids and phones stand in each other's column."""
    said = []
    for number in range(count):
        body = f"33010619900{number // 28 % 9 + 1}{number % 28 + 1:02}{number:03}"
        citizen = body + ric.calc_check_digit(body + "0")
        phone = "12345" if number < bad_phones else f"138{number:08}"
        first, second = (phone, citizen) if swapped else (citizen, phone)
        said.append(f"H{number + 1},{first},{second},P,{REGISTERED}")
    return table(METRO, "registrations", *said)


def sent(home: Path, part: Part, day: date = DAY, revision: int = 0) -> None:
    deliver(home, METRO, part, stamp=f"{day:%Y%m%d}T20000{revision}Z", business_date=str(day), revision=revision)


def ran(home: Path, *days: date) -> Lake:
    land_world(home)
    lake = embedded_lake(home)
    run_days(lake, home, list(days))
    return lake


def became(lake: Lake, day: date = DAY) -> list[tuple[int, str, str | None]]:
    """Publication, state and code of the statement of registrations, of each of its revisions."""
    told = [
        (row["publication_seq"], row["file_state"], row["code"])
        for row in rows(lake, "gold.coverage")
        if (row["institution"], row["feed"], row["business_date"]) == (METRO, "registrations", day)
        and row["file_state"] != "missing"
    ]
    return sorted(told, key=lambda one: one[:2])


HELD = "too_many_bad_identifiers"


@pytest.mark.parametrize("count", [60, 12])
def test_exchanged_columns_hold_the_statement_back(tmp_path: Path, count: int) -> None:
    sent(tmp_path, registrations(count, swapped=True))
    lake = ran(tmp_path, DAY)
    assert became(lake) == [(1, "refused", HELD)]
    [told] = [row for row in rows(lake, "gold.quality") if row["rule_id"] == "statement_identifiers_valid"]
    assert (told["is_passed"], told["observed"], told["checked"], told["threshold"]) == (False, 1000, count, 100)
    assert told["column_name"] in ("citizen_id", "phone") and told["severity"] == "critical"
    assert not rows(lake, "silver.customer_events"), "nobody was registered without identifiers"
    assert {one.code for one in kinds(lake, METRO)} == {HELD}


@pytest.mark.parametrize(("count", "bad"), [(100, 3), (60, 6), (12, 5), (5, 5)])
def test_slips_cost_only_themselves(tmp_path: Path, count: int, bad: int) -> None:
    """A tenth may be none, or a few of a small statement."""
    sent(tmp_path, registrations(count, bad_phones=bad))
    lake = ran(tmp_path, DAY)
    assert became(lake) == [(1, "consumed", "bad_phone")]
    assert len(rows(lake, "silver.customer_events")) == count


def test_more_than_a_tenth_in_one_column_is_enough(tmp_path: Path) -> None:
    sent(tmp_path, registrations(60, bad_phones=7))
    lake = ran(tmp_path, DAY)
    assert became(lake) == [(1, "refused", HELD)]
    [told] = [row for row in rows(lake, "gold.quality") if row["rule_id"] == "statement_identifiers_valid"]
    assert (told["column_name"], told["observed"], told["checked"]) == ("phone", 116, 60)


def test_somebody_lets_it_pass_or_it_is_corrected(tmp_path: Path) -> None:
    for day in (DAY, NEXT):
        sent(tmp_path, registrations(60, swapped=True), day)
    ran(tmp_path, NEXT)
    let_pass(tmp_path, [one for one in load_manifests(tmp_path) if one.business_date == DAY and one.rows], "asked")
    sent(tmp_path, registrations(60), NEXT, revision=1)
    lake = ran(tmp_path, THIRD)
    assert became(lake, DAY) == [(1, "refused", HELD), (2, "consumed", "bad_citizen_id")]
    assert (2, "consumed", None) in became(lake, NEXT)
