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

from jobs.accounts.grades import ReportedMonth, StatementKey, grades, shares
from jobs.accounts.touched import MEASURED, RECORDS, months_of, touched_by
from jobs.claims.consents import consents_of, given_intervals, scopes_of
from jobs.persons.members import members_of
from jobs.policy.arrow import table
from schemas.days import ZONE
from schemas.grades import GRADES as GRADES_OF_FIGURES
from schemas.grades import WELL_FOUNDED
from schemas.ledger import EMISSION, MICRO_YUAN, REDUCTION
from schemas.records import GRADES, UNGRADED

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.runs.run import Run
    from schemas.deployment import Deployment
    from schemas.grades import Grade as GradeOfFigure
    from schemas.records import Grade, Scale


def carbon_records(run: Run) -> Frame:
    """What this run appends to gold.carbon_records."""
    lake, records = run.lake, run.log(RECORDS)
    used = run.statements_used()
    new = {(file.institution, file.feed, file.business_date) for file in run.fresh}
    now = _grades(run, used | new, run.business_date, run.deployment)
    before = _grades(run, used, run.last.business_date, run.deployment_before)
    touched = touched_by(run, {one for one in now.keys() | before.keys() if now.get(one) != before.get(one)})
    months = months_of(lake, touched)
    if not months:
        return lake.rows(RECORDS, [])
    acts = _acts(run, touched, months)
    sums = _sums(run, touched, months)
    reporting = _reporting(run, acts, _consented(run, months, members_of(run, touched)), now)
    held = records.of_months(months).in_force(touched)
    return records.changes(_records(run, acts, sums, reporting), instead_of=lake.keep("SELECT * FROM held", held=held))


def _grades(
    run: Run, statements: Iterable[StatementKey], until: date | None, deployment: Deployment | None
) -> dict[ReportedMonth, Grade]:
    """The grade of every institution and month, by the statements that were used until a date; nothing before the first."""
    if until is None:
        return {}
    return grades(shares(statements, run.registry, until, deployment), run.registry)


def _acts(run: Run, touched: Frame, months: list[str]) -> Frame:
    """The outcomes in force of the touched months: which are acts, and what was spent."""
    outcomes = run.log("silver.activities").of_months(months)
    return run.lake.keep(
        """
        SELECT person_id, act_month, institution, feed, scenario, outcome = 'credited' AND is_lead AS is_act, spend_fen
        FROM outcomes
        """,
        outcomes=outcomes.in_force_of(touched, "person_id", "act_month"),
    )


def _sums(run: Run, touched: Frame, months: list[str]) -> Frame:
    """What the ledger's entries of the touched months add up to, of acts also by the grade of their figure."""
    lake = run.lake
    ledger = lake.keep(
        f"SELECT * FROM ledger WHERE {MEASURED}",
        ledger=run.log("gold.ledger").of_months(months).of(touched, "person_id", "act_month").rows,
    )
    return lake.sql(
        f"""
        SELECT person_id, act_month,
            {", ".join(f"{_of_grade(grade)} AS {grade}_mg" for grade in GRADES_OF_FIGURES)},
            CAST(sum({_of(REDUCTION)}) AS bigint) AS reduction_mg,
            CAST(
                0 - sum(CASE WHEN position_kind = 'exclusion' THEN {_of(REDUCTION)} ELSE 0 END) AS bigint
            ) AS excluded_mg,
            CAST(0 - sum(CASE WHEN position_kind = 'cap' THEN {_of(REDUCTION)} ELSE 0 END) AS bigint) AS capped_mg,
            CAST(sum({_of(EMISSION)}) AS bigint) AS emission_mg,
            CAST(sum(CASE
                WHEN measure <> '{EMISSION}' THEN 0
                WHEN amount > 0 THEN quantity_micro
                ELSE 0 - quantity_micro
            END) div {MICRO_YUAN} AS bigint) AS known_spend_fen
        FROM ledger AS e
        LEFT JOIN figures AS f ON e.scenario = f.figure_of AND e.factor_id = f.figure AND e.match_quality = f.fits
        GROUP BY person_id, act_month
        """,
        ledger=ledger,
        figures=lake.from_arrow(_figures(run, ledger)),
    )


