"""Points as they stand: programme by programme, what was earned, what became of it, and what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from jobs.lake.chain import published
from jobs.lake.frames import listed
from jobs.policy.periods import start_of
from jobs.policy.programmes import Rewards, ends_of
from schemas.ledger import GIVEN_UP, IS_POINTS, POINTS, REDUCTION

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from schemas import Registry
    from schemas.programmes import Programme


KINDS = {
    "activity": "earned",
    "tier": "bonus",
    "exclusion": "excluded",
    "cap": "capped",
    "expiry": "expired",
    "redemption": "redeemed",
    "donation": "donated",
}
"""Kind of position → the sum that its points are part of."""

_IS_GONE = f"position_kind IN {GIVEN_UP} OR position_kind = 'expiry'"


@dataclass(frozen=True)
class Tally:
    """One programme's points.

    Attributes:
        earned, bonus: for acts, and by tiers.
        excluded, capped, expired, redeemed, donated: what was taken or given up, none above zero.
        rewarded_mg: the reduction of the acts for which it gave points, in milligrams, less what exclusions and caps took.
        people: who have any entry that stands; overdrawn: those of them whose balance is below zero.
        owed: the sum of the balances below zero.
    """

    programme: str
    earned: int
    bonus: int
    excluded: int
    capped: int
    expired: int
    redeemed: int
    donated: int
    rewarded_mg: int
    people: int
    overdrawn: int
    owed: int

    @property
    def balance(self) -> int:
        """What is left."""
        return self.given + self.expired + self.redeemed + self.donated

    @property
    def given(self) -> int:
        """What was given, under the limits."""
        return self.earned + self.bonus + self.excluded + self.capped

    @property
    def per_kilogram(self) -> Fraction | None:
        """Points that were given for a kilogram of the acts that it rewards; None where these reduced nothing."""
        return Fraction(self.given * 10**6, self.rewarded_mg) if self.rewarded_mg > 0 else None


def tallies(lake: Lake, seq: int | None = None, *, person: str | None = None) -> list[Tally]:
    """The points of every programme that has any entry, in the order of their ids.

    Args:
        seq: as of this publication; otherwise as of now.
        person: of this person; otherwise of everybody.
    """
    sums = ", ".join(
        f"CAST(sum(CASE WHEN position_kind = '{kind}' THEN amount ELSE 0 END) AS bigint) AS {name}"
        for kind, name in KINDS.items()
    )
    totals = ", ".join(f"CAST(sum({name}) AS bigint) AS {name}" for name in KINDS.values())
    stands = " OR ".join(f"{name} <> 0" for name in KINDS.values())
    ledger = published(lake, "gold.ledger", seq)
    entries = ledger.rows if person is None else ledger.where(f"person_id = '{person}'").rows
    return lake.ask(
        Tally,
        f"""
        WITH held AS (
            SELECT measure, person_id, {sums}, sum(amount) AS balance
            FROM entries
            WHERE {IS_POINTS}
            GROUP BY measure, person_id
        ),
        acts AS (
            SELECT measure, CAST(sum(reduction_mg) AS bigint) AS rewarded_mg
            FROM rewarded
            GROUP BY measure
        ),
        total AS (
            SELECT measure, {totals},
                CAST(sum(CASE WHEN {stands} THEN 1 ELSE 0 END) AS bigint) AS people,
                CAST(sum(CASE WHEN balance < 0 THEN 1 ELSE 0 END) AS bigint) AS overdrawn,
                CAST(sum(least(balance, 0)) AS bigint) AS owed
            FROM held
            GROUP BY measure
        )
        SELECT substring(t.measure, {len(POINTS) + 1}) AS programme,
            {listed([*KINDS.values()], "t.")},
            coalesce(a.rewarded_mg, 0) AS rewarded_mg,
            t.people, t.overdrawn, t.owed
        FROM total AS t
        LEFT JOIN acts AS a ON t.measure = a.measure
        ORDER BY programme
        """,
        entries=entries,
        rewarded=rewarded(lake, lake.registry, entries),
    )


@dataclass(frozen=True)
class Due:
    """Points that expire next, unless they are used before."""

    programme: str
    on: date
    points: int


def next_due(lake: Lake, programmes: Iterable[Programme], person: str, seq: int, on: date) -> list[Due]:
    """What of a person's points expires next in every programme, by what is known in a publication.

    The oldest are used first: of the points that expire by a date, those that were given up or have expired are gone.
    """
    rows = lake.ask(
        dict,
        f"""
        SELECT measure, act_date,
            CAST(sum(CASE WHEN {_IS_GONE} THEN 0 ELSE amount END) AS bigint) AS came,
            CAST(sum(CASE WHEN position_kind IN {GIVEN_UP} THEN 0 - amount ELSE 0 END) AS bigint) AS given_up,
            CAST(sum(CASE WHEN position_kind = 'expiry' THEN 0 - amount ELSE 0 END) AS bigint) AS expired
        FROM points
        GROUP BY measure, act_date
        ORDER BY measure, act_date
        """,
        points=published(lake, "gold.ledger", seq).where(f"person_id = '{person}' AND {IS_POINTS}").rows,
    )
    found = []
    for programme in programmes:
        mine = [row for row in rows if row["measure"] == programme.measure]
        if due := _due(programme, mine, on):
            found.append(due)
    return found


def _due(programme: Programme, rows: Sequence[Mapping[str, Any]], on: date) -> Due | None:
    """What expires next after a date. rows: act_date, points that came, were given up, expired; the oldest first."""
    gone = sum(row["expired"] for row in rows)
    used = sum(row["given_up"] for row in rows)
    ends = Counter[date]()
    for row in rows:
        if end := ends_of(programme, row["act_date"]):
            ends[end] += row["came"]
        elif not ends:  # What is older than the rule never expires, and is used first.
            used -= row["came"]
    came = 0
    for at in sorted(ends):
        came += ends[at]
        left = came - max(used, 0) - gone
        if at > on and left > 0:
            return Due(programme.id, at, left)
    return None


def rewarded(lake: Lake, registry: Registry, entries: Frame) -> Frame:
    """Reductions of the acts at whose position points stand, and what exclusions and caps take in periods of such an act.

    What these take counts whole, whoever pays for the acts that it limits: towards less. An act that earns by a tier alone has no
    points of its own and is not among them.

    Args:
        entries: ledger rows of whole positions.

    Returns:
        measure (of the points), position, person_id, region, reduction_mg; one row per measure and position.
    """
    acts = _rewarded_acts(lake, entries)
    return lake.keep(
        f"""
        WITH takes AS (
            SELECT c.position, c.person_id, c.scenario, c.region, c.act_date, r.period,
                CAST(sum(c.amount) AS bigint) AS reduction_mg
            FROM entries AS c
            JOIN ruled AS r ON c.factor_id = r.rule
            WHERE c.measure = '{REDUCTION}' AND c.position_kind IN ('exclusion', 'cap')
            GROUP BY c.position, c.person_id, c.scenario, c.region, c.act_date, r.period
        ),
        limited AS (
            SELECT DISTINCT a.measure, c.position, c.person_id, c.region, c.reduction_mg
            FROM takes AS c
            JOIN acts AS a
                ON c.person_id = a.person_id AND c.scenario = a.scenario
                AND {start_of("c.period", "c.act_date")} = {start_of("c.period", "a.act_date")}
        )
        SELECT measure, position, person_id, region, reduction_mg FROM acts
        UNION ALL
        SELECT measure, position, person_id, region, reduction_mg
        FROM limited
        WHERE reduction_mg <> 0
        """,
        entries=entries,
        acts=acts,
        ruled=lake.from_arrow(Rewards(registry).ruled),
    )


def _rewarded_acts(lake: Lake, entries: Frame) -> Frame:
    """Measure (of the points), position, person_id, scenario, region, act_date, reduction_mg; one row per act."""
    return lake.keep(
        f"""
        WITH paid AS (
            SELECT measure, position, person_id
            FROM entries
            WHERE {IS_POINTS} AND position_kind = 'activity'
            GROUP BY measure, position, person_id
            HAVING sum(amount) <> 0
        ),
        reduced AS (
            SELECT position, person_id, scenario, region, act_date, CAST(sum(amount) AS bigint) AS reduction_mg
            FROM entries
            WHERE measure = '{REDUCTION}' AND position_kind = 'activity'
            GROUP BY position, person_id, scenario, region, act_date
        )
        SELECT p.measure, r.position, r.person_id, r.scenario, r.region, r.act_date, r.reduction_mg
        FROM paid AS p
        JOIN reduced AS r ON p.position = r.position AND p.person_id = r.person_id
        """,
        entries=entries,
    )
