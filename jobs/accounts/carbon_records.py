"""Ledger, outcomes and consents → the carbon record: one row per person and month.

Computed again are the (person, month) that this run touched: whose entries or outcomes it wrote, whose consents or
customers it changed, and those with a consent at an institution whose grade for the month it changed. The reporting
grade of a person is the worst of the institutions', so it moves only when one of theirs does: a day on which everybody
delivers as before writes no record of anybody who did nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.accounts.grades import Place, grades, shares
from jobs.claims.consents import consents_of, given_intervals, members_of, reported_otherwise, scopes_of
from jobs.lake.frames import changes, content_hash, in_force, listed, newest, of_months, semi
from schemas.days import ZONE
from schemas.ledger import EMISSION, MICRO_YUAN, REDUCTION
from schemas.records import GRADES, UNGRADED

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from jobs.landing.manifests import Manifest
    from jobs.runs.run import Run
    from schemas.records import Grade, Scale


TABLE = "gold.carbon_records"
_MEASURED = f"measure IN ('{REDUCTION}', '{EMISSION}')"
KEY = ("person_id", "act_month")
CONTENT = (
    *KEY, "acts", "scenarios", "reduction_mg", "capped_mg", "emission_mg", "spend_fen", "known_spend_fen",
    "institutions", "reporting_grade", "reporting_reason", "spend_grade", "spend_reason",
)  # fmt: skip


def carbon_records(run: Run) -> Frame:
    """What this run appends to gold.carbon_records."""
    lake = run.lake
    now = _grades(run, [*run.consumed, *run.fresh], run.business_date)
    before = _grades(run, [*run.consumed, *run.replaced], run.last.business_date)
    regraded = sorted(place for place in now.keys() | before.keys() if now.get(place) != before.get(place))
    touched = _touched(run, regraded)
    months = _months(lake, touched)
    if not months:
        return lake.rows(TABLE, [])
    return changes(lake, _computed(run, touched, months, now), _stored(run, touched, months), KEY, run.seq)


def _grades(run: Run, files: Iterable[Manifest], until: date | None) -> dict[Place, Grade]:
    """The grade of every institution and month, by the files that were used until a date; nothing before the first."""
    if until is None:
        return {}
    found = shares(((file.institution, file.feed, file.business_date) for file in files), run.registry, until)
    return grades(found, run.registry)


def _touched(run: Run, regraded: list[Place]) -> Frame:
    """(person_id, act_month) that have to be computed again, as they were before and as they are after."""
    lake, log = run.lake, run.read("silver.activities")
    if run.full or not lake.has_rows(run.read(TABLE)):  # a lake of before there were records gets them all at once
        return lake.keep(
            "SELECT person_id, act_month FROM log UNION SELECT person_id, act_month FROM records",
            log=log,
            records=run.read(TABLE),
        )
    changed = run.written("silver.activities")
    return lake.keep(
        """SELECT person_id, act_month FROM entries
           UNION SELECT person_id, act_month FROM outcomes
           UNION SELECT person_id, act_month FROM otherwise
           UNION SELECT person_id, act_month FROM regraded""",
        entries=lake.sql(f"SELECT * FROM new WHERE {_MEASURED}", new=run.written("gold.ledger")),
        outcomes=semi(lake, of_months(lake, log, _months(lake, changed)), changed, "claim_id", "act_date"),
        otherwise=semi(lake, run.read(TABLE), reported_otherwise(run), "person_id"),
        regraded=_regraded(run, regraded),
    )


def _regraded(run: Run, places: list[Place]) -> Frame:
    """Records of whoever ever gave a consent at an institution whose grade for the month changed."""
    lake, membership = run.lake, run.read("silver.membership")
    given = lake.sql(
        """SELECT e.customer_key, p.act_month FROM events AS e JOIN places AS p ON e.institution = p.institution
           WHERE e.event_kind = 'consent' AND e.is_given""",
        events=run.read("silver.customer_events"),
        places=_placed(lake, dict.fromkeys(places, "")),
    )
    records = of_months(lake, run.read(TABLE), {month for _, month in places})
    people = lake.sql(
        "SELECT m.person_id, g.act_month FROM given AS g JOIN members AS m ON g.customer_key = m.customer_key",
        given=given,
        members=newest(lake, semi(lake, membership, given, "customer_key"), "customer_key"),
    )
    return semi(lake, records, people, *KEY)


def _placed(lake: Lake, graded: dict[Place, str]) -> Frame:
    """institution, act_month, grade."""
    names = ("institution", "act_month", "grade")
    rows = [dict(zip(names, (*place, grade))) for place, grade in graded.items()]
    return lake.from_arrow(pa.Table.from_pylist(rows, schema=pa.schema([(name, pa.string()) for name in names])))


def _months(lake: Lake, rows: Frame) -> list[str]:
    """The months of a frame; their number does not grow with people."""
    found = lake.to_arrow(lake.sql("SELECT DISTINCT act_month FROM rows", rows=rows))
    return sorted(found.column("act_month").to_pylist())


def _stored(run: Run, touched: Frame, months: list[str]) -> Frame:
    """The records in force of what is computed again."""
    log = of_months(run.lake, run.read(TABLE), months)
    return run.lake.keep("SELECT * FROM held", held=in_force(run.lake, semi(run.lake, log, touched, *KEY), *KEY))


def _computed(run: Run, touched: Frame, months: list[str], graded: dict[Place, Grade]) -> Frame:
    """The records that should stand for the touched months, with their content_hash."""
    lake = run.lake
    near = of_months(lake, run.read("silver.activities"), months)
    # A claim may since have gone to another person: only its newest row says whose it is.
    ever = lake.keep("SELECT DISTINCT claim_id, act_date FROM ever", ever=semi(lake, near, touched, *KEY))
    standing = in_force(lake, semi(lake, near, ever, "claim_id", "act_date"), "claim_id", "act_date")
    mine = lake.keep(
        """SELECT person_id, act_month, institution, feed, scenario, outcome = 'credited' AND is_lead AS is_act, spend_fen
           FROM rows""",
        rows=semi(lake, standing, touched, *KEY),
    )
    sums = lake.sql(
        f"""SELECT person_id, act_month, CAST(sum({_of(REDUCTION)}) AS bigint) AS reduction_mg,
                   CAST(0 - sum(CASE WHEN position_kind = 'cap' THEN {_of(REDUCTION)} ELSE 0 END) AS bigint) AS capped_mg,
                   CAST(sum({_of(EMISSION)}) AS bigint) AS emission_mg,
                   CAST(sum(CASE WHEN measure <> '{EMISSION}' THEN 0 WHEN amount > 0 THEN quantity_micro
                                 ELSE 0 - quantity_micro END) div {MICRO_YUAN} AS bigint) AS known_spend_fen
            FROM ledger WHERE {_MEASURED} GROUP BY person_id, act_month""",
        ledger=semi(lake, of_months(lake, run.read("gold.ledger"), months), touched, *KEY),
    )
    told = lake.keep(
        # What is owed is owed by whoever has a daily consent; a bill is brought, and owed by nobody.
        """SELECT person_id, act_month, count(DISTINCT institution) AS institutions, max(grade) AS worst,
                  max(shows_payments) AS shows_payments FROM (
             SELECT c.person_id, c.act_month, c.institution, g.grade, c.shows_payments
             FROM consented AS c LEFT JOIN graded AS g
               ON c.institution = g.institution AND c.act_month = g.act_month
             UNION ALL
             SELECT m.person_id, m.act_month, m.institution, CAST(NULL AS string) AS grade, 1 AS shows_payments
             FROM mine AS m LEFT SEMI JOIN bills AS b ON m.institution = b.institution AND m.feed = b.feed) AS both
           GROUP BY person_id, act_month""",
        consented=consented(run, months, members_of(run, touched)),
        graded=_placed(lake, dict(graded)),
        mine=mine,
        bills=lake.from_arrow(run.policy.bills),
    )
    scales = run.registry.records
    return lake.keep(
        f"""WITH done AS (
              SELECT person_id, act_month, CAST(sum(CASE WHEN is_act THEN 1 ELSE 0 END) AS bigint) AS acts,
                     count(DISTINCT CASE WHEN is_act THEN scenario END) AS scenarios,
                     coalesce(CAST(sum(spend_fen) AS bigint), 0) AS spend_fen
              FROM mine GROUP BY person_id, act_month),
            held AS (SELECT person_id, act_month FROM done UNION SELECT person_id, act_month FROM sums),
            whole AS (
              SELECT h.person_id, h.act_month, coalesce(d.acts, 0) AS acts, coalesce(d.scenarios, 0) AS scenarios,
                     coalesce(s.reduction_mg, 0) AS reduction_mg, coalesce(s.capped_mg, 0) AS capped_mg,
                     coalesce(s.emission_mg, 0) AS emission_mg, coalesce(d.spend_fen, 0) AS spend_fen,
                     coalesce(s.known_spend_fen, 0) AS known_spend_fen, coalesce(t.institutions, 0) AS institutions,
                     coalesce(t.worst, '{UNGRADED}') AS reporting_grade, coalesce(t.shows_payments, 0) AS shows_payments
              FROM held AS h
              LEFT JOIN done AS d ON h.person_id = d.person_id AND h.act_month = d.act_month
              LEFT JOIN sums AS s ON h.person_id = s.person_id AND h.act_month = s.act_month
              LEFT JOIN told AS t ON h.person_id = t.person_id AND h.act_month = t.act_month
              WHERE d.acts > 0 OR d.spend_fen > 0 OR s.capped_mg > 0),
            graded AS (
              SELECT *, CASE reporting_grade WHEN '{GRADES[0]}' THEN 'reported' WHEN '{UNGRADED}' THEN 'nothing_owed'
                             ELSE 'statements_missing' END AS reporting_reason,
                     CASE WHEN shows_payments = 0 OR spend_fen = 0 THEN '{UNGRADED}'
                          {_steps(scales.spend, "known_spend_fen", "spend_fen")} END AS spend_grade
              FROM whole),
            reasoned AS (
              SELECT *, CASE WHEN shows_payments = 0 THEN 'no_payments_reported' WHEN spend_fen = 0 THEN 'nothing_spent'
                             WHEN spend_grade = '{GRADES[0]}' THEN 'categories_known' ELSE 'categories_unknown'
                             END AS spend_reason
              FROM graded)
            SELECT {listed(CONTENT)}, {content_hash(CONTENT)} AS content_hash FROM reasoned""",
        mine=mine,
        sums=sums,
        told=told,
    )


def _of(measure: str) -> str:
    return f"CASE WHEN measure = '{measure}' THEN amount ELSE 0 END"


def _steps(scale: Scale, part: str, whole: str) -> str:
    """The grade of a share, as the WHENs of a CASE."""
    return " ".join(
        f"WHEN 1000 * {part} >= {least} * {whole} THEN '{grade}'" for grade, least in scale.at_least.items()
    )


def consented(run: Run, months: list[str], members: Frame) -> Frame:
    """Where persons had a consent in force at some time of a month.

    Args:
        members: customer_key, person_id.

    Returns:
        person_id, act_month, institution, and shows_payments: 1 where the consent covers spending and the institution
        reports it day by day, else 0.
    """
    lake = run.lake
    held = lake.keep("SELECT * FROM held", held=consents_of(run, members))
    return lake.keep(
        """SELECT m.person_id, n.act_month, c.institution,
                  max(CASE WHEN p.institution IS NOT NULL THEN 1 ELSE 0 END) AS shows_payments
           FROM intervals AS i
           JOIN months AS n ON i.given_from_unix < n.ends_unix AND i.given_until_unix > n.begins_unix
           JOIN members AS m ON i.customer_key = m.customer_key
           JOIN (SELECT DISTINCT customer_key, institution FROM held) AS c ON i.customer_key = c.customer_key
           LEFT JOIN payers AS p ON c.institution = p.institution AND i.scope = p.scope
           GROUP BY m.person_id, n.act_month, c.institution""",
        intervals=given_intervals(lake, held, scopes_of(run)),
        months=lake.from_arrow(_spans(months)),
        members=members,
        held=held,
        payers=lake.from_arrow(run.policy.payers),
    )


def _spans(months: list[str]) -> pa.Table:
    """act_month, begins_unix, ends_unix (exclusive), by the local clock."""
    begins = [datetime.fromisoformat(f"{month}-01").replace(tzinfo=ZONE) for month in months]
    ends = [one.replace(year=one.year + one.month // 12, month=one.month % 12 + 1) for one in begins]
    return pa.table(
        {
            "act_month": pa.array(months, pa.string()),
            "begins_unix": pa.array([int(one.timestamp()) for one in begins], pa.int64()),
            "ends_unix": pa.array([int(one.timestamp()) for one in ends], pa.int64()),
        }
    )
