"""What is known of a landed file, and where its rows lie: `<home>/landed/<kind>/<institution>/<feed>/<business date>/`.

A file has its manifest to itself (`<stem>.json`), but for bills: those of a delivery are landed together, and so are their
manifests (`<stem>.bills`, Parquet with one row each), so that one of them costs no file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.errors import NotAsPublished
from jobs.files import digest_of, read_ours, set_aside
from jobs.landing.mistakes import OURS
from jobs.landing.profile import Profile
from jobs.logs import log
from schemas.base import Strict
from schemas.sources.faults import Fault

LANDING = "landing"
LANDED = "landed"
Landing = tuple[str, int]
"""file_id, and how often the file was landed before."""


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
    by what their names end with; older code wrote none. shared: what the names of its landed files begin with, where they
    hold other bills of the delivery too.
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
    shared: str = ""

    @property
    def landed_as(self) -> Landing:
        """Which landing of which file it is of."""
        return self.file_id, self.landing

    @property
    def stem(self) -> str:
        """What the names of its landed files begin with."""
        return self.shared or stem_of(self.file_id, self.landing)

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


BILLS = ".bills"
"""What the manifests of bills that were landed together end with."""
_MARKS = pa.schema(
    [("file_id", pa.string()), ("landing", pa.int64()), ("customer_key", pa.string()), ("manifest", pa.string())]
)


def bills_together(manifests: Iterable[Manifest]) -> pa.Table:
    """Manifests of bills as the rows of one file; those of a customer are found without reading the others."""
    rows = [
        {**{name: getattr(one, name) for name in _MARKS.names[:-1]}, "manifest": one.model_dump_json()}
        for one in manifests
    ]
    return pa.Table.from_pylist(rows, _MARKS)


def load_manifests(home: Path) -> list[Manifest]:
    """Every manifest under a home folder that is whole, in order of arrival, then institution, feed and part."""
    return in_order(found for path in manifest_paths(home, "*", "*", "*") for found in manifests_at(path))


def in_order(manifests: Iterable[Manifest]) -> list[Manifest]:
    """By arrival, then institution, date, feed and part."""
    return sorted(manifests, key=lambda m: (m.received_at, m.institution, m.business_date, m.revision, m.feed, m.part))


def manifest_paths(home: Path, institution: str, feed: str, business_date: date | str) -> Iterator[Path]:
    """The files of manifests in some folders; `*` stands for every name."""
    for folder in (home / LANDED).glob(f"[!_]*/{institution}/{feed}/{business_date}"):
        yield from (path for path in folder.iterdir() if path.suffix in (".json", BILLS) and path.name[0] != ".")


def manifests_at(path: Path, customers: Collection[str] | None = None) -> list[Manifest]:
    """What a file of manifests holds; nothing, and a line in the log, where it was emptied or torn since.

    Args:
        customers: of bills that were landed together those of these alone, by customer key, those refused of nobody knows
            whom, and one whoever it is of: it tells that there was a delivery.
    """
    if path.suffix != BILLS:
        found = read_ours(Manifest, path)
        return [found] if found else []
    rows = _bills_at(path)
    if rows is None:
        return []
    if customers is not None:
        keys = rows.column("customer_key")
        wanted = pc.or_(pc.is_in(keys, pa.array(sorted(customers), pa.string())), pc.is_null(keys))
        rows = pa.concat_tables([rows.slice(0, 1), rows.slice(1).filter(wanted.slice(1))])
    return [Manifest.model_validate_json(text) for text in rows.column("manifest").to_pylist()]


def _bills_at(path: Path) -> pa.Table | None:
    """The rows of a file of manifests that were landed together; None, and a line in the log, where it is damaged."""
    try:
        with pq.ParquetFile(path) as file:
            return file.read(_MARKS.names)
    except (pa.ArrowException, OSError):
        if not path.exists():
            raise
        log.warning("file_damaged", path=f"{path.parent.name}/{path.name}")
        return None


def landings_at(path: Path) -> set[Landing]:
    """(file_id, landing) of what a file of manifests holds; nothing where it is damaged: it is set aside to be landed again."""
    if path.suffix != BILLS:
        found = {one.landed_as for one in manifests_at(path)}
    else:
        rows = _bills_at(path)
        found = {(row["file_id"], row["landing"]) for row in (rows.to_pylist() if rows else ())}
    if not found:
        set_aside(path)
    return found


def landed_path(home: Path, manifest: Manifest) -> Path:
    """The Parquet file of an accepted manifest; it may hold rows of other bills of the delivery."""
    folder = _folder(home, manifest.kind, manifest.institution, manifest.feed, manifest.business_date)
    return folder / f"{manifest.stem}.parquet"


def rejects_path(home: Path, manifest: Manifest) -> Path:
    """The rows of an accepted manifest that could not be split into columns."""
    return landed_path(home, manifest).with_suffix(".rejects.parquet")


def rows_of(manifest: Manifest, path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """What a landed file holds of one manifest's rows."""
    return pq.read_table(path, columns=columns, filters=pc.field("file_id") == manifest.file_id)


def path_of(home: Path, manifest: Manifest) -> Path:
    """The file that a manifest stands in."""
    return landed_path(home, manifest).with_suffix(BILLS if manifest.shared else ".json")


def landed_files(home: Path, manifests: Iterable[Manifest] | None = None) -> dict[str, Path]:
    """Path below the landed folder → file, of what was landed of these; of all unless told."""
    found: dict[str, Path] = {}
    for manifest in load_manifests(home) if manifests is None else manifests:
        rows = landed_path(home, manifest)
        of_it = [path_of(home, manifest), *([rows, rejects_path(home, manifest)] * (manifest.state == "accepted"))]
        found |= {path.relative_to(home / LANDED).as_posix(): path for path in of_it}
    return found


def as_landed(path: Path, manifest: Manifest) -> Path:
    """A file of a landing, when its bytes are those that were landed; what older code landed does not say.

    Raises:
        NotAsPublished: they are not, or it is gone.
    """
    told = manifest.hashes.get(path.name.removeprefix(manifest.stem))
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
