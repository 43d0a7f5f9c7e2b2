"""The carbon record (征信) of one person as it was published: months of history, the last year, levels, and how whole it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from jobs.lake.chain import published
from jobs.lake.frames import listed
from schemas.grades import GRADES, Grade

if TYPE_CHECKING:
    from jobs.lake import Lake
    from schemas import Registry
    from schemas.programmes import Programme


@dataclass(frozen=True)
class Month:
    """One month, in the columns of gold.carbon_records."""

    act_month: str
    acts: int
    scenarios: int
    reduction_mg: int
    excluded_mg: int
    capped_mg: int
    emission_mg: int
    spend_fen: int
    known_spend_fen: int
    institutions: int
    reporting_grade: str
    reporting_reason: str
    spend_grade: str
    spend_reason: str
    regional_mg: int | None
    national_mg: int | None
    proxied_mg: int | None
    derived_mg: int | None
    programme_mg: int | None
    foreign_mg: int | None
    figures_grade: str | None
    figures_reason: str | None

    def rests_on(self, grade: Grade) -> int:
        """Milligrams of the month's acts that rest on figures of a grade."""
        return getattr(self, f"{grade}_mg") or 0


@dataclass(frozen=True)
class Reached:
    """The level that somebody has in a programme. months: that its reduction is summed up over."""

    programme: str
    level: str
    months: int
    reduction_mg: int


@dataclass(frozen=True)
class CarbonRecord:
    """What a person's months say.

    Attributes:
        months: every month in which something was done or spent, the oldest first.
        reduction_mg, emission_mg: of the months that a tier sums up, the date's own among them; apart from each other.
        tier: by that reduction.
        levels: of the programmes that name levels and reward the person.
        rests_on: grade of figures → milligrams of the acts of these months, before caps.
        reasons: why this month is graded as it is, in words; empty where nothing was done or spent in it.
    """

    months: list[Month]
    reduction_mg: int
    emission_mg: int
    tier: str
    levels: list[Reached]
    rests_on: dict[Grade, int]
    reasons: list[str]


def carbon_record(
    lake: Lake, registry: Registry, person: str, seq: int, on: date, rewarding: Iterable[Programme]
) -> CarbonRecord:
    """The carbon record of a person in a publication.

    Args:
        on: the publication's business date.
        rewarding: the programmes that reward the person.
    """
    known = published(lake, "gold.carbon_records", seq).where(f"person_id = '{person}' AND act_month <= '{on:%Y-%m}'")
    names = listed(list(Month.__dataclass_fields__))
    months = lake.ask(Month, f"SELECT {names} FROM months ORDER BY act_month", months=known.in_force())

    def reduced(number: int) -> int:
        return sum(one.reduction_mg for one in months if one.act_month >= first_of(on, number))

    levels = [
        Reached(
            one.id, one.levels.level_of(reduced(one.levels.months)).name, one.levels.months, reduced(one.levels.months)
        )
        for one in rewarding
        if one.levels
    ]
    tiers = registry.records.tiers
    this = [one for one in months if one.act_month == f"{on:%Y-%m}"]
    return CarbonRecord(
        months=months,
        reduction_mg=reduced(tiers.months),
        emission_mg=sum(one.emission_mg for one in months if one.act_month >= first_of(on, tiers.months)),
        tier=tiers.level_of(reduced(tiers.months)).name,
        levels=levels,
        rests_on=_rests_on(one for one in months if one.act_month >= first_of(on, tiers.months)),
        reasons=[text for one in this for text in reasons(registry, one)],
    )


def _rests_on(months: Iterable[Month]) -> dict[Grade, int]:
    """Grade of figures → milligrams, of the grades on which anything rests."""
    found = list(months)
    sums = {grade: sum(one.rests_on(grade) for one in found) for grade in GRADES}
    return {grade: milligrams for grade, milligrams in sums.items() if milligrams}


def reasons(registry: Registry, month: Month) -> list[str]:
    """Why a month is graded as it is: of what is reported, of what was spent, and of what its figures are."""
    scales = registry.records
    told = [
        scales.reporting.reasons[month.reporting_reason],  # type: ignore[index]
        scales.spend.reasons[month.spend_reason],  # type: ignore[index]
    ]
    if month.figures_reason is not None:  # not of records of before figures had grades
        told.append(scales.figures.reasons[month.figures_reason])  # type: ignore[index]
    return told


def first_of(on: date, months: int) -> str:
    """The first of so many months, of which the date's is the last: yyyy-MM."""
    number = on.year * 12 + on.month - months
    return f"{number // 12}-{number % 12 + 1:02}"
