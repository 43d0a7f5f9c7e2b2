"""One registration of an institution, changed and written again: its form follows from the contract and the fixture."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from jobs.landing.formats.read import open_export
from schemas.sources import RegistrationFeed
from schemas.sources.layouts import Delimited, JsonLines, Xml
from tests.support.exports import Part, part
from tests.support.landing import SOURCES, samples

Row = dict[str, Any]


def feed_of(institution: str) -> tuple[str, RegistrationFeed] | None:
    """The feed in which an institution says who its customers are, where it has one that is written here."""
    feeds = [(name, feed) for name, feed in SOURCES[institution].feeds.items() if isinstance(feed, RegistrationFeed)]
    return next((one for one in feeds if _is_written(one[1])), None)


def identifiers(institution: str, kind: str) -> list[str]:
    """The fields that hold identifiers of a kind: none, or one."""
    name = getattr(REGISTERS[institution][1].columns.identifiers, kind)
    return [name] if name else []


def registration(institution: str, **change: Any) -> Part:
    """A file of one registration, the first good one of the fixture, with fields changed."""
    name, feed = REGISTERS[institution]
    return part(institution, name, _written(feed, known(institution) | change) + "\n")


@cache
def known(institution: str) -> Row:
    """The first good registration of the fixture, as it was sent."""
    name, feed = REGISTERS[institution]
    for sample in samples():
        if (sample.institution, sample.part.feed) != (institution, name) or not sample.told.get("good"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"sent{sample.suffix}"
            path.write_bytes(sample.part.data)
            with open_export(path, feed) as export:
                for batch in export.batches:
                    for at, line in enumerate(batch.lines):
                        if line in sample.told["good"]:
                            return {field: values[at] for field, values in batch.columns.items()}
    raise AssertionError(f"{institution}: no good registration in its fixture")


def _is_written(feed: RegistrationFeed) -> bool:
    layout = feed.formats[0]
    return isinstance(layout, Delimited | JsonLines) or (isinstance(layout, Xml) and layout.values is None)


def _written(feed: RegistrationFeed, row: Row) -> str:
    layout = feed.formats[0]
    if isinstance(layout, JsonLines):
        return json.dumps(row, ensure_ascii=False)
    if isinstance(layout, Xml):
        cells = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in row.items())
        return f"<{layout.row}>{cells}</{layout.row}>"
    assert isinstance(layout, Delimited)
    columns = layout.columns or {field: field for field in feed.fields}
    return layout.delimiter.join(row[field] if field else "" for field in columns.values())


REGISTERS = {institution: found for institution in SOURCES if (found := feed_of(institution))}
"""Institution → its feed of registrations, by name and contract."""
