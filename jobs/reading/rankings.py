"""Groups of people beside each other – regions, programmes, teams – from published figures; never people.

A group of few people would tell of them, so it is not shown; nor is one that would tell of few by any sum or difference of
what all rankings of a publication show (`derivable`). How many people a group has is told in fives, and what each of them
reduced by as many, so that it tells nothing more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.errors import NoRanking
from jobs.lake.chain import publication_for, published
from jobs.reading.derivable import By, Kind, Name, holders, kind_of, told
from jobs.reading.points import rewarded
from jobs.reading.teams import teams
from schemas.ledger import FEWEST, IS_POINTS, POINTS, REDUCTION

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from schemas import Registry
    from schemas.programmes import Programme


@dataclass(frozen=True)
class Group:
    """One group.

    Attributes:
        people: rounded to fives.
        points: that its programme gave, under the limits; of regions None: a month's bonus is of no place.
    """

    key: str
    people: int
    reduction_mg: int
    points: int | None

    @property
    def each_mg(self) -> int:
        """Reduction by person, in milligrams, rounded down: by so many people as are told."""
        return self.reduction_mg // self.people


@dataclass(frozen=True)
class Ranking:
    """Groups, the highest reduction by person first. withheld: how many more there are, of too few people or beside such."""

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
    rewards = rewarded(lake, registry, entries)
    people = _everybody(lake, entries) if by == "region" and of is None else _rewarded(lake, rewards, of)
    if by == "team" and of:
        people = _by_team(lake, people, teams(lake, of, seq, business_date))
    else:
        key = f"substring(measure, {len(POINTS) + 1})" if by == "programme" else "region"
        people = lake.sql(f"SELECT {key} AS key, measure, person_id, reduction_mg FROM people", people=people)
    found = _groups(lake, people, None if by == "region" else _points(lake, entries))
    months = _done(lake, registry, entries, rewards, _members(lake, registry, seq, business_date))
    may_be_told = _told_throughout(registry, months)
    shown = [_in_fives(one) for one in found if Name(by, programme, one.key) in may_be_told]
    ordered = sorted(shown, key=lambda one: (-one.each_mg, -one.reduction_mg, one.key))
    return Ranking(by, period, programme, business_date, seq, ordered, len(found) - len(ordered))


def _in_fives(group: Group) -> Group:
    """The group with its people rounded to the nearest five, and never none."""
    return replace(group, people=max(FEWEST, (group.people + FEWEST // 2) // FEWEST * FEWEST))


def _told_throughout(registry: Registry, months: Mapping[str, Mapping[frozenset[Kind], int]]) -> set[Name]:
    """The groups that may be told of in every month in which anybody belongs to them.

    Args:
        months: month → how many people did acts of just these kinds.
    """

    def least(name: Name) -> int | None:
        if name.programme is None:
            return FEWEST
        of = registry.programmes[name.programme].rankings
        return max(FEWEST, of.least) if of and name.by in of.by else None

    held = [{name for kinds in people for kind in kinds for name in holders(kind)} for people in months.values()]
    shown = [told(people, least) for people in months.values()]
    return set().union(*held) - set().union(*(there - may for there, may in zip(held, shown)))


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


def _rewarded(lake: Lake, rewards: Frame, of: Programme | None) -> Frame:
    """measure, person_id, region, reduction_mg of the acts for which programmes gave points."""
    return lake.sql(
        f"""
        SELECT measure, person_id, region, CAST(sum(reduction_mg) AS bigint) AS reduction_mg
        FROM rewards
        WHERE {f"measure = '{of.measure}'" if of else "true"}
        GROUP BY measure, person_id, region
        """,
        rewards=rewards,
    )


def _done(
    lake: Lake, registry: Registry, entries: Frame, rewards: Frame, members: Frame
) -> dict[str, dict[frozenset[Kind], int]]:
    """Month → how many people did acts of just these kinds. members: person_id, teams."""
    measures = {one.measure: one.id for one in registry.programmes.values() if one.kept == "ledger"}
    programmes = ", ".join(f"max(CASE WHEN r.measure = '{name}' THEN '{one}' END)" for name, one in measures.items())
    rows = lake.ask(
        dict,
        f"""
        WITH reduced AS (
            SELECT position, person_id, region, substring(CAST(act_date AS string), 1, 7) AS month
            FROM entries
            WHERE measure = '{REDUCTION}'
            GROUP BY position, person_id, region, act_date
            HAVING sum(amount) <> 0
        ),
        paid AS (
            SELECT d.month, d.position, d.person_id, d.region, concat_ws(',', {programmes}) AS programmes
            FROM reduced AS d
            LEFT JOIN rewards AS r ON d.position = r.position AND d.person_id = r.person_id
            GROUP BY d.month, d.position, d.person_id, d.region
        ),
        kinds AS (
            SELECT DISTINCT p.month, p.person_id, concat_ws('|', p.region, p.programmes, coalesce(m.teams, '')) AS kind
            FROM paid AS p
            LEFT JOIN members AS m ON p.person_id = m.person_id
        ),
        persons AS (
            SELECT month, person_id, array_join(sort_array(collect_list(kind)), ';') AS kinds
            FROM kinds
            GROUP BY month, person_id
        )
        SELECT month, kinds, count(1) AS people
        FROM persons
        GROUP BY month, kinds
        ORDER BY month, kinds
        """,
        entries=entries,
        rewards=rewards,
        members=members,
    )
    found: dict[str, dict[frozenset[Kind], int]] = {}
    for row in rows:
        kinds = frozenset(kind_of(text) for text in row["kinds"].split(";"))
        found.setdefault(row["month"], {})[kinds] = row["people"]
    return found


def _members(lake: Lake, registry: Registry, seq: int, on: date) -> Frame:
    """person_id, teams: of everybody who is in a team of any programme that ranks by team, `programme:team` each."""
    ranked = [one for one in registry.programmes.values() if one.kept == "ledger" and one.rankings and one.teams]
    parts = [
        lake.sql(f"SELECT person_id, '{one.id}' AS programme, team FROM teams", teams=teams(lake, one, seq, on))
        for one in ranked
    ]
    if not parts:
        return lake.from_arrow(pa.table({"person_id": pa.array([], pa.string()), "teams": pa.array([], pa.string())}))
    told_teams = ", ".join(
        f"max(CASE WHEN programme = '{one.id}' THEN concat(programme, ':', team) END)" for one in ranked
    )
    return lake.keep(
        f"SELECT person_id, concat_ws(',', {told_teams}) AS teams FROM members GROUP BY person_id",
        members=lake.union(*parts),
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
        WHERE {IS_POINTS} AND position_kind IN ('activity', 'tier', 'exclusion', 'cap')
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
