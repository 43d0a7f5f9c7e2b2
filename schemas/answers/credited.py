"""What an act of every scenario is worth in one place on one date: the figure, how well founded it is, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from schemas.factors import FactorSeries
from schemas.grades import GRADES, Grade
from schemas.library import Library, MatchQuality, NoFactor


@dataclass(frozen=True)
class Credited:
    """One scenario.

    Attributes:
        micrograms_per_unit: what a unit is worth; None, as what follows, where nothing credits it.
        reason: why nothing does.
    """

    scenario: str
    name: str
    name_en: str
    unit: str
    micrograms_per_unit: int | None = None
    factor_id: str | None = None
    match_quality: MatchQuality | None = None
    grade: Grade | None = None
    reason: str | None = None


def credited(library: Library, region: str, on: date, institution: str | None = None) -> list[Credited]:
    """Every scenario, those that are credited first, the best founded of them first.

    Args:
        institution: who reports the acts; nobody in particular, unless told.
    """
    found = [_credited(library, name, region, on, institution) for name in library.scenarios]
    return sorted(found, key=lambda one: (GRADES.index(one.grade) if one.grade else len(GRADES), one.scenario))


def _credited(library: Library, name: str, region: str, on: date, institution: str | None) -> Credited:
    scenario = library.scenarios[name]
    about = (name, scenario.name, scenario.name_en, scenario.unit)
    try:
        rate = library.rate(name, region, on, institution)
    except NoFactor as missing:
        return Credited(*about, reason=scenario.no_factor_reason or missing.reason)
    return Credited(*about, rate.micrograms_per_unit, rate.factor_id, rate.match_quality, rate.grade)


def due_for_review(library: Library, by: date) -> list[tuple[str, FactorSeries]]:
    """Figures that nothing will be credited by from a date on or before, unless somebody looks at them: file and series."""
    return [
        (file.id, one)
        for file in library.factors.values()
        for one in file.applied
        if one.review and one.review.by <= by
    ]
