"""Who belongs to which team of a programme: by the consents that people have given."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.claims.consents import given_intervals
from jobs.lake.chain import published
from jobs.reading.members import members
from schemas.days import last_second

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from schemas.programmes import Programme


def teams(lake: Lake, programme: Programme, seq: int, on: date) -> Frame:
    """person_id, team: by the consents in force as the date ends; the first team that takes a person.

    Args:
        programme: one that has teams.
        seq: the publication that tells of members and consents.
    """
    consents = published(lake, "silver.customer_events", seq).where("event_kind = 'consent'").in_force()
    consents = lake.keep("SELECT * FROM held", held=consents)
    scopes = lake.sql("SELECT DISTINCT scope FROM consents WHERE scope <> 'all' UNION SELECT 'any'", consents=consents)
    ends = last_second(f"DATE '{on}'")
    return lake.keep(
        f"""
        WITH customers AS (SELECT DISTINCT customer_key, institution FROM consents),
        takers AS (
            SELECT m.person_id, t.team, row_number() OVER (PARTITION BY m.person_id ORDER BY t.rank) AS choice
            FROM members AS m
            JOIN customers AS c ON m.customer_key = c.customer_key
            JOIN intervals AS i
                ON m.customer_key = i.customer_key AND i.given_from_unix <= {ends} AND i.given_until_unix > {ends}
            JOIN teams AS t ON c.institution = t.institution
        )
        SELECT person_id, team FROM takers WHERE choice = 1
        """,
        members=members(lake, seq),
        consents=consents,
        intervals=given_intervals(lake, consents, scopes),
        teams=_declared(lake, programme),
    )


def _declared(lake: Lake, programme: Programme) -> Frame:
    """institution, team, rank: the teams in the programme's order."""
    assert programme.teams is not None
    rows = [
        {"institution": institution, "team": team.id, "rank": rank}
        for rank, team in enumerate(programme.teams.teams)
        for institution in team.institutions
    ]
    schema = pa.schema([("institution", pa.string()), ("team", pa.string()), ("rank", pa.int64())])
    return lake.from_arrow(pa.Table.from_pylist(rows, schema=schema))
