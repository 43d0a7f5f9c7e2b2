"""A contract tried on files, before there is a home: what each row would become, and what the contract cannot say of it.

The real readers and the real `pull` and `land` decide, in a folder that is gone after.
"""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from jobs.landing.control import Delivery, named, pulled, state
from jobs.landing.formats.batches import Batch, BillHead, FileRefused
from jobs.landing.formats.read import open_export
from jobs.landing.land import land
from jobs.landing.loose import Counted, Sent, counted, passing, reading
from jobs.landing.measure import measurements
from schemas.base import ROOT
from schemas.deliveries import Control, Period
from schemas.sources import Feed, Source, load_stations
from schemas.sources.columns import Lookup, RowRule, columns_of
from schemas.sources.errors import ERRORS
from schemas.sources.faults import Fault, shape
from schemas.sources.feeds import WORKBOOK_SUFFIXES
from schemas.sources.layouts import Workbook, Xml

Disposition = Literal["good", "ignored", "quarantined", "rejected"]
KEPT_SHAPES, KEPT_VERDICTS = 200, 100_000
"""Kinds of values of a column, and rows, of which one file's trial tells at most."""


PAIRED = "ride, once paired"
"""What taps are counted as."""


@dataclass(frozen=True)
class Verdict:
    """What became of a row. rule: by which it is ignored. value: as it was sent; for the engineer's own eyes."""

    line: int
    became: Disposition
    code: str | None = None
    column: str | None = None
    shape: str | None = None
    rule: str | None = None
    value: str | None = None

    @property
    def words(self) -> tuple[str, str]:
        """Rule and mend of what is wrong with it, for its sender."""
        return ERRORS[self.code] if self.code else ("", "")


@dataclass
class Column:
    """A column of the file. into: the feed's field; none where it is not kept. shapes: the commonest forms of its values."""

    header: str
    into: str | None
    means: list[str]
    filled: int = 0
    shapes: Counter[str] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)


@dataclass
class Sum:
    """So many rows, with what they state."""

    rows: int = 0
    amount_fen: int = 0
    quantity_micro: int = 0

    def add(self, row: dict[str, Any]) -> None:
        """One row more."""
        self.rows += 1
        self.amount_fen += row.get("amount_fen") or 0
        self.quantity_micro += row.get("quantity_micro") or 0


@dataclass
class Became:
    """What the good rows would become.

    claims: by scenario and claim kind; refunds and taps are among them. repeats: rows whose natural key stood before.
    without_original: refunds whose purchase is not in the file. merchants: by category code; none where nothing told it.
    others: events by name: identifiers, consents, redemptions, directions of taps, wallets.
    """

    claims: defaultdict[tuple[str, str], Sum] = field(default_factory=lambda: defaultdict(Sum))
    repeats: int = 0
    refunded_fen: int = 0
    without_original: int = 0
    merchants: defaultdict[str | None, Sum] = field(default_factory=lambda: defaultdict(Sum))
    others: Counter[tuple[str, str]] = field(default_factory=Counter)
    first: date | None = None
    last: date | None = None


