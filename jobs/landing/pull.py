"""pull: a delivery in the drop folder → landing, whole or not at all, with a receipt that says why.

Layout: `<drop>/<institution>/<arrival stamp>/` holds one delivery and its control.json;
`<landing>/<institution>/<business date>/r<revision>/` the accepted bytes;
`<landing>/receipts/<institution>/` one receipt a delivery, in every case.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from jobs.files import NotPlain, open_plain, put_in_place, temporary_of
from jobs.landing.deliveries import Deliveries
from jobs.landing.mistakes import internal
from jobs.landing.receipts import Receipt, ReceivedFile, customers_of, file_id, one_ingest
from jobs.logs import log
from schemas.deliveries import (
    CONTROL,
    CONTROL_BYTES,
    REVISION_LEAP,
    Control,
    ControlFile,
    Period,
    RepeatedKey,
    received_at,
)
from schemas.sources import Source
from schemas.sources.faults import Fault, fault, shape

COPY_BYTES = 1 << 20


class _Refused(Exception):
    def __init__(self, *reasons: Fault) -> None:
        super().__init__(", ".join(reason.code for reason in reasons))
        self.reasons = list(reasons)


def pull(source: Source, drop: Path, landing: Path) -> list[Receipt]:
    """Take every delivery of an institution that has no receipt yet, in order of arrival.

    A delivery without control file is still being written and waits for the next call. What is no delivery gets a
    receipt too, so that it is told once; and so does one that cannot be taken because of a mistake of ours, until a
    later call can.

    Returns:
        The receipts written by this call.
    """
    written = []
    with one_ingest(source, landing, "pull"):
        known = Deliveries(source, landing)
        for entry in _entries(drop / source.id):
            arrival = arrival_of(entry)
            if known.has(arrival):
                continue
            if _is_delivery(entry):
                if not os.path.lexists(entry / CONTROL):
                    continue
                receipt = _taken(source, entry, landing, known)
            else:
                receipt = _stray(source, entry)
            known.note(receipt)
            written.append(receipt)
            log.info(
                "delivery_received",
                arrival=receipt.arrival,
                state=receipt.state,
                statement_date=receipt.business_date and receipt.business_date.isoformat(),
                revision=receipt.revision,
                files=len(receipt.files),
                codes=sorted({error.code for error in receipt.errors}),
            )
    return written


def _entries(folder: Path) -> list[Path]:
    """What lies in a drop folder, by name, but for a transport's unfinished work."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".")) if folder.is_dir() else []


def _is_delivery(entry: Path) -> bool:
    """Whether an entry is a folder of its own that is named by its arrival."""
    try:
        received_at(entry.name)
    except ValueError:
        return False
    return entry.is_dir() and not entry.is_symlink()


def arrival_of(entry: Path) -> str:
    """How an entry is called in its receipt: what has no arrival stamp may be called anything, and is named by a hash."""
    if _is_delivery(entry):
        return entry.name
    return f"stray-{hashlib.sha256(os.fsencode(entry.name)).hexdigest()[:16]}"


def _stray(source: Source, entry: Path) -> Receipt:
    """What is said of an entry that is no delivery."""
    seen_at = min(datetime.fromtimestamp(entry.lstat().st_mtime, timezone.utc), datetime.now(timezone.utc))
    reason = fault("stray_entry", found=os.fsencode(entry.name).decode(errors="replace"))
    return _unread(source, arrival_of(entry), seen_at.replace(microsecond=0), reason)


def _unread(source: Source, arrival: str, received_at: datetime, *reasons: Fault) -> Receipt:
    """The receipt of what was refused before it was known of which statement it is."""
    return Receipt(
        institution=source.id,
        arrival=arrival,
        received_at=received_at,
        business_date=None,
        revision=None,
        state="refused",
        errors=list(reasons),
    )


def _taken(source: Source, folder: Path, landing: Path, known: Deliveries) -> Receipt:
    """A delivery's receipt; of one that we fail at it says so, so that it stops nobody else's.

    Raises:
        OSError: the machine cannot read or write; the delivery stays for the next call.
    """
    try:
        return _take(source, folder, landing, known)
    except OSError:
        raise
    except Exception as problem:
        reason = internal(problem, "delivery_failed", arrival=folder.name)
        return _unread(source, folder.name, received_at(folder.name), reason)


