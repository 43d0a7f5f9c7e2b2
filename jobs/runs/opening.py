"""How a run is opened: its frozen list of files, and every table back at the last publication's pin."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.errors import RunError
from jobs.files import write_once
from jobs.lake.chain import Publication, last_publication, restore_pins
from jobs.lake.intact import check_start, damages, refuse
from jobs.landing import hold, key_check
from jobs.landing.manifests import LANDED, Manifest, newest_landings
from jobs.logs import log
from jobs.runs.expected import credited_otherwise, deployment_of, expected_otherwise, forget_after
from jobs.runs.notes import OpenRun, discard, load_open_run, new_run_id, noted, verdicts_of
from jobs.runs.run import Run
from jobs.runs.settled import UNPUBLISHABLE, Intake, Reported, intake
from schemas.days import cut_off
from schemas.deployment import Deployment, load_deployment
from schemas.tables import PUBLICATIONS

NOT_EXPECTED = "not_expected"
"""Code of a statement of whose date its institution is not expected: it waits until deployment.yaml says otherwise."""

if TYPE_CHECKING:
    from jobs.lake import Lake
    from schemas import Registry


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
            again; or jobs are to go on with a run that is not open, is of another date, or was opened with another
            registry; or the landed rows were made with other keys than the tables.
        RegistryError: deployment.yaml cannot be used.
        NotAsPublished: what the run would start from is damaged.
    """
    last = last_publication(lake)
    _hold_keys(lake.path, home / LANDED)
    if not done:
        check_start(lake, last)
    if _is_past(business_date, last) and (full or not _is_published(lake, business_date)):
        raise RunError(
            f"{business_date} lies before {last.business_date}, the last published date; what came late for it "
            "is part of the next date's run"
        )
    seen = intake(lake, registry, home, last, whole=full)
    note = load_open_run(lake.path)
    is_open = note is not None and (note.publication_seq, note.business_date) == (last.seq + 1, business_date)
    going_on = note if done and is_open else None
    if going_on:
        _hold_registry(going_on, registry)
    opened = going_on or _opened(home, registry, business_date, last, seen, note)
    run = _frozen(lake, registry, home, opened, last, seen, full)
    if run.has_nothing_to_do:
        return run  # another date's run may be open: it keeps its tables and its note
    if done and not is_open:
        raise RunError(f"no run of {business_date} is open; start it with conform")
    if going_on and run.unjudged != going_on.unjudged:
        raise RunError(
            f"statements of {', '.join(sorted(run.unjudged.keys() - going_on.unjudged.keys()))} could be judged when the run "
            f"was opened, and now cannot: begin the run again (tanzhang run --date {business_date})"
        )
    if full:
        refuse(list(damages(lake, home / LANDED, {LANDED})))
    run.id = opened.run_id
    restore_pins(lake, last, done)
    if not done:
        verdicts = verdicts_of(result for one in run.judged for result in one.results)
        opened.model_copy(update={"verdicts": verdicts, "unjudged": run.unjudged}).save(lake.path)
        if credited_otherwise(run.deployment_before, run.deployment, last.business_date):
            log.warning("credited_otherwise", publication_seq=last.seq)
        for institution in expected_otherwise(run.deployment_before, run.deployment, last.business_date):
            log.warning("expected_otherwise", institution=institution, publication_seq=last.seq)
    return run


def _hold_keys(lake: Path, landed: Path) -> None:
    """Note which keys made the rows that the tables come from; they are the same in every later run, or their successors.

    Raises:
        RunError: the landed rows were made with other keys than the tables.
    """
    made, known = key_check.load(landed), key_check.load(lake)
    if made is None or made == known:
        return  # landed before keys were noted, or nothing yet
    if known is not None and not made.goes_on_with(known):
        raise RunError(
            f"{landed} was landed with other keys than the tables of {lake} were made with: every person would be another. "
            "Put both back from one backup, or land again with the keys of the tables"
        )
    write_once(lake / key_check.FILE, made.model_dump_json(indent=1).encode())


def _is_past(business_date: date, last: Publication) -> bool:
    return last.business_date is not None and business_date < last.business_date


def _is_published(lake: Lake, business_date: date) -> bool:
    publications = lake.read(PUBLICATIONS)
    of_date = f"SELECT 1 FROM publications WHERE business_date = DATE '{business_date}'"
    return lake.has_rows(lake.sql(of_date, publications=publications))


def _hold_registry(opened: OpenRun, registry: Registry) -> None:
    """Half a run by one registry and half by another would be of neither.

    Raises:
        RunError: the run was opened with another one.
    """
    if opened.registry and opened.registry != registry.digest:
        raise RunError(
            f"the run of {opened.business_date} was opened with registry {opened.registry[:12]}, and this is "
            f"{registry.digest[:12]}: go on with that one, or begin the run again with this one, which gives up what "
            f"its jobs have done (tanzhang run --date {opened.business_date}, or its first job, conform)"
        )


