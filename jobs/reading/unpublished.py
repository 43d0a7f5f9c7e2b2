"""What pull and land could not use of what no publication tells of yet: from receipts and landed files, with a lake or without.

It is told in the same words as what was published; the next run may find more, as statements are held back there.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.lake.chain import last_publication
from jobs.landing.manifests import (
    LANDING,
    Manifest,
    as_landed,
    landed_path,
    load_manifests,
    newest_landings,
    rejects_path,
)
from jobs.landing.receipts import load_receipts
from jobs.landing.statements import in_force
from jobs.reading.quarantine import Kind, most_first, told
from jobs.runs.settled import Intake, intake
from schemas.ledger import SPANNING

if TYPE_CHECKING:
    from jobs.lake import Lake
    from schemas.sources import Source

READ = {"line": "line", "error_column": "column_name", "error_code": "code", "error_shape": "value_shape"}
"""Column of a landed file → what it is called of a row."""


def since_of(lake: Lake, home: Path) -> Intake:
    """What came since the last publication, and what it left open."""
    return intake(lake, lake.registry, home, last_publication(lake))


def kinds(home: Path, sources: Iterable[Source], since: Intake | None) -> list[Kind]:
    """What is unusable of what these institutions sent since, the most first: rows, and files and deliveries refused.

    Args:
        since: of a lake; None where there is none, so that nothing was told of anything.

    Raises:
        NotAsPublished: a landed file has other bytes than were landed.
    """
    sources = list(sources)
    rows: Counter[tuple[str, str, str, str | None]] = Counter()
    files: defaultdict[tuple[str, str, str, str | None], set[str]] = defaultdict(set)
    whole: Counter[tuple[str, str, str]] = Counter()
    institutions = {source.id for source in sources}
    receipts = since.receipts if since else [one for source in sources for one in load_receipts(source, home / LANDING)]
    for receipt in receipts:
        if receipt.state == "refused" and receipt.institution in institutions:
            whole[receipt.institution, SPANNING, receipt.errors[0].code] += 1
    for file in _new(home, institutions, since):
        if file.state == "refused":
            whole[file.institution, file.feed, file.errors[0].code] += 1
        for row in _unusable(home, file):
            kind = (file.institution, file.feed, row["code"], row["column_name"])
            rows[kind] += 1
            files[kind].add(file.file_id)
    found = [Kind(*kind, rows=count, files=len(files[kind])) for kind, count in rows.items()]
    found += [Kind(*kind, column=None, rows=0, files=count) for kind, count in whole.items()]
    return most_first(found)


def rows(home: Path, source: Source, since: Intake | None, code: str | None = None) -> list[dict[str, Any]]:
    """Unusable rows of what an institution sent since, as `quarantine.rows` tells them. Raises as `kinds` does."""
    found = ((file, row) for file in _new(home, {source.id}, since) for row in _unusable(home, file))
    chosen = [(file, row) for file, row in found if code in (None, row["code"])]
    chosen.sort(key=lambda one: (one[0].feed, one[0].file_id, one[1]["line"]))
    return [told(file, row) for file, row in chosen]


def _new(home: Path, institutions: set[str], since: Intake | None) -> list[Manifest]:
    """Files of which no publication tells: refused ones, and accepted ones in force."""
    files = newest_landings(since.files if since else load_manifests(home))
    known = since.reported.consumed | since.reported.refused if since else frozenset()
    stand = {file.file_id for file in in_force(files)}
    return [
        file
        for file in files
        if file.institution in institutions
        and file.landed_as not in known
        and (file.state == "refused" or file.file_id in stand)
    ]


def _unusable(home: Path, file: Manifest) -> Iterator[dict[str, Any]]:
    """The rows of an accepted file that are to be quarantined, and those that could not be split."""
    of_file = [(file.quarantined_rows, landed_path(home, file)), (file.rejected_rows, rejects_path(home, file))]
    for count, path in of_file:
        if count and file.state == "accepted":
            bad = pc.field("error_code").is_valid()
            table = pq.read_table(
                as_landed(path, file), columns=list(READ), filters=bad & (pc.field("file_id") == file.file_id)
            )
            yield from table.rename_columns(list(READ.values())).to_pylist()
