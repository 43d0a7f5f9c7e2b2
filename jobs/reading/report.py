"""What one publication says, as sums: read from the logs as they stood when it was made, whenever that is asked.

Only aggregates leave the engine: nothing here grows with people, and no person, customer or claim is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from jobs.accounts.coverage import WHOLE_DELIVERY
from jobs.errors import NotFound
from jobs.lake.frames import newest
from jobs.reading.emissions import Emissions, own_emissions
from jobs.reading.points import Tally, tallies
from schemas.ledger import REDUCTION

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake


DAYS = 31
"""So many act dates stand singly; what is older is one sum."""
FEWEST = 5
"""Fewer people than this are not counted out."""
LAG_DAYS = 31
"""Reports of one act lie less than this apart: no contract books later."""
GONE = "withdrawn"
"""State of a claim that is no longer reported."""


@dataclass(frozen=True)
class Publication:
    """Who is speaking: number, business date, state, and the hashes that chain it."""

    seq: int
    business_date: date
    state: str
    registry_hash: str
    hash: str
    previous_hash: str


@dataclass(frozen=True)
class Amount:
    """Milligrams that stood before, and what this publication posted and took back (negative), with its entries."""

    before: int = 0
    posted: int = 0
    reversed: int = 0
    posted_entries: int = 0
    reversed_entries: int = 0

    @property
    def now(self) -> int:
        return self.before + self.change

    @property
    def change(self) -> int:
        return self.posted + self.reversed

    @property
    def entries(self) -> int:
        return self.posted_entries + self.reversed_entries


@dataclass(frozen=True)
class Kilograms:
    """The ledger's reductions. days: act dates from `DAYS` before the business date on; older: all before them.

    restated: reason → what was posted or taken back for acts of earlier days, or instead of something that stood.
    restated_days: act dates before the business date with any entry of this publication.
    """

    total: Amount
    scenarios: Mapping[str, Amount]
    regions: Mapping[str, Amount]
    days: Mapping[date, Amount]
    older: Amount
    restated: Mapping[str, Amount]
    restated_days: int


@dataclass(frozen=True)
class Statements:
    """Files of a feed's statement that a publication reported in the same words. code: of refused ones."""

    seq: int
    institution: str
    feed: str
    business_date: date
    revision: int
    file_state: str
    is_late: bool
    code: str | None
    files: int
    rows: int


@dataclass(frozen=True)
class Rows:
    """Rows with one disposition. is_new: of files that this publication used first; else rows it changed."""

    institution: str
    feed: str
    disposition: str
    code: str | None
    is_new: bool
    rows: int


@dataclass(frozen=True)
class Claims:
    """Claims that this publication decided. before: their outcome until then, None where they were not in force."""

    institution: str
    before: str | None
    now: str | None
    claims: int


@dataclass(frozen=True)
class Duplicates:
    """Claims of an institution that are now absorbed and were not; leader: whose claim counts instead."""

    institution: str
    leader: str
    claims: int


@dataclass(frozen=True)
class Verdict:
    """A quality rule's result."""

    rule_id: str
    table_name: str
    severity: str
    is_passed: bool
    observed: int
    checked: int


@dataclass(frozen=True)
class Report:
    """One publication.

    Attributes:
        previous: the publication before; None for the first.
        emissions: of people's payments of the last `DAYS` act dates, apart from the kilograms.
        points: of every programme with any entry, since it began.
        accounts: people whose kilograms stand above zero; None for fewer than `FEWEST`, but none.
        accounts_before: as the publication before had it; None where the two together would count out the change.
        accounts_change: their difference; None for fewer than `FEWEST`, but none.
        statements: of the last `DAYS` business dates as known now, and everything that this publication used.
        brought: (institution, feed) that only people bring: nobody owes them.
    """

    publication: Publication
    previous: Publication | None
    kilograms: Kilograms
    emissions: Emissions
    points: list[Tally]
    accounts: int | None
    accounts_before: int | None
    accounts_change: int | None
    statements: list[Statements]
    rows: list[Rows]
    claims: list[Claims]
    duplicates: list[Duplicates]
    verdicts: list[Verdict]
    brought: frozenset[tuple[str, str]]

    def states(self, seq: int) -> dict[tuple[str, date], str]:
        """(institution, business date) → how its statements came, as known in publication `seq`: `states_of`."""
        return states_of((one for one in self.statements if one.seq <= seq), self.brought)


