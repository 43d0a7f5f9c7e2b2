"""Whole batches by columns and row by row: the same rows, rejects, sums and profile, whatever was sent."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobs.landing.encoded import Column, each
from jobs.landing.formats import clocks, delimited, objects
from jobs.landing.formats.batches import Batch, FileRefused
from jobs.landing.formats.read import open_export
from jobs.landing.formats.rows import RowMaker
from jobs.landing.profile import Profiler
from jobs.landing.tokens import Tokens
from schemas.sources.layouts import Delimited, JsonLines
from tests.support.landing import RECORD_KEY, SOURCES, TOKEN_KEY, Sample, samples, stations
from tests.unit.landing.test_fuzz import DAMAGE, repacked, unpacked

SAMPLES = [one for one in samples() if isinstance(one.feed.formats[-1], (Delimited, JsonLines))]
ODD = [
    "９", "-", "9" * 40, "0", "=1+1", "", "1.5", "+5", "1E+15", "1e+20", " 1 ", "NaN", "null", "00", "1.2345678", "1,000.00",
    "￥3.00", "退款", "ａ", "\u2028", "\u3000", "\u200b12", "x" * 5000, "2026-11-01", "20261101", "2026-11-01 24:00:00",
    "2026-11-01 23:59:60", "2026-02-30 00:00:00", "2026-11-01 08:1２:00", "2026-11-01T08:00:00", "20261101235959",
]  # fmt: skip
"""Values that leave a line whole."""


def some_changed(sample: Sample, content: bytes, rng: random.Random) -> bytes:
    """A few values replaced by odd ones; the lines stay whole, so that the batch may be read at once."""
    lines, encoding = content.split(b"\n"), getattr(sample.feed.formats[-1], "encoding", "utf-8")
    for _ in range(rng.randrange(1, 8)):
        at = rng.randrange(len(lines))
        separator = next((one for one in (b'":"', b"|", b"\t", b",") if one in lines[at]), b",")
        cells = lines[at].split(separator)
        which = rng.randrange(len(cells))
        rest = b'"' + cells[which].partition(b'"')[2] if separator == b'":"' else b""
        cells[which] = rng.choice(ODD).encode(encoding) + rest
        lines[at] = separator.join(cells)
    return b"\n".join(lines)


def hostile(sample: Sample, rng: random.Random) -> bytes:
    """A sample, or some of its first lines, changed here and there."""
    content = unpacked(sample)
    if rng.random() < 0.4:
        lines = content.split(b"\n")
        content = b"\n".join(lines[: rng.randrange(2, 13)])
    for _ in range(rng.randrange(3)):
        content = some_changed(sample, content, rng) if rng.random() < 0.75 else rng.choice(DAMAGE)(content, rng)
    return content


def read(sample: Sample, path: Path, *, by_row: bool) -> dict[str, Any]:
    """All that is made of a file: by whole batches, or of each of its rows alone."""
    source, profiler = SOURCES[sample.institution], Profiler()
    found: dict[str, Any] = {"rows": [], "rejects": [], "raw": [], "refused": None}
    try:
        with open_export(path, sample.feed) as export:
            maker = RowMaker(
                source,
                sample.part.feed,
                "f" * 16,
                sample.business_date,
                Tokens(TOKEN_KEY, RECORD_KEY),
                stations(source.id),
                export.head,
                sample.part.customer,
            )
            for batch in export.batches:
                profiler.add_raw(batch.columns, len(batch.lines))
                found["rejects"] += batch.rejects
                found["raw"].append({name: list(values) for name, values in batch.columns.items()})
                for one in single_rows(batch) if by_row else [batch]:
                    landed = maker.rows(one)
                    landed.validate(full=True)
                    profiler.add(landed)
                    found["rows"] += landed.to_pylist()
            found |= {"tally": maker.tally, "profile": profiler.profile(), "new": export.new_columns}
    except FileRefused as refused:
        found["refused"] = [(reason.code, reason.line) for reason in refused.reasons]
    return found


def single_rows(batch: Batch) -> Iterator[Batch]:
    columns = {name: list(values) for name, values in batch.columns.items()}
    for row, line in enumerate(batch.lines):
        yield Batch([line], {name: [values[row]] for name, values in columns.items()}, [])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("columns")


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32))
@example(seed=53)
@example(seed=1086)
def test_a_batch_at_once_is_as_each_of_its_rows(place: Path, seed: int) -> None:
    rng = random.Random(seed)
    sample = rng.choice(SAMPLES)
    path = place / f"sent{sample.suffix}"
    path.write_bytes(repacked(sample, hostile(sample, rng), rng))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "FEW_LINES", 1)
        patch.setattr(objects, "FEW_LINES", 1)
        at_once = read(sample, path, by_row=False)
        patch.setattr(delimited._Rows, "_fast_columns", lambda *_: None)
        patch.setattr(objects.Objects, "_plain_columns", lambda *_: None)
        patch.setattr(clocks, "CLOCKS", {})
        by_row = read(sample, path, by_row=True)
    if not is_normalised(sample, at_once):
        assert at_once == by_row


def is_normalised(sample: Sample, found: dict[str, Any]) -> bool:
    """Whether spaces around a key are dropped only as another row of its batch is not in ASCII: known, and not of columns."""
    keys = [value for raw in found["raw"] for name in sample.feed.key_fields for value in raw[name]]
    texts = [value for value in keys if type(value) is str]
    return sample.feed.is_keyed and any(text != text.strip() for text in texts)


@pytest.mark.parametrize(
    ("lines", "is_read"),
    [
        ([b"a|b", b"c|d"], True),
        ([b"|", "水|".encode()], True),
        ([b'"|"', b"'|NULL"], True),
        ([b"a|b", b"", b"c|d"], False),
        ([b"a|b", b"c|d\n"], False),
        ([b"a|b", b"c|d\re|f"], False),
        ([b"a|b", b"c\0|d"], False),
        ([b"a|b", b"c|\xff"], False),
        ([b"a|b|", b"c|d|"], False),
        ([b"a", b"c|d"], False),
        (["\ufeffa|b".encode()], True),
    ],
)
def test_lines_are_split_at_once_only_where_each_is_whole(
    monkeypatch: pytest.MonkeyPatch, lines: list[bytes], is_read: bool
) -> None:
    source = SOURCES["citic_bank"]
    feed = source.feeds["consents"].model_copy(update={"longest_value": 100})
    layout = feed.formats[0].model_copy(update={"encoding": "utf-8", "trailing_empty": 0})
    header = delimited.Header(layout=layout, positions=(0, 1), width=2, new=[])
    reader = delimited._Rows(header, b"x|y", feed)
    for few in (0, 10**6):
        monkeypatch.setattr(delimited, "FEW_LINES", few)
        columns = reader._fast_columns(lines)
        assert (columns is not None) == is_read
        if columns is not None:
            assert list(zip(*columns)) == [tuple(line.decode().split("|")) for line in lines]


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "", "水"]), st.sampled_from(["1", "2"]), st.none() | st.integers(0, 3))
    )
)
def test_columns_hold_what_they_were_made_of(rows: list[tuple[str, str, int | None]]) -> None:
    columns = [Column.of(list(values)) for values in zip(*rows)] or [Column.of([])] * 3
    assert list(each(columns)) == rows
    assert [list(column) for column in columns] == [[row[at] for row in rows] for at in range(3)]
    assert columns[0].count_empty() == sum(row[0] == "" for row in rows)
    assert columns[2].array(pa.int64()).to_pylist() == [row[2] for row in rows]
    for column in columns:
        assert sorted(map(repr, set(column))) == sorted(map(repr, column.values))
