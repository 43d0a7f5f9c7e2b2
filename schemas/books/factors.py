"""The factor library as a document: `python -m schemas.books.factors > docs/factors.md`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from schemas import Registry, load_registry
from schemas.base import ROOT
from schemas.books.markdown import cited, ended, quoted, span, table
from schemas.factors import FactorFile, FactorSeries
from schemas.factors.parts import BOUNDARIES, MEANINGS
from schemas.library import Library
from schemas.regions import grid_assignment
from schemas.scenarios import Scenario
from schemas.scenarios.quantification import Displacement, Quantification, load_methods
from schemas.spending import Spending

INTRODUCTION = """\
# The factor library

Generated from `schemas/scenarios`, `schemas/factors`, `schemas/methods.yaml` and `schemas/regions`; do not edit.

What one act is worth, by which method, from which figure, and where that figure stands. Everything here is what the
ledger computes with: an entry names its figure (`factor_id`), which has its anchor below.

* **Look-up.** As of the local date of the act; the region itself, else a region around it (city, province, region of
  the power grid, country), else a region whose figure a file lends with its reason, else nothing. The answer says which:
  `exact`, `parent`, `proxy`. It never reaches before a figure's first day nor past its last.
* **Less when in doubt.** Of several sourced figures the lowest is applied; the others are named as alternatives and
  never applied. Milligrams are rounded down, once, at the end.
* **Status.** `primary`: read in the issuer's own text. `secondary`: in a report or a copy that names it. `unverified`:
  kept for the record and never applied.
* **CO2 and CO2e** are never added or subtracted. A reduction in CO2 is a lower bound of one in CO2e. `unstated`: the
  source says only carbon; it is read as CO2, which claims less.
* **Released figures stay.** A wrong one is corrected by a successor that says why; an old one is ended. `tanzhang factors
  validate --against REVISION` holds a library against an earlier one, `tanzhang factors diff` shows what changed.