def report(lake: Lake, seq: int) -> Report:
    """What publication `seq` says; the same at any later time.

    Raises:
        NotFound: there is no such publication.
    """
    publication, previous = _publications(lake, seq)
    first = publication.business_date - timedelta(days=DAYS - 1)
    statements = _statements(lake, seq, first)
    before, now = _accounts(lake, seq)
    claims, duplicates = _claims(lake, seq)
    feeds = (
        (source.id, name, feed) for source in lake.registry.sources.values() for name, feed in source.feeds.items()
    )
    told = Report(
        publication=publication,
        previous=previous,
        kilograms=_kilograms(lake, seq, publication.business_date, first),
        emissions=own_emissions(lake, seq, since=first),
        points=tallies(lake, seq),
        accounts=people(now),
        accounts_before=before if people(now - before) is not None else None,
        accounts_change=people(now - before),
        statements=statements,
        rows=_rows(lake, seq),
        claims=claims,
        duplicates=duplicates,
        verdicts=_verdicts(lake, seq),
        brought=frozenset((institution, name) for institution, name, feed in feeds if feed.is_bill),
    )
    lake.forget()
    return told


def states_of(statements: Iterable[Statements], brought: frozenset[tuple[str, str]]) -> dict[tuple[str, date], str]:
    """(institution, business date) → the worst of its feeds: refused, missing, late or on_time.

    A feed of which some revision was used is there: late if every one of them came late. Where one is not, a refusal
    says more than that it is missing.
    """
    feeds: dict[tuple[str, date], dict[str, set[str]]] = {}
    for one in statements:
        if (one.institution, one.feed) not in brought:
            word = one.file_state if one.file_state != "consumed" else "late" if one.is_late else "on_time"
            feeds.setdefault((one.institution, one.business_date), {}).setdefault(one.feed, set()).add(word)
    found = {}
    for key, words in feeds.items():
        whole = words.pop(WHOLE_DELIVERY, set())
        absent = [said for said in words.values() if not said & {"late", "on_time"}]
        if absent or not words:
            found[key] = "refused" if any("refused" in said for said in [whole, *absent]) else "missing"
        else:
            found[key] = "on_time" if all("on_time" in said for said in words.values()) else "late"
    return found


def people(count: int) -> int | None:
    """A number of people as it may be said: None for fewer than `FEWEST`, but none."""
    return None if 0 < abs(count) < FEWEST else count


def _ask(lake: Lake, query: str, **frames: Frame) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lake.to_arrow(lake.sql(query, **frames)).to_pylist()
    return found


def _publications(lake: Lake, seq: int) -> tuple[Publication, Publication | None]:
    found = {
        row["publication_seq"]: Publication(*row.values())
        for row in _ask(
            lake,
            f"""SELECT DISTINCT publication_seq, business_date, publication_state, registry_hash, publication_hash, previous_hash
                FROM record WHERE publication_seq IN ({seq}, {seq - 1})""",
            record=lake.read("gold.publications"),
        )
    }
    if seq not in found:
        raise NotFound(f"there is no publication {seq}; `tanzhang publications` lists them")
    return found[seq], found.get(seq - 1)


