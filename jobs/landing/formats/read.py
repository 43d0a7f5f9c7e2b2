"""The bytes of an export file as batches of raw columns, whatever layout its contract names.

Streams, so memory does not grow with the file (of a workbook, only up to a bound). Rows that cannot be split
into their columns are rejected one by one; what makes the whole file unreadable refuses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from jobs.landing.formats.batches import Export, FileRefused
from jobs.landing.formats.delimited import read_delimited
from jobs.landing.formats.json_document import read_json
from jobs.landing.formats.json_lines import read_json_lines
from jobs.landing.formats.mt940 import read_mt940
from jobs.landing.formats.unpack import unpacked
from jobs.landing.formats.workbook import read_workbook
from jobs.landing.formats.xml import read_xml
from schemas.sources import Feed
from schemas.sources.feeds import WORKBOOK_SUFFIXES
from schemas.sources.layouts import Delimited, Json, JsonLines, Mt940, Workbook, Xml


@contextmanager
def open_export(path: Path, feed: Feed) -> Iterator[Export]:
    """A file of a feed; its batches are read while the file is open.

    Raises:
        FileRefused: the file is damaged, or does not begin as the contract says.
    """
    if path.suffix in WORKBOOK_SUFFIXES:
        yield read_workbook(path, feed, [one for one in feed.formats if isinstance(one, Workbook)])
        return
    layouts = [one for one in feed.formats if not isinstance(one, Workbook)]
    delimited = _fitting(path, feed, [one for one in layouts if isinstance(one, Delimited)])
    with unpacked(path) as stream:
        if isinstance(layouts[0], Xml):
            yield read_xml(stream, feed, layouts[0])
        elif isinstance(layouts[0], Mt940):
            yield read_mt940(stream, feed, layouts[0])
        elif isinstance(layouts[0], Json):
            yield read_json(stream, path, feed, layouts[0])
        elif isinstance(layouts[0], JsonLines):
            yield read_json_lines(stream, feed, layouts[0])
        else:
            yield read_delimited(stream, feed, delimited)


READING = {"encoding", "line_ending", "may_have_mark", "delimiter", "quoting"}
"""How a delimited file is read before its header is known."""


def _fitting(path: Path, feed: Feed, layouts: Sequence[Delimited]) -> list[Delimited]:
    """Of layouts that are read in several ways, those of the first way in which a header is found; else of the first."""
    ways: dict[str, list[Delimited]] = {}
    for layout in layouts:
        ways.setdefault(layout.model_dump_json(include=READING), []).append(layout)
    for way in ways.values() if len(ways) > 1 else ():
        with suppress(FileRefused), unpacked(path) as stream:
            read_delimited(stream, feed, way)
            return way
    return next(iter(ways.values()), [])
