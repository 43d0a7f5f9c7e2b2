"""Mistakes that the truth check must notice, as data: one text in one place, replaced."""

from __future__ import annotations

import inspect
import shutil
import textwrap
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

from schemas import Registry, load_registry
from schemas.base import ROOT


@dataclass(frozen=True)
class Mutation:
    """One mistake.

    Attributes:
        place: a file of the registry, or module:function, module:Class.method or module:CONSTANT, named
            where it is called.
        old, new: what stands there, exactly once in a file or function, and what is made of it.
        noticed_by: the check of `tests.oracle.judge` that must turn red; others may as well.
    """

    name: str
    place: str
    old: str
    new: str
    noticed_by: str


MUTATIONS = (
    Mutation("factor too high", "factors/metro_reduction.yaml", '"46.7"', '"70.1"', "figures"),
    Mutation("cap off", "scenarios/walking.yaml", "limit: 296 g", "limit: 296000 g", "figures"),
    Mutation("rides nowhere in particular credited", "jobs.activities.reports:_with_rules", "coalesce(p.region, c.region)",
             "coalesce(p.region, CASE WHEN c.region = '{UNPLACED}' THEN '330100' ELSE c.region END)", "credits"),
    Mutation("lowest reading instead of the highest", "jobs.activities.match:readings_of", "max(quantity_micro)",
             "min(quantity_micro)", "figures"),
    Mutation("duplicates kept", "jobs.activities.assignment:_pairs", "AND {near}", "AND {near} AND false", "credits"),
    Mutation("long rides not paired", "sources/hangzhou_metro.yaml", "max_ride_minutes: 240",
             "max_ride_minutes: 30", "credits"),
    Mutation("refund ignored", "jobs.activities.outcomes:_facts", "CASE WHEN is_full_refund THEN 1 ELSE 0 END", "0", "credits"),
    Mutation("consent ignored", "jobs.activities.reports:with_consent", "JOIN intervals", "LEFT JOIN intervals",
             "credits"),
    Mutation("repeats kept", "jobs.claims.landed:rows", 'key = "r.record_key"',
             'key = "md5(concat(r.record_key, r.file_id))"', "credits"),
    Mutation("superseded kept", "jobs.runs.run:in_force",
             "else file.revision == highest[statement_of(file)]", "else True", "credits"),
    Mutation("conflicting links joined", "jobs.persons.resolve:partition",
             "told, doubtful = _telling(edges[level], label, identified)",
             "identified, told, doubtful = identified[:0], edges[level], 0", "persons"),
    Mutation("the first bill instead of the last", "jobs.claims.bills:beaten", "o.rank > b.rank",
             "o.rank < b.rank", "dispositions"),
    Mutation("filtered bills taken for whole ones", "jobs.claims.bills:whole_bills", "file.bill and file.bill.is_whole",
             "file.bill", "dispositions"),
    Mutation("bills without consent", "jobs.activities.match:consented_of", "WHERE is_brought", "WHERE false", "outcomes"),
    Mutation("a wallet's payment and the card behind it counted as two", "jobs.activities.assignment:SAME_WALLET",
             "coalesce(a.wallet = coalesce(g.wallet, g.institution), false)", "false", "spends"),
    Mutation("partial refunds spent", "jobs.activities.outcomes:spends", "amount_fen - back_fen", "amount_fen", "spends"),
    Mutation("what was given up forgotten", "jobs.ledger.points:_redeemed", "0 - d.points AS amount", "0 AS amount",
             "redemptions"),
    Mutation("a programme's own limit off", "programmes/ant_forest.yaml", "points: 296", "points: 29600", "points"),
)  # fmt: skip
"""Mistakes of policy: one run for all days shows them."""

