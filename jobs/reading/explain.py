"""From a ledger entry back to the source line and the factor's clause, with the arithmetic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from jobs.errors import NotFound
from jobs.lake.frames import semi
from jobs.landing.formats.read import open_export
from jobs.landing.manifests import LANDING
from jobs.reading.arithmetic import arithmetic
from jobs.reading.exclusions import Excluded, excluding
from jobs.reading.stories import ClaimStory, Line, stories

if TYPE_CHECKING:
    from jobs.lake import Lake
    from schemas import Registry
    from schemas.sources import Feed

Entry = dict[str, Any]
"""A row of the ledger."""


@dataclass(frozen=True)
class Explanation:
    """Everything behind one entry.

    Attributes:
        entry: the ledger row.
        formula: the arithmetic in words, ending in `amount`.
        amount: what the arithmetic gives, before the sign of a reversal.
        factor: what was applied: id, value, unit, region, match quality, boundary, source; of an exclusion, a
            cap, and of points, its rule; of a payment also rate, price index and licence.
        claims: every claim of the activity or payment, the suppressed ones too; of an exclusion, a cap or a tier all that it sums
            up.
        history: every entry of the same position and measure, in order.
        excluded: of an act, what exclusions take of its scenario where it lies, as the ledger stands: it is among that.
    """

    entry: Entry
    formula: str
    amount: int
    factor: dict[str, Any]
    claims: list[ClaimStory]
    history: list[Entry]
    excluded: list[Excluded]


def explain(lake: Lake, registry: Registry, home: Path, entry_ids: Sequence[str]) -> list[Explanation]:
    """The stories of entries, in their order.

    Claims are told as they stood when the entry was posted; of a reversal, when what it reverses was. What comes to
    the driver grows with the entries asked for, with nothing else.

    Raises:
        NotFound: no entry has one of the ids.
    """
    entries = _entries(lake, entry_ids)
    histories = _histories(lake, entries.values())
    history_of = {key: histories[entry["position"], entry["measure"]] for key, entry in entries.items()}
    posted = {key: _posted(entry, history_of[key]) for key, entry in entries.items()}
    claims = stories(lake, registry, home, posted)
    excluded = excluding(lake, registry, entries.values())
    return [
        Explanation(
            entries[key], *arithmetic(registry, entries[key]), claims[key], history_of[key], excluded.get(key, [])
        )
        for key in entry_ids
    ]


def _entries(lake: Lake, entry_ids: Sequence[str]) -> dict[str, Entry]:
    """Id → entry.

    Raises:
        NotFound: no entry has one of the ids.
    """
    wanted = lake.from_arrow(pa.table({"entry_id": pa.array(entry_ids, pa.string())}))
    found = semi(lake, lake.read("gold.ledger"), wanted, "entry_id")
    entries = {row["entry_id"]: row for row in lake.to_arrow(found).to_pylist()}
    unknown = [entry_id for entry_id in entry_ids if entry_id not in entries]
    if unknown:
        raise NotFound(f"no ledger entry {', '.join(unknown)}")
    return entries


def _histories(lake: Lake, entries: Iterable[Entry]) -> dict[tuple[str, str], list[Entry]]:
    """Position and measure of entries → all entries of these, in order."""
    positions = lake.rows("gold.ledger", list(entries))
    found = semi(lake, lake.read("gold.ledger"), positions, "position", "measure")
    histories: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
    for row in lake.to_arrow(found).to_pylist():
        histories[row["position"], row["measure"]].append(row)
    for history in histories.values():
        history.sort(key=lambda row: (row["publication_seq"], row["entry_kind"] == "post"))
    return histories


def _posted(entry: Entry, history: list[Entry]) -> Entry:
    """The entry itself, or the post that a reversal reverses: the last before it of the same person."""
    if entry["entry_kind"] == "post":
        return entry
    return [
        row
        for row in history
        if row["entry_kind"] == "post"
        and row["person_id"] == entry["person_id"]
        and row["publication_seq"] < entry["publication_seq"]
    ][-1]


def source_values(home: Path, line: Line, feed: Feed) -> dict[str, Any]:
    """The row itself, field by field, read from the landed bytes. It is what the institution sent: handle it as such.

    Raises:
        NotFound: landing no longer has the file.
    """
    path = home / LANDING / line.path if line.path else None
    if path is None or not path.exists():
        raise NotFound(f"the source of {line.file_id} has expired")
    with open_export(path, feed) as export:
        for batch in export.batches:
            if line.line in batch.lines:
                nth = batch.lines.index(line.line)
                return {field: values[nth] for field, values in batch.columns.items()}
    raise NotFound(f"{line.path} has no line {line.line}")
