"""What programmes give for activities, take by their caps, and what people gave their points for.

Points follow kilograms or acts; they never change kilograms, and nothing here knows money. An act that earns no
kilograms for want of a factor earns no points either.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jobs.claims.consents import consents_of, given_intervals, scopes_of
from jobs.ledger.caps import Taken, cap_entries, fill, left, reached, standing_of
from jobs.ledger.carried import BARRED, COUNTED, MATCHES, Carried
from jobs.ledger.entries import rule_position
from jobs.persons.members import members, members_of
from jobs.policy.periods import start_of
from schemas.days import last_second
from schemas.ledger import REDUCTION, SPANNING

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.ledger.touched import Touched
    from jobs.runs.run import Run


def points(run: Run, kilograms: Frame, taken: Taken, touched: Touched) -> Frame:
    """The entries of points that should stand for what is touched, but for those that expired.

    Args:
        kilograms: entries of the touched reductions, exclusions and caps among them.
        taken: what these take of the kilograms of each act, also in the months and years around.
    """
    lake = run.lake
    around = lake.keep(
        f"SELECT * FROM entries WHERE measure = '{REDUCTION}'", entries=lake.union(kilograms, touched.held)
    )
    barred = _barred(run, around)
    given = lake.union(_earned(run, kilograms, barred), _tiers(run, around, barred, touched))
    carried = Carried(run, kilograms, taken, barred)
    return lake.union(given, *_taken(run, given, carried, touched), _redeemed(run, touched))


def _taken(run: Run, given: Frame, carried: Carried, touched: Touched) -> Iterator[Frame]:
    """The entries of what caps take of points.

    Those of the shortest periods come first, so that none depends on a longer one; of one period those on kilograms.
    """
    lake, standing = run.lake, standing_of(run.lake, given, touched)
    for period, limits in run.policy.rewards.point_limits.items():
        for turn in carried.turns_of(period):
            filled = fill(lake, carried.reached(standing, turn))
            yield carried.entries(filled)
            standing = left(lake, standing, filled)
        for rules in limits:
            filled = fill(lake, reached(lake, standing, lake.from_arrow(rules)))
            yield cap_entries(lake, filled, touched)
            standing = left(lake, standing, filled)


def _earned(run: Run, kilograms: Frame, barred: Frame) -> Frame:
    """Points of every activity, rounded down once."""
    return run.lake.keep(
        f"""
        SELECT k.position, p.measure, k.person_id,
            ({COUNTED} * p.above) div p.below AS amount,
            'activity' AS position_kind, k.act_date, k.scenario, k.region, k.institution,
            CASE WHEN p.per = 'gram' THEN k.factor_id ELSE p.rule END AS factor_id,
            CASE WHEN p.per = 'gram' THEN k.match_quality ELSE 'rule' END AS match_quality,
            k.quantity_micro
        FROM kilograms AS k
        JOIN earn AS p ON {MATCHES}
        LEFT ANTI JOIN barred AS b ON {BARRED}
        WHERE k.position_kind = 'activity'
        """,
        kilograms=kilograms,
        earn=run.lake.from_arrow(run.policy.rewards.earn),
        barred=barred,
    )


def _tiers(run: Run, around: Frame, barred: Frame, touched: Touched) -> Frame:
    """One entry per (person, tier, period): what the highest step gives that the period's sum reaches.

    Summed up is what was done, before any cap on kilograms: what a tier may give at most is its last step.
    """
    key = "person_id, measure, rule, region, named, period, valid_from, start"
    return run.lake.keep(
        f"""
        WITH acts AS (
            SELECT k.person_id, p.measure, p.rule, p.region, p.named, p.period, p.valid_from,
                {start_of("p.period", "k.act_date")} AS start,
                {COUNTED} AS counted
            FROM around AS k
            JOIN tiers AS p ON {MATCHES}
            LEFT ANTI JOIN barred AS b ON {BARRED}
            WHERE k.position_kind = 'activity'
        ),
        sums AS (SELECT {key}, CAST(sum(counted) AS bigint) AS total FROM acts GROUP BY {key}),
        ladder AS (
            SELECT rule, reach, points, lead(reach) OVER (PARTITION BY rule ORDER BY reach) AS next
            FROM steps
        ),
        reached AS (
            SELECT s.*, t.points
            FROM sums AS s
            JOIN ladder AS t ON s.rule = t.rule AND s.total >= t.reach AND (t.next IS NULL OR s.total < t.next)
        )
        SELECT {rule_position("tier", "s", "start")} AS position,
            s.measure, s.person_id, s.points AS amount, 'tier' AS position_kind,
            greatest(s.start, s.valid_from) AS act_date,
            s.named AS scenario, s.region, '{SPANNING}' AS institution, s.rule AS factor_id, 'rule' AS match_quality,
            s.total AS quantity_micro
        FROM reached AS s
        LEFT SEMI JOIN periods AS k ON s.person_id = k.person_id AND s.period = k.period AND s.start = k.start
        """,
        around=around,
        tiers=run.lake.from_arrow(run.policy.rewards.tiers),
        steps=run.lake.from_arrow(run.policy.rewards.steps),
        barred=barred,
        periods=touched.periods,
    )


def _barred(run: Run, acts: Frame) -> Frame:
    """(person_id, act_date, measure) of days on which a programme does not reward somebody."""
    lake = run.lake
    if not run.policy.rewards.restrictions.num_rows:
        return lake.sql("SELECT person_id, act_date, measure FROM acts WHERE false", acts=acts)
    days = lake.keep("SELECT DISTINCT person_id, act_date FROM acts", acts=acts)
    theirs = lake.keep("SELECT customer_key, person_id, subject_kind FROM members", members=members_of(run, days))
    return lake.keep(
        """
        WITH subjects AS (SELECT DISTINCT person_id, subject_kind FROM members)
        SELECT DISTINCT d.person_id, d.act_date, r.measure
        FROM days AS d
        LEFT JOIN reporters AS n ON d.person_id = n.person_id AND d.act_date = n.act_date
        LEFT JOIN subjects AS s ON d.person_id = s.person_id
        JOIN restrictions AS r
            ON d.act_date >= r.valid_from AND d.act_date < r.valid_to
            AND (coalesce(n.institutions, 0) < r.least OR s.subject_kind = r.excluded)
        """,
        days=days,
        members=theirs,
        reporters=_reporters(run, days, theirs),
        restrictions=lake.from_arrow(run.policy.rewards.restrictions),
    )


def _reporters(run: Run, days: Frame, theirs: Frame) -> Frame:
    """How many institutions report a person's day: whose consent is in force as it ends.

    Args:
        days: person_id, act_date.
        theirs: customer_key, person_id of these people.

    Returns:
        person_id, act_date, institutions; no row where there is none.
    """
    lake = run.lake
    consents = lake.keep("SELECT * FROM consents", consents=consents_of(run, theirs))
    return lake.sql(
        f"""
        WITH ends AS (SELECT person_id, act_date, {last_second("act_date")} AS ends_unix FROM days),
        customers AS (SELECT DISTINCT customer_key, institution FROM consents)
        SELECT d.person_id, d.act_date, count(DISTINCT c.institution) AS institutions
        FROM ends AS d
        JOIN members AS m ON d.person_id = m.person_id
        JOIN intervals AS i
            ON m.customer_key = i.customer_key AND i.given_from_unix <= d.ends_unix AND i.given_until_unix > d.ends_unix
        JOIN customers AS c ON m.customer_key = c.customer_key
        GROUP BY d.person_id, d.act_date
        """,
        days=days,
        members=theirs,
        intervals=given_intervals(lake, consents, scopes_of(run)),
        consents=consents,
    )


def _redeemed(run: Run, touched: Touched) -> Frame:
    """What people gave points for on the touched days, as it was reported: also what is more than they had."""
    lake, redemptions = run.lake, run.log("silver.redemptions", near=touched.days)
    return lake.keep(
        f"""
        SELECT d.redemption_id AS position, p.measure, m.person_id, 0 - d.points AS amount, p.position_kind, d.act_date,
            '{SPANNING}' AS scenario, p.region, d.institution, p.rule AS factor_id, 'rule' AS match_quality,
            d.points AS quantity_micro
        FROM redemptions AS d
        JOIN members AS m ON d.customer_key = m.customer_key
        JOIN benefits AS p ON d.programme = p.programme AND d.benefit = p.benefit
        LEFT SEMI JOIN days AS k ON m.person_id = k.person_id AND d.act_date = k.act_date
        """,
        redemptions=redemptions.in_force(),
        members=members(run, redemptions.rows),
        benefits=lake.from_arrow(run.policy.rewards.benefits),
        days=touched.days,
    )
