"""Seals: what a publication's files are, by SHA-256, as trees whose roots are chained from publication to publication.

The data and log files of Delta tables, and what was landed, are written once and never changed. A publication names those
that are new with it (`<lake>/_seals/<number>.json`), as the leaves of a Merkle tree for each table; the first leaf of a
tree is the table's root in the publication before. So a root stands for every file that was ever published of a table,
and a run hashes its own files only. The seal is a hash over the publication's hash, the roots and the seal before.

The publication's hash says *what* was published and is the same whoever computed it; the seal says *in which bytes*, so
it differs between engines and after a run that was killed and run again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

import pyarrow as pa

from jobs.errors import NotAsPublished
from jobs.files import digest_of, read_as, write_whole
from jobs.lake.logs import LOG, log_files
from schemas.base import Strict
from schemas.tables import PUBLICATIONS

if TYPE_CHECKING:
    from jobs.lake.base import Lake

FOLDER = "_seals"
LANDED = "landed"
"""Stands among the tables' names for what was landed; its paths are relative to the landed folder."""


class Leaf(NamedTuple):
    """A file as it was published: bytes, and their SHA-256."""

    bytes: int
    sha256: str


class Seal(Strict):
    """What one publication adds to the trees.

    previous: the seal before; empty for the first. roots, versions: of every table, gold.publications as it stood
    before, and landed. files: table → path → leaf, of what is new. sealed_at: by this machine's clock; what was let go is
    told by its age.
    """

    publication_seq: int
    publication_hash: str
    previous: str
    roots: dict[str, str]
    versions: dict[str, int]
    files: dict[str, dict[str, Leaf]]
    sealed_at: datetime

    @property
    def digest(self) -> str:
        """What the publication says of it: SHA-256 of JSON with sorted keys."""
        said = {name: getattr(self, name) for name in ("publication_hash", "previous", "roots")}
        said["sealed_at"] = self.sealed_at.isoformat()
        return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def root_of(before: str, leaves: Mapping[str, Leaf]) -> str:
    """Root of the Merkle tree (RFC 6962) of the root before and the leaves by path; the root before where there is none."""
    if not leaves:
        return before
    texts = [before, *(f"{path}\n{leaf.bytes}\n{leaf.sha256}" for path, leaf in sorted(leaves.items()))]
    level = [hashlib.sha256(b"\0" + text.encode()).digest() for text in texts]
    while len(level) > 1:
        pairs = [level[place : place + 2] for place in range(0, len(level), 2)]
        level = [hashlib.sha256(b"\1" + pair[0] + pair[1]).digest() if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0].hex()


# -- making them


@contextmanager
def sealed(
    lake: Lake,
    last: tuple[int, str],
    new: tuple[int, str],
    versions: Mapping[str, int],
    landed: Mapping[str, Path],
    *,
    looks_back: bool = False,
) -> Iterator[Seal]:
    """The seal of a publication whose commit is made within; it counts once that is there.

    Args:
        last, new: number and seal of the publication before, number and hash of this one.
        versions: of every table that is pinned.
        landed: path below the landed folder → file, of what this publication was the first to use.
        looks_back: also take in files of a log that were written for versions of before, as maintenance does.
    """
    before = load(lake, last[0]) if last[1] else None
    known = (
        {path for seal in backwards(lake, last[0]) for paths in seal.files.values() for path in paths}
        if looks_back
        else None
    )
    stand = {**versions, PUBLICATIONS: lake.version(PUBLICATIONS)}
    files = {LANDED: {path: leaf_of(file) for path, file in sorted(landed.items())}}
    for table, version in stand.items():
        after = before.versions.get(table, -1) if before else -1
        paths = _new(lake, table, after, version, known)
        files[table] = {path: leaf_of(lake.path / path) for path in sorted(paths)}
    roots = before.roots if before else {}
    seal = Seal(
        publication_seq=new[0],
        publication_hash=new[1],
        previous=last[1],
        roots={table: root_of(roots.get(table, ""), leaves) for table, leaves in files.items()},
        versions=stand,
        files={table: leaves for table, leaves in files.items() if leaves},
        sealed_at=datetime.now(timezone.utc),
    )
    pending = _path(lake, new[0], is_pending=True)
    said = seal.model_dump_json(indent=1).encode()
    lake.hold()
    write_whole(pending, said)
    yield seal
    # Not the pending file by another name: in a bucket a writer whose lease is over may have put its own there meanwhile.
    write_whole(_path(lake, new[0]), said)
    pending.unlink()


