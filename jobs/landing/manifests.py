"""What is known of a landed file, and where its rows lie: `<home>/landed/<kind>/<institution>/<feed>/<business date>/`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from jobs.errors import NotAsPublished
from jobs.files import digest_of, read_ours, set_aside
from jobs.landing.mistakes import OURS
from jobs.landing.profile import Profile
from schemas.base import Strict
from schemas.sources.faults import Fault

LANDING = "landing"
LANDED = "landed"


class Bill(Strict):
    """What a bill covers, and which of several that cover a day is in force: the whole one that was exported last."""

    customer_key: str
    first_day: date
    last_day: date
    exported_at: datetime
    is_whole: bool


class Manifest(Strict):
    """What a landed file holds.

    path: relative to the landing folder. rows: data rows of the file (of one with more than stated, as far as it
    was read); accepted_rows are in the Parquet file, of which quarantined_rows carry an error. sums: the
    controlled column as read. other_rows: accepted rows that another feed takes from the same file. act_dates: rows by
    act date, of feeds that have one. errors: why the file was refused, and the first of each kind of row error. landing:
    how often it was landed before, under earlier contracts; the highest is in force. normal_form: how identifiers were
    written before they became tokens.
    merchants_hash: of the rules that merchants' names were held against; none where names tell nothing. bill: of a file
    that a person brought. customer_key: whose bill it is, also of one that was refused. hashes: SHA-256 of its landed files
    by what their names end with; older code wrote none.
    """

    file_id: str
    institution: str
    feed: str
    kind: str
    business_date: date
    revision: int
    part: int
    parts: int
    received_at: datetime
    sha256: str
    path: str
    rows: int
    accepted_rows: int
    quarantined_rows: int
    rejected_rows: int
    sums: dict[str, str]
    act_dates: dict[date, int]
    state: Literal["accepted", "refused"]
    errors: list[Fault]
    contract_hash: str
    landing: int = 0
    normal_form: int = 1
    merchants_hash: str | None = None
    bill: Bill | None = None
    customer_key: str | None = None
    profile: Profile = Profile()
    hashes: dict[str, str] = {}
    other_rows: int = 0

    @property
    def own_rows(self) -> int:
        """Data rows of its feed, and those that tell nobody whose they are."""
        return self.rows - self.other_rows

    @property
    def is_internal(self) -> bool:
        """Whether a mistake of ours refused it: a replay tries again."""
        return any(error.code in OURS for error in self.errors)


def newest_landings(manifests: Iterable[Manifest]) -> list[Manifest]:
    """Of each file the manifest of its last landing."""
    newest: dict[str, Manifest] = {}
    for manifest in manifests:
        known = newest.get(manifest.file_id)
        if known is None or known.landing < manifest.landing:
            newest[manifest.file_id] = manifest
    return list(newest.values())


def load_manifests(home: Path) -> list[Manifest]:
    """Every manifest under a home folder that is whole, in order of arrival, then institution, feed and part."""
    paths = (home / LANDED).glob("*/*/*/*/*.json")
    manifests = [found for path in paths if (found := read_ours(Manifest, path))]
    return sorted(manifests, key=lambda m: (m.received_at, m.institution, m.business_date, m.revision, m.feed, m.part))


def is_landed(path: Path) -> bool:
    """Whether a file's manifest is there and whole; a damaged one is set aside, so that the file is landed again."""
    if not path.exists():
        return False
    if read_ours(Manifest, path) is None:
        set_aside(path)
        return False
    return True


def landed_path(home: Path, manifest: Manifest) -> Path:
    """The Parquet file of an accepted manifest."""
    folder = _folder(home, manifest.kind, manifest.institution, manifest.feed, manifest.business_date)
    return folder / f"{stem_of(manifest.file_id, manifest.landing)}.parquet"


def rejects_path(home: Path, manifest: Manifest) -> Path:
    """The rows of an accepted manifest that could not be split into columns."""
    return landed_path(home, manifest).with_suffix(".rejects.parquet")


def landed_files(home: Path, manifests: Iterable[Manifest] | None = None) -> dict[str, Path]:
    """Path below the landed folder → file, of what was landed of these; of all unless told."""
    found: dict[str, Path] = {}
    for manifest in load_manifests(home) if manifests is None else manifests:
        rows = landed_path(home, manifest)
        of_it = [rows.with_suffix(".json"), *([rows, rejects_path(home, manifest)] * (manifest.state == "accepted"))]
        found |= {path.relative_to(home / LANDED).as_posix(): path for path in of_it}
    return found


def as_landed(path: Path, manifest: Manifest) -> Path:
    """A file of a landing, when its bytes are those that were landed; what older code landed does not say.

    Raises:
        NotAsPublished: they are not, or it is gone.
    """
    told = manifest.hashes.get(path.name.removeprefix(stem_of(manifest.file_id, manifest.landing)))
    if not path.is_file() or told not in (None, digest_of(path)):
        what = "has other bytes than were landed" if path.is_file() else "is gone"
        raise NotAsPublished(f"{path} {what}: restore it from the backup (docs/operations.md); nothing was changed")
    return path


def manifest_path(home: Path, kind: str, institution: str, feed: str, business_date: date, stem: str) -> Path:
    """The manifest of a landing of a file; it is written last."""
    return _folder(home, kind, institution, feed, business_date) / f"{stem}.json"


def stem_of(file_id: str, landing: int) -> str:
    """What the names of a landing's files begin with."""
    return f"{file_id}-{landing}" if landing else file_id


def _folder(home: Path, kind: str, institution: str, feed: str, business_date: date) -> Path:
    return home / LANDED / kind / institution / feed / business_date.isoformat()