def _kilograms(lake: Lake, seq: int, day: date, first: date) -> Kilograms:
    """One pass over the ledger; its sums by every side are taken from the small table that it leaves."""
    cube = lake.keep(
        f"""SELECT scenario, region, act_date, entry_kind, reason, CAST(sum(amount) AS bigint) AS amount, count(1) AS entries
            FROM (SELECT scenario, region, act_date, amount,
                         CASE WHEN publication_seq = {seq} THEN entry_kind ELSE 'before' END AS entry_kind,
                         CASE WHEN publication_seq = {seq} THEN reason ELSE 'before' END AS reason
                  FROM ledger WHERE publication_seq <= {seq} AND measure = '{REDUCTION}') AS entries
            GROUP BY scenario, region, act_date, entry_kind, reason""",
        ledger=lake.read("gold.ledger"),
    )
    earlier = f"act_date < DATE '{day}'"
    sides = {
        "total": ("'total'", "true"),
        "scenario": ("scenario", "true"),
        "region": ("region", "true"),
        "day": ("CAST(act_date AS string)", f"act_date >= DATE '{first}'"),
        "older": ("'older'", f"act_date < DATE '{first}'"),
        # What stood before, in the same sense: nothing, since only this publication's entries have a reason.
        "restated": ("reason", f"entry_kind <> 'before' AND ({earlier} OR reason <> 'new')"),
    }
    sums = ", ".join(
        f"""CAST(coalesce(sum(CASE WHEN entry_kind = '{kind}' THEN {of} END), 0) AS bigint) AS {name}"""
        for name, kind, of in (
            ("stood", "before", "amount"), ("posted", "post", "amount"), ("taken", "reverse", "amount"),
            ("posted_entries", "post", "entries"), ("taken_entries", "reverse", "entries"),
        )
    )  # fmt: skip
    query = " UNION ALL ".join(
        f"""SELECT '{side}' AS side, {name} AS name, {sums},
                   count(DISTINCT CASE WHEN entry_kind <> 'before' AND {earlier} THEN act_date END) AS restated_days
            FROM cube WHERE {which} GROUP BY {name}"""
        for side, (name, which) in sides.items()
    )
    found: dict[str, dict[str, Amount]] = {side: {} for side in sides}
    restated_days = 0
    for row in sorted(_ask(lake, query, cube=cube), key=lambda row: (row["side"], row["name"])):
        side, name, *amounts, days = row.values()
        found[side][name] = Amount(*amounts)
        restated_days = days if side == "total" else restated_days
    return Kilograms(
        total=found["total"].get("total", Amount()),
        scenarios=found["scenario"],
        regions=found["region"],
        days={date.fromisoformat(name): amount for name, amount in found["day"].items()},
        older=found["older"].get("older", Amount()),
        restated=found["restated"],
        restated_days=restated_days,
    )


def _accounts(lake: Lake, seq: int) -> tuple[int, int]:
    """People whose kilograms stand above zero, before and now."""
    row = _ask(
        lake,
        f"""SELECT count(CASE WHEN stood > 0 THEN 1 END) AS before, count(CASE WHEN stands > 0 THEN 1 END) AS now FROM (
              SELECT person_id, sum(CASE WHEN publication_seq < {seq} THEN amount ELSE 0 END) AS stood, sum(amount) AS stands
              FROM ledger WHERE publication_seq <= {seq} AND measure = '{REDUCTION}' GROUP BY person_id) AS people""",
        ledger=lake.read("gold.ledger"),
    )[0]
    return row["before"], row["now"]


def _statements(lake: Lake, seq: int, first: date) -> list[Statements]:
    code = "CASE WHEN file_state = 'refused' THEN code END"
    by = "publication_seq, institution, feed, business_date, revision, file_state, is_late"
    rows = _ask(
        lake,
        f"""SELECT {by}, {code} AS code, count(1) AS files, CAST(sum(row_count) AS bigint) AS row_count FROM coverage
            WHERE publication_seq <= {seq} AND (business_date >= DATE '{first}' OR publication_seq = {seq})
            GROUP BY {by}, {code} ORDER BY business_date, institution, feed, publication_seq, revision, file_state, code""",
        coverage=lake.read("gold.coverage"),
    )
    return [Statements(*row.values()) for row in rows]


