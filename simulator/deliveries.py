"""When each institution sends which day, and the folders that arrive.

One delivery is one institution, one business date and one revision with all its feeds, the bills that people
brought on that day, each a part of its own, and a control file. It
arrives in the night after its date between 01:00 and 05:00 local time, unless it is late; a corrected day
comes a second time as revision 1; some deliveries are sent again byte by byte. Everything has arrived by
06:00 local time after the last business date.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from pathlib import Path
from typing import IO

import numpy as np

from simulator.formats import Feed
from simulator.rows import CITIC, INSTITUTIONS, SERVICES, TELD, UNIONPAY, Calendar

LOCAL = timezone(timedelta(hours=8))
"""Asia/Shanghai, which has no summer time."""

_CHUNK = 1 << 20
_INDEX = "index.jsonl"


@dataclass
class Delivery:
    """One institution, day and revision, with the moments at which it arrives (several when sent again)."""

    institution: int
    day: int
    revision: int
    arrivals: list[datetime]


@dataclass(frozen=True)
class Plan:
    """What is sent when.

    Attributes:
        deliveries: all of them, by institution, day and revision.
        late: (institution, day) whose first delivery comes one to four days later.
        corrected: (institution, day) that get a revision 1.
        repeating: (institution, day) whose files hold rows of the day before once more.
        resent: number of deliveries sent again as they were.
    """

    deliveries: list[Delivery]
    late: frozenset[tuple[int, int]]
    corrected: frozenset[tuple[int, int]]
    repeating: frozenset[tuple[int, int]]
    resent: int


def _pick(
    rng: np.random.Generator, candidates: list[tuple[int, int]], share: float, of: int, at_least: int
) -> list[tuple[int, int]]:
    """A share of all (institution, day), drawn from the candidates."""
    count = min(len(candidates), max(round(share * of), at_least if share > 0 else 0))
    return [candidates[k] for k in rng.permutation(len(candidates))[:count]]


def make_plan(
    seed: int, calendar: Calendar, late: float, corrected: float, duplicated: float, has_services: bool
) -> Plan:
    """Draw the plan; from three days on every rate above zero happens at least once.

    The first late delivery is the bank's first day, two days late, so that reversals come before what they
    reverse. What institution came later is planned apart: nothing changes for the others.
    """
    at_least = 1 if calendar.days >= 3 else 0
    plans = [
        _plan(np.random.default_rng((seed, stream)), calendar, institutions, (late, corrected, duplicated), least)
        for stream, institutions, least in (
            (1_000_003, range(UNIONPAY), at_least),
            (1_000_004, range(UNIONPAY, TELD), 0),
            (1_000_005, SERVICES if has_services else range(0), 0),
        )
    ]
    return Plan(
        [delivery for plan in plans for delivery in plan.deliveries],
        frozenset().union(*(plan.late for plan in plans)),
        frozenset().union(*(plan.corrected for plan in plans)),
        frozenset().union(*(plan.repeating for plan in plans)),
        sum(plan.resent for plan in plans),
    )


def _plan(
    rng: np.random.Generator,
    calendar: Calendar,
    institutions: range,
    shares: tuple[float, float, float],
    at_least: int,
) -> Plan:
    """The plan of some institutions, by the shares of late, corrected and duplicated days."""
    (late, corrected, duplicated), days = shares, calendar.days
    all_days = [(i, d) for i in institutions for d in range(days)]
    before_last = [place for place in all_days if place[1] < days - 1]
    late_days = _pick(rng, before_last, late, len(all_days), at_least)
    if late_days and at_least and (CITIC, 0) not in late_days:
        late_days[0] = (CITIC, 0)
    corrected_days = _pick(rng, before_last, corrected, len(all_days), at_least)
    repeating = _pick(rng, [p for p in all_days if p[1] > 0], duplicated, len(all_days), at_least)
    again = set(_pick(rng, all_days, duplicated, len(all_days), at_least))

    taken: set[tuple[int, datetime]] = set()

    def arrival(institution: int, day: int, delay: int, after: datetime | None = None) -> datetime:
        night = min(day + 1 + delay, days)
        moment = datetime.combine(calendar.date(night), time(1), LOCAL) + timedelta(
            seconds=int(rng.integers(0, 4 * 3_600))
        )
        if after is not None and moment <= after:
            moment = after + timedelta(minutes=5)
        while (institution, moment) in taken:
            moment += timedelta(seconds=1)
        taken.add((institution, moment))
        return moment

    deliveries = []
    for place in all_days:
        institution, day = place
        delay = 0
        if place in late_days:
            delay = 2 if place == (CITIC, 0) else int(rng.integers(1, 5))
        first = Delivery(institution, day, 0, [arrival(institution, day, delay)])
        deliveries.append(first)
        if place in corrected_days:
            delay += int(rng.integers(1, 4))
            deliveries.append(Delivery(institution, day, 1, [arrival(institution, day, delay, first.arrivals[0])]))
        if place in again:
            last = deliveries[-1]
            delay += int(rng.integers(0, 3))
            last.arrivals.append(arrival(institution, day, delay, last.arrivals[0]))
    return Plan(deliveries, frozenset(late_days), frozenset(corrected_days), frozenset(repeating), len(again))


@dataclass(frozen=True)
class Bill:
    """A bill that a customer brought, as it will be sent; `sums` as the control file states them."""

    customer: str
    suffix: str
    data: bytes
    rows: int
    sums: dict[str, str]


@dataclass
class _File:
    """A file that grows block by block as plain text before it is closed and compressed."""

    path: Path
    feed: Feed
    day: int
    rows: int = 0
    total: int = 0

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(self.feed.header(self.day).encode(self.feed.encoding))

    def append(self, lines: list[str], total: int) -> int:
        """Add rows; the number of the first of them."""
        first = self.feed.first_line + self.rows
        if lines:
            self._write(self.feed.newline.join(lines) + self.feed.newline)
        self.rows += len(lines)
        self.total += total
        return first

    def close(self) -> None:
        """Write what the file ends with."""
        self._write(self.feed.footer)

    def _write(self, text: str) -> None:
        with self.path.open("ab") as file:
            file.write(text.encode(self.feed.encoding))


class Outbox:
    """All deliveries of a world while they are written.

    Files are kept as plain text under `spool` and opened only to append, so memory and open files stay
    bounded however many days there are; `send` makes the folders.
    """

    def __init__(self, exports: Path, spool: Path, calendar: Calendar, plan: Plan, feeds: tuple[Feed, ...]) -> None:
        self._exports = exports
        self._spool = spool
        self._calendar = calendar
        self.plan = plan
        self._files: dict[tuple[int, int, int], dict[str, _File]] = {}
        self._bills: dict[tuple[int, int], int] = {}
        self._bill_rows = 0
        for delivery in plan.deliveries:
            institution, day, revision = place = (delivery.institution, delivery.day, delivery.revision)
            self._files[place] = {
                feed.name: _File(spool / f"{institution}-{feed.name}-{day}-{revision}", feed, day)
                for feed in feeds
                if feed.institution == institution
            }

    def append(self, feed: Feed, day: int, revision: int, lines: list[str], total: int) -> int:
        """Add rows to a file; the number of the first of them."""
        return self._files[feed.institution, day, revision][feed.name].append(lines, total)

    @property
    def rows(self) -> int:
        """Data rows so far, all revisions, deliveries sent again not counted."""
        return sum(file.rows for files in self._files.values() for file in files.values()) + self._bill_rows

    def bring(self, institution: int, day: int, bill: Bill) -> tuple[int, int]:
        """Add a bill to a day's delivery, to either revision; its part and the last revision."""
        revision = int((institution, day) in self.plan.corrected)
        part = self._bills[institution, day] = self._bills.get((institution, day), 0) + 1
        folder = self._bill_folder(institution, day)
        folder.mkdir(exist_ok=True)
        name = f"bills_{self._calendar.date(day):%Y%m%d}_{part}{bill.suffix}"
        (folder / name).write_bytes(bill.data)
        entry = {
            "name": name,
            "feed": "bills",
            "part": part,
            "parts": 0,  # known when it is sent
            "rows": bill.rows,
            "sha256": hashlib.sha256(bill.data).hexdigest(),
            "customer": bill.customer,
            "sums": bill.sums,
        }
        with (folder / _INDEX).open("a", encoding="utf-8") as index:
            index.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self._bill_rows += bill.rows * (revision + 1)
        return part, revision

    def _bill_folder(self, institution: int, day: int) -> Path:
        return self._spool / f"bills-{institution}-{day}"

    def _send_bills(self, delivery: Delivery, target: Path) -> list[dict[str, object]]:
        """Copy a day's bills; what the control file says of them."""
        place = (delivery.institution, delivery.day)
        if place not in self._bills:
            return []
        folder = self._bill_folder(*place)
        index = (folder / _INDEX).read_text(encoding="utf-8").splitlines()
        listed = [{**json.loads(line), "parts": self._bills[place]} for line in index]
        for entry in listed:
            shutil.copyfile(folder / entry["name"], target / entry["name"])
        if delivery.revision == int(place in self.plan.corrected):
            shutil.rmtree(folder)
        return listed

    def send(self, delivery: Delivery) -> int:
        """Make the folders of one delivery; the number of files in each."""
        institution = INSTITUTIONS[delivery.institution]
        date = self._calendar.date(delivery.day)
        folders = [
            self._exports / institution / arrival.astimezone(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
            for arrival in delivery.arrivals
        ]
        folders[0].mkdir(parents=True)
        listed: list[dict[str, object]] = []
        for feed_name, file in self._files[delivery.institution, delivery.day, delivery.revision].items():
            file.close()
            name = f"{feed_name}_{date:%Y%m%d}_1{file.feed.suffix}"
            entry: dict[str, object] = {
                "name": name,
                "feed": feed_name,
                "part": 1,
                "parts": 1,
                "rows": file.rows,
                "sha256": _pack(file.path, folders[0] / name, file.feed.is_compressed),
            }
            if file.feed.sum_column:
                entry["sums"] = {file.feed.sum_column: _places(file.total, file.feed.sum_places)}
            listed.append(entry)
            file.path.unlink()
        listed += self._send_bills(delivery, folders[0])
        control = {
            "institution": institution,
            "business_date": str(date),
            "revision": delivery.revision,
            "files": listed,
        }
        text = json.dumps(control, ensure_ascii=False, indent=1) + "\n"
        (folders[0] / "control.json").write_text(text, encoding="utf-8", newline="\n")
        for again in folders[1:]:
            shutil.copytree(folders[0], again)
        return len(listed)


def _places(total: int, places: int) -> str:
    """Units of the last place as decimal text."""
    if not places:
        return str(total)
    sign = "-" if total < 0 else ""
    return f"{sign}{abs(total) // 10**places}.{abs(total) % 10**places:0{places}d}"


class _Hashing:
    """A file that is hashed while it is written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def _pack(source: Path, target: Path, is_compressed: bool) -> str:
    """Copy a file, gzipped or not; the sha256 of the bytes written."""
    with source.open("rb") as plain, target.open("wb") as raw:
        sink = _Hashing(raw)
        if is_compressed:
            # no name and no time in the header: the same world has the same bytes
            with gzip.GzipFile("", "wb", compresslevel=4, fileobj=sink, mtime=0) as packed:
                shutil.copyfileobj(plain, packed, _CHUNK)
        else:
            while chunk := plain.read(_CHUNK):
                sink.write(chunk)
    return sink.digest.hexdigest()
