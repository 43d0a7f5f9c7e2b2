"""pull: a delivery in the drop folder → landing, whole or not at all, with a receipt that says why.

Layout: `<drop>/<institution>/<arrival stamp>/` holds one delivery and its control.json;
`<landing>/<institution>/<business date>/r<revision>/` the accepted bytes;
`<landing>/receipts/<institution>/` one receipt a delivery, in every case.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from jobs.files import write_whole
from jobs.landing.receipts import Receipt, ReceivedFile, customers_of, file_id, load_receipts, one_ingest, receipt_path
from jobs.logs import log
from schemas.deliveries import CONTROL, CONTROL_BYTES, Control, ControlFile, received_at
from schemas.sources import Source
from schemas.sources.errors import Fault, fault, shape

COPY_BYTES = 1 << 20


class _Refused(Exception):
    def __init__(self, *reasons: Fault) -> None:
        super().__init__(", ".join(reason.code for reason in reasons))
        self.reasons = list(reasons)


def pull(source: Source, drop: Path, landing: Path) -> list[Receipt]:
    """Take every delivery of an institution that has no receipt yet, in order of arrival.

    A delivery without control file is still being written and waits for the next call.

    Returns:
        The receipts written by this call.

    Raises:
        ValueError: a folder of the drop folder is not named by an arrival stamp.
    """
    written = []
    with one_ingest(source, landing, "pull"):
        known = {receipt.arrival: receipt for receipt in load_receipts(source, landing)}
        for folder in _deliveries(drop / source.id):
            if folder.name in known or not (folder / CONTROL).is_file():
                continue
            receipt = _take(source, folder, landing, list(known.values()))
            write_whole(receipt_path(landing, receipt), receipt.model_dump_json(indent=1).encode())
            known[folder.name] = receipt
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


def _deliveries(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):  # a transport's unfinished work
            continue
        try:
            received_at(path.name)
        except ValueError:
            wanted = "expected a folder named by its arrival in UTC, such as 20261102T013000Z"
            raise ValueError(f"{path}: {wanted}") from None
        yield path


def _take(source: Source, folder: Path, landing: Path, earlier: list[Receipt]) -> Receipt:
    arrived_at = received_at(folder.name)

    def receipt(state: Literal["accepted", "refused", "duplicate"], control: Control | None, **rest: object) -> Receipt:
        return Receipt.model_validate(
            {
                "institution": source.id,
                "arrival": folder.name,
                "received_at": arrived_at,
                "business_date": control and control.business_date,
                "revision": control.revision if control else None,
                "state": state,
                **rest,
            }
        )

    try:
        control = _read_control(folder / CONTROL)
    except _Refused as refused:
        return receipt("refused", None, errors=refused.reasons)
    try:
        _check_control(source, control, arrived_at)
        _check_folder(folder, control)
        if _is_repeat(control, earlier, landing):
            return receipt("duplicate", control)
        kept = Path(source.id) / control.business_date.isoformat() / f"r{control.revision}"
        _copy(folder, control, landing / kept)
    except _Refused as refused:
        return receipt("refused", control, errors=refused.reasons)
    files = [
        ReceivedFile(
            **file.model_dump(exclude={"customer"}),
            file_id=file_id(source.id, file.feed, control.business_date, control.revision, file.part),
            path=(kept / file.name).as_posix(),
        )
        for file in control.files
    ]
    return receipt("accepted", control, files=files)


def _read_control(path: Path) -> Control:
    if path.stat().st_size > CONTROL_BYTES:
        raise _Refused(fault("bad_control", file=CONTROL))
    try:
        return Control.model_validate_json(path.read_bytes())
    except ValidationError as error:
        keys = {".".join(map(_key, problem["loc"])) or None for problem in error.errors(include_input=False)}
        raise _Refused(
            *(fault("bad_control", file=CONTROL, column=key) for key in sorted(keys, key=str)[:MOST_REASONS])
        ) from None


MOST_REASONS = 100
_AGREED = {*Control.model_fields, *ControlFile.model_fields}


def _key(part: int | str) -> str:
    """A step on the way to a value of the control file; of a key that is not agreed only the shape."""
    return str(part) if isinstance(part, int) or part in _AGREED else shape(part)


def _check_control(source: Source, control: Control, arrived_at: datetime) -> None:
    """Hold the control file against the contract.

    File names of the contract's form are safe: they have neither folder nor a leading dot.
    """
    if control.institution != source.id:
        raise _Refused(fault("wrong_institution", file=CONTROL, column="institution", found=control.institution))
    if control.business_date > arrived_at.astimezone(ZoneInfo(source.time_zone)).date():
        raise _Refused(fault("future_statement", file=CONTROL, column="business_date"))
    reasons = []
    for file in control.files:
        feed = source.feeds.get(file.feed)
        if feed is None:
            reasons.append(fault("unknown_feed", file=CONTROL, column="feed", found=file.feed))
            continue
        if file.name not in feed.file_names(control.business_date, file.part):
            reasons.append(fault("wrong_name", file=CONTROL, column="name", found=file.name))
        if feed.is_bill != (file.customer is not None):
            reasons.append(fault("wrong_customer", file=CONTROL, column="customer"))
        expected = {feed.control_sum.column} if feed.control_sum else set()
        if file.sums.keys() != expected:
            reasons.append(fault("wrong_sums", file=CONTROL, column=f"{file.feed}.sums"))
    for name in source.feeds:
        parts = sorted((file.part, file.parts) for file in control.files if file.feed == name)
        if not parts and name in source.owed:
            reasons.append(fault("missing_feed", file=CONTROL, column=name))
        elif parts != [(part, len(parts)) for part in range(1, len(parts) + 1)]:
            reasons.append(fault("wrong_parts", file=CONTROL, column=name))
    if reasons:
        raise _Refused(*reasons)


def _check_folder(folder: Path, control: Control) -> None:
    """Exactly the named files, each a plain file: no link, no folder."""
    expected = {file.name for file in control.files} | {CONTROL}
    present = {entry.name: entry for entry in os.scandir(folder)}
    reasons = [fault("missing_file", file=name) for name in sorted(expected - present.keys())]
    for name, entry in sorted(present.items()):
        if name not in expected:
            reasons.append(fault("extra_file", found=name))
        elif not entry.is_file(follow_symlinks=False):
            reasons.append(fault("extra_file", file=name))
    if reasons:
        raise _Refused(*reasons)


def _is_repeat(control: Control, earlier: list[Receipt], landing: Path) -> bool:
    """True when this statement was accepted before as it is.

    Raises:
        _Refused: it was accepted before with other files, rows, sums, bytes or customers.
    """
    statement = (control.business_date, control.revision)
    for receipt in earlier:
        if receipt.state == "accepted" and (receipt.business_date, receipt.revision) == statement:
            accepted = [file.model_dump(exclude={"file_id", "path"}) for file in receipt.files]
            stated = [file.model_dump(exclude={"customer"}) for file in control.files]
            customers = customers_of(receipt, landing)
            if accepted != stated or any(
                customers.get(file.name, file.customer) != file.customer for file in control.files
            ):
                raise _Refused(fault("changed_statement", file=CONTROL))
            return True
    return False


def _copy(folder: Path, control: Control, target: Path) -> None:
    """Copy the files beside their target, checking the bytes that are written, then move them in as one."""
    temporary = target.with_name(f".{target.name}.tmp")
    for leftover in (temporary, target):  # of a call that was killed before it wrote its receipt
        if leftover.exists():
            shutil.rmtree(leftover)
    temporary.mkdir(parents=True)
    reasons = []
    for file in control.files:
        digest = hashlib.sha256()
        with (folder / file.name).open("rb") as sent, (temporary / file.name).open("wb") as kept:
            while block := sent.read(COPY_BYTES):
                digest.update(block)
                kept.write(block)
        if digest.hexdigest() != file.sha256:
            reasons.append(fault("wrong_sha256", file=file.name))
    if reasons:
        shutil.rmtree(temporary)
        raise _Refused(*reasons)
    shutil.copyfile(folder / CONTROL, temporary / CONTROL)
    os.replace(temporary, target)
