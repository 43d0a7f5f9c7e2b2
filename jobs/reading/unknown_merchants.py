"""Spend that has no emission, since nothing tells a category of whom was paid: how much, and whom to name next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from jobs.lake.chain import published
from jobs.landing.formats.names import SHORT, MerchantNames
from jobs.landing.formats.read import open_export
from jobs.landing.manifests import LANDING, Manifest, landed_path, rows_of
from jobs.landing.statements import accepted_in_force
from schemas.sources import PaymentFeed, Source

if TYPE_CHECKING:
    from jobs.lake import Lake
    from schemas import Registry

LEAST = 5
"""Customers of one institution who pay a name before it is told: what so many pay is a shop, and no friend of one."""

COUNTS = ("claim_kind", "ignore_rule", "error_code")
"""Columns that say whether a row is a payment that counts."""


@dataclass(frozen=True)
class UnknownSpend:
    """Payments of a feed that no emission is of.

    Attributes:
        institution, feed: of the report on which the payment stands.
        code: the category, where one is told and no set that is applied has a figure for it.
        fen: what was spent.
        reason: what of the report was looked at, in vain.
    """

    institution: str
    feed: str
    code: str | None
    payments: int
    people: int
    fen: int
    reason: str


@dataclass
class UnknownName:
    """A name that no word of the registry tells the category of, among payments of which nothing else does."""

    institution: str
    name: str
    payments: int = 0
    fen: int = 0
    customers: set[str] = field(default_factory=set)
    """The first `LEAST` of them."""


def unknown_spend(lake: Lake) -> list[UnknownSpend]:
    """By feed and code, the most money first. To the driver: as many rows as feeds have codes."""
    rated = {rate.code for rate in lake.registry.spending.rates}
    found = lake.ask(
        dict,
        """
        SELECT institution, feed, merchant_code AS code, count(1) AS payments, count(DISTINCT person_id) AS people,
            CAST(sum(spend_fen) AS bigint) AS fen
        FROM payments
        WHERE spend_fen > 0
        GROUP BY institution, feed, merchant_code
        ORDER BY fen DESC, institution, feed, code
        """,
        payments=published(lake, "silver.activities").in_force(),
    )
    return [
        UnknownSpend(**row, reason=_reason(lake.registry, row["institution"], row["feed"], row["code"]))
        for row in found
        if row["code"] not in rated
    ]


def _reason(registry: Registry, institution: str, feed: str, code: str | None) -> str:
    if code is not None:
        return f"category {code} has no figure in a set that is applied"
    contract = registry.sources[institution].feeds[feed]
    merchant = contract.columns.merchant if isinstance(contract, PaymentFeed) else None
    if merchant is None:
        return "its reports name no merchant"
    looked_at = [name for name in ("code", "number", "name") if getattr(merchant, name)]
    return f"the merchant's {' and '.join(looked_at)} told none"


def unknown_names(registry: Registry, home: Path) -> tuple[list[UnknownName], int]:
    """Names in the raw files that landing still has, which a word of the registry could tell: the most money first.

    They are read here and kept nowhere. A name is told that `LEAST` customers of one institution paid, and that is
    none of a person's form: what is masked, or of four Chinese characters or fewer, is not.

    Returns:
        The names, and how many more are not told.
    """
    found: dict[tuple[str, str], UnknownName] = {}
    for file in accepted_in_force(home):
        source = registry.sources.get(file.institution)
        if source is None or (words := source.merchants_of(file.feed)) is None:
            continue
        names = MerchantNames(words)
        for text, customer, fen in _unknown(source, file, home):
            if names(text):  # known since the file was landed
                continue
            name = names.plain(text)
            one = found.setdefault((source.id, name), UnknownName(source.id, name))
            one.payments += 1
            one.fen += fen
            if len(one.customers) < LEAST:
                one.customers.add(customer)
    told = [one for one in found.values() if len(one.customers) >= LEAST and not _may_be_a_person(one.name)]
    return sorted(told, key=lambda one: (-one.fen, one.institution, one.name)), len(found) - len(told)


def _may_be_a_person(name: str) -> bool:
    return "*" in name or SHORT.fullmatch(name) is not None


def _unknown(source: Source, file: Manifest, home: Path) -> Iterator[tuple[str, str, int]]:
    """Name, customer and fen of a file's payments that have no code; nothing once landing does not have it."""
    raw, feed = home / LANDING / file.path, source.feeds[file.feed]
    if not raw.is_file() or not isinstance(feed, PaymentFeed) or not feed.columns.merchant:
        return
    rows = rows_of(file, landed_path(home, file), ["line", "customer_key", "amount_fen", "merchant_code", *COUNTS])
    kept = pc.and_(
        pc.is_null(rows["merchant_code"]), pc.not_equal(pc.fill_null(rows["claim_kind"], "refund"), "refund")
    )
    for name in ("ignore_rule", "error_code"):
        kept = pc.and_(kept, pc.is_null(rows[name]))
    rows = rows.filter(kept)
    wanted = dict(zip(*(rows[name].to_pylist() for name in ("line", "customer_key"))))
    fen = dict(zip(*(rows[name].to_pylist() for name in ("line", "amount_fen"))))
    with open_export(raw, feed) as export:
        for batch in export.batches:
            for line, text in zip(batch.lines, batch.columns[str(feed.columns.merchant.name)]):
                if line in wanted and type(text) is str and text:
                    yield text, wanted[line], fen[line] or 0