def leaf_of(path: Path) -> Leaf:
    """A file as it is now."""
    return Leaf(path.stat().st_size, digest_of(path))


def _new(lake: Lake, table: str, after: int, until: int, known: set[str] | None) -> Iterator[str]:
    """Files that the versions after one until another brought, as paths below the lake: of the log, then data."""
    log = lake.folder(table) / LOG
    for version, path in log_files(log):
        name = str(path.relative_to(lake.path))
        if after < version <= until or (known is not None and version <= after and name not in known):
            yield name
    commits = [log / f"{version:020}.json" for version in range(after + 1, until + 1)]
    below = lake.folder(table).relative_to(lake.path)
    if after < 0 or not all(path.is_file() for path in commits):
        data: Iterable[str] = snapshot(lake, table, until)
    else:
        data = _added(lake.path / below, commits)
    yield from (str(below / path) for path in data)


def _added(folder: Path, commits: Iterable[Path]) -> set[str]:
    """Data files that commits brought; those that one of them took away again only where they lie there still."""
    found: set[str] = set()
    removed: set[str] = set()
    for commit in commits:
        for line in commit.read_text(encoding="utf-8").splitlines():
            for action, said in json.loads(line).items():
                if action in ("add", "cdc", "remove"):
                    path = unquote(said["path"])
                    found |= {path} if action != "remove" else set()
                    removed = removed | {path} if action == "remove" else removed - {path}
    return {path for path in found if path not in removed or (folder / path).is_file()}


def snapshot(lake: Lake, table: str, version: int) -> dict[str, tuple[int, int | None]]:
    """Data file of a version → its bytes and rows, as the log says."""
    adds = pa.table(lake.opened(table, version).get_add_actions(flatten=True))
    rows = adds.column("num_records").to_pylist() if "num_records" in adds.column_names else [None] * adds.num_rows
    paths, sizes = (adds.column(name).to_pylist() for name in ("path", "size_bytes"))
    return {unquote(path): (size, count) for path, size, count in zip(paths, sizes, rows)}


# -- reading them


def settle(lake: Lake, seq: int, seal: str) -> None:
    """Finish the seal of a publication whose process died right after its commit.

    Raises:
        NotAsPublished: a later publication was sealed: the table of publications was cut short, or is an older copy.
    """
    pending, path = _path(lake, seq, is_pending=True), _path(lake, seq)
    if seal and pending.is_file() and not path.is_file() and _parsed(pending).digest == seal:
        pending.replace(path)
    later = [int(one.stem) for one in (lake.path / FOLDER).glob("*.json") if int(one.stem) > seq]
    if later:
        raise NotAsPublished(
            f"{PUBLICATIONS} ends with publication {seq}, and publication {max(later)} was sealed: commits of it are lost. "
            f"Restore {lake.path} from the backup"
        )


def load(lake: Lake, seq: int) -> Seal:
    """The seal of a publication.

    Raises:
        NotAsPublished: it is gone, or cannot be read.
    """
    path, pending = _path(lake, seq), _path(lake, seq, is_pending=True)
    seal = _parsed(path if path.is_file() or not pending.is_file() else pending)
    if seal.publication_seq != seq:
        raise NotAsPublished(f"{path} is the seal of publication {seal.publication_seq}: restore it from the backup")
    return seal


def _parsed(path: Path) -> Seal:
    if not path.is_file():
        raise NotAsPublished(f"{path} is gone: restore it from the backup")
    return read_as(Seal, path)


def backwards(lake: Lake, seq: int) -> Iterator[Seal]:
    """The seals of a publication and of those before it, newest first, until the first that was sealed.

    Raises:
        NotAsPublished: one is gone or cannot be read.
    """
    if not (lake.path / FOLDER).is_dir():
        return
    while seq:
        seal = load(lake, seq)
        yield seal
        seq = seal.publication_seq - 1 if seal.previous else 0


def _path(lake: Lake, seq: int, *, is_pending: bool = False) -> Path:
    return lake.path / FOLDER / f"{seq:08}.{'pending' if is_pending else 'json'}"