def _take(source: Source, folder: Path, landing: Path, known: Deliveries) -> Receipt:
    arrived_at = received_at(folder.name)

    def receipt(state: Literal["accepted", "refused", "duplicate"], control: Control, **rest: object) -> Receipt:
        return Receipt.model_validate(
            {
                "institution": source.id,
                "arrival": folder.name,
                "received_at": arrived_at,
                "business_date": control.business_date,
                "revision": control.revision,
                "state": state,
                **rest,
            }
        )

    try:
        said = _read_control(folder / CONTROL)
        control = _understood(said)
    except _Refused as refused:
        return _unread(source, folder.name, arrived_at, *refused.reasons)
    try:
        _check_control(source, control, arrived_at)
        _check_folder(folder, control)
        earlier = known.of(control.business_date)
        if _is_repeat(source, control, earlier, landing):
            return receipt("duplicate", control)
        _check_revision(control, earlier)
        kept = Path(source.id) / control.business_date.isoformat() / f"r{control.revision}"
        _copy(folder, control, said, landing / kept)
    except _Refused as refused:
        return receipt("refused", control, errors=refused.reasons)
    files = [one for file in control.files for one in _received(source, control, file, kept)]
    return receipt("accepted", control, files=files)


def _received(source: Source, control: Control, file: ControlFile, kept: Path) -> Iterator[ReceivedFile]:
    """A file, once for each feed whose rows stand in it; its rows and sums are those of all of them."""
    for feed in (file.feed, *source.guests(file.feed)):
        stated = file.model_dump(exclude={"customer"}) | {"feed": feed}
        number = file_id(source.id, feed, control.business_date, control.revision, file.part)
        yield ReceivedFile(**stated, file_id=number, path=(kept / file.name).as_posix())


def _read_control(path: Path) -> bytes:
    """What the control file holds."""
    try:
        with open_plain(path) as file:
            content = file.read(CONTROL_BYTES + 1)
    except NotPlain:
        raise _Refused(fault("extra_file", file=CONTROL)) from None
    if len(content) > CONTROL_BYTES:
        raise _Refused(fault("bad_control", file=CONTROL))
    return content


def _understood(said: bytes) -> Control:
    try:
        return Control.read(said)
    except RepeatedKey as error:
        raise _Refused(fault("repeated_key", file=CONTROL, column=_key(str(error)))) from None
    except ValidationError as error:
        problems = {_path(problem["loc"]): problem["msg"] for problem in error.errors(include_input=False)}
        raise _Refused(
            *(
                fault("bad_control", file=CONTROL, column=path or None, expected=problems[path])
                for path in sorted(problems)[:MOST_REASONS]
            )
        ) from None


MOST_REASONS = 100
_AGREED = {*Control.model_fields, *ControlFile.model_fields, *Period.model_fields}