@dataclass
class Trial:
    """One file, tried.

    name: what the control file would call it. layout: which of the feed's formats it has, from 1, and the format; first_line:
    of its first row. made_up: what of a bill the contract takes from the control file, and is taken from its rows here.
    faults: why it would be refused. held: the rules of its feed by which it would be held back or flagged, where one
    statement alone says so.
    """

    file: str
    feed: str
    kind: str
    name: str
    business_date: date
    stated: Counted
    layout: tuple[int, Any] | None = None
    first_line: int | None = None
    head: BillHead | None = None
    made_up: list[str] = field(default_factory=list)
    dispositions: Counter[str] = field(default_factory=Counter)
    verdicts: list[Verdict] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    new_columns: list[str] = field(default_factory=list)
    became: Became = field(default_factory=Became)
    ignored: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    held: list[tuple[str, str, int]] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether all of it could be used."""
        bad = [one for one in self.verdicts if one.code]
        return not (self.faults or self.held or bad)


def trials(
    source: Source, sent: Sent, day: date | None = None, root: Path = ROOT, *, with_values: bool = False
) -> Iterator[Trial]:
    """What a file would become, for each feed whose rows stand in it."""
    for feed in (sent.feed, *source.guests(sent.feed)):
        yield tried(source, replace(sent, feed=feed), day, root, with_values=with_values)


def tried(
    source: Source, sent: Sent, day: date | None = None, root: Path = ROOT, *, with_values: bool = False
) -> Trial:
    """What a file would become for one feed.

    Args:
        day: its business date; unless told that of its name, else the day of its export, else its last row's.
        with_values: keep values as they were sent beside their shapes.
    """
    feed = source.feeds[sent.feed]
    with named(sent) as path:
        found = counted(source, sent, path, root)
        sent, made_up = _with_head(feed, sent, found)
        on = day or sent.named_date or _exported_on(found.head) or found.last or date.today()
        trial = Trial(
            sent.path.name, sent.feed, feed.kind, sent.name(on, 1), on, found, head=found.head, made_up=made_up
        )
        trial.layout, trial.first_line = _layout(feed, path)
        if trial.layout:
            trial.columns = _columns(feed, trial.layout[1])
            _read(trial, source, sent, path, root, with_values)
    _land(trial, source, sent, root)
    return trial


def _with_head(feed: Feed, sent: Sent, found: Counted) -> tuple[Sent, list[str]]:
    """A bill with what its control file would say, made up from its rows where nobody said it."""
    wanted = sorted(name for name in feed.bill_from("control") if getattr(sent, name) is None)
    if not wanted or not found.first or not found.last:
        return sent, wanted
    period = sent.period if "period" not in wanted else Period(first=found.first, last=found.last)
    latest = sent.exported_at if "exported_at" not in wanted else datetime.combine(found.last, time(23, 59, 59))
    return replace(sent, period=period, exported_at=latest), wanted


def _exported_on(head: BillHead | None) -> date | None:
    return head.exported_at.date() if head and head.exported_at else None


def _layout(feed: Feed, path: Path) -> tuple[tuple[int, Any] | None, int | None]:
    """Which of a feed's formats a file has: the first with which it begins as agreed; and where its first row stands."""
    is_book = path.suffix in WORKBOOK_SUFFIXES
    for number, one in enumerate(feed.formats, 1):
        if isinstance(one, Workbook) != is_book:
            continue
        with suppress(FileRefused), open_export(path, feed.model_copy(update={"format": one})) as export:
            first = next((batch for batch in export.batches if batch.lines or batch.rejects), None)
            lines = [*first.lines, *(reject.line for reject in first.rejects)] if first else []
            return (number, one), min(lines, default=None)
    return None, None


# -- columns


def _columns(feed: Feed, layout: Any) -> list[Column]:
    """The columns of a layout, in its order, each with what its field is read for."""
    means: dict[str, list[str]] = defaultdict(list)
    for name, read_for in _reads(feed.columns, ""):
        if read_for not in means[name]:
            means[name].append(read_for)
    for name in feed.only:
        means[name].append("only")
    for name in feed.natural_key or ():
        means[name].append("natural key")
    if feed.items:
        means[feed.items.column].append("items")
    for name in feed.not_kept:
        means[name].append("not kept")
    places: dict[str, str | list[str]] = getattr(layout, "values", None) or {}
    if isinstance(layout, Xml) and not places:
        places = {name: f"{layout.row}/{name}" for name in feed.fields}
    if places:
        return [Column(of if isinstance(of, str) else " | ".join(of), name, means[name]) for name, of in places.items()]
    headers = getattr(layout, "columns", None) or {name: name for name in feed.fields}
    return [Column(header, name, means[name] if name else ["not kept"]) for header, name in headers.items()]


def _reads(model: Any, read_for: str) -> Iterator[tuple[str, str]]:
    """(field, what it is read for) of a columns model, however deep."""
    if isinstance(model, RowRule | Lookup):
        yield from ((name, read_for) for name in (model.when if isinstance(model, RowRule) else model.columns))
    elif isinstance(model, list):
        for entry in model:
            yield from _reads(entry, read_for)
    elif isinstance(model, BaseModel):
        direct = set(columns_of(model))
        for name in type(model).model_fields:
            value = getattr(model, name)
            if isinstance(value, str) and value in direct and name not in ("scenario", "value"):
                yield value, read_for if name == "column" else f"{read_for} {name}".strip()
            else:
                yield from _reads(value, read_for if name == "cases" else name)


# -- rows


def _read(trial: Trial, source: Source, sent: Sent, path: Path, root: Path, with_values: bool) -> None:
    """Go through the rows; a file that turns out to be damaged has so many as could be read."""
    keys: Counter[str] = Counter()
    originals: list[str] = []
    with suppress(FileRefused), reading(source, sent, path, trial.business_date, root) as (head, new, _, batches):
        trial.head = head
        for raw, landed in batches:
            _note_columns(trial, raw, with_values)
            rows = landed.to_pylist()
            _note_rows(trial, raw, rows, with_values)
            good = [row for row in rows if not row["error_code"] and not row.get("ignore_rule")]
            for row in good:
                _note_became(trial.became, row)
            if source.feeds[sent.feed].is_keyed:
                keys.update(row["record_key"] for row in good)
            originals += [row["refers_to_key"] for row in good if row.get("refers_to_key")]
        trial.new_columns = sorted(set(new))  # those of JSON objects are known once these are read
    trial.became.repeats = keys.total() - len(keys)
    trial.became.without_original = sum(key not in keys for key in originals)


