"""The landed files that publications have settled, opened by the day when somebody asks for it.

What is landed lies in folders by institution, feed and business date, so a statement's neighbours are found by their dates.
All but what is open – a run may use it first, or still has to report it – is settled: accepted files were used, refused ones
were reported.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from pathlib import Path

from jobs.landing import journal
from jobs.landing.manifests import (
    LANDED,
    Landing,
    Manifest,
    manifest_paths,
    manifests_at,
    newest_landings,
)
from jobs.landing.statements import in_force

Statement = list[Manifest]
"""Its parts."""
CLOCK_SECONDS = 2.0
"""Changes of a folder may lie so close together that its time does not tell them apart."""


class Known:
    """The settled files of a home.

    Attributes:
        open: landings that are not settled.
        cursors: institution → the last entry of its journal that was read: what came since is not settled either.
    """

    def __init__(self, home: Path, open: Collection[Landing], cursors: Mapping[str, str]) -> None:
        self.home, self.open, self.cursors = home, frozenset(open), cursors
        self._read: dict[tuple[str, str, date], list[Manifest]] = {}
        self._dates: dict[tuple[str, str], list[date]] = {}
        self._new: dict[str, tuple[float, set[str]]] = {}
        """Institution → when its journal was changed last, and the manifests that are new in it."""

    @property
    def institutions(self) -> list[str]:
        """Of whom anything was landed."""
        folders = (self.home / LANDED).glob("[!_]*/*")
        return sorted({path.name for path in folders if path.is_dir()})

    def of_day(self, institution: str, business_date: date, feed: str = "*") -> list[Manifest]:
        """Of a date of an institution, or of one feed of it."""
        key = (institution, feed, business_date)
        if key not in self._read:
            self._read[key] = self._settled(institution, manifest_paths(self.home, institution, feed, business_date))
        return self._read[key]

    def bills_of(self, institution: str, business_date: date, customers: Collection[str]) -> list[Manifest]:
        """The bills in force of some customers that a delivery of a date brought."""
        paths = manifest_paths(self.home, institution, "*", business_date)
        files = in_force(counted(self._settled(institution, paths, customers)))
        return [file for file in files if file.bill and file.bill.customer_key in customers]

    def in_force_of(self, institution: str, feed: str, business_date: date) -> list[Manifest]:
        """The files in force of a feed's date; of bills the whole delivery tells which they are."""
        files = self.of_day(institution, business_date, feed)
        if any(file.bill for file in files):
            files = in_force(counted(self.of_day(institution, business_date)))
            return [file for file in files if feed in ("*", file.feed)]
        return in_force(counted(files))

    def statements(self, institution: str, feed: str, first: date, last: date, count: int) -> list[Statement]:
        """A feed's statements of some dates, and the last so many before the first of these; in the order of their dates."""
        dates = self.dates(institution, feed)
        start, end = bisect_left(dates, first), bisect_right(dates, last)
        found = [parts for day in dates[start:end] if (parts := self.in_force_of(institution, feed, day))]
        count += len(found)
        for day in reversed(dates[:start]):
            if len(found) == count:
                break
            if parts := self.in_force_of(institution, feed, day):
                found.insert(0, parts)
        return found

    def dates(self, institution: str, feed: str = "*") -> list[date]:
        """The dates of which anything was landed, in their order."""
        if (institution, feed) not in self._dates:
            folders = (self.home / LANDED).glob(f"[!_]*/{institution}/{feed}")
            days = {date.fromisoformat(path.name) for folder in folders for path in folder.iterdir() if path.is_dir()}
            self._dates[institution, feed] = sorted(days)
        return self._dates[institution, feed]

    def _settled(
        self, institution: str, paths: Iterable[Path], customers: Collection[str] | None = None
    ) -> list[Manifest]:
        """What files of manifests hold that is settled.

        The journal is asked after they were read: what land has written meanwhile stands in it.
        """
        read = [(path, manifests_at(path, customers)) for path in paths]
        new = self._since(institution)
        return [
            file
            for path, files in read
            if path.relative_to(self.home / LANDED).as_posix() not in new
            for file in files
            if file.landed_as not in self.open
        ]

    def _since(self, institution: str) -> set[str]:
        """The manifests that the journal has named since it was read."""
        folder = self.home / LANDED / journal.FOLDER / institution
        changed = folder.stat().st_mtime if folder.is_dir() else 0.0
        at, named = self._new.get(institution, (-1.0, set()))
        if at != changed:
            came = journal.since(self.home / LANDED, institution, self.cursors.get(institution))
            named = journal.named(came[0]) if came else set()
            if time.time() - changed > CLOCK_SECONDS:  # else another entry may bear the same time
                self._new[institution] = (changed, named)
        return named


def counted(files: Iterable[Manifest]) -> list[Manifest]:
    """What decides what is in force: of each file the last landing that was accepted, and the last where that was refused."""
    files = list(files)
    accepted = newest_landings(file for file in files if file.state == "accepted")
    return [*accepted, *(file for file in newest_landings(files) if file.state == "refused")]
