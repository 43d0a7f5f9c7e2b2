"""Groups of people beside each other – regions, programmes, teams – from published figures; never people.

A group of few people would tell of them, so it is not shown; nor is another one whose absence would let the few be found
by taking the shown ones from a known whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from jobs.consents import given_intervals
from jobs.entries import REDUCTION
from jobs.frames import in_force, newest
from jobs.statement import publication_for
from schemas.days import last_second
from schemas.programmes import POINTS, Programme

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from schemas import Registry

By = Literal["region", "programme", "team"]
FEWEST = 5
"""Groups of fewer people are not shown, whatever is asked."""


class NoRanking(ValueError):
    """What is asked for is not ranked; the text says why."""


@dataclass(frozen=True)
class Group:
    """One group. points: that its programme gave, under the limits; None where no programme is asked."""

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
        programme: count only acts that it rewards; for teams, whose they are.

    Raises:
        NoRanking: there is no such period or programme, or the programme does not rank so.
        NotFound: the date was not published.
    """
    if not re.fullmatch(r"20[0-9]{2}(-(0[1-9]|1[0-2]))?", period):
        raise NoRanking(f"{period} is no month or year; write 2026-11 or 2026")
    of = _programme(registry, by, programme)
    seq = publication_for(lake, business_date)
    entries = lake.keep(
        f"""SELECT position, measure, person_id, position_kind, amount, region, scenario FROM {{ledger}}
            WHERE publication_seq <= {seq} AND substring(act_month, 1, {len(period)}) = '{period}'""",
        ledger=lake.read("gold.ledger"),
    )
    rows = _by_programme(lake, entries) if by == "programme" else _by_place(lake, entries, of, by, seq, business_date)
    found = [Group(row["key"], row["people"], row["reduction_mg"], row["points"]) for row in rows]
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


def _by_programme(lake: Lake, entries: Frame) -> list[dict[str, Any]]:
    """People and reduction of the acts for which a programme gave points, and these points."""
    query = f"""
        WITH points AS (SELECT * FROM {{entries}} WHERE substring(measure, 1, {len(POINTS)}) = '{POINTS}'
                         AND position_kind IN ('activity', 'tier', 'cap')),
             reduced AS (SELECT position, CAST(sum(amount) AS bigint) AS milligrams FROM {{entries}}
                         WHERE measure = '{REDUCTION}' GROUP BY position),
             standing AS (SELECT measure, position, person_id, CAST(sum(amount) AS bigint) AS points FROM points
                          GROUP BY measure, position, person_id HAVING sum(amount) <> 0)
        SELECT substring(s.measure, {len(POINTS) + 1}) AS key, count(DISTINCT s.person_id) AS people,
               CAST(coalesce(sum(r.milligrams), 0) AS bigint) AS reduction_mg, CAST(sum(s.points) AS bigint) AS points
        FROM standing AS s LEFT JOIN reduced AS r ON s.position = r.position
        GROUP BY s.measure ORDER BY key"""
    rows: list[dict[str, Any]] = lake.to_arrow(lake.sql(query, entries=entries)).to_pylist()
    return rows


def _by_place(lake: Lake, entries: Frame, of: Programme | None, by: By, seq: int, on: date) -> list[dict[str, Any]]:
    """People and reduction by region or team; with a programme, of the acts that it rewards and with its points."""
    rewarded, points = "true", "CAST(NULL AS bigint)"
    if of:
        names = ", ".join(f"'{name}'" for name in of.rewarded)
        rewarded = f"scenario IN ({names}) AND substring(region, 1, {len(of.prefix)}) = '{of.prefix}'"
        points = f"CAST(sum(CASE WHEN measure = '{of.measure}' THEN amount ELSE 0 END) AS bigint)"
    measures = f"measure = '{REDUCTION}'" + (f" OR measure = '{of.measure}'" if of else "")
    sums = lake.sql(
        f"""SELECT region, person_id,
                   CAST(sum(CASE WHEN measure = '{REDUCTION}' THEN amount ELSE 0 END) AS bigint) AS reduction_mg,
                   {points} AS points
            FROM {{entries}} WHERE ({measures}) AND ({rewarded}) AND position_kind IN ('activity', 'cap')
            GROUP BY region, person_id HAVING sum(CASE WHEN measure = '{REDUCTION}' THEN amount ELSE 0 END) <> 0""",
        entries=entries,
    )
    if by == "team":
        assert of is not None
        grouped = lake.sql(
            "SELECT t.team AS key, s.person_id, s.reduction_mg, s.points FROM {sums} AS s JOIN {teams} AS t ON s.person_id = t.person_id",
            sums=sums,
            teams=_teams(lake, of, seq, on),
        )
    else:
        grouped = lake.sql("SELECT region AS key, person_id, reduction_mg, points FROM {sums}", sums=sums)
    rows: list[dict[str, Any]] = lake.to_arrow(
        lake.sql(
            """SELECT key, count(DISTINCT person_id) AS people, CAST(sum(reduction_mg) AS bigint) AS reduction_mg,
                      CAST(sum(points) AS bigint) AS points
               FROM {grouped} GROUP BY key ORDER BY key""",
            grouped=grouped,
        )
    ).to_pylist()
    return rows


def _teams(lake: Lake, of: Programme, seq: int, on: date) -> Frame:
    """person_id, team: by the consents in force as the date ends; the first team that takes a person."""
    assert of.teams is not None
    places = [
        {"institution": institution, "team": team.id, "place": place}
        for place, team in enumerate(of.teams.teams)
        for institution in team.institutions
    ]
    ends = last_second(f"DATE '{on}'")
    schema = pa.schema([("institution", pa.string()), ("team", pa.string()), ("place", pa.int64())])

    def until(table: str) -> Frame:
        return lake.sql(f"SELECT * FROM {{log}} WHERE publication_seq <= {seq}", log=lake.read(table))

    log = lake.sql("SELECT * FROM {log} WHERE event_kind = 'consent'", log=until("silver.customer_events"))
    consents = lake.keep("SELECT * FROM {held}", held=in_force(lake, log, "event_key"))
    scopes = lake.sql(
        "SELECT DISTINCT scope FROM {consents} WHERE scope <> 'all' UNION SELECT 'any'", consents=consents
    )
    return lake.keep(
        f"""SELECT person_id, team FROM (
              SELECT m.person_id, t.team, row_number() OVER (PARTITION BY m.person_id ORDER BY t.place) AS nth
              FROM {{members}} AS m
              JOIN (SELECT DISTINCT customer_key, institution FROM {{consents}}) AS c ON m.customer_key = c.customer_key
              JOIN {{intervals}} AS i ON m.customer_key = i.customer_key
               AND i.given_from_unix <= {ends} AND i.given_until_unix > {ends}
              JOIN {{places}} AS t ON c.institution = t.institution) AS placed
            WHERE nth = 1""",
        members=newest(lake, until("silver.membership"), "customer_key"),
        consents=consents,
        intervals=given_intervals(lake, consents, scopes),
        places=lake.from_arrow(pa.Table.from_pylist(places, schema=schema)),
    )
