"""Taking exports through pull and land in tests, and reading what came of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jobs.landing.formats.read import open_export
from jobs.landing.formats.rows import RowMaker
from jobs.landing.land import land
from jobs.landing.manifests import Manifest, landed_path, rejects_path, rows_of
from jobs.landing.pull import pull
from jobs.landing.tokens import Tokens
from schemas.sources import Feed, Source, load_sources, load_stations
from tests.support.exports import FORMS, Part, deliver, expected, fixture_folders, fixture_parts

SOURCES = load_sources()
TOKEN_KEY, RECORD_KEY = bytes(range(32)), bytes(range(32, 64))
STATIONS = frozenset(f"S{number:02d}" for number in range(1, 21))
"""Of the metro."""
TAP = "2026-11-01 08:00:05,1,S01,D0101,1,HM0000000001,3,0\n"
EXIT = "2026-11-01 08:25:40,1,S05,D0502,0,HM0000000001,3,400\n"


@cache
def stations(institution: str) -> frozenset[str]:
    """The codes that an institution's taps may name."""
    return load_stations(SOURCES[institution])


def take(home: Path, institution: str) -> list[Manifest]:
    source = SOURCES[institution]
    pull(source, home / "exports", home / "landing")
    return land(source, home, Tokens(TOKEN_KEY, RECORD_KEY, key_version=3), stations(institution))


def land_one(home: Path, institution: str, *parts: Any) -> dict[int, Manifest]:
    """Deliver parts of one feed and land them: manifests by part."""
    deliver(home, institution, *parts)
    return {manifest.part: manifest for manifest in take(home, institution) if manifest.feed == parts[0].feed}


def rows(home: Path, manifest: Manifest) -> dict[int, dict[str, Any]]:
    return {row["line"]: row for row in rows_of(manifest, landed_path(home, manifest)).to_pylist()}


def rejects(home: Path, manifest: Manifest) -> dict[int, tuple[str, str]]:
    table = rows_of(manifest, rejects_path(home, manifest)).to_pylist()
    assert all(row["error_column"] is None for row in table)
    return {row["line"]: (row["error_code"], row["error_shape"]) for row in table}


# -- single fixture files, without a delivery


class Sample(NamedTuple):
    """A fixture file: where it lies, what the control file states of it, and what is expected of it."""

    institution: str
    business_date: date
    name: str
    part: Part
    told: dict[str, Any]

    @property
    def feed(self) -> Feed:
        return SOURCES[self.institution].feeds[self.part.feed]

    @property
    def suffix(self) -> str:
        return self.part.suffix or FORMS[self.institution][self.feed.in_files_of or self.part.feed].suffix


def read_samples() -> Iterator[Sample]:
    """Every fixture file of the institutions, once for each feed whose rows stand in it."""
    for sample in samples():
        yield sample
        for feed in SOURCES[sample.institution].guests(sample.part.feed):
            name = sample.name.replace(sample.part.feed, feed, 1)
            told = expected(sample.institution)[name]
            yield sample._replace(name=name, part=replace(sample.part, feed=feed), told=told)


def samples() -> Iterator[Sample]:
    """Every fixture file of the institutions."""
    for institution in SOURCES:
        told = expected(institution)
        for folder in fixture_folders(institution):
            names = sorted(path.name for path in folder.iterdir())
            for name, part in zip(names, fixture_parts(institution, folder)):
                yield Sample(institution, date.fromisoformat(folder.name[:10]), name, part, told[name])


def read_rows(source: Source, sample: Sample, path: Path) -> list[dict[str, Any]]:
    """The rows that land makes of a sample that lies at `path`, under a contract of one's own.

    Raises:
        FileRefused: the file cannot be read as a whole.
    """
    tokens, landed = Tokens(TOKEN_KEY, RECORD_KEY), []
    with open_export(path, source.feeds[sample.part.feed]) as export:
        maker = RowMaker(
            source,
            sample.part.feed,
            "f" * 16,
            sample.business_date,
            tokens,
            stations(source.id),
            export.head,
            sample.part.customer,
        )
        for batch in export.batches:
            landed += maker.rows(batch).to_pylist()
    return landed
