"""Groups of people beside each other – regions, programmes, teams – from published figures; never people.

A group of few people would tell of them, so it is not shown; nor is another one whose absence would let the few be found
by taking the shown ones from a known whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

from jobs.errors import NoRanking
from jobs.lake.chain import publication_for, published
from jobs.reading.points import rewarded
from jobs.reading.teams import teams
from schemas.ledger import FEWEST, IS_POINTS, POINTS, REDUCTION

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from schemas import Registry
    from schemas.programmes import Programme


By = Literal["region", "programme", "team"]


@dataclass(frozen=True)
class Group:
    """One group. points: that its programme gave, under the limits; of regions None: a month's bonus is of no place."""

    key: str
    people: int
    reduction_mg: int
    points: int | None

    @property
    def each_mg(self) -> int:
        """Reduction by person, in milligrams, rounded down."""
        return self.reduction_mg // self.people


@dataclass(frozen=True)
class Ranking:
    """Groups, the highest reduction by person first. withheld: how many more there are, of too few people."""

    by: By
    period: str
    programme: str | None
    business_date: date
    publication_seq: int
    groups: list[Group]
    withheld: int


def rank(
    lake: Lake, registry: Registry, business_date: date, by: By, period: str, programme: str | None = None
) -> Ranking:
    """What the groups reduced in a month (`2026-11`) or a year (`2026`), as published for a date.

    Args:
        programme: count only acts that it gave points for; for teams, whose they are.

    Raises:
        NoRanking: there is no such period or programme, or the programme does not rank so.
        NotFound: the date was not published.
    """
    if not re.fullmatch(r"20[0-9]{2}(-(0[1-9]|1[0-2]))?", period):
        raise NoRanking(f"{period} is no month or year; write 2026-11 or 2026")
    of = _programme(registry, by, programme)
    seq = publication_for(lake, business_date)
    entries = lake.keep(
        f"""
        SELECT position, measure, person_id, position_kind, amount, region, scenario, act_date, factor_id
        FROM ledger
        WHERE substring(act_month, 1, {len(period)}) = '{period}'
        """,
        ledger=published(lake, "gold.ledger", seq).rows,
    )
    people = _everybody(lake, entries) if by == "region" and of is None else _rewarded(lake, registry, entries, of)
    if by == "team" and of:
        people = _by_team(lake, people, teams(lake, of, seq, business_date))
    else:
        key = f"substring(measure, {len(POINTS) + 1})" if by == "programme" else "region"
        people = lake.sql(f"SELECT {key} AS key, measure, person_id, reduction_mg FROM people", people=people)
    found = _groups(lake, people, None if by == "region" else _points(lake, entries))
    least = max(FEWEST, of.rankings.least if of and of.rankings else FEWEST)
    shown = withhold(found, least)
    return Ranking(by, period, programme, business_date, seq, shown, len(found) - len(shown))


def withhold(groups: list[Group], least: int) -> list[Group]:
    """The groups that may be shown, in their order: those left out have together no fewer than `least` people.

    Otherwise whoever knows how many there are in all, or what they reduced, would learn of the few by difference.
    """
    by_size = sorted(groups, key=lambda one: (one.people, one.key))
    hidden = [one for one in by_size if one.people < least]
    shown = by_size[len(hidden) :]
    if hidden and shown and sum(one.people for one in hidden) < least:
        shown = shown[1:]
    return sorted(shown, key=lambda one: (-one.each_mg, -one.reduction_mg, one.key))


def _programme(registry: Registry, by: By, name: str | None) -> Programme | None:
    if name is None:
        if by == "team":
            raise NoRanking("teams are a programme's: say which")
        return None
    if by == "programme":
        raise NoRanking("programmes are ranked with each other: say none")
    found = registry.programmes.get(name)
    if found is None:
        raise NoRanking(f"{name} is no programme; there are {', '.join(registry.programmes)}")
    if found.kept != "ledger":
        raise NoRanking(f"{name} is only compared: nobody's acts are counted by it")
    if found.rankings is None or by not in found.rankings.by:
        raise NoRanking(f"{name} does not rank by {by}")
    return found


def _everybody(lake: Lake, entries: Frame) -> Frame:
    """Measure (none), person_id, region, reduction_mg: whatever was reduced, whoever gives points for it."""
    return lake.sql(
        f"""
        SELECT '' AS measure, person_id, region, CAST(sum(amount) AS bigint) AS reduction_mg
        FROM entries
        WHERE measure = '{REDUCTION}'
        GROUP BY person_id, region
        HAVING sum(amount) <> 0
        """,
        entries=entries,
    )


def _rewarded(lake: Lake, registry: Registry, entries: Frame, of: Programme | None) -> Frame:
    """measure, person_id, region, reduction_mg of the acts for which programmes gave points."""
    return lake.sql(
        f"""
        SELECT measure, person_id, region, CAST(sum(reduction_mg) AS bigint) AS reduction_mg
        FROM rewarded
        WHERE {f"measure = '{of.measure}'" if of else "true"}
        GROUP BY measure, person_id, region
        """,
        rewarded=rewarded(lake, registry, entries),
    )


def _by_team(lake: Lake, people: Frame, teams: Frame) -> Frame:
    """Key (the team), measure, person_id, reduction_mg."""
    return lake.sql(
        """
        SELECT t.team AS key, p.measure, p.person_id, p.reduction_mg
        FROM people AS p
        JOIN teams AS t ON p.person_id = t.person_id
        """,
        people=people,
        teams=teams,
    )


def _points(lake: Lake, entries: Frame) -> Frame:
    """measure, person_id, points: what programmes gave, under their limits, wherever and for whatever."""
    return lake.sql(
        f"""
        SELECT measure, person_id, CAST(sum(amount) AS bigint) AS points
        FROM entries
        WHERE {IS_POINTS} AND position_kind IN ('activity', 'tier', 'cap')
        GROUP BY measure, person_id
        """,
        entries=entries,
    )


def _groups(lake: Lake, people: Frame, points: Frame | None) -> list[Group]:
    """The groups. people: key, measure, person_id, reduction_mg; points: measure, person_id, points."""
    if points is None:
        points = lake.sql("SELECT measure, person_id, 0 AS points FROM people WHERE false", people=people)
    return lake.ask(
        Group,
        """
        WITH by_person AS (
            SELECT key, measure, person_id, sum(reduction_mg) AS reduction_mg
            FROM people
            GROUP BY key, measure, person_id
        )
        SELECT b.key, count(1) AS people,
            CAST(sum(b.reduction_mg) AS bigint) AS reduction_mg,
            CAST(sum(p.points) AS bigint) AS points
        FROM by_person AS b
        LEFT JOIN points AS p ON b.person_id = p.person_id AND b.measure = p.measure
        GROUP BY b.key
        ORDER BY b.key
        """,
        people=people,
        points=points,
    )
