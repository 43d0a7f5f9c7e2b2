"""Every DAG, derived from the registry: one that takes in each institution, and those that account for all."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, Param, TriggerRule, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from dags.clock import DATE, PARAM, after_each_day, macros
from dags.command import DEGRADED, Tanzhang
from dags.delivery import Delivery, check_arrival
from dags.notice import tell, tell_of_failure
from dags.settings import LAKE_POOL, MAKES_UP, OWNER, POKE_SECONDS, START, TRANSPORT_POOL, home
from schemas import Registry, load_registry
from schemas.days import CUT_OFF, ZONE
from schemas.deployment import load_deployment
from schemas.sources import Source
from schemas.tables import JOB_NAMES, JobName

DEFAULTS: dict[str, Any] = {
    "owner": OWNER,
    # For transport, and for machines that die; what is wrong with a file or a figure is never tried again.
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(hours=2),
    "on_failure_callback": tell_of_failure,
}
DAILY = "account_daily"
FIRST = 10
"""Weight of a date's own tasks: its run is open between them, so whoever else waits for a slot comes after them."""
REPORT_COMMANDS = {"report": ["report", "--date", DATE], "data_docs": ["data-docs"]}
"""What is drawn up of a publication once it is visible."""


def dag(
    dag_id: str,
    doc: str,
    zone: ZoneInfo = ZONE,
    tags: tuple[str, ...] = (),
    defaults: dict[str, Any] | None = None,
    **rest: Any,
) -> DAG:
    """What all DAGs have in common; `defaults` are those of its own tasks beside everybody's."""
    return DAG(
        dag_id,
        doc_md=doc,
        description=doc.split("\n", 1)[0],
        tags=["tanzhang", *tags],
        default_args={**DEFAULTS, **(defaults or {})},
        start_date=datetime.combine(START, time.min, zone),
        max_active_runs=1,
        dagrun_timeout=timedelta(hours=12),
        user_defined_macros=macros(zone),
        **rest,
    )


def ingest(source: Source) -> DAG:
    """Fetch, pull and land what one institution sends; no engine, no JVM, and no other institution."""
    zone = ZoneInfo(source.time_zone)
    doc = (
        f"Takes in what {source.name} sends.\n\nRuns at {source.ready_by}, when the day before is due, and waits for it "
        "until the cut-off, where deployment.yaml expects the date. **Red**: nothing came, or something was refused; no "
        "other institution and no account "
        f"waits for that. Feeds: {', '.join(source.feeds)}. See docs/operations.md."
    )
    with dag(
        f"ingest__{source.id}",
        doc,
        zone,
        ("ingest", source.kind),
        defaults={"pool": TRANSPORT_POOL},
        schedule=after_each_day(source.ready_by, zone),
        catchup=MAKES_UP,
        params={PARAM: business_date_param()},
    ) as made:
        delivery = Delivery(
            task_id="delivery",
            source=source,
            business_date=DATE,
            mode="reschedule",
            poke_interval=POKE_SECONDS,
            timeout=timedelta(hours=12).total_seconds(),
        )
        # Also where the day's delivery is missing: a late one of another day may have come.
        land = Tanzhang(
            task_id="land",
            arguments=["job", "land", "--date", DATE, "--institution", source.id],
            trigger_rule=TriggerRule.ALL_DONE,
        )

        @task(retries=0)
        def arrived(institution: str, business_date: str) -> str:
            return check_arrival(institution, business_date)

        [delivery, delivery >> land] >> arrived(source.id, DATE)
    return made


def account_daily(registry: Registry) -> DAG:
    """A business date from what has arrived to its publication."""
    doc = (
        "Accounts for a business date and publishes it.\n\nRuns at the cut-off "
        f"({CUT_OFF:%H:%M} {ZONE.key}) with what has arrived; `arrivals` says what has not. "
        "One writer at a time (pool `lake`). **Red**, and `verdict` failed: published but degraded – an institution is "
        "missing or held back, or a warning rule broken. **Red** before that: nothing was published, the last "
        "publication stands; clear the failed task once it is mended. See docs/operations.md."
    )
    with dag(
        DAILY,
        doc,
        tags=("account",),
        defaults={"priority_weight": FIRST},
        schedule=after_each_day(f"{CUT_OFF:%H:%M}", ZONE),
        catchup=MAKES_UP,
        params={PARAM: business_date_param()},
    ) as made:
        intake = {"pull": ["job", "pull", "--date", DATE], "land": ["job", "land", "--date", DATE]}
        intake["arrivals"] = ["late", "--date", DATE]
        steps = [Tanzhang(task_id=name, arguments=command, priority_weight=FIRST) for name, command in intake.items()]
        steps += [job(registry, name) for name in JOB_NAMES]
        for before, after in pairwise(steps):
            before >> after
        publish = steps[-1]
        reports = [
            Tanzhang(task_id=name, arguments=arguments, pool=LAKE_POOL) for name, arguments in REPORT_COMMANDS.items()
        ]
        publish >> [verdict(publish.output), *reports]
    return made