SUBTLER = (
    Mutation("rides rewarded by the kilometre", "programmes/ant_forest.yaml", 'points: "80", per: act',
             'points: "80", per: unit', "points"),
    Mutation("emissions rounded down", "jobs.ledger.post:emissions", "+ 999) div", ") div", "spends"),
    Mutation("euros taken for yuan", "spending/money.yaml", 'value: "7.7355"', 'value: "1.0000"', "spends"),
    Mutation("prices stand still", "spending/money.yaml", 'percent: "0.9"', 'percent: "0.0"', "spends"),
    Mutation("refunds of two reports added up", "jobs.activities.outcomes:spends", "max(back_fen)", "sum(back_fen)", "spends"),
    Mutation("what a cap leaves is taken", "jobs.ledger.caps:fill", "amount - greatest(", "greatest(", "figures"),
    Mutation("matching window too narrow", "scenarios/metro.yaml", "window_seconds: 600",
             "window_seconds: 20", "outcomes"),
    Mutation("booking lag ignored", "jobs.activities.assignment:BOOKED", "<= a.lag_days", "<= 0", "credits"),
    Mutation("amounts ignored", "scenarios/utility_payment.yaml", "match_amount: true",
             "match_amount: false", "credits"),
    Mutation("partial refund taken for a full one", "jobs.activities.outcomes:_facts",
             "CASE WHEN is_full_refund THEN 1 ELSE 0 END", "1", "credits"),
    Mutation("withdrawal ignored", "jobs.activities.reports:given_intervals",
             "coalesce(next_at_unix, CAST({FOREVER} AS bigint))", "CAST({FOREVER} AS bigint)", "credits"),
    Mutation("consent at midnight taken for the whole day", "jobs.activities.reports:needs_until",
             "{at} + {LAST_SECOND}", "{at}", "outcomes"),
    Mutation("rides end at midnight", "jobs.claims.rides:GATE", "customer_key", "customer_key, act_date", "credits"),
    Mutation("double taps kept", "sources/hangzhou_metro.yaml", "duplicate_seconds: 60",
             "duplicate_seconds: 0", "dispositions"),
    Mutation("refund on a payment's own row ignored", "jobs.activities.outcomes:_facts",
             "coalesce(c.is_full_refund, false)", "false", "outcomes"),
    Mutation("wallet's bike trips left alone", "scenarios/shared_bike.yaml", "window_seconds: 600",
             "window_seconds: 0", "outcomes"),
)  # fmt: skip
"""More of them, for the soak."""

FORGETFUL = (
    Mutation("what a correction replaced", "jobs.claims.conform:touched_by", "run.superseded_files)", "[])",
             "credits"),
    Mutation("points that a correction gave back", "jobs.claims.conform:_redemptions", "FROM known WHERE",
             "FROM known WHERE false AND",
             "redemptions"),
    Mutation("consent that came late", "jobs.activities.changed:told_otherwise", "FROM consents",
             "FROM consents WHERE false", "credits"),
    Mutation("who moved to another person", "jobs.activities.changed:told_otherwise", "FROM moved",
             "FROM moved WHERE false", "credits"),
    Mutation("what a refund names", "jobs.activities.touched:touched_by", "FROM originals",
             "FROM originals WHERE false", "outcomes"),
    Mutation("the account of before", "jobs.ledger.touched:_days",
             "_written(run, activities)", "activities.written", "figures"),
    Mutation("the entry of the day before", "jobs.claims.conform:taps_of", 'around(lake, days, "1")', "days",
             "outcomes"),
)  # fmt: skip
"""What a run for one day may forget of the days before."""


def apply(mutation: Mutation, registry: Registry, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Registry:
    """Make the mistake for the rest of the test; returns the registry to run with.

    Args:
        folder: takes the copy of the registry where the mistake is in one of its files.
    """
    if ":" not in mutation.place:
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
        file = folder / mutation.place
        file.write_text(_replaced(mutation, file.read_text(encoding="utf-8")), encoding="utf-8")
        return load_registry(folder)
    name, path = mutation.place.split(":")
    owner = import_module(name)
    *outer, attribute = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    found = getattr(owner, attribute)
    if isinstance(found, str):
        monkeypatch.setattr(owner, attribute, _replaced(mutation, found))
    else:
        # The rest of the function stays as it is, and sees its module as before.
        made: dict[str, object] = {}
        source = _replaced(mutation, textwrap.dedent(inspect.getsource(found)))
        exec(compile(source, inspect.getfile(found), "exec"), found.__globals__, made)
        monkeypatch.setattr(owner, attribute, made[attribute])
    return registry


def _replaced(mutation: Mutation, text: str) -> str:
    assert text.count(mutation.old) == 1, f"{mutation.place} has no single {mutation.old!r}: list it anew"
    return text.replace(mutation.old, mutation.new)
