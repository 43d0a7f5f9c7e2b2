"""What a run looks for of earlier ones: where causality lets it stand, and nowhere else."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from jobs.day import run_day, run_job
from jobs.lake import embedded
from tests.support.exports import CITIZEN, PHONE, alipay_acts, alipay_registrations
from tests.support.one_person import BILL, D1, D2, known_world, stands
from tests.support.worlds import embedded_lake, land_world, rows

LATER, DAY_AFTER = date(2027, 1, 10), date(2027, 1, 11)
BILLS = "shenghuojiaofei"


def bill(number: int, day: date) -> tuple[int, int, str, str, str]:
    return (number, 1, f"{day} 12:00:00", BILLS, "50")


def spoil(lake: Path, *tables: str, month: str) -> int:
    """Make the files of a month unreadable; they keep their size, which a run looks at when it begins."""
    files = [path for table in tables for path in (lake / table).glob(f"*_month={month}/**/*.parquet")]
    for path in files:
        path.write_bytes(b"\0" * path.stat().st_size)
    return len(files)


def test_a_day_reads_no_month_in_which_nothing_of_it_can_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "SMALL", 0)  # a small table is read whole
    world = known_world(tmp_path)
    world.send("alipay", D2, alipay_acts(bill(1, D2), bill(2, D2)))
    world.send("alipay", LATER, alipay_acts(bill(3, LATER)))
    world.run(D1, D2, LATER)
    assert spoil(tmp_path / "lake", "silver/rows", "silver/claims", month="2026-11") >= 3
    world.send("alipay", DAY_AFTER, alipay_acts(bill(3, LATER), bill(4, DAY_AFTER)))
    world.send("alipay", LATER, alipay_acts(bill(5, LATER)), revision=1, arrives=DAY_AFTER)
    land_world(tmp_path)
    lake = embedded_lake(tmp_path)
    told = run_job(lake, lake.registry, tmp_path, DAY_AFTER, "conform").appended
    # Of the later date, and of the day before one that is gone and one that is new.
    assert (told["silver.rows"], told["silver.claims"]) == (4, 3)


def test_a_late_row_is_looked_for_in_every_statement_since(tmp_path: Path) -> None:
    """Its number may have been told again at any time."""
    world = known_world(tmp_path)
    world.send("alipay", LATER, alipay_acts(bill(1, D2), bill(2, LATER)))
    world.run(D1, D2, LATER)
    world.send("alipay", D2, alipay_acts(bill(1, D2)), arrives=DAY_AFTER)
    lake = world.run(DAY_AFTER)
    assert stands(lake) == {"utility_payment": 2 * BILL}
    found = [row["disposition"] for row in rows(lake, "silver.rows") if row["feed"] == "acts"]
    assert sorted(found) == ["record", "record", "repeat"]


def test_a_number_that_is_given_anew_is_another_act(tmp_path: Path) -> None:
    """Neither takes the other's credit, nor is anything taken back when the later one goes."""
    world = known_world(tmp_path)
    world.send("alipay", D2, alipay_acts(bill(1, D2)))
    world.send("alipay", LATER, alipay_acts(bill(1, LATER), bill(2, LATER)))
    lake = world.run(D1, D2, LATER)
    assert stands(lake) == {"utility_payment": 3 * BILL}
    world.send("alipay", LATER, alipay_acts(bill(2, LATER)), revision=1, arrives=DAY_AFTER)
    lake = world.run(DAY_AFTER)
    assert stands(lake) == {"utility_payment": 2 * BILL}
    posted = [row for row in rows(lake, "gold.ledger") if (row["measure"], row["act_date"]) == ("reduction_mg", D2)]
    assert [row["entry_kind"] for row in posted] == ["post"]


def test_of_a_number_that_is_given_anew_in_one_run_the_later_statement_holds(tmp_path: Path) -> None:
    """As of a correction; to compute everything again changes nothing."""
    world = known_world(tmp_path)
    world.send("alipay", D2, alipay_acts(bill(1, D2), bill(2, D2)))
    world.send("alipay", LATER, alipay_acts(bill(1, LATER), bill(2, D2)))
    lake = world.run(D1, LATER)
    assert stands(lake) == {"utility_payment": 2 * BILL}
    found = [row["disposition"] for row in rows(lake, "silver.rows") if row["feed"] == "acts"]
    assert sorted(found) == ["record", "record", "repeat", "repeat"]
    before = rows(lake, "gold.ledger")
    run_day(lake, lake.registry, tmp_path, LATER, full=True)
    assert rows(lake, "gold.ledger") == before


def test_where_both_acts_of_a_number_are_decided_again_the_later_one_counts(tmp_path: Path) -> None:
    """The other is withheld and says so; nobody's publication waits for it."""
    world = known_world(tmp_path)
    world.send("alipay", D2, alipay_acts(bill(1, D2), bill(2, D2)))
    world.send("alipay", LATER, alipay_acts(bill(1, LATER)))
    assert stands(world.run(D1, D2, LATER)) == {"utility_payment": 3 * BILL}
    of_another = alipay_registrations((1, CITIZEN[1], PHONE[1], [], f"{DAY_AFTER} 08:00:00"))
    world.send("alipay", DAY_AFTER, of_another)
    lake = world.run(DAY_AFTER)
    assert stands(lake) == {"utility_payment": 2 * BILL}
    told = [row["reason"] for row in rows(lake, "silver.activities") if row["outcome"] == "withheld"]
    assert told == ["number_given_anew"]
    moved = [
        row for row in rows(lake, "gold.ledger") if row["publication_seq"] == 4 and row["measure"] == "reduction_mg"
    ]
    assert Counter((row["entry_kind"], row["act_date"]) for row in moved) == {
        ("reverse", D2): 2, ("reverse", LATER): 1, ("post", D2): 1, ("post", LATER): 1,
    }  # fmt: skip
