"""How a run is opened: its frozen list of files, and every table back at the last publication's pin."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.errors import RunError
from jobs.lake.chain import PUBLICATIONS, Publication, last_publication, restore_pins
from jobs.landing import hold
from jobs.landing.manifests import LANDING, Manifest, load_manifests, newest_landings
from jobs.landing.receipts import load_receipts
from jobs.runs.notes import Landing, OpenRun, discard, load_open_run, new_run_id, noted, verdicts_of
from jobs.runs.run import Run
from schemas.days import cut_off

if TYPE_CHECKING:
    from jobs.lake import Lake
    from schemas import Registry


def _is_published(lake: Lake, business_date: date) -> bool:
    record = lake.read(PUBLICATIONS)
    return lake.has_rows(lake.sql(f"SELECT 1 FROM record WHERE business_date = DATE '{business_date}'", record=record))


def begin(
    lake: Lake,
    registry: Registry,
    home: Path,
    business_date: date,
    *,
    full: bool = False,
    done: Collection[str] = (),
) -> Run:
    """Freeze what the run will use and bring every table back to the last publication's pin.

    Args:
        full: compute everything again.
        done: tables that earlier jobs of this same run wrote; they and its frozen list are kept.

    Raises:
        RunError: the date lies before the last published one and was itself never published, or is to be computed
            again; or jobs are to go on with a run that is not open, or is of another date.
    """
    last = last_publication(lake)
    is_past = last.business_date is not None and business_date < last.business_date
    if is_past and (full or not _is_published(lake, business_date)):
        raise RunError(
            f"{business_date} lies before {last.business_date}, the last published date; what came late for it "
            "is part of the next date's run"
        )
    manifests = load_manifests(home)
    noted = load_open_run(lake.path)
    is_open = noted is not None and (noted.publication_seq, noted.business_date) == (last.seq + 1, business_date)
    if done and noted is not None and is_open:
        opened = noted
    else:
        opened = OpenRun(
            publication_seq=last.seq + 1,
            business_date=business_date,
            run_id=new_run_id(),
            files=_received(business_date, manifests),
            released=hold.load_passes(home),
            verdicts=noted.verdicts if noted else {},
        )
    run = _frozen(lake, registry, home, opened, last, manifests, full)
    if run.has_nothing_to_do:
        return run  # another date's run may be open: it keeps its tables and its note
    if done and not is_open:
        raise RunError(f"no run of {business_date} is open; start it with conform")
    run.id = opened.run_id
    restore_pins(lake, last, done)
    if not done:
        verdicts = verdicts_of(result for one in run.judged for result in one.results)
        opened.model_copy(update={"verdicts": verdicts}).save(lake.path)
    return run


Used = dict[str, set[Landing]]
"""State in gold.coverage → files that earlier runs reported."""


def _reported(lake: Lake, seq: int) -> Used:
    """What publications have said of files. To the driver: one row per file of a statement."""
    rows = lake.to_arrow(
        lake.sql(
            f"""SELECT DISTINCT file_id, landing, file_state FROM coverage
                WHERE file_state <> 'missing' AND publication_seq <= {seq}""",
            coverage=lake.read("gold.coverage"),
        )
    ).to_pylist()
    found: Used = {"consumed": set(), "refused": set()}
    for row in rows:
        found[row["file_state"]].add((row["file_id"], row["landing"]))
    return found


def _frozen(
    lake: Lake,
    registry: Registry,
    home: Path,
    opened: OpenRun,
    last: Publication,
    manifests: list[Manifest],
    full: bool,
) -> Run:
    """The run with its lists of files."""
    business_date = opened.business_date
    used = _reported(lake, last.seq)
    consumed, refused_before = used["consumed"], used["refused"]
    known = newest_landings(file for file in manifests if _landing(file) in consumed)
    usable = newest_landings(file for file in manifests if _landing(file) in opened.files)
    fresh = [file for file in usable if file.state == "accepted" and _landing(file) not in consumed]
    is_past = last.business_date is not None and business_date < last.business_date
    # What is past has nothing to do, and judging takes time.
    judged = [] if is_past else hold.judge_statements(fresh, known, registry, opened.released, opened.judge)
    held = {file.file_id: one.code for one in judged for file in one.parts if one.code is not None}
    fresh = [file for file in fresh if file.file_id not in held]
    again = {file.file_id for file in fresh}
    refused = [(file, file.errors[0].code) for file in usable if file.state == "refused"]
    refused += [(file, held[file.file_id]) for file in usable if file.file_id in held]
    return Run(
        lake=lake,
        registry=registry,
        home=home,
        business_date=business_date,
        last=last,
        consumed=[file for file in known if file.file_id not in again],
        fresh=fresh,
        replaced=[file for file in known if file.file_id in again],
        refused=[(file, code) for file, code in refused if _landing(file) not in refused_before],
        turned_away=[
            receipt
            for source in registry.sources.values()
            for receipt in load_receipts(source, home / LANDING)
            if receipt.state == "refused"
            and receipt.received_at < cut_off(business_date)
            and (receipt.delivery_id, 0) not in refused_before
        ],
        judged=judged,
        full=full,
    )


def _landing(file: Manifest) -> Landing:
    return file.file_id, file.landing


def _received(business_date: date, manifests: list[Manifest]) -> frozenset[Landing]:
    """The files received before the date's cut-off, as they are landed now."""
    until = cut_off(business_date)
    return frozenset(_landing(file) for file in manifests if file.received_at < until)


def end_open_run(lake: Lake, last: Publication, *, give_up: bool, dry_run: bool = False) -> None:
    """Leave a run alone whose jobs are processes of their own, unless told to give it up.

    Raises:
        RunError: one is open, or was killed or blocked and not run again.
    """
    opened = noted(lake.path, last.seq + 1)
    if opened and not give_up:
        raise RunError(
            f"the run of {opened.business_date} is open: let it end, run it again "
            f"(tanzhang run --date {opened.business_date}), or give it up with --give-up-run"
        )
    if opened and not dry_run:
        discard(lake.path)
