"""Desired − posted: the entries that should stand against those that do, and one append for the difference.

A late or corrected file, a refund, a merged person, a withdrawn consent, another factor: each changed some
activity of some (person, act date). For those dates everything that should stand is computed anew, so there
is no second path for corrections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.frames import hashed, in_force, listed, month_of, semi
from jobs.spend import emissions
from schemas.units import NANO

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from jobs.run import Run

REDUCTION = "reduction_mg"
SPANNING = "*"
"""Institution of an entry that spans institutions."""

ENTRY = (
    "position", "measure", "person_id", "amount", "position_kind", "act_date", "scenario", "region", "institution",
    "factor_id", "match_quality", "quantity_micro",
)  # fmt: skip
"""What an entry says. At most one stands per (position, measure)."""

ATTRIBUTES = tuple(name for name in ENTRY if name != "amount")
DAY = ("person_id", "act_date")


def post(run: Run) -> dict[str, Frame]:
    """What this run appends to gold.ledger."""
    lake = run.lake
    touched = _touched(run)
    near = run.near("silver.activities", touched)
    ever = semi(lake, near, touched, *DAY)
    standing = in_force(lake, semi(lake, near, ever, "claim_id", "act_date"), "claim_id", "act_date")
    activities = lake.keep("SELECT * FROM {rows}", rows=semi(lake, standing, touched, *DAY))
    wanted = desired(run, activities)
    run.figures["desired_entries"] = lake.count(wanted)
    posted = standing_entries(lake, semi(lake, run.near("gold.ledger", touched), touched, *DAY))
    return {"gold.ledger": difference(lake, wanted, posted, activities, run.seq)}


def _touched(run: Run) -> Frame:
    """(person_id, act_date) of every outcome that this run changed, as it was before and as it is after."""
    log = run.read("silver.activities")
    if run.full:
        return run.lake.keep("SELECT DISTINCT person_id, act_date FROM {log}", log=log)
    changed = run.written("silver.activities")
    return run.lake.keep(
        "SELECT DISTINCT person_id, act_date FROM {rows}",
        rows=semi(run.lake, log, changed, "claim_id", "act_date"),
    )


def desired(run: Run, activities: Frame) -> Frame:
    """The ENTRY rows that should stand for whole (person, act date)s.

    Args:
        activities: outcomes in force of those days.
    """
    lake = run.lake
    reductions = lake.keep(
        # Rounded once, towards less credit.
        f"""SELECT {listed(ENTRY)} FROM (
              SELECT a.activity_id AS position, '{REDUCTION}' AS measure, a.person_id,
                     (a.quantity_micro * r.micrograms_per_unit) div {NANO} AS amount, 'activity' AS position_kind,
                     a.act_date, a.scenario, a.region, a.institution, r.factor_id, r.match_quality, a.quantity_micro
              FROM {{activities}} AS a JOIN {{rates}} AS r ON a.scenario = r.scenario AND a.region = r.region
               AND a.act_date >= r.valid_from AND a.act_date < r.valid_to
              WHERE a.outcome = 'credited' AND a.is_lead) AS rated""",
        activities=activities,
        rates=lake.from_arrow(run.policy.rates),
    )
    # One entry per (person, rule, day) brings the day's sum down to the limit.
    capped = hashed("'cap'", "c.rule", "s.person_id", "CAST(s.act_date AS string)")
    caps = lake.keep(
        f"""SELECT {capped} AS position, '{REDUCTION}' AS measure, s.person_id, c.limit_mg - s.total AS amount,
                   'cap' AS position_kind, s.act_date, s.scenario, s.region, '{SPANNING}' AS institution,
                   c.rule AS factor_id, 'rule' AS match_quality, s.total AS quantity_micro
            FROM (SELECT person_id, act_date, scenario, min(region) AS region, CAST(sum(amount) AS bigint) AS total
                  FROM {{reductions}} GROUP BY person_id, act_date, scenario) AS s
            JOIN {{caps}} AS c ON s.scenario = c.scenario AND s.total > c.limit_mg
             AND s.act_date >= c.valid_from AND s.act_date < c.valid_to""",
        reductions=reductions,
        caps=lake.from_arrow(run.policy.caps),
    )
    # A cap takes its points with it. What is given is rounded down, what is taken up: towards less credit.
    others = listed([name for name in ATTRIBUTES if name != "measure" and name != "position"], "k.")
    return lake.keep(
        f"""WITH kilograms AS (
              SELECT {listed(ENTRY)} FROM {{reductions}} UNION ALL SELECT {listed(ENTRY)} FROM {{caps}}),
            points AS (
              SELECT k.position, p.measure,
                     CASE WHEN k.amount > 0 THEN (k.amount * p.above) div p.below
                          ELSE 0 - ((0 - k.amount) * p.above + p.below - 1) div p.below END AS amount, {others}
              FROM kilograms AS k JOIN {{programmes}} AS p ON k.scenario = p.scenario
               AND substring(k.region, 1, length(p.prefix)) = p.prefix
               AND k.act_date >= p.valid_from AND k.act_date < p.valid_to)
            SELECT * FROM (
              SELECT {listed(ENTRY)} FROM kilograms UNION ALL SELECT {listed(ENTRY)} FROM points
              UNION ALL SELECT {listed(ENTRY)} FROM {{emissions}}) AS entries
            WHERE amount <> 0""",
        reductions=reductions,
        caps=caps,
        emissions=emissions(lake, activities, lake.from_arrow(run.policy.spend_rates)),
        programmes=lake.from_arrow(run.policy.points),
    )


def standing_entries(lake: Lake, ledger: Frame) -> Frame:
    """The ENTRY rows that are posted and not reversed."""
    return lake.sql(
        f"""SELECT {listed(ENTRY)} FROM (
              SELECT {listed(ATTRIBUTES)}, CAST(sum(amount) AS bigint) AS amount
              FROM {{ledger}} GROUP BY {listed(ATTRIBUTES)}) AS summed
            WHERE amount <> 0""",
        ledger=ledger,
    )


def difference(lake: Lake, wanted: Frame, posted: Frame, activities: Frame, seq: int) -> Frame:
    """Ledger rows: reversals of what should no longer stand, posts of what should and does not.

    Args:
        wanted, posted: ENTRY rows.
        activities: outcomes in force of the same days, for the reversals' reasons.
    """
    content = hashed(*(f"coalesce(CAST({name} AS string), '~')" for name in ENTRY))
    missing, excess = (
        lake.keep(
            f"""WITH these AS (SELECT *, {content} AS content FROM {{these}}),
                those AS (SELECT {content} AS content FROM {{those}})
                SELECT {listed(ENTRY, "t.")} FROM these AS t LEFT ANTI JOIN those AS o ON t.content = o.content""",
            these=these,
            those=those,
        )
        for these, those in ((wanted, posted), (posted, wanted))
    )
    columns = [name for name in ENTRY if name != "amount"]
    entry = """substring(sha2(concat_ws('|', e.position, e.measure, e.person_id, '{kind}', '{seq}'), 256), 1, 32) AS entry_id,
        {columns}, '{kind}' AS entry_kind, {sign}e.amount AS amount, {month} AS act_month,
        CAST({seq} AS bigint) AS publication_seq"""
    post_entry, reverse_entry = (
        entry.format(kind=kind, seq=seq, sign=sign, columns=listed(columns, "e."), month=month_of("e.act_date"))
        for kind, sign in (("post", ""), ("reverse", "0 - "))
    )
    same = "e.position = o.position AND e.measure = o.measure"
    return lake.keep(
        f"""SELECT {post_entry}, CASE WHEN o.position IS NULL THEN 'new' WHEN o.person_id <> e.person_id THEN 'person_changed'
                   ELSE 'restated' END AS reason
            FROM {{missing}} AS e LEFT JOIN {{excess}} AS o ON {same}
            UNION ALL
            SELECT {reverse_entry},
                   CASE WHEN o.position IS NULL THEN coalesce(a.outcome, 'withdrawn')
                        WHEN o.person_id <> e.person_id THEN 'person_changed' ELSE 'restated' END AS reason
            FROM {{excess}} AS e LEFT JOIN {{missing}} AS o ON {same}
            LEFT JOIN {{activities}} AS a ON e.position = a.claim_id""",
        missing=missing,
        excess=excess,
        activities=activities,
    )
