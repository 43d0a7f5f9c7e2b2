"""A small world from simulated exports to one person's statement; and the same on Spark, compared."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from tanzhang.homes import expect_senders, hold_empty
from tanzhang.lab.world import COMMAND, FIRST_DAY, PLACE, SEED, SERVICES
from tanzhang.screens import console
from tanzhang.screens import day as screen
from tanzhang.screens import statement as account
from tanzhang.screens import status as summary
from tanzhang.screens.programmes import compared

if TYPE_CHECKING:
    from jobs.lake import Lake

COMPARED = ("metro", "utility_payment")
"""Acts of which the summary says what each programme pays for them."""


def prepare(home: Path, engine: str, people: int, days: int, out: Console, err: Console) -> list[date]:
    """Simulate the world anew for the embedded engine; Spark goes on with the world that this left.

    Returns:
        The business dates to run.

    Raises:
        SettingError: the folder holds something else than a made-up world.
    """
    dates = [FIRST_DAY + timedelta(days=number) for number in range(days)]
    if engine == "spark":
        from jobs.lake.session import SMALL_DATA

        os.environ.setdefault("TANZHANG_SPARK_CONF", json.dumps(SMALL_DATA))
        shutil.rmtree(home / "lake-spark", ignore_errors=True)
        if not (home / "lake").exists():
            size = ("--people", str(people), "--days", str(days))
            subprocess.run([*COMMAND, "demo", *size, "--home", str(home)], check=True)
        return dates
    from simulator import simulate

    if not (home / "truth").exists():  # of a made-up world, which is made anew
        hold_empty(home)
    shutil.rmtree(home, ignore_errors=True)
    with console.progress(err) as bar:
        screen.world(out, simulate(home, people, days, SEED, FIRST_DAY, services=SERVICES, progress=bar.update))
    expect_senders(home, FIRST_DAY)
    return dates


def demonstrate(lake: Lake, home: Path, dates: list[date], out: Console) -> None:
    """Run the dates, then show the summary, what programmes pay, and a statement, or on Spark the comparison."""
    from jobs.reading.statement import statement
    from jobs.reading.status import status
    from schemas.answers import equivalence
    from tanzhang.running import run_dates

    started = time.perf_counter()
    run_dates(lake, home, dates)
    seconds = time.perf_counter() - started
    if lake.engine == "spark":
        compare(home, out)
    else:
        summary.status(out, status(lake, home), lake.registry)
        for name in COMPARED:
            scenario = lake.registry.scenarios[name]
            quantity = equivalence.reference(scenario)
            compared(out, lake.registry, equivalence.compare(lake.registry, scenario, quantity, PLACE, dates[-1]))
        account.statement(out, statement(lake, lake.registry, someone(lake), dates[-1]), lake.registry)
    took = f"{len(dates)} business dates in {seconds:.1f} s on the {lake.engine} engine"
    out.print(f"{took}; everything lies in {home}", soft_wrap=True)


def someone(lake: Lake) -> str:
    """The person whose statement has most to tell: several scenarios, and something not credited."""
    rows = lake.to_arrow(
        lake.sql(
            """
            SELECT person_id
            FROM activities
            GROUP BY person_id
            ORDER BY count(DISTINCT CASE WHEN outcome = 'credited' THEN scenario END) DESC,
                count(DISTINCT outcome) DESC, count(DISTINCT institution) DESC, person_id
            LIMIT 1
            """,
            activities=lake.read("silver.activities"),
        )
    )
    return str(rows.column("person_id")[0])


def compare(home: Path, out: Console) -> None:
    """Hold every balance of the two lakes against each other.

    Raises:
        SystemExit: they differ.
    """
    import pyarrow as pa
    from deltalake import DeltaTable, QueryBuilder

    query = """
        SELECT person_id, measure, scenario, institution, amount, entries, changed_in_seq
        FROM balances
    """
    lakes = [
        sorted(
            tuple(row.values())
            for row in pa.table(
                QueryBuilder()
                .register("balances", DeltaTable(home / folder / "gold/balances"))
                .execute(query)
                .read_all()
            ).to_pylist()
        )
        for folder in ("lake", "lake-spark")
    ]
    if lakes[0] != lakes[1]:
        differing = len(set(lakes[0]) ^ set(lakes[1]))
        raise SystemExit(f"the engines differ in {differing} balances")
    total = sum(row[4] for row in lakes[0] if row[1] == "reduction_mg")
    out.print(f"{len(lakes[0]):,} balances, {console.kilograms(total)}: every one equal on DuckDB and on Spark")
