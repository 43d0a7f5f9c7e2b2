"""land: accepted files → immutable landed Parquet, rejects and a manifest; identifiers become tokens here.

Per file, in `<home>/landed/<kind>/<institution>/<feed>/<business date>/`: `<file_id>.parquet` (rows),
`<file_id>.rejects.parquet` (rows that could not be split) and, last, `<file_id>.json` (the manifest): a file
is landed when its manifest is there. Of bills those of a delivery share them; each is a statement of its own all the same.
Streams: memory does not grow with the file.

What was landed before is told by the journal: only of the newest deliveries it is looked whether all is there and whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jobs.landing import journal, key_check
from jobs.landing.lander import Lander, merchants_hash
from jobs.landing.manifests import (
    LANDING,
    Manifest,
    landings_at,
    load_manifests,
    manifest_paths,
    newest_landings,
)
from jobs.landing.receipts import Receipt, ReceivedFile, load_receipts, loaded, one_ingest, receipts_in, recent
from jobs.landing.tokens import NORMAL_FORM, Tokens
from schemas.sources import Source


def land(source: Source, home: Path, tokens: Tokens, stations: frozenset[str] = frozenset()) -> list[Manifest]:
    """Land every accepted file of an institution that has no manifest yet, in order of arrival.

    A statement (the parts of one feed in one delivery) counts whole: when one part is refused, or no row can be used,
    all are. Bills are each a statement of its own.

    Args:
        source: the institution's contract.
        home: the home folder of the run.
        tokens: the keyed hash functions.
        stations: the station codes that taps may name (`schemas.sources.load_stations`).

    Returns:
        The manifests written by this call.

    Raises:
        SettingError: the keys are not those that made what was landed before.
    """
    written = []
    lander = Lander(source, home, tokens, stations)
    with one_ingest(source, home / LANDING, "land"):
        key_check.hold(home, tokens.check)
        for receipt in loaded(_to_land(source, home, lander.journal)):
            written += lander.land(receipt, _waiting(source, home, receipt))
    return written


def _to_land(source: Source, home: Path, names: Sequence[str]) -> list[Path]:
    """Receipts of which not all may be landed: those that no entry is about, the last – a call may have been killed – and the newest."""
    known = {journal.receipt_of(name) for name in names[:-1]}
    receipts = receipts_in(source, home / LANDING)
    return sorted({path for path in receipts if path.stem not in known} | {*recent(receipts)})


def _waiting(source: Source, home: Path, receipt: Receipt) -> list[tuple[list[ReceivedFile], int]]:
    """The statements of a delivery of which a part has no manifest, each with the number of its landing."""
    if receipt.state != "accepted":
        return []
    assert receipt.business_date is not None
    there = {
        landing for path in manifest_paths(home, source.id, "*", receipt.business_date) for landing in landings_at(path)
    }
    wholes = (parts for feed in source.feeds for parts in _wholes(source, feed, receipt.files))
    return [(parts, 0) for parts in wholes if any((file.file_id, 0) not in there for file in parts)]


def replay(source: Source, home: Path, tokens: Tokens, stations: frozenset[str] = frozenset()) -> list[Manifest]:
    """Land again what another contract, or other rules on merchants' names, could make more of.

    What was landed before stays; the new landing takes its place in the next run. A file that landing no longer
    has stays as it was.

    Returns:
        The manifests written by this call.

    Raises:
        SettingError: the keys are not those that made what was landed before.
    """
    written = []
    lander = Lander(source, home, tokens, stations)
    with one_ingest(source, home / LANDING, "replay"):
        key_check.hold(home, tokens.check)
        newest = _newest(source, home)
        for receipt in load_receipts(source, home / LANDING):
            landed = [file for file in receipt.files if file.file_id in newest]
            again = [
                (parts, max(newest[file.file_id].landing for file in parts) + 1)
                for feed in source.feeds
                for parts in _wholes(source, feed, landed)
                if _may_mend(_read_of(parts, landed), newest, source) and _is_there(parts, home)
            ]
            written += lander.land(receipt, again) if again else []
    return written


def past_replay(source: Source, home: Path) -> int:
    """Files of which another contract could make more, and which landing no longer has: no replay brings them back."""
    newest = _newest(source, home)
    return sum(
        len(parts)
        for receipt in load_receipts(source, home / LANDING)
        for feed in source.feeds
        for parts in _wholes(source, feed, receipt.files)
        if all(file.file_id in newest for file in parts)
        and _may_mend(_read_of(parts, [file for file in receipt.files if file.file_id in newest]), newest, source)
        and not _is_there(parts, home)
    )


def _newest(source: Source, home: Path) -> dict[str, Manifest]:
    """file_id → the institution's manifest of its last landing."""
    return {file.file_id: file for file in newest_landings(load_manifests(home)) if file.institution == source.id}


def _read_of(parts: Sequence[ReceivedFile], files: Sequence[ReceivedFile]) -> list[ReceivedFile]:
    """All that feeds read of the files of a statement: what one feed leaves to another, that one must take up."""
    paths = {file.path for file in parts}
    return [file for file in files if file.path in paths]


def _may_mend(parts: list[ReceivedFile], newest: dict[str, Manifest], source: Source) -> bool:
    """Whether another contract, or a mended mistake of ours, could make more of a statement.

    Or its merchants were held against other rules.
    """
    before = [newest[file.file_id] for file in parts]
    return any(
        file.is_internal
        or file.normal_form != NORMAL_FORM
        or (
            file.contract_hash != source.contract_hash
            and (file.state == "refused" or file.quarantined_rows or file.rejected_rows)
        )
        or (file.state == "accepted" and file.merchants_hash != merchants_hash(source, file.feed))
        for file in before
    )


def _is_there(parts: list[ReceivedFile], home: Path) -> bool:
    """Whether landing still has the bytes."""
    return all((home / LANDING / file.path).is_file() for file in parts)


def _wholes(source: Source, feed: str, files: Sequence[ReceivedFile]) -> list[list[ReceivedFile]]:
    """The files of a feed in one delivery that count together."""
    of_feed = [file for file in files if file.feed == feed]
    return [[file] for file in of_feed] if source.feeds[feed].is_bill else [of_feed] if of_feed else []