def job(registry: Registry, name: JobName) -> Tanzhang:
    """One job of a run as a task; the tables that it reads and writes as lineage."""
    written = [table for table in registry.tables.values() if table.written_by == name]
    return Tanzhang(
        task_id=name,
        arguments=["job", name, "--date", DATE],
        pool=LAKE_POOL,
        reads=sorted({table for one in written for table in one.derived_from}),
        writes=[table.name for table in written],
    )


@task(retries=0, on_failure_callback=None)
def verdict(state: str) -> None:
    """Give the run its colour: a degraded day is published, and red."""
    if state == DEGRADED:
        context = get_current_context()
        tell("degraded", dag=context["dag"].dag_id, run=context["run_id"])
        raise AirflowFailException("published, but degraded: see the report, or `tanzhang status`")


def by_hand(dag_id: str, doc: str, params: dict[str, Param], foretell: list[str], do: list[str]) -> DAG:
    """A run that somebody asks for: it says what would change, and does it where it is told to."""
    dry_run = Param(True, type="boolean", description="Only say what would change.")
    with dag(dag_id, doc, tags=("by hand",), schedule=None, params={**params, "dry_run": dry_run}) as made:
        told = Tanzhang(task_id="foretell", arguments=foretell, pool=LAKE_POOL, waits_for=[DAILY])

        @task.short_circuit(retries=0)
        def is_wanted() -> bool:
            return not get_current_context()["params"]["dry_run"]

        done = Tanzhang(task_id="account", arguments=do, pool=LAKE_POOL, waits_for=[DAILY])
        told >> is_wanted() >> done >> verdict(done.output)
    return made


def backfill() -> DAG:
    """Several dates in order."""
    doc = (
        "Accounts for several business dates in order.\n\nDates that are published already stay as they are; what came "
        "late for them is part of the next date. The first task says what would be posted, all dates together; with "
        "`dry_run` it ends there."
    )
    dates = ["--from", "{{ params.first }}", "--to", "{{ params.last }}"]
    params = {name: day_param(f"the {name} business date") for name in ("first", "last")}
    return by_hand("backfill", doc, params, ["run", *dates, "--dry-run"], ["run", *dates])


def release_factors() -> DAG:
    """What changed in the registry, posted on everything that is published."""
    doc = (
        "Posts a new registry – factors, caps, rules – on all published days.\n\nEverything is computed again from the "
        "landed files as of the last published date, and only differences are posted. The first task says which; with "
        "`dry_run` it ends there."
    )
    release = ["factors", "release"]
    return by_hand("release_factors", doc, {}, release, [*release, "--post"])


def maintain() -> DAG:
    """Compaction, clean-up, retention."""
    doc = (
        "Compacts and cleans the tables, and lets landed text expire.\n\nWeekly. Publications of the last 30 days stay "
        "readable; ends with a publication that pins the same rows anew."
    )
    with dag("maintain", doc, tags=("housekeeping",), schedule="0 10 * * 0", catchup=False) as made:
        Tanzhang(task_id="maintain", arguments=["maintain"], pool=LAKE_POOL, waits_for=[DAILY])
    return made


def day_param(what: str) -> Param:
    return Param(None, type=["null", "string"], format="date", description=what)


def business_date_param() -> Param:
    return day_param("Business date; otherwise the date of the run.")


def signed_up(registry: Registry) -> list[Source]:
    """Who is fetched from: the institutions that deployment.yaml names at any time; all where there is no such file."""
    deployment = load_deployment(home(), registry.sources)
    return [one for one in registry.sources.values() if deployment is None or one.id in deployment.institutions]


REGISTRY = load_registry()
for made in (
    *map(ingest, signed_up(REGISTRY)),
    account_daily(REGISTRY),
    backfill(),
    release_factors(),
    maintain(),
):
    globals()[made.dag_id] = made
