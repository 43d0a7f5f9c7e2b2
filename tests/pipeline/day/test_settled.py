"""A run opens what is not settled, and neighbours that do not grow in number; whatever it knows of the rest may be lost."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from jobs.day import ingest, run_day
from jobs.lake import Lake
from jobs.lake.chain import last_publication
from jobs.landing import hold, journal
from jobs.landing.manifests import LANDED, LANDING, load_manifests, manifest_paths
from jobs.landing.tokens import Tokens
from jobs.runs import settled
from jobs.runs.opening import begin
from tests.support.exports import CONSENTED, alipay_acts, alipay_consents, deliver
from tests.support.opened import opened
from tests.support.registries import shipped
from tests.support.worlds import embedded_lake, land_world, rows

FIRST = date(2026, 11, 1)
REGISTRY = shipped()


def send(home: Path, number: int, *, revision: int = 0, amount: str = "10") -> date:
    """The wallet's delivery of a date: one act; of the first a consent too."""
    day = FIRST + timedelta(days=number)
    acts = alipay_acts((number + 1, 1, f"{day} 10:00:00", "shenghuojiaofei", amount))
    consents = [alipay_consents((1, "ALL", "AUTHORIZED", CONSENTED))] if number == 0 else []
    stamp = f"{day:%Y%m%d}T{20 + revision}0000Z"
    deliver(home, "alipay", acts, *consents, stamp=stamp, business_date=str(day), revision=revision)
    return day


def sent(home: Path, count: int) -> tuple[Lake, date]:
    """A home of so many days, all in one publication."""
    days = [send(home, number) for number in range(count)]
    land_world(home)
    lake = embedded_lake(home, REGISTRY)
    run_day(lake, REGISTRY, home, days[-1])
    return lake, days[-1]


def tables(lake: Lake) -> dict[str, tuple[int, int]]:
    return {name: (pin.rows, pin.checksum) for name, pin in last_publication(lake).pins.items()}


def read_by_a_day(home: Path, count: int) -> dict[str, int]:
    """How many receipts, manifests and entries of the journal ingest and the opening of the next day's run open."""
    lake, _ = sent(home, count)
    day = send(home, count)
    found = {}
    with opened() as paths:
        ingest(REGISTRY, home, Tokens.from_env())
    folders = (LANDING, LANDED)
    found["ingest"] = sum(path.suffix == ".json" and any(one in path.parts for one in folders) for path in paths)
    with opened() as paths:
        run = begin(lake, REGISTRY, home, day)
    found["begin"] = sum(path.suffix == ".json" and any(one in path.parts for one in folders) for path in paths)
    assert {file.business_date for file in run.fresh} == {day}
    return found


def test_what_a_day_opens_does_not_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "HISTORY", 6)
    assert read_by_a_day(tmp_path / "few", 8) == read_by_a_day(tmp_path / "many", 20)


def test_a_late_file_is_seen_beside_its_neighbours(tmp_path: Path) -> None:
    """A correction of long ago replaces what it corrects, as if everything were looked through."""
    lake, last = sent(tmp_path, 6)
    send(tmp_path, 1, revision=1, amount="30")
    land_world(tmp_path)
    other = embedded_lake(tmp_path, REGISTRY, folder="other")
    shutil.copytree(lake.path, other.path, dirs_exist_ok=True)
    run_day(lake, REGISTRY, tmp_path, last)
    shutil.rmtree(other.path / settled.FOLDER)
    other = embedded_lake(tmp_path, REGISTRY, folder="other")
    run_day(other, REGISTRY, tmp_path, last)
    assert tables(lake) == tables(other)
    assert [row["disposition"] for row in rows(lake, "silver.rows")].count("superseded") == 1
    assert not any(run_day(lake, REGISTRY, tmp_path, last, full=True).appended.values())


@pytest.fixture(scope="module")
def going_on(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, tuple[int, int]]]:
    """A home with two publications, a day that was sent since, and `before`: what was landed before the second.

    And the tables as they are once the day is accounted for.
    """
    home = tmp_path_factory.mktemp("settled")
    lake, _ = sent(home, 3)
    shutil.copytree(home / LANDED, home / "before")
    second = send(home, 3)
    land_world(home)
    run_day(lake, REGISTRY, home, second)
    day = send(home, 4)
    copy = shutil.copytree(home, tmp_path_factory.mktemp("done") / "home")
    land_world(copy)
    lake = embedded_lake(copy, REGISTRY)
    run_day(lake, REGISTRY, copy, day)
    return home, tables(lake)


