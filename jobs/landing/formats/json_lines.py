"""JSON lines: one object a line."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.landing.formats.batches import Batch, Export
from jobs.landing.formats.lines import line_blocks
from jobs.landing.formats.objects import Objects
from jobs.landing.formats.unpack import Unpacked
from schemas.sources import Feed
from schemas.sources.layouts import JsonLines


def read_json_lines(stream: Unpacked, feed: Feed, layout: JsonLines) -> Export:
    """The rows of a file; there is no header to be wrong."""
    objects = Objects(feed, layout, layout.encoding)
    return Export(None, _batches(stream, layout, objects), objects.new)


def _batches(stream: Unpacked, layout: JsonLines, objects: Objects) -> Iterator[Batch]:
    first = 1
    for raw in line_blocks(stream, layout):
        batch = objects.batch(raw, first)
        if first == 1 and not batch.lines:
            objects.refuse_strange(raw[0])
        yield batch
        first += len(raw)