`tanzhang calculate metro --distance 12km --region 330100 --date 2026-11-21` asks it for one act.
"""

PROOF = {
    "taps": "entry and exit",
    "payment": "a payment, which a full refund undoes",
    "reading": "a cumulative count of the day",
    "act": "the record of whoever handled it",
}


def factor_book(root: Path = ROOT) -> str:
    """Methods, boundaries, scenarios and figures with everything that they rest on, as Markdown."""
    registry = load_registry(root)
    library = registry.library
    lines = [INTRODUCTION, *_methods(), *_boundaries(library), *_figures(library), *_scenarios(registry)]
    lines += ["## Figures in full", ""]
    used = library.used_by
    for file in library.factors.values():
        lines += _figure(file, used.get(file.id, []))
    lines += ["## Scenarios in full", ""]
    for scenario in library.scenarios.values():
        lines += _scenario(registry, scenario)
    return "\n".join([*lines, *_emissions(registry.spending), *_grids()])


def _emissions(spending: Spending) -> Iterator[str]:
    """The tables by which spend becomes an emission; their rows stand in files of their own."""
    yield from ("## Emissions of spend", "", "By merchant category; a table is a file of its own, for its licence.", "")
    applied = {one.set: f"since {one.valid_from}" for one in spending.applied}
    rows = [
        (
            f"`{one.id}`: {one.name}",
            f"{len(one.figures):,}",
            f"`{one.unit}`",
            one.boundary,
            applied.get(one.id, "for comparison, never applied"),
            cited(one.source),
            f"{one.licence.name}; {one.licence.attribution}",
        )
        for one in spending.sets.values()
    ]
    yield from table(("set", "categories", "unit", "boundary", "applied", "source", "licence"), rows)


def _methods() -> Iterator[str]:
    yield from ("## Methods", "", "A closed set: the ledger knows these and no others.", "")
    rows = [
        (f'<a id="method-{key}"></a>{one.name}', one.formula, cited(one.source), one.conservative)
        for key, one in load_methods().items()
    ]
    yield from table(("method", "formula", "source", "conservative in"), rows)


def _boundaries(library: Library) -> Iterator[str]:
    yield from (
        "## Boundaries",
        "",
        "What is inside a figure. Only figures of one boundary are set against each other.",
        "",
    )
    rows = []
    for boundary, meaning in MEANINGS.items():
        kind = next(kind for kind, inside in BOUNDARIES.items() if boundary in inside)
        number = sum(file.boundary_kind == boundary for file in library.factors.values())
        rows.append((f"`{boundary}`", kind, meaning, str(number or "–")))
    yield from table(("boundary", "of a", "inside is", "factors"), rows)


def _figures(library: Library) -> Iterator[str]:
    yield from ("## Figures", "", "Every series; unverified ones are kept and never applied.", "")
    rows = [
        (
            f"[{one.id}](#series-{one.id})", one.value, one.unit, one.gas_basis, file.boundary_kind, one.region,
            str(one.data_year or "–"), span(one), one.status,
        )
        for file in library.factors.values()
        for one in file.series
    ]  # fmt: skip
    yield from table(("series", "value", "unit", "gas", "boundary", "region", "data of", "in force", "status"), rows)


def _scenarios(registry: Registry) -> Iterator[str]:
    yield from ("## Scenarios", "", "The acts that are counted, and by what.", "")
    rows = []
    for one in registry.scenarios.values():
        applied = one.quantification
        by = _quantified(applied) if applied else "not credited"
        caps = ", ".join(f"{cap.limit} a {cap.period}" for cap in one.caps)
        rows.append((f"[{one.name}](#scenario-{one.id}) {one.name_en}", one.category, one.unit, by, caps or "–"))
    yield from table(("scenario", "category", "unit", "credited by", "at most"), rows)


def _figure(file: FactorFile, used: Sequence[str]) -> Iterator[str]:
    yield from (f'<a id="factor-{file.id}"></a>', "", f"### {file.name} · {file.id}", "")
    yield from (f"{file.kind.capitalize()}, `{file.boundary_kind}`. {file.boundary}", "")
    yield from (f"For {', '.join(f'[{one}](#scenario-{one})' for one in used) or 'no scenario'}.", "")
    rows = [
        (
            f'<a id="series-{one.id}"></a>`{one.id}`', f"{one.value} {one.unit}", one.gas_basis, one.region,
            str(one.data_year or "not stated"), str(one.published_on or "day not known"), span(one),
            str(one.known_from), one.status, quoted(one.source.seen) if one.source else "–",
        )
        for one in file.series
    ]  # fmt: skip
    yield from table(
        (
            "series", "value", "gas", "region", "data of", "published", "in force", "released here", "status",
            "seen in the source",
        ),
        rows,
    )  # fmt: skip
    alike: dict[tuple[str, ...], list[FactorSeries]] = {}
    for one in file.series:
        alike.setdefault(
            (
                f"Source: {cited(one.source)}" if one.source else "No source",
                one.conservative,
                f"Licence: {one.licence}",
            ),
            [],
        ).append(one)
    for said, series in alike.items():
        whose = "" if len(alike) == 1 else f"{', '.join(f'`{one.id}`' for one in series)}. "
        yield f"* {whose}{' '.join(map(ended, said))}"
        for one in series:
            yield from (f"  * {'' if len(file.series) == 1 else f'`{one.id}`: '}{ended(text)}" for text in _of_one(one))
    yield ""


def _of_one(one: FactorSeries) -> Iterator[str]:
    """What a series says that others of its source do not."""
    if one.corrects:
        yield f"Corrects [{one.corrects}](#series-{one.corrects})"
    if one.correction:
        yield f"Correction: {one.correction}"
    yield from (f"Computed by the source: {example.of} gives {example.gives}" for example in one.examples)
    yield from (f"Lent to {proxy.region}: {proxy.reason}" for proxy in one.proxies)
    yield from (f"Claims nothing in {unfit.region}: {unfit.reason}" for unfit in one.not_for)


def _scenario(registry: Registry, one: Scenario) -> Iterator[str]:
    yield from (f'<a id="scenario-{one.id}"></a>', "", f"### {one.name} · {one.name_en} · {one.id}", "")
    yield f"* Category {one.category}, counted in {one.unit}, proved by {PROOF[one.proof]}."
    if one.quantification:
        yield f"* Credited by {_quantified(one.quantification)}."
        if isinstance(one.quantification, Displacement) and one.quantification.project_is_none:
            yield f"  * The act itself emits nothing: {one.quantification.project_is_none}"
    else:
        yield f"* **Not credited.** {one.no_factor_reason}"
    yield from (f"* Beside it, never applied: {_quantified(other)}." for other in one.alternatives)
    for cap in one.caps:
        yield f"* At most {cap.limit} a {cap.period}, {span(cap)} (`{cap.id}`): {cited(cap.source)}."
    whose = (
        "several may report one act, the most trusted first" if one.reported_by == "anyone" else "only who handled it"
    )
    reporters = [
        source.name
        for source in registry.sources.values()
        for feed in source.feeds.values()
        if one.id in feed.scenarios
    ]
    yield f"* Reported by {', '.join(one.precedence)} ({whose}); here by {'、'.join(dict.fromkeys(reporters)) or 'nobody yet'}."
    for change in one.changes:
        said = ", ".join(
            f"{name} {value}" for name, value in sorted(change.model_dump(include=set(change.said)).items())
        )
        why = f": a correction, {change.correction}" if change.correction else ""
        yield f"* Otherwise {span(change)}: {said}{why}."
    if one.aliases:
        yield f"* Also called {'; '.join(f'{alias.name} {span(alias)}' for alias in one.aliases)}."
    yield f"* Counted as a low-carbon act by {'; '.join(map(cited, one.named_by))}."
    yield ""


def _grids() -> Iterator[str]:
    assigned = grid_assignment()
    yield from ("## Regions of the power grid", "")
    yield from ("Which divisions draw from which region, by the first digits of their codes.", "")
    rows = [(f"`{code}`", grid.name, ", ".join(grid.prefixes)) for code, grid in assigned.grids.items()]
    yield from table(("region", "name", "divisions"), rows)
    yield from (f"Source: {cited(assigned.source)}.", "")


def _quantified(one: Quantification) -> str:
    """The method and the figures, each with its link."""
    figures = " − ".join(f"[{name}](#factor-{name})" for name in one.factors)
    return f"[{one.method}](#method-{one.method}) with {figures}"


if __name__ == "__main__":
    print(factor_book(), end="")