def _path(steps: Sequence[int | str]) -> str:
    """The way to a value of the control file, such as `files[2].rows`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{_key(step)}" for step in steps).removeprefix(".")


def _key(name: str) -> str:
    """A key of the control file; of one that is not agreed only the shape."""
    return name if name in _AGREED else shape(name)


def _check_control(source: Source, control: Control, arrived_at: datetime) -> None:
    """Hold the control file against the contract.

    File names of the contract's form are safe: they have neither folder nor a leading dot.
    """
    if control.institution != source.id:
        raise _Refused(fault("wrong_institution", file=CONTROL, column="institution", found=control.institution))
    arrived_on = arrived_at.astimezone(ZoneInfo(source.time_zone)).date()
    if control.business_date > arrived_on:
        raise _Refused(fault("future_statement", file=CONTROL, column="business_date"))
    if control.business_date < arrived_on - timedelta(days=source.latest_days):
        raise _Refused(fault("old_statement", file=CONTROL, column="business_date"))
    reasons = []
    for number, file in enumerate(control.files):
        feed = source.feeds.get(file.feed)
        if feed is None:
            reasons.append(fault("unknown_feed", file=CONTROL, column="feed", found=file.feed))
            continue
        agreed = feed.file_names(control.business_date, file.part)
        if file.name not in agreed:
            path = f"files[{number}].name"
            reasons.append(
                fault("wrong_name", file=CONTROL, column=path, found=file.name, expected=" or ".join(agreed))
            )
        if feed.is_bill != (file.customer is not None):
            reasons.append(fault("wrong_customer", file=CONTROL, column="customer"))
        expected = {feed.control_sum.column} if feed.control_sum else set()
        if file.sums.keys() != expected:
            reasons.append(fault("wrong_sums", file=CONTROL, column=f"{file.feed}.sums"))
        stated = {name for name in ("period", "exported_at") if getattr(file, name) is not None}
        for name in sorted(stated ^ feed.bill_from("control")):
            reasons.append(fault("wrong_bill", file=CONTROL, column=f"{file.feed}.{name}"))
    for name in source.feeds:
        parts = sorted((file.part, file.parts) for file in control.files if file.feed == name)
        if source.feeds[name].in_files_of:
            if parts:
                reasons.append(fault("unknown_feed", file=CONTROL, column="feed", found=name))
        elif not parts and name in source.owed:
            reasons.append(fault("missing_feed", file=CONTROL, column=name))
        elif parts != [(part, len(parts)) for part in range(1, len(parts) + 1)]:
            reasons.append(fault("wrong_parts", file=CONTROL, column=name))
    if reasons:
        raise _Refused(*reasons)


def _check_folder(folder: Path, control: Control) -> None:
    """Exactly the named files, each named once; that they are plain shows when they are opened."""
    expected = [file.name for file in control.files] + [CONTROL]
    present = {entry.name for entry in folder.iterdir()}
    reasons = [fault("missing_file", file=name) for name in sorted({*expected} - present)]
    reasons += [
        fault("extra_file", found=os.fsencode(name).decode(errors="replace")) for name in sorted(present - {*expected})
    ]
    reasons += [
        fault("wrong_name", file=name, expected="a name of its own")
        for name in sorted({*expected})
        if expected.count(name) > 1
    ]
    if reasons:
        raise _Refused(*reasons)


def _check_revision(control: Control, earlier: list[Receipt]) -> None:
    """A slip of the revision would stand for ever: whatever came later would be lower."""
    known = [
        one.revision or 0 for one in earlier if one.state == "accepted" and one.business_date == control.business_date
    ]
    if control.revision > max(known, default=0) + REVISION_LEAP:
        raise _Refused(fault("wrong_revision", file=CONTROL, column="revision"))


def _is_repeat(source: Source, control: Control, earlier: list[Receipt], landing: Path) -> bool:
    """True when this statement was accepted before as it is.

    Raises:
        _Refused: it was accepted before with other files, rows, sums, bytes or customers.
    """
    statement = (control.business_date, control.revision)
    guests = {name for name, feed in source.feeds.items() if feed.in_files_of}
    for receipt in earlier:
        if receipt.state == "accepted" and (receipt.business_date, receipt.revision) == statement:
            accepted = [
                file.model_dump(exclude={"file_id", "path"}) for file in receipt.files if file.feed not in guests
            ]
            stated = [file.model_dump(exclude={"customer"}) for file in control.files]
            customers = customers_of(receipt, landing)
            if accepted != stated or any(
                customers.get(file.name, file.customer) != file.customer for file in control.files
            ):
                raise _Refused(fault("changed_statement", file=CONTROL))
            return True
    return False


def _copy(folder: Path, control: Control, said: bytes, target: Path) -> None:
    """Copy the files beside their target, checking the bytes that are written, then move them in as one.

    Args:
        said: the control file as it was read: what lies in the folder may be another by now.
    """
    temporary = temporary_of(target)
    for leftover in (temporary, target):  # of a call that was killed before it wrote its receipt
        if leftover.exists():
            shutil.rmtree(leftover)
    temporary.mkdir(parents=True)
    reasons = [one for file in control.files if (one := _copy_file(folder, temporary, file.name, file.sha256))]
    if reasons:
        shutil.rmtree(temporary)
        raise _Refused(*reasons)
    (temporary / CONTROL).write_bytes(said)
    put_in_place({temporary: target})


def _copy_file(folder: Path, target: Path, name: str, sha256: str) -> Fault | None:
    """Copy one file and say what is wrong with it, if anything."""
    digest = hashlib.sha256()
    try:
        with open_plain(folder / name) as sent, (target / name).open("wb") as kept:
            while block := sent.read(COPY_BYTES):
                digest.update(block)
                kept.write(block)
    except NotPlain:
        return fault("extra_file", file=name)
    except FileNotFoundError:  # it was there before
        return fault("missing_file", file=name)
    return None if digest.hexdigest() == sha256 else fault("wrong_sha256", file=name)
