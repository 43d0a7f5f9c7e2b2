"""Dates accounted for one after the other, with a line of progress."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tanzhang.keys import tokens_of
from tanzhang.screens import console
from tanzhang.screens import day as screen
from tanzhang.shell import err, say_json

if TYPE_CHECKING:
    from jobs.lake import Lake


def run_dates(
    lake: Lake, home: Path, dates: list[date], full: bool = False, as_json: bool = False
) -> tuple[list[Any], bool]:
    """Ingest, then one run per date with progress.

    Returns:
        The outcomes, and whether every institution's deliveries could be gone through.
    """
    from jobs.day import ingest, run_day

    tokens = tokens_of(home)
    outcomes = []
    with console.progress(err) as bar:
        steps = len(dates) * 7 + len(lake.registry.sources)
        done = ingest(lake.registry, home, tokens, lambda source: bar.step(f"land {source}", steps))
        failed = {source: one for source, one in done.items() if one.problem}
        for source, one in failed.items():
            err.print(f"{source}: its deliveries could not be gone through; the others' are used")
            screen.faults(err, one)
        for business_date in dates:
            outcome = run_day(
                lake,
                lake.registry,
                home,
                business_date,
                full=full,
                progress=lambda job: bar.step(f"{business_date} {job}", steps),  # noqa: B023
            )
            outcomes.append(outcome)
            for held in outcome.held:
                err.print(held, soft_wrap=True)
            if as_json:
                say_json(outcome, indent=2)
            else:
                bar.say(screen.outcome_line(outcome))
    return outcomes, not failed
