"""One-to-one assignment on islands: the most pairs, then the least total distance, ties by time and id.

Most pairs stand alone: neither end has another. The rest falls into islands, the connected parts, and on each the best
assignment is found exactly, all islands at once: claims are taken in order of time, and of all ways to come to the same
set of groups that are taken and may still be wanted the best is kept. Only groups that a later claim can still want tell
ways apart, so that a week of equal commutes, each of which could be the next day's, costs no more than two days of them.

An island beyond MOST_CLAIMS, MOST_OPEN or its round's span – thousands of equal payments an hour apart would be one – is
assigned nearest first instead, which reaches no further than its own pairs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake

MOST_CLAIMS = 24
"""Claims, and groups, of an island."""
MOST_OPEN = 8
"""Groups among which a claim of an island may choose, and those that earlier ones left for later ones, at any time."""

NOBODY = "~~"
"""In a way: the claim takes no group. After every number, so that of equal ways the one is taken that pairs first."""


class _Longest(NamedTuple):
    claims: int | None


def one_to_one(lake: Lake, pairs: Frame, most_span: int) -> Frame:
    """The assignment that has most pairs, and of these the least total distance.

    Args:
        pairs: claim_id, group_id, distance, and claim_at, group_at: the ends' place in time, in the unit of `most_span`.
        most_span: how long an island may last.

    Returns:
        claim_id, group_id; every claim and every group at most once.
    """
    counted = lake.keep(
        """
        SELECT *, count(*) OVER (PARTITION BY claim_id) AS of_claim, count(*) OVER (PARTITION BY group_id) AS of_group
        FROM pairs
        """,
        pairs=pairs,
    )
    sole = lake.sql("SELECT claim_id, group_id FROM counted WHERE of_claim = 1 AND of_group = 1", counted=counted)
    contested = lake.sql(
        """
        SELECT claim_id, group_id, distance, claim_at, group_at
        FROM counted
        WHERE of_claim > 1 OR of_group > 1
        """,
        counted=counted,
    )
    if not lake.has_rows(contested):
        return sole
    numbered = _numbered(lake, _islands(lake, contested))
    steps = _steps(lake, numbered)
    measured = _measured(lake, numbered, steps)
    within = f"claims <= {MOST_CLAIMS} AND groups <= {MOST_CLAIMS} AND width <= {MOST_OPEN} AND span <= {most_span}"
    small = lake.keep(f"SELECT island, claims FROM measured WHERE {within}", measured=measured)
    large = lake.keep(
        "SELECT n.* FROM numbered AS n LEFT ANTI JOIN small AS s ON n.island = s.island", numbered=numbered, small=small
    )
    best = _best(lake, small, numbered, steps)
    return lake.union(sole, best, _nearest_first(lake, large))


def _nearest_first(lake: Lake, pairs: Frame) -> Frame:
    """The greedy assignment by (distance, group, claim): claim_id, group_id.

    In every round the pairs that are the best of both their ends are taken; the best pair of all is always among
    them, so the rounds end.
    """
    taken = lake.sql("SELECT claim_id, group_id FROM pairs WHERE false", pairs=pairs)
    while lake.has_rows(pairs):
        best = lake.keep(
            """
            WITH ranked AS (
                SELECT claim_id, group_id,
                    row_number() OVER (PARTITION BY claim_id ORDER BY distance, group_id) AS for_claim,
                    row_number() OVER (PARTITION BY group_id ORDER BY distance, claim_id) AS for_group
                FROM pairs
            )
            SELECT claim_id, group_id FROM ranked WHERE for_claim = 1 AND for_group = 1
            """,
            pairs=pairs,
        )
        taken = lake.union(taken, best)
        pairs = lake.keep(
            """
            SELECT p.*
            FROM pairs AS p
            LEFT ANTI JOIN best AS c ON p.claim_id = c.claim_id
            LEFT ANTI JOIN best AS g ON p.group_id = g.group_id
            """,
            pairs=pairs,
            best=best,
        )
    return taken


def _islands(lake: Lake, pairs: Frame) -> Frame:
    """The pairs with `island`: the smallest claim that is connected to them, found from neighbour to neighbour."""
    islands = lake.keep("SELECT *, claim_id AS island FROM pairs", pairs=pairs)
    while True:
        wider = lake.keep(
            """
            WITH of_claims AS (SELECT *, min(island) OVER (PARTITION BY claim_id) AS nearer FROM islands)
            SELECT claim_id, group_id, distance, claim_at, group_at, island AS former,
                min(nearer) OVER (PARTITION BY group_id) AS island
            FROM of_claims
            """,
            islands=islands,
        )
        islands = lake.sql("SELECT claim_id, group_id, distance, claim_at, group_at, island FROM wider", wider=wider)
        if not lake.has_rows(lake.sql("SELECT 1 AS one FROM wider WHERE island <> former", wider=wider)):
            return islands


def _numbered(lake: Lake, islands: Frame) -> Frame:
    """The pairs with `step`, the claim's place in its island, and of the group: `bit`, `code`, `first`, `last`.

    first, last: the steps at which some claim may take the group.
    """
    return lake.keep(
        """
        WITH placed AS (
            SELECT *,
                dense_rank() OVER (PARTITION BY island ORDER BY claim_at, claim_id) AS step,
                dense_rank() OVER (PARTITION BY island ORDER BY group_at, group_id) AS place
            FROM islands
        )
        SELECT *,
            CASE WHEN place <= 62 THEN CAST(pow(2, place - 1) AS bigint) ELSE 0 END AS bit,
            lpad(CAST(place AS string), 2, '0') AS code,
            min(step) OVER (PARTITION BY island, group_id) AS first,
            max(step) OVER (PARTITION BY island, group_id) AS last
        FROM placed
        """,
        islands=islands,
    )


def _steps(lake: Lake, numbered: Frame) -> Frame:
    """island, step, width (groups that matter there) and open_bits: those that a later claim may still take."""
    return lake.keep(
        """
        WITH steps AS (SELECT DISTINCT island, step FROM numbered),
        spans AS (SELECT DISTINCT island, bit, place, first, last FROM numbered)
        SELECT s.island, s.step, count(*) AS width,
            CAST(sum(CASE WHEN g.last > s.step THEN g.bit ELSE 0 END) AS bigint) AS open_bits
        FROM steps AS s
        JOIN spans AS g ON s.island = g.island AND g.first <= s.step AND g.last >= s.step
        GROUP BY s.island, s.step
        """,
        numbered=numbered,
    )


def _measured(lake: Lake, numbered: Frame, steps: Frame) -> Frame:
    """island, claims, groups, width and span."""
    return lake.sql(
        """
        WITH sizes AS (
            SELECT island, max(step) AS claims, max(place) AS groups,
                greatest(max(claim_at), max(group_at)) - least(min(claim_at), min(group_at)) AS span
            FROM numbered
            GROUP BY island
        ),
        widths AS (SELECT island, max(width) AS width FROM steps GROUP BY island)
        SELECT s.island, s.claims, s.groups, s.span, w.width
        FROM sizes AS s
        JOIN widths AS w ON s.island = w.island
        """,
        numbered=numbered,
        steps=steps,
    )


def _best(lake: Lake, islands: Frame, numbered: Frame, steps: Frame) -> Frame:
    """claim_id, group_id of the best assignment of every island.

    A way is what the claims so far have taken: `way` their groups' codes one after another, `taken` the bits of those
    that are still wanted.

    Args:
        islands: island, claims.
    """
    [longest] = lake.ask(_Longest, "SELECT max(claims) AS claims FROM islands", islands=islands)
    ways = lake.keep(
        """
        SELECT island, claims, CAST(0 AS bigint) AS taken, 0 AS pairs, CAST(0 AS bigint) AS distance, '' AS way
        FROM islands
        """,
        islands=islands,
    )
    done = [lake.sql("SELECT island, way FROM ways WHERE false", ways=ways)]
    for step in range(1, (longest.claims or 0) + 1):
        ways = _further(lake, ways, numbered, steps, step)
        done.append(lake.sql(f"SELECT island, way FROM ways WHERE claims = {step}", ways=ways))
    return lake.keep(
        """
        SELECT n.claim_id, n.group_id
        FROM numbered AS n
        JOIN best AS b ON n.island = b.island AND substring(b.way, 2 * n.step - 1, 2) = n.code
        """,
        numbered=numbered,
        best=lake.union(*done),
    )


def _further(lake: Lake, ways: Frame, numbered: Frame, steps: Frame, step: int) -> Frame:
    """The best ways to every state after one more claim."""
    return lake.keep(
        f"""
        WITH here AS (
            SELECT w.*, s.open_bits
            FROM ways AS w
            JOIN steps AS s ON w.island = s.island
            WHERE s.step = {step}
        ),
        gone AS (
            SELECT island, claims, taken & open_bits AS taken, pairs, distance, concat(way, '{NOBODY}') AS way
            FROM here
            UNION ALL
            SELECT h.island, h.claims,
                (h.taken | n.bit) & h.open_bits AS taken,
                h.pairs + 1 AS pairs, h.distance + n.distance AS distance, concat(h.way, n.code) AS way
            FROM here AS h
            JOIN numbered AS n ON h.island = n.island AND h.taken & n.bit = 0
            WHERE n.step = {step}
        ),
        ranked AS (
            SELECT *, row_number() OVER (PARTITION BY island, taken ORDER BY pairs DESC, distance, way) AS rank
            FROM gone
        )
        SELECT island, claims, taken, pairs, distance, way FROM ranked WHERE rank = 1
        """,
        ways=ways,
        numbered=numbered,
        steps=steps,
    )