def _figures(run: Run, ledger: Frame) -> pa.Table:
    """The grade of every figure that acts rest on. To the driver: as many rows as there are figures."""
    found = run.lake.ask(
        dict,
        f"""
        SELECT DISTINCT scenario, factor_id, match_quality
        FROM ledger
        WHERE measure = '{REDUCTION}' AND position_kind = 'activity'
        """,
        ledger=ledger,
    )
    rows = [
        {
            **{"figure_of": row["scenario"], "figure": row["factor_id"], "fits": row["match_quality"]},
            "figure_grade": run.registry.library.grade_of(row["scenario"], row["factor_id"], row["match_quality"]),
        }
        for row in found
    ]
    return table(dict.fromkeys(("figure_of", "figure", "fits", "figure_grade"), str), rows)


def _of_grade(grade: GradeOfFigure) -> str:
    is_of = f"measure = '{REDUCTION}' AND position_kind = 'activity' AND figure_grade = '{grade}'"
    return f"CAST(sum(CASE WHEN {is_of} THEN amount ELSE 0 END) AS bigint)"


def _of(measure: str) -> str:
    return f"CASE WHEN measure = '{measure}' THEN amount ELSE 0 END"


def _reporting(run: Run, acts: Frame, consents: Frame, graded: dict[ReportedMonth, Grade]) -> Frame:
    """By how many institutions a month is told, the worst of their grades, and whether any of them shows payments.

    What is owed is owed by whoever has a daily consent; a bill is brought, and owed by nobody.
    """
    rows = [
        {"institution": institution, "act_month": month, "grade": grade}
        for (institution, month), grade in graded.items()
    ]
    return run.lake.keep(
        """
        WITH reporters AS (
            SELECT c.person_id, c.act_month, c.institution, g.grade, c.shows_payments
            FROM consents AS c
            LEFT JOIN graded AS g ON c.institution = g.institution AND c.act_month = g.act_month
            UNION ALL
            SELECT a.person_id, a.act_month, a.institution, CAST(NULL AS string) AS grade, 1 AS shows_payments
            FROM acts AS a
            LEFT SEMI JOIN bills AS b ON a.institution = b.institution AND a.feed = b.feed
        )
        SELECT person_id, act_month,
            count(DISTINCT institution) AS institutions,
            max(grade) AS worst, max(shows_payments) AS shows_payments
        FROM reporters
        GROUP BY person_id, act_month
        """,
        consents=consents,
        graded=run.lake.from_arrow(table({"institution": str, "act_month": str, "grade": str}, rows)),
        acts=acts,
        bills=run.lake.from_arrow(run.policy.bills),
    )


def _consented(run: Run, months: list[str], members: Frame) -> Frame:
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
        """
        WITH customers AS (SELECT DISTINCT customer_key, institution FROM held)
        SELECT m.person_id, n.act_month, c.institution,
            max(CASE WHEN p.institution IS NOT NULL THEN 1 ELSE 0 END) AS shows_payments
        FROM intervals AS i
        JOIN months AS n ON i.given_from_unix < n.ends_unix AND i.given_until_unix > n.begins_unix
        JOIN members AS m ON i.customer_key = m.customer_key
        JOIN customers AS c ON i.customer_key = c.customer_key
        LEFT JOIN payers AS p ON c.institution = p.institution AND i.scope = p.scope
        GROUP BY m.person_id, n.act_month, c.institution
        """,
        intervals=given_intervals(lake, held, scopes_of(run)),
        months=lake.from_arrow(_spans(months)),
        members=members,
        held=held,
        payers=lake.from_arrow(run.policy.payers),
    )


