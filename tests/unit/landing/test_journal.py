"""What came of an institution, in order, so that nobody looks through all of it."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from jobs.landing import journal
from jobs.landing.journal import Entry
from jobs.landing.land import land
from jobs.landing.manifests import LANDED, load_manifests, manifest_paths
from jobs.landing.pull import pull
from jobs.landing.receipts import RECENT, receipts_in
from jobs.landing.tokens import Tokens
from schemas.deliveries import received_at
from tests.support.exports import deliver, part
from tests.support.landing import RECORD_KEY, SOURCES, STATIONS, TAP, TOKEN_KEY, take
from tests.support.opened import opened

METRO = "hangzhou_metro"


def send(home: Path, day: int, **more: object) -> None:
    taps = part(METRO, "taps", TAP.replace("2026-11-01", f"2026-11-{day:02}"))
    deliver(home, METRO, taps, stamp=f"202611{day + 1:02}T010000Z", business_date=f"2026-11-{day:02}", **more)  # type: ignore[arg-type]


def entries(home: Path, cursor: str = "") -> list[Entry]:
    came = journal.since(home / LANDED, METRO, cursor)
    assert came
    return came[0]


def test_every_manifest_is_named_and_every_refusal(tmp_path: Path) -> None:
    for day in (1, 2):
        send(tmp_path, day)
    send(tmp_path, 3, change={"revision": -1})
    take(tmp_path, METRO)
    landed = {path.relative_to(tmp_path / LANDED).as_posix() for path in manifest_paths(tmp_path, METRO, "*", "*")}
    assert journal.named(entries(tmp_path)) == landed != set()
    refused = [path.name for path in receipts_in(SOURCES[METRO], tmp_path / "landing") if "unreadable" in path.name]
    assert [one.receipt for one in entries(tmp_path) if one.receipt] == refused != []


def test_who_read_to_some_entry_is_told_what_came_since(tmp_path: Path) -> None:
    send(tmp_path, 1)
    take(tmp_path, METRO)
    *_, last = journal.names_in(tmp_path / LANDED, METRO)
    assert entries(tmp_path, last) == []
    send(tmp_path, 2)
    take(tmp_path, METRO)
    assert len(entries(tmp_path, last)) == 1
    assert journal.since(tmp_path / LANDED, METRO, "00000009-gone") is None


@pytest.mark.parametrize("torn", [b"", b"{", b"\0\0"])
def test_a_damaged_entry_tells_nothing(tmp_path: Path, torn: bytes) -> None:
    send(tmp_path, 1)
    take(tmp_path, METRO)
    [name] = journal.names_in(tmp_path / LANDED, METRO)
    (tmp_path / LANDED / journal.FOLDER / METRO / name).write_bytes(torn)
    assert journal.since(tmp_path / LANDED, METRO, "") is None
    assert journal.since(tmp_path / LANDED, METRO, name) == ([], name)


def test_a_home_without_a_journal_gets_one_and_lands_nothing_twice(tmp_path: Path) -> None:
    for day in range(1, 9):
        send(tmp_path, day)
    landed = take(tmp_path, METRO)
    shutil.rmtree(tmp_path / LANDED / journal.FOLDER)
    assert take(tmp_path, METRO) == []
    assert len(journal.names_in(tmp_path / LANDED, METRO)) == 8
    assert len(load_manifests(tmp_path)) == len(landed)


def test_of_what_was_landed_long_ago_nothing_is_opened(tmp_path: Path) -> None:
    for day in range(1, 21):
        send(tmp_path, day)
    take(tmp_path, METRO)
    send(tmp_path, 21)
    with opened() as paths:
        take(tmp_path, METRO)
    ours = [path for path in paths if path.suffix == ".json" and path.is_relative_to(tmp_path / "landing" / "receipts")]
    ours += [path for path in paths if path.suffix == ".json" and path.is_relative_to(tmp_path / LANDED)]
    dates = {received_at(path.stem[-16:]) for path in ours if path.is_relative_to(tmp_path / "landing")}
    assert max(dates) - min(dates) <= RECENT + timedelta(days=1)
    assert len({path for path in ours if path.is_relative_to(tmp_path / LANDED)}) <= 3 * (RECENT.days + 2)


def test_a_feed_that_the_contract_has_no_more_is_landed_when_it_has_it_again(tmp_path: Path) -> None:
    source, tokens = SOURCES[METRO], Tokens(TOKEN_KEY, RECORD_KEY)
    fewer = source.model_copy(update={"feeds": {name: feed for name, feed in source.feeds.items() if name != "taps"}})
    for day in range(1, 9):
        send(tmp_path, day)
    pull(source, tmp_path / "exports", tmp_path / "landing")
    assert "taps" not in {one.feed for one in land(fewer, tmp_path, tokens, STATIONS)}
    assert sum(one.feed == "taps" for one in land(source, tmp_path, tokens, STATIONS)) == 8
