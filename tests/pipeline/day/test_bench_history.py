"""`tanzhang bench-history`: days of a world one after the other, exports appearing as they arrive, and what each cost."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from schemas.days import cut_off
from schemas.deliveries import EXPORTS, received_at
from tanzhang.lab import history
from tanzhang.lab.meter import Meter
from tanzhang.lab.world import FIRST_DAY

PEOPLE, DAYS = 20, 4


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    """The folder of a small measurement, what it found, and what it printed."""
    folder, printed = tmp_path_factory.mktemp("history"), StringIO()
    [found] = history.measure(PEOPLE, DAYS, [0.2], 0, folder, Console(file=printed, width=150))
    [world] = folder.iterdir()
    return world, found, printed.getvalue()


def test_every_day_is_accounted_for_and_costs_are_told_by_job(measured: tuple[Path, dict[str, Any], str]) -> None:
    _, found, printed = measured
    assert [one["day"] for one in found["days"]] == [1, 2, 3, 4]
    assert {one["state"] for one in found["days"]} <= {"published", "degraded"}
    jobs = ["open", "begin", "conform", "resolve", "match", "post", "account", "gate", "publish"]
    assert history.stretches(found["days"]) == [*jobs, "the run", "ingest"]
    costs = found["days"][-1]["costs"]
    assert costs["conform"]["cpu_seconds"] > 0 and costs["begin"]["opens"] > 0
    assert "the run" in printed and "day 366 ÷ day 30" in printed


def test_nothing_lies_in_the_home_before_it_arrives(measured: tuple[Path, dict[str, Any], str], tmp_path: Path) -> None:
    world, _, _ = measured
    last = FIRST_DAY + timedelta(days=DAYS - 1)
    assert not list((world / "world" / EXPORTS).glob("*/*"))  # by the last day's cut-off everything has come
    for folder in sorted((world / "home" / EXPORTS).glob("*/*")):
        (tmp_path / "world" / EXPORTS / folder.parent.name / folder.name).mkdir(parents=True)
    day = last - timedelta(days=2)
    history.appear(tmp_path / "world", tmp_path / "home", day)
    here, there = (
        [received_at(one.name) for one in (tmp_path / name).glob("exports/*/*")] for name in ("home", "world")
    )
    assert here and there
    assert max(here) < cut_off(day) <= min(there)


def test_a_killed_measurement_goes_on(
    measured: tuple[Path, dict[str, Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, found, _ = measured
    last = world / "measured" / f"{DAYS:04}.json"
    kept = last.read_bytes()
    ran: list[Any] = []
    run_date = history.run_date
    monkeypatch.setattr(history, "run_date", lambda *args, **said: ran.append(args[2]) or run_date(*args, **said))
    again = history.measure(PEOPLE, DAYS, [0.2], 0, world.parent, Console(file=StringIO()))
    assert not ran and again == [found]
    last.unlink()  # published, and killed before it was kept
    [without] = history.measure(PEOPLE, DAYS, [0.2], 0, world.parent, Console(file=StringIO()))
    assert ran == [FIRST_DAY + timedelta(days=DAYS - 1)]
    assert [one["day"] for one in without["days"]] == [1, 2, 3]
    assert json.loads(last.read_bytes())["state"] == "unchanged"
    last.write_bytes(kept)


def test_the_line_is_that_of_least_squares() -> None:
    days = [{"day": day, "costs": {"match": {"cpu_seconds": 1 + 0.01 * day}}} for day in range(1, 60)]
    [match, whole] = history.fit(days, "cpu_seconds").values()
    assert match == whole
    assert match["slope"] == pytest.approx(0.01)
    assert match["ratio"] == pytest.approx(4.66 / 1.3)


def test_stretches_of_one_name_add_up() -> None:
    meter = Meter()
    for _ in range(2):
        with meter.during("reading"):
            assert Path(__file__).read_bytes()
    [spent] = meter.costs().values()
    assert spent["opens"] >= 2
    assert spent["bytes_read"] >= 2 * Path(__file__).stat().st_size


@pytest.mark.parametrize(("people", "whole"), [(1, 2_000), (2_000, 2_000), (5_000, 6_000)])
def test_few_people_are_whole_blocks_of_a_world(people: int, whole: int) -> None:
    assert history.of_whole_blocks(people) == whole