def _opened(
    home: Path,
    registry: Registry,
    business_date: date,
    last: Publication,
    seen: Intake,
    before: OpenRun | None,
) -> OpenRun:
    """A new run, with what was received before its date's cut-off; verdicts of the run before hold where they fit."""
    until = cut_off(business_date)
    aside = before.aside if before and _is_another_attempt(before, last, business_date, registry) else []
    return OpenRun(
        publication_seq=last.seq + 1,
        business_date=business_date,
        run_id=before.run_id if before and aside else new_run_id(),
        files=frozenset(file.landed_as for file in seen.files if file.received_at < until),
        released=hold.load_passes(home),
        registry=registry.digest,
        verdicts=before.verdicts if before else {},
        aside=aside,
        deployment=load_deployment(home, registry.sources),
    )


def _is_another_attempt(before: OpenRun, last: Publication, business_date: date, registry: Registry) -> bool:
    """Whether the run before was of the same date and rules: what broke it would break this one."""
    same = (before.publication_seq, before.business_date, before.registry)
    return same == (last.seq + 1, business_date, registry.digest)


# -- what a run uses ---------------------------------------------------------------------------------


def _frozen(
    lake: Lake,
    registry: Registry,
    home: Path,
    opened: OpenRun,
    last: Publication,
    seen: Intake,
    full: bool,
) -> Run:
    """The run with its lists of files."""
    reported, manifests, known = seen.reported, seen.files, seen.known(home)
    if full:
        _hold_manifests(reported, manifests)
    consumed = newest_landings(file for file in manifests if file.landed_as in reported.consumed)
    usable = newest_landings(file for file in manifests if file.landed_as in opened.files or reported.settles(file))
    accepted = [file for file in usable if file.state == "accepted" and file.landed_as not in reported.consumed]
    waiting = [file for file in accepted if _is_expected(file, opened.deployment)]
    # What is past has nothing to do, and judging takes time.
    is_past = _is_past(opened.business_date, last)
    judged = (
        []
        if is_past
        else hold.judge_statements(waiting, known.statements, registry, opened.released, opened.judge, opened.unjudged)
    )
    held = {file.file_id: one.code for one in judged for file in one.parts if one.code is not None}
    held |= {file_id: UNPUBLISHABLE for one in opened.aside for file_id in one.file_ids}
    held |= {
        file.file_id: UNPUBLISHABLE
        for file in waiting
        if file.landed_as in reported.unpublishable and file.file_id not in opened.released
    }
    held |= {file.file_id: NOT_EXPECTED for file in accepted if not _is_expected(file, opened.deployment)}
    fresh = [file for file in waiting if file.file_id not in held]
    again = {file.file_id for file in fresh}
    return Run(
        lake=lake,
        registry=registry.under(opened.deployment),
        home=home,
        business_date=opened.business_date,
        last=last,
        consumed=[file for file in consumed if file.file_id not in again],
        fresh=fresh,
        replaced=[file for file in consumed if file.file_id in again],
        unusable=[file for file in usable if file.state == "refused"],
        unusable_before=newest_landings(
            file for file in manifests if file.state == "refused" and file.landed_as in reported.refused
        ),
        refused=[one for one in _refused(usable, held) if one[0].landed_as not in reported.refused],
        turned_away=[one for one in seen.receipts if one.received_at < cut_off(opened.business_date)],
        judged=judged,
        aside=opened.aside,
        unjudged={one.parts[0].institution: one.reference for one in judged if one.reference},
        deployment=opened.deployment,
        deployment_before=deployment_of(lake.path, last.seq),
        full=full,
        intake=seen,
        known=known,
    )


def _is_expected(file: Manifest, deployment: Deployment | None) -> bool:
    """Whether a statement may be used: nobody's acts are credited by an institution that was not signed up for them."""
    return deployment is None or deployment.expects(file.institution, file.business_date)


def _hold_manifests(reported: Reported, manifests: Iterable[Manifest]) -> None:
    """To compute everything again takes every file that was used: what is lost would be taken back.

    Raises:
        RunError: of some the manifest is gone or damaged.
    """
    lost = sorted(file_id for file_id, _ in reported.consumed - {file.landed_as for file in manifests})
    if lost:
        raise RunError(
            f"of {len(lost)} files that publications used the manifest is gone or damaged ({', '.join(lost[:5])}): bring "
            "back the folder landed/ from a copy, or land the files again where landing/ still has them (tanzhang run)"
        )


def _refused(usable: Sequence[Manifest], held: Mapping[str, str]) -> Iterator[tuple[Manifest, str]]:
    """Files that cannot be used, and why: refused when they were landed, then held back."""
    yield from ((file, file.errors[0].code) for file in usable if file.state == "refused")
    yield from ((file, held[file.file_id]) for file in usable if file.file_id in held)


# -- how it is given up ------------------------------------------------------------------------------


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
        forget_after(lake.path, last.seq)