def _note_columns(trial: Trial, raw: Batch, with_values: bool) -> None:
    for column in trial.columns:
        texts = raw.columns.get(column.into or "", ())
        for value in texts:
            if value is None or value == "":
                continue
            column.filled += 1
            _count(column.shapes, shape(value))
            if with_values:
                _count(column.values, str(value))


def _count(of: Counter[str], one: str) -> None:
    if one in of or len(of) < KEPT_SHAPES:
        of[one] += 1


def _note_rows(trial: Trial, raw: Batch, rows: Sequence[dict[str, Any]], with_values: bool) -> None:
    """The verdict of every row of a batch, in the order of its lines."""
    found = [Verdict(one.line, "rejected", one.code, one.column, one.shape) for one in raw.rejects]
    for at, row in enumerate(rows):
        became: Disposition = "quarantined" if row["error_code"] else "ignored" if row.get("ignore_rule") else "good"
        what = "error" if row["error_code"] else "refused"
        column = row.get(f"{what}_column")
        value = raw.columns[column][at] if with_values and column in raw.columns else None
        found.append(
            Verdict(
                row["line"],
                became,
                row.get(f"{what}_code"),
                column,
                row.get(f"{what}_shape"),
                row.get("ignore_rule") if became == "ignored" else None,
                None if value is None else str(value),
            )
        )
    found.sort(key=lambda one: one.line)
    trial.dispositions.update(one.became for one in found)
    trial.ignored.update(one.rule for one in found if one.rule)
    trial.verdicts += found[: max(0, KEPT_VERDICTS - len(trial.verdicts))]


def _note_became(became: Became, row: dict[str, Any]) -> None:
    """What one good row would become."""
    if day := row.get("act_date"):
        became.first, became.last = min(became.first or day, day), max(became.last or day, day)
    if row.get("claim_kind"):
        became.claims[row["scenario"] or "", row["claim_kind"]].add(row)
        became.refunded_fen += row.get("refunded_fen") or 0
    if "merchant_code" in row and row["claim_kind"] != "refund":
        became.merchants[row["merchant_code"]].add(row)
    if "direction" in row:
        became.claims[PAIRED, row["direction"]].add(row)
    if "is_given" in row:
        became.others["consents", f"{row['scope']} {'given' if row['is_given'] else 'withdrawn'}"] += 1
    if row.get("benefit"):
        became.others["redemptions", f"{row['programme']}.{row['benefit']}"] += 1
        became.others["redemptions", "points"] += row["points"]
    if row.get("wallet"):
        became.others["wallets", row["wallet"]] += 1
    if row.get("subject_kind"):
        became.others["registrations", row["subject_kind"]] += 1
        for name in ("citizen_id", "phone"):
            became.others["identifiers", name] += row[f"{name}_token"] is not None
        became.others["identifiers", "card"] += len((row["card_tokens"] or "").split())


# -- the file as a whole


def _land(trial: Trial, source: Source, sent: Sent, root: Path) -> None:
    """Deliver the file alone, and see what `pull` and `land` say of it as a file of the feed."""
    if trial.stated.faults:
        trial.faults = list(trial.stated.faults)
        return
    feed = source.feeds[sent.feed]
    host = feed.in_files_of or sent.feed
    alone = source.model_copy(update={"feeds": {one: source.feeds[one] for one in (host, *source.guests(host))}})
    stated = state(alone, replace(sent, feed=host), trial.stated, trial.business_date)
    control = Control(institution=source.id, business_date=trial.business_date, revision=0, files=[stated])
    with tempfile.TemporaryDirectory(prefix="tanzhang-") as folder:
        receipt = pulled(alone, Delivery(control, {stated.name: sent.path}), Path(folder))
        if receipt.state != "accepted":
            trial.faults = receipt.errors
            return
        landed = land(alone, Path(folder), passing(), load_stations(alone, root))
        [manifest] = [one for one in landed if one.feed == sent.feed]
    if manifest.state == "refused":
        trial.faults = [one for one in manifest.errors if one.line is None or not trial.dispositions.total()]
        return
    for one in measurements([manifest], [], feed):
        holds: Callable[[int, int], bool] = int.__le__ if one.rule.bound == "at_most" else int.__ge__
        if one.rule.severity != "info" and not holds(one.observed, one.rule.threshold):
            trial.held.append((one.rule.id, one.rule.text, one.observed))