def _rows(lake: Lake, seq: int) -> list[Rows]:
    """Every row of the files that this publication used first, and the earlier rows that it changed."""
    coverage = lake.read("gold.coverage")
    files = lake.keep(
        f"""SELECT file_id, max(landing) AS landing FROM coverage
            WHERE publication_seq = {seq} AND file_state = 'consumed' GROUP BY file_id""",
        coverage=coverage,
    )
    # All rows of a file were written with it, but of one that was landed again only those that changed.
    again = lake.has_rows(lake.sql("SELECT 1 AS one FROM files WHERE landing > 0", files=files))
    written = lake.sql(
        f"SELECT * FROM log WHERE publication_seq <= {seq} AND publication_seq >= {0 if again else seq}",
        log=lake.read("silver.rows"),
    )
    code = "CASE WHEN r.disposition IN ('quarantined', 'rejected') THEN r.code END"
    rows = _ask(
        lake,
        f"""SELECT r.institution, r.feed, r.disposition, {code} AS code, f.file_id IS NOT NULL AS is_new, count(1) AS n
            FROM rows AS r LEFT JOIN files AS f ON r.file_id = f.file_id
            WHERE f.file_id IS NOT NULL OR r.publication_seq = {seq}
            GROUP BY r.institution, r.feed, r.disposition, {code}, f.file_id IS NOT NULL
            ORDER BY institution, feed, disposition, code, is_new""",
        rows=newest(lake, written, "file_id", "line"),
        files=files,
    )
    return [Rows(*row.values()) for row in rows]


def _claims(lake: Lake, seq: int) -> tuple[list[Claims], list[Duplicates]]:
    """The claims that this publication decided: counts by outcome before and now; and of the newly absorbed, by whom."""
    log = lake.read("silver.activities")
    dates = _ask(
        lake,
        f"SELECT min(act_date) AS first, max(act_date) AS last FROM log WHERE publication_seq = {seq}",
        log=log,
    )[0]
    if dates["first"] is None:
        return [], []
    lag = timedelta(days=LAG_DAYS)
    near = lake.sql(
        f"""SELECT claim_id, act_date, institution, activity_id, CASE WHEN is_live THEN outcome END AS state, publication_seq
            FROM log WHERE publication_seq <= {seq}
             AND act_date >= DATE '{dates["first"] - lag}' AND act_date <= DATE '{dates["last"] + lag}'""",
        log=log,
    )
    decided = lake.keep(
        f"""SELECT claim_id, institution, activity_id, state AS now, before FROM (
              SELECT *, lag(state) OVER (PARTITION BY claim_id, act_date ORDER BY publication_seq) AS before
              FROM near) AS told
            WHERE publication_seq = {seq}""",
        near=near,
    )
    counts = _ask(
        lake,
        """SELECT institution, before, now, count(1) AS claims FROM decided
           GROUP BY institution, before, now ORDER BY institution, before, now""",
        decided=decided,
    )
    pairs = _ask(
        lake,
        """SELECT d.institution, l.institution AS leader, count(1) AS claims
           FROM decided AS d JOIN (SELECT DISTINCT claim_id, institution FROM near) AS l ON d.activity_id = l.claim_id
           WHERE d.now = 'absorbed' AND coalesce(d.before, '') <> 'absorbed'
           GROUP BY d.institution, l.institution ORDER BY claims DESC, d.institution, leader""",
        decided=decided,
        near=near,
    )
    return [Claims(*row.values()) for row in counts], [Duplicates(*row.values()) for row in pairs]


def _verdicts(lake: Lake, seq: int) -> list[Verdict]:
    rows = _ask(
        lake,
        f"""SELECT rule_id, table_name, severity, is_passed, observed, checked FROM quality
            WHERE publication_seq = {seq} ORDER BY is_passed, severity, table_name, rule_id, observed DESC, checked""",
        quality=lake.read("gold.quality"),
    )
    return [Verdict(*row.values()) for row in rows]
