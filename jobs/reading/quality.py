"""Every quality rule with what it asks, and what became of it in the last publications and in blocked ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from jobs.errors import NotFound
from jobs.lake.chain import QUALITY, last_publication, published
from jobs.runs.notes import load_blocked
from schemas.quality import Bound, Invariant, Severity
from schemas.sources.statements import MEASURES, StatementRule
from schemas.tables import SEQ, Rule

if TYPE_CHECKING:
    from jobs.lake import Lake
    from schemas import Registry


Kind = Literal["invariant", "table", "statement"]

RESULTS = 30
"""So many of a rule's results are looked up."""


@dataclass(frozen=True)
class Place:
    """A table, or a feed as `institution.feed`, that a rule holds for, and what it is held against there."""

    name: str
    severity: Severity
    bound: Bound
    threshold: int


@dataclass(frozen=True)
class Declared:
    """A rule of the registry.

    Attributes:
        text: what must hold.
        asks: the predicate that a row breaks it by, the columns that must tell rows apart, or what is measured.
    """

    id: str
    kind: Kind
    text: str
    asks: str
    places: list[Place]


def declared(registry: Registry) -> dict[str, Declared]:
    """Every rule by id: invariants, then rules of tables, then of statements."""
    found: dict[str, Declared] = {}
    places: defaultdict[str, list[Place]] = defaultdict(list)
    for kind, name, rule in _all(registry):
        places[rule.id].append(Place(name, rule.severity, rule.bound, rule.threshold))
        found[rule.id] = Declared(rule.id, kind, rule.text, _asks(rule), places[rule.id])
    return found


def _all(registry: Registry) -> Iterator[tuple[Kind, str, Invariant | Rule | StatementRule]]:
    for invariant in registry.invariants.values():
        yield "invariant", invariant.table, invariant
    for table in registry.tables.values():
        for rule in table.all_rules:
            yield "table", table.name, rule
    for source in registry.sources.values():
        for name, feed in source.feeds.items():
            for of_statement in feed.all_rules:
                yield "statement", f"{source.id}.{name}", of_statement


def _asks(rule: Invariant | Rule | StatementRule) -> str:
    if isinstance(rule, StatementRule):
        return MEASURES[rule.measure] + (f": {rule.number}" if rule.number else "")
    if isinstance(rule, Invariant):
        return rule.counted
    if rule.breaks_when is not None:
        return f"rows for which {rule.breaks_when}"
    if rule.unique is not None:
        return f"rows beyond the first of their {', '.join(rule.unique)}, and those where one of them is null"
    return f"rows that are missing to {rule.min_rows}"


def latest(lake: Lake) -> dict[str, list[dict[str, Any]]]:
    """Of every rule the results of its last publication, or of the run after it that was blocked.

    Returns:
        rule id → rows as of `history`. To the driver: some hundred rows.
    """
    seq = last_publication(lake).seq
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    newest = lake.ask(
        dict,
        f"""
        WITH known AS (SELECT *, max({SEQ}) OVER (PARTITION BY rule_id) AS newest FROM quality)
        SELECT * FROM known WHERE {SEQ} = newest ORDER BY rule_id, business_date, institution, feed
        """,
        quality=published(lake, QUALITY, seq).rows,
    )
    for row in newest:
        found[row["rule_id"]].append({**row, "is_blocked": False})
    blocked: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in load_blocked(lake.path):
        if row["publication_seq"] > seq:
            blocked[row["rule_id"]].append({**row, "is_blocked": True})
    return found | blocked


def history(lake: Lake, rule_id: str) -> list[dict[str, Any]]:
    """The last results of a rule: the columns of gold.quality, and whether the run was blocked, newest first.

    Raises:
        NotFound: the registry has no such rule.
    """
    if rule_id not in declared(lake.registry):
        raise NotFound(f"no rule {rule_id!r}; `tanzhang rules` lists them")
    stored = lake.ask(
        dict,
        f"""
        SELECT *
        FROM quality
        WHERE rule_id = '{rule_id}'
        ORDER BY {SEQ} DESC, is_passed, business_date DESC, institution, feed
        LIMIT {RESULTS}
        """,
        quality=published(lake, QUALITY, last_publication(lake).seq).rows,
    )
    found = [{**row, "is_blocked": False} for row in stored]
    found += [{**row, "is_blocked": True} for row in load_blocked(lake.path) if row["rule_id"] == rule_id]
    return sorted(found, key=lambda row: (row["publication_seq"], row["is_blocked"]), reverse=True)[:RESULTS]
