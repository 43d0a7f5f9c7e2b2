"""Whether the files of a lake are the published ones: a look before a run, or every byte.

Before a run (`check_start`): the newest publication and its seal, the bytes of every log that its versions are opened
from, and of every data file of these versions that it is there in its size, and the rows together that are pinned.
Everything (`damages`): the bytes of every file that was ever published and not let go, landed ones included.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.errors import NotAsPublished
from jobs.files import digest_of, size_of, sizes_of
from jobs.lake import seals
from jobs.lake.failures import told
from jobs.lake.logs import LOG, RETENTION_DAYS, log_files
from jobs.lake.seals import LANDED, Leaf, Seal
from jobs.logs import log as event
from schemas.tables import PUBLICATIONS

if TYPE_CHECKING:
    from jobs.lake.base import Lake
    from jobs.lake.chain import Publication

MEND = "restore it from the backup (docs/operations.md)"
Known = Mapping[str, Sequence[Leaf]]
"""Path below the lake, or below landed, → what was published of it; once, unless it was published again."""


def check_start(lake: Lake, last: Publication) -> None:
    """Refuse to go on from damage, as far as it can be seen without reading every byte.

    Raises:
        NotAsPublished: which file of which table is damaged, or that publications are lost.
    """
    seals.settle(lake, last.seq, last.seal)
    if not last.seq:
        return
    found: list[str] = []
    if last.seal:
        newest = seals.load(lake, last.seq)
        found += _unlike_publication(last, newest)
        found += _unchained([seals.load(lake, last.seq - 1), newest] if newest.previous else [newest])
        found += _unlike_logs(lake, last)
    found += [said for table, pin in last.pins.items() for said in _unlike_log(lake, table, pin.version, pin.rows)]
    refuse(found)


def refuse(found: Sequence[str]) -> None:
    """Raise what was found, if anything.

    Raises:
        NotAsPublished: one line for each.
    """
    if found:
        raise NotAsPublished("\n".join([*found, f"nothing was changed; {MEND}"]))


# -- before a run


def _unlike_publication(one: Publication, seal: Seal) -> Iterator[str]:
    """How a publication and its seal differ from each other."""
    if one.digest != one.hash:
        yield f"{PUBLICATIONS}: publication {one.seq} is not what was published: its hash is not that of its rows"
    if (seal.digest, seal.publication_hash) != (one.seal, one.hash):
        yield f"{PUBLICATIONS}: publication {one.seq} was not sealed by {seals.FOLDER}/{one.seq:08}.json"
    elif wrong := [name for name, pin in one.pins.items() if seal.roots.get(name, "") != pin.root]:
        yield f"{PUBLICATIONS}: publication {one.seq} pins other files of {', '.join(wrong)} than were sealed"


def _unlike_logs(lake: Lake, last: Publication) -> Iterator[str]:
    """Files from which a pinned version is opened, and which differ from what was published.

    What is derived from commits and was never sealed – checkpoints of a maintenance that was killed – is dropped first.
    """
    logs = {table: lake.folder(table) / LOG for table in last.pins}
    there = {table: list(log_files(log)) if log.is_dir() else [] for table, log in logs.items()}
    derived = [
        path
        for table, files in there.items()
        for version, path in files
        if version <= last.pins[table].version and path.name != f"{version:020}.json"
    ]
    commits = {_below(lake, path) for table, log in logs.items() for path in _opens(log, last.pins[table].version)}
    known = _known_until(lake, last.seq, commits | {_below(lake, path) for path in derived})
    for path in derived:
        if _below(lake, path) not in known:
            (path.parent / "_last_checkpoint").unlink(missing_ok=True)
            path.unlink()
            event.warning("file_dropped", table=f"{path.parts[-4]}.{path.parts[-3]}", version=int(path.name[:20]))
    for table, log in logs.items():
        for path in _opens(log, last.pins[table].version):
            yield from (f"{table}: {said}" for said in _unlike(lake.path, _below(lake, path), known))


def _opens(log: Path, version: int) -> Iterator[Path]:
    """The files of a log from which a version is opened: its newest checkpoint, and every commit since."""
    files = [(of, path) for of, path in log_files(log) if of <= version] if log.is_dir() else []
    sums = [(of, path) for of, path in files if ".checkpoint." in path.name]
    since = max((of for of, _ in sums), default=-1)
    yield from (path for of, path in sums if of == since)
    yield from (log / f"{of:020}.json" for of in range(since + 1, version + 1))


def _known_until(lake: Lake, seq: int, wanted: set[str]) -> Known:
    """What was published of files, as far back as it takes to know the wanted ones."""
    known: defaultdict[str, list[Leaf]] = defaultdict(list)
    for seal in seals.backwards(lake, seq):
        for paths in seal.files.values():
            for path, leaf in paths.items():
                known[path].append(leaf)
        if wanted <= known.keys():
            break
    return known


def _unlike_log(lake: Lake, table: str, version: int, rows: int) -> Iterator[str]:
    """Data files that are not there as the log says; and a log that tells of other rows than were pinned."""
    with told(table):
        files = seals.snapshot(lake, table, version)
    there = sizes_of(lake.folder(table), files)
    for path, (size, _) in files.items():
        file = _below(lake, lake.folder(table) / path)
        if path not in there:
            yield f"{table}: {file} is gone"
        elif there[path] != size:
            yield f"{table}: {file} has {there[path]:,} bytes; {size:,} were written"
    counts = [count for _, count in files.values()]
    if None not in counts and (counted := sum(count or 0 for count in counts)) != rows:
        yield f"{table}: the log of version {version} tells of {counted:,} rows; {rows:,} were published"


# -- every byte


def damages(lake: Lake, landed: Path, of: Collection[str] | None = None) -> Iterator[str]:
    """What of all that was ever published is not as it was, a clause for each file; found by the seals alone.

    Args:
        of: only these tables, and `landed` for what was landed.
    """
    stand, broken = _readable(lake)
    yield from broken
    yield from _unchained(stand)
    if not stand:
        return
    newest = stand[-1]
    known: defaultdict[str, list[Leaf]] = defaultdict(list)
    for table in newest.roots if of is None else newest.roots.keys() & of:
        known.clear()
        for seal in stand:
            for path, leaf in seal.files.get(table, {}).items():
                known[path].append(leaf)
        folder = landed if table == LANDED else lake.path
        lapsed = set() if table == LANDED else _let_go(lake, table, stand)
        yield from (f"{table}: {said}" for path in known if path not in lapsed for said in _unlike(folder, path, known))
        if table != LANDED:
            yield from _forged(lake, table, newest.versions[table], known)


def _readable(lake: Lake) -> tuple[list[Seal], list[str]]:
    """Every seal that can be read, oldest first, and what is said of those that cannot."""
    stand, broken = [], []
    numbers = sorted(int(path.stem) for path in (lake.path / seals.FOLDER).glob("[0-9]*.json"))
    for number in range(numbers[0], numbers[-1] + 1) if numbers else ():
        try:
            stand.append(seals.load(lake, number))
        except NotAsPublished as damaged:
            broken.append(str(damaged))
    return stand, broken


def _unchained(stand: Sequence[Seal]) -> Iterator[str]:
    """Seals that do not follow from the one before; where that cannot be read, it is said already."""
    first = [one for one in stand[:1] if one.previous == ""]
    for before, one in [*((None, one) for one in first), *pairwise(stand)]:
        if before and one.publication_seq != before.publication_seq + 1:
            continue
        roots = before.roots if before else {}
        made = {table: seals.root_of(roots.get(table, ""), one.files.get(table, {})) for table in one.roots}
        if made != one.roots or one.previous != (before.digest if before else ""):
            yield f"{seals.FOLDER}/{one.publication_seq:08}.json is not what was sealed"


def _let_go(lake: Lake, table: str, stand: Sequence[Seal]) -> set[str]:
    """Files that maintenance and Delta itself may have removed: older than versions are kept, and of none that is kept.

    Of the log all before its oldest checkpoint, of the data what no publication of that time pins.
    """
    kept_since = datetime.now(timezone.utc) - timedelta(days=RETENTION_DAYS - 1)
    young = [seal for seal in stand if seal.sealed_at >= kept_since] or list(stand[-1:])
    old = {path for seal in stand if seal.sealed_at < kept_since for path in seal.files.get(table, {})}
    lost = {path for path in old if not (lake.path / path).is_file()}
    if not lost:
        return set()
    log = lake.folder(table) / LOG
    oldest = min((of for of, path in log_files(log) if ".checkpoint." in path.name), default=-1) if log.is_dir() else -1
    of_log = {path for path in lost if f"/{LOG}/" in path}
    with told(table):
        pinned = [seals.snapshot(lake, table, version) for version in {seal.versions.get(table, 0) for seal in young}]
    needed = {_below(lake, lake.folder(table) / path) for files in pinned for path in files}
    return {path for path in of_log if int(Path(path).name[:20]) < oldest} | (lost - of_log - needed)


def _unlike(folder: Path, path: str, known: Known) -> Iterator[str]:
    """How a file differs from what was published of it."""
    if path not in known:
        yield f"{path} was never published"
        return
    file, leaves = folder / path, set(known[path])
    size = size_of(file)
    if size is None:
        yield f"{path} is gone"
    elif size not in {leaf.bytes for leaf in leaves}:
        yield f"{path} has {size:,} bytes; {next(iter(leaves)).bytes:,} were published"
    elif {Leaf(size, digest_of(file))} != leaves:
        yield f"{path} has other bytes than were published"


def _forged(lake: Lake, table: str, version: int, known: Known) -> Iterator[str]:
    """Files of a log that nobody published, of published versions; and a pointer to no checkpoint that was."""
    log = lake.folder(table) / LOG
    for of, path in log_files(log) if log.is_dir() else ():
        if of <= version and _below(lake, path) not in known:
            yield f"{table}: {_below(lake, path)} was never published"
    pointer = log / "_last_checkpoint"
    if pointer.is_file():
        try:
            named = int(json.loads(pointer.read_bytes())["version"])
        except (ValueError, KeyError, TypeError):
            yield f"{table}: {_below(lake, pointer)} cannot be read"
            return
        if not any(log.glob(f"{named:020}.checkpoint.*")):
            yield f"{table}: {_below(lake, pointer)} names a checkpoint of version {named}, and there is none"


def _below(lake: Lake, path: Path) -> str:
    return str(path.relative_to(lake.path))
