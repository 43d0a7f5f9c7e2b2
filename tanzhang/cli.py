"""The verbs of the command, as a table. Each opens what it needs, calls one function of the jobs and prints the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from tanzhang.logs import listen
from tanzhang.shell import Verbs
from tanzhang.verbs import (
    calculate,
    contract,
    day,
    factors,
    init,
    lab,
    programmes,
    published,
    quarantine,
    report,
    rules,
    spark,
    status,
    upkeep,
    warm,
)

HELP = """One personal carbon account per person, from the daily exports of every institution that saw the person act.

A home folder holds everything of one deployment: deployment.yaml (who is expected), exports/ (what institutions dropped),
landing/, landed/ and lake/ (the Delta tables); `init` makes one. A first try:

    tanzhang simulate --people 500 --days 3 --home home/try

    tanzhang run --home home/try --from 2026-11-01 --to 2026-11-03

    tanzhang publications --home home/try

Exit codes: 0 published or nothing to do · 2 wrong usage · 3 published, but degraded (an institution is missing, held
back, or a warning rule broken) · 4 blocked, the last publication stays · 5 nothing of that name · 6 another process
writes, try again · 1 anything else.
"""

VERBS: dict[str, Callable[..., Any]] = {
    "init": init.init,
    "simulate": day.simulate,
    "run": day.run,
    "job": day.job,
    "publications": published.publications,
    "explain": published.explain,
    "statement": published.statement,
    "demo": lab.demo,
    "bench": lab.bench,
    "bench-land": lab.bench_land,
    "bench-points": lab.bench_points,
    "bench-history": lab.bench_history,
    "bench-peer": lab.bench_peer,
    "drift": quarantine.drift,
    "calculate": calculate.calculate,
    "status": status.status,
    "report": report.report,
    "maintain": upkeep.maintain,
    "migrate": upkeep.migrate,
    "late": upkeep.late,
    "control": contract.control,
    "rules": rules.rules,
    "data-docs": rules.data_docs,
    "warm": warm.warm,
}
GROUPS = {"contract": contract, "factors": factors, "programmes": programmes, "quarantine": quarantine, "spark": spark}
"""Verbs with verbs of their own."""

app = typer.Typer(cls=Verbs, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
for name, verb in VERBS.items():
    app.command(name)(verb)
for name, group in GROUPS.items():
    app.add_typer(group.app, name=name)


@app.callback(help=HELP)
def before_a_verb() -> None:
    """Not before the help, which waits for nothing."""
    listen()


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