@pytest.mark.parametrize("lost", ["note", "torn note", "journal", "torn journal", "landed since"])
def test_without_what_it_knew_a_run_looks_through_everything(
    going_on: tuple[Path, dict[str, tuple[int, int]]], tmp_path: Path, lost: str
) -> None:
    home, expected = going_on
    home = shutil.copytree(home, tmp_path / "home")
    if lost == "landed since":
        shutil.rmtree(home / LANDED)
        (home / "before").rename(home / LANDED)
    land_world(home)
    lake, folder = embedded_lake(home, REGISTRY), home / LANDED / journal.FOLDER / "alipay"
    if lost == "note":
        shutil.rmtree(lake.path / settled.FOLDER)
    elif lost == "torn note":
        for path in (lake.path / settled.FOLDER).iterdir():
            path.write_bytes(b"")
    elif lost == "journal":
        shutil.rmtree(folder)
    elif lost == "torn journal":
        max(folder.iterdir()).write_bytes(b"{")
    day = FIRST + timedelta(days=4)
    assert {file.business_date for file in begin(lake, REGISTRY, home, day).fresh} == {day}
    run_day(lake, REGISTRY, home, day)
    assert tables(lake) == expected


def test_what_is_named_and_not_there_yet_is_taken_when_it_comes(tmp_path: Path) -> None:
    """Land writes its entry, then a run is opened, then land writes the manifests."""
    lake, _ = sent(tmp_path, 2)
    day = send(tmp_path, 2)
    land_world(tmp_path)
    aside = {path: path.with_name(f".{path.name}") for path in manifest_paths(tmp_path, "alipay", "*", day)}
    for path, hidden in aside.items():
        path.rename(hidden)
    run_day(lake, REGISTRY, tmp_path, day)
    assert rows(lake, "gold.coverage") and day not in {
        row["business_date"] for row in rows(lake, "gold.coverage") if row["file_state"] == "consumed"
    }
    for path, hidden in aside.items():
        hidden.rename(path)
    assert {file.business_date for file in begin(lake, REGISTRY, tmp_path, day).fresh} == {day}


def test_what_lands_while_a_run_is_opened_is_not_taken_for_settled(tmp_path: Path) -> None:
    lake, last = sent(tmp_path, 2)
    run = begin(lake, REGISTRY, tmp_path, last + timedelta(days=1))
    send(tmp_path, 1, revision=1, amount="30")
    land_world(tmp_path)
    found = run.files_in_force_of("alipay", "acts", FIRST, last)
    assert [(file.business_date, file.revision) for file in found] == [(FIRST, 0), (last, 0)]


def test_a_lake_of_before_finds_what_it_has_not_settled(tmp_path: Path) -> None:
    """As it is put back from a copy: the journal is ahead of it."""
    lake, _ = sent(tmp_path, 2)
    copy = shutil.copytree(lake.path, tmp_path / "copy")
    day = send(tmp_path, 2)
    land_world(tmp_path)
    run_day(lake, REGISTRY, tmp_path, day)
    after = tables(lake)
    shutil.rmtree(lake.path)
    copy.rename(lake.path)
    lake = embedded_lake(tmp_path, REGISTRY)
    run_day(lake, REGISTRY, tmp_path, day)
    assert tables(lake) == after


def test_files_of_feed_and_dates_are_those_in_force(tmp_path: Path) -> None:
    lake, last = sent(tmp_path, 4)
    send(tmp_path, 1, revision=1, amount="30")
    land_world(tmp_path)
    run = begin(lake, REGISTRY, tmp_path, last + timedelta(days=1))
    every = sorted(file.file_id for file in run.files_in_force)
    by_feed = [
        file.file_id
        for feed in REGISTRY.sources["alipay"].feeds
        for file in run.files_in_force_of("alipay", feed, FIRST, last)
    ]
    assert sorted(by_feed) == every
    highest = {(file.feed, file.business_date): file.revision for file in load_manifests(tmp_path)}
    assert {(file.feed, file.business_date): file.revision for file in run.files_in_force} == highest