def _spans(months: list[str]) -> pa.Table:
    """act_month, begins_unix, ends_unix (exclusive), by the local clock."""
    rows = []
    for month in months:
        begins = datetime.fromisoformat(f"{month}-01").replace(tzinfo=ZONE)
        ends = begins.replace(year=begins.year + begins.month // 12, month=begins.month % 12 + 1)
        rows.append({"act_month": month, "begins_unix": int(begins.timestamp()), "ends_unix": int(ends.timestamp())})
    return table({"act_month": str, "begins_unix": int, "ends_unix": int}, rows)


def _records(run: Run, acts: Frame, sums: Frame, reporting: Frame) -> Frame:
    """The records that should stand: of every month in which something was done, spent, excluded or capped."""
    return run.lake.sql(
        f"""
        WITH done AS (
            SELECT person_id, act_month,
                CAST(sum(CASE WHEN is_act THEN 1 ELSE 0 END) AS bigint) AS acts,
                count(DISTINCT CASE WHEN is_act THEN scenario END) AS scenarios,
                coalesce(CAST(sum(spend_fen) AS bigint), 0) AS spend_fen
            FROM acts
            GROUP BY person_id, act_month
        ),
        months AS (SELECT person_id, act_month FROM done UNION SELECT person_id, act_month FROM sums),
        whole AS (
            SELECT m.person_id, m.act_month, coalesce(d.acts, 0) AS acts, coalesce(d.scenarios, 0) AS scenarios,
                coalesce(s.reduction_mg, 0) AS reduction_mg,
                coalesce(s.excluded_mg, 0) AS excluded_mg,
                coalesce(s.capped_mg, 0) AS capped_mg,
                {", ".join(f"coalesce(s.{grade}_mg, 0) AS {grade}_mg" for grade in GRADES_OF_FIGURES)},
                coalesce(s.emission_mg, 0) AS emission_mg,
                coalesce(d.spend_fen, 0) AS spend_fen,
                coalesce(s.known_spend_fen, 0) AS known_spend_fen,
                coalesce(r.institutions, 0) AS institutions,
                coalesce(r.worst, '{UNGRADED}') AS reporting_grade,
                coalesce(r.shows_payments, 0) AS shows_payments
            FROM months AS m
            LEFT JOIN done AS d ON m.person_id = d.person_id AND m.act_month = d.act_month
            LEFT JOIN sums AS s ON m.person_id = s.person_id AND m.act_month = s.act_month
            LEFT JOIN reporting AS r ON m.person_id = r.person_id AND m.act_month = r.act_month
            WHERE d.acts > 0 OR d.spend_fen > 0 OR s.excluded_mg > 0 OR s.capped_mg > 0
        ),
        graded AS (
            SELECT *,
                {_spend_grade(run.registry.records.spend)} AS spend_grade,
                {_figures_grade(run.registry.records.figures)} AS figures_grade
            FROM whole
        )
        SELECT *,
            CASE reporting_grade
                WHEN '{GRADES[0]}' THEN 'reported'
                WHEN '{UNGRADED}' THEN 'nothing_owed'
                ELSE 'statements_missing'
            END AS reporting_reason,
            CASE
                WHEN shows_payments = 0 THEN 'no_payments_reported'
                WHEN spend_fen = 0 THEN 'nothing_spent'
                WHEN spend_grade = '{GRADES[0]}' THEN 'categories_known'
                ELSE 'categories_unknown'
            END AS spend_reason,
            CASE figures_grade
                WHEN '{GRADES[0]}' THEN 'well_founded'
                WHEN '{UNGRADED}' THEN 'nothing_reduced'
                ELSE 'lent_or_computed'
            END AS figures_reason
        FROM graded
        """,
        acts=acts,
        sums=sums,
        reporting=reporting,
    )


def _figures_grade(scale: Scale) -> str:
    """SQL: the grade of the share of what acts reduced that rests on figures made for the place or the country."""
    founded, whole = (" + ".join(f"{grade}_mg" for grade in of) for of in (WELL_FOUNDED, GRADES_OF_FIGURES))
    return _graded(scale, founded, whole, unless=f"{whole} = 0")


def _spend_grade(scale: Scale) -> str:
    """SQL: the grade of the share of what was spent of which the emission is known."""
    return _graded(scale, "known_spend_fen", "spend_fen", unless="shows_payments = 0 OR spend_fen = 0")


def _graded(scale: Scale, part: str, whole: str, unless: str) -> str:
    """SQL: the grade of a part of a whole; all are expressions."""
    steps = " ".join(
        f"WHEN 1000 * ({part}) >= {least} * ({whole}) THEN '{grade}'" for grade, least in scale.at_least.items()
    )
    return f"CASE WHEN {unless} THEN '{UNGRADED}' {steps} END"
