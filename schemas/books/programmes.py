"""The programmes as a document: `python -m schemas.books.programmes > docs/programmes.md`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from schemas import Registry, load_registry
from schemas.answers.equivalence import Comparison, Worth, comparisons
from schemas.base import ROOT
from schemas.books.markdown import cited, ended, quoted, span, table
from schemas.programmes import Programme
from schemas.programmes.rules import Basis
from schemas.programmes.words import grams, number, published_in_words, said, yuan

PLACE, DAY = "330100", date(2026, 11, 21)
"""Where and when the acts of the comparison are taken to be done."""

INTRODUCTION = """\
# The programmes

Generated from `schemas/programmes`; do not edit.

The programmes of the field on one standard: their own points, the same kilograms. A programme chooses scenarios and gives
points for them by its own rules. It changes no kilograms, and it has no key for money that somebody spends.

* **Ledger.** Its points are entries of the ledger: earned, by tiers, over a limit, expired, redeemed, donated. An entry names
  its rule (`factor_id`: programme and rule).
* **Compared.** Its rules and figures are set beside the others', with the reason why they are no entries.
* **Source or assumption.** Every rule names where it was read. What the public rules do not say is marked **assumption**, with
  what it was modelled on; it is ours, not the programme's.
* **Its own figures** are set beside the standard's and never applied.
* **Whole periods.** A tier, a cap or expiry sums up a day, a month or a year; what comes late, is corrected or belongs to
  somebody else changes its entry as it changes kilograms. A redemption of more than there is stands, the balance is overdrawn,
  and what is earned later makes up for it.

A new programme is one file in `schemas/programmes`, named after its id; no code changes. `tests/fixtures/new_programme/` has one,
with most kinds of rule, that a test drops in. The loader names file, key and mend where something does not fit: a rule that
rests on nothing, two that reward the same act, caps of which neither lies within the other, a scenario that has no figure or
is spending.

`tanzhang programmes show quzhou` shows one; `tanzhang programmes equivalence metro --distance 12km --region 330100 --date
2026-11-21` compares what all of them pay for one act.
"""

EQUIVALENCE = f"""\
What each pays for the same act and for the same kilogram of the standard, done in Hangzhou ({PLACE}) on {DAY}, alone in its
day. The quantities are a reference, chosen to compare by; they are no fact of anybody's. Every programme is asked as if it took
in the place. Points with an asterisk rest on an assumption. A sum in yuan is there where a benefit has a price.
"""


def programme_book(root: Path = ROOT) -> str:
    """Every programme with its rules and what they rest on, then what all pay for the same act, as Markdown."""
    registry = load_registry(root)
    lines = [INTRODUCTION, *_overview(registry)]
    for programme in registry.programmes.values():
        lines += _programme(registry, programme)
    lines += ["## What each pays for the same", "", EQUIVALENCE]
    for one in comparisons(registry, PLACE, DAY):
        lines += _comparison(registry, one)
    return "\n".join(lines)


def _overview(registry: Registry) -> Iterator[str]:
    rows = [
        (f"[{one.name}](#{one.id}) {one.name_en}", one.operator, one.region, span(one), one.kept)
        for one in registry.programmes.values()
    ]
    yield from table(("programme", "run by", "region", "in force", "kept"), rows)


def _programme(registry: Registry, one: Programme) -> Iterator[str]:
    yield from (f'<a id="{one.id}"></a>', "", f"## {one.name} · {one.name_en} · {one.id}", "")
    yield f"* Run by {one.operator}, for acts in {one.region}, {span(one)}; open to {' and '.join(one.open_to)}."
    yield f"* Described by {cited(one.source)}."
    if one.kept == "ledger":
        yield f"* Its points are entries of the ledger, measure `{one.measure}`."
    else:
        yield f"* **Compared only.** {ended(quoted(one.reason or ''))}"
    yield ""
    rules = {rule.id for rule in one.rules}
    rows = [
        (f"`{name}`" if name in rules else name, quoted(text), *_basis(basis))
        for name, text, basis in said(one, registry.scenarios)
    ]
    if rows:
        yield from table(("rule", "says", "source", "assumption"), rows)
    if one.published:
        yield from ("Its own figures, never applied:", "")
        yield from (
            f"* {ended(f'{quoted(published_in_words(figure, registry.scenarios))}: {cited(figure.source)}')}"
            for figure in one.published
        )
        yield ""
    if one.examples:
        yield from ("What its sources work out, computed again when the file is loaded:", "")
        for example in one.examples:
            of = f"{example.benefit}" if example.benefit else f"{number(example.quantity or '0')} of {example.scenario}"
            gives = f" = {number(str(example.fen))} fen" if example.fen else ""
            yield f"* `{of}`: {number(example.points)} points{gives} ({cited(example.source)})."
        yield ""
    if one.left_open:
        yield from ("What its public rules leave open:", "")
        yield from (f"* {ended(quoted(text))}" for text in one.left_open)
        yield ""


def _basis(basis: Basis) -> tuple[str, str]:
    source = cited(basis.source) if basis.source else "–"
    return source, f"**assumption**: {quoted(basis.assumption)}" if basis.assumption else "–"


def _comparison(registry: Registry, one: Comparison) -> Iterator[str]:
    scenario = registry.scenarios[one.scenario]
    standard = "no figure of the standard" if one.standard_mg is None else f"{grams(one.standard_mg)} by the standard"
    yield from (f"### {scenario.name} · {scenario.name_en} · {one.quantity}: {standard}", "")
    names = (
        "programme",
        "points",
        "points a kilogram",
        "yuan",
        "yuan a kilogram",
        "its own figure",
        "pays here",
        "also",
    )
    yield from table(names, [_row(registry, worth) for worth in one.worths])


def _row(registry: Registry, worth: Worth) -> tuple[str, ...]:
    programme = registry.programmes[worth.programme]
    mark = "\\*" if worth.is_assumed and worth.points is not None else ""
    own = "; ".join(f"{grams(one.milligrams)} ({one.of.year})" for one in worth.own)
    return (
        f"[{programme.name}](#{programme.id})",
        "–" if worth.points is None else f"{number(worth.points)}{mark}",
        "–" if worth.per_kilogram is None else f"{number(worth.per_kilogram, 0)}{mark}",
        *("–" if fen is None else yuan(fen) for fen in (worth.fen, worth.fen_per_kilogram)),
        own or "–",
        "–" if worth.points is None else "yes" if worth.pays_here else "no",
        "; ".join(worth.notes) or "–",
    )


if __name__ == "__main__":
    print(programme_book(), end="")
