"""The bytes of an export file as batches of raw columns, whatever layout its contract names.

Streams, so memory does not grow with the file (of a workbook, only up to a bound). Rows that cannot be split
into their columns are rejected one by one; what makes the whole file unreadable refuses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.landing.formats.batches import Export
from jobs.landing.formats.delimited import read_delimited
from jobs.landing.formats.json_lines import read_json_lines
from jobs.landing.formats.unpack import unpacked
from jobs.landing.formats.workbook import read_workbook
from jobs.landing.formats.xml import read_xml
from schemas.sources import Feed
from schemas.sources.feeds import WORKBOOK_SUFFIXES
from schemas.sources.layouts import Delimited, JsonLines, Workbook, Xml


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
    with unpacked(path) as stream:
        if isinstance(layouts[0], Xml):
            yield read_xml(stream, feed, layouts[0])
        elif isinstance(layouts[0], JsonLines):
            yield read_json_lines(stream, feed, layouts[0])
        else:
            yield read_delimited(stream, feed, [one for one in layouts if isinstance(one, Delimited)])
