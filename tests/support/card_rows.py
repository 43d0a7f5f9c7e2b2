"""A contract written in a test, and what land makes of a few lines under it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import yaml

from jobs.landing.formats.read import open_export
from jobs.landing.formats.rows import RowMaker
from jobs.landing.tokens import Tokens
from schemas.sources import Source, load_lookup, load_sources
from schemas.sources.columns import Lookup
from tests.support.landing import RECORD_KEY, TOKEN_KEY

BANK = """
id: lake_bank
name: 湖畔银行
name_en: Lake Bank
kind: bank
region: "330100"
time_zone: Asia/Shanghai
ready_by: "05:30"
format: {layout: delimited, encoding: utf-8, line_ending: any, delimiter: ",", quoting: minimal, is_padded: true}
feeds:
  cards:
    kind: payment
    file: cards_{date}_{part}.csv
    completeness: day
    fields: [account, day, paid, shop]
    natural_key: null
    equal_rows: row_date
    required: [account, day]
    oldest_days: 400
    volume: {most_rows: 1000}
    booking_lag_days: 1
    columns:
      customer: account
      occurred_at: {column: day, formats: {"%Y-%m-%d": day}, tells: booking}
      amount: {column: paid, unit: yuan}
      rows: [{when: {shop: ".*"}, means: purchase}]
      scenario: {column: shop, cases: [{scenario: spending, pattern: ., claim_kind: payment}]}
"""


def bank(fields: str = "account day paid shop", *, feed: dict[str, Any] | None = None, **columns: Any) -> Source:
    """A bank with one feed of card rows, some of whose words are others."""
    content = yaml.safe_load(BANK)
    cards = content["feeds"]["cards"]
    cards["fields"] = fields.split()
    cards |= feed or {}
    cards["columns"] = {name: value for name, value in (cards["columns"] | columns).items() if value is not None}
    return Source.model_validate(content)


def with_tables(source: Source, folder: Path) -> Source:
    """A contract with the tables that it looks quantities up in, from `<folder>/sources/`, and the registry's rates."""
    quantities = [case.quantity for feed in source.feeds.values() for case in feed.cases]
    tables = {one.table: load_lookup(one, folder) for one in quantities if isinstance(one, Lookup)}
    rates = next(iter(load_sources().values())).rates
    return source.model_copy(update={"lookups": tables, "rates": rates})


def landed(
    source: Source,
    sent: str | bytes,
    folder: Path,
    *,
    feed: str = "cards",
    on: date = date(2026, 11, 1),
    suffix: str = ".csv",
) -> list[dict[str, Any]]:
    """The landed rows of a file."""
    path = folder / f"sent{suffix}"
    path.write_bytes(sent if isinstance(sent, bytes) else sent.encode())
    rows: list[dict[str, Any]] = []
    with open_export(path, source.feeds[feed]) as export:
        maker = RowMaker(
            source, feed, "f" * 16, on, Tokens(TOKEN_KEY, RECORD_KEY), frozenset({"福田", "老街"}), export.head
        )
        for batch in export.batches:
            assert not batch.rejects, batch.rejects
            rows += maker.rows(batch).to_pylist()
    return rows
