"""What exclusions, caps and programmes say, in the shape that the jobs join with: small tables, computed once a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from functools import cached_property
from math import ceil
from typing import Any, Literal, get_args

import pyarrow as pa

from jobs.policy.arrow import VALIDITY, table
from jobs.policy.periods import END_OF_TIME, last_day
from schemas import Registry
from schemas.ledger import REDUCTION, SPANNING
from schemas.programmes import COUNTED, Programme
from schemas.programmes.rules import PERIODS, Cap, Rule, Tier
from schemas.scenarios import EXTENTS, Exclusion, Extent
from schemas.scenarios import Cap as KilogramCap
from schemas.scenarios.parts import Period, SubjectKind

_EARN = {
    "measure": str,
    "rule": str,
    "scenario": str,
    "prefix": str,
    "per": str,
    "above": int,
    "below": int,
    **VALIDITY,
}
_TIER = {
    **{"measure": str, "rule": str, "scenario": str, "prefix": str, "region": str, "named": str, "per": str},
    **{"period": str, **VALIDITY},
}
_LIMIT = {
    **{"measure": str, "rule": str, "member": str, "named": str, "region": str, "period": str, "most": int},
    **VALIDITY,
}
_EXCLUSION = {
    **{"measure": str, "rule": str, "member": str, "is_declaring": bool, "extent": str, "period": str, **VALIDITY},
}


@dataclass(frozen=True)
class Limits:
    """Rules on kilograms that are applied at once, for none of them reaches an act that another does."""

    kind: Literal["exclusion", "cap"]
    period: Period
    rules: pa.Table


@dataclass(frozen=True)
class Rewards:
    """Limits on kilograms, and the rules of the programmes whose points are kept."""

    registry: Registry

    @cached_property
    def programmes(self) -> list[Programme]:
        """Those whose points are entries of the ledger."""
        return [one for one in self.registry.programmes.values() if one.kept == "ledger"]

    @cached_property
    def periods(self) -> list[Period]:
        """The periods that rules sum up, the day always among them, the shortest first."""
        used = {"day", *self.ruled.column("period").to_pylist()}
        return [period for period in PERIODS if period in used]

    @cached_property
    def kilogram_caps(self) -> list[tuple[str, KilogramCap]]:
        """Scenario and cap."""
        return [(scenario.id, cap) for scenario in self.registry.scenarios.values() for cap in scenario.caps]

    @cached_property
    def exclusions(self) -> list[tuple[str, Exclusion]]:
        """Declaring scenario and exclusion, in the order in which they are applied."""
        found = [(scenario.id, one) for scenario in self.registry.scenarios.values() for one in scenario.excludes]
        return sorted(found, key=lambda one: (EXTENTS.index(one[1].by), one[1].id))

    def excluded_by(self, extent: Extent) -> set[str]:
        """The scenarios that stand against each other within meals, days, objects or months."""
        return {name for scenario, one in self.exclusions if one.by == extent for name in (scenario, *one.scenarios)}

    @cached_property
    def kilogram_limits(self) -> list[Limits]:
        """Exclusions and caps in their order: those of shorter periods first, of one period what excludes."""
        return [
            limits for period in PERIODS for limits in (*_exclusions_of(period, self._credited), *self._caps_of(period))
        ]

    @property
    def _credited(self) -> list[tuple[str, Exclusion]]:
        """Exclusions of which either side has a factor: of the others nobody has any kilogram."""
        has_factor = {name for name, one in self.registry.scenarios.items() if one.quantification}
        return [one for one in self.exclusions if one[0] in has_factor and has_factor & {*one[1].scenarios}]

    def _caps_of(self, period: Period) -> Iterator[Limits]:
        """The caps of scenarios."""
        rows = [
            {
                **{"measure": REDUCTION, "rule": cap.id, "member": scenario, "named": scenario, "region": None},
                **{"period": cap.period, "most": cap.limit_mg},
                **{"valid_from": cap.valid_from, "valid_to": cap.valid_to or END_OF_TIME},
            }
            for scenario, cap in self.kilogram_caps
            if cap.period == period
        ]
        if rows:
            yield Limits("cap", period, table(_LIMIT, rows))

    @cached_property
    def point_limits(self) -> dict[Period, list[pa.Table]]:
        """The programmes' caps by period, the shortest first; each after those that lie within it."""
        ranked: dict[tuple[Period, int], list[dict[str, Any]]] = {}
        for programme in self.programmes:
            for cap in programme.caps:
                rank = _rank(cap, programme.caps)
                ranked.setdefault((cap.period, rank), []).extend(self._limit(programme, cap))
        return {
            period: [table(_LIMIT, ranked[key]) for key in sorted(ranked, key=lambda key: key[1]) if key[0] == period]
            for period in PERIODS
        }

    @cached_property
    def earn(self) -> pa.Table:
        """Points = what is counted × above ÷ below, for one (measure, scenario) and the regions of a prefix."""
        return table(_EARN, self._rows(lambda one: one.earn, self._earn))

    @cached_property
    def tiers(self) -> pa.Table:
        """Which acts a tier sums up: one row per scenario."""
        return table(_TIER, self._rows(lambda one: one.tiers, self._tier))

    @cached_property
    def steps(self) -> pa.Table:
        """Rule, from which sum on (milligrams, 10^-6 units, acts), points in all."""
        rows = [
            {"rule": one.key(tier), "reach": ceil(Fraction(step.reach) * COUNTED[tier.per]), "points": step.points}
            for one in self.programmes
            for tier in one.tiers
            for step in tier.steps
        ]
        return table({"rule": str, "reach": int, "points": int}, rows)

    @cached_property
    def ruled(self) -> pa.Table:
        """Rule → period, of every rule whose entries sum up others."""
        rows: list[dict[str, Any]] = [{"rule": one.id, "period": one.period} for _, one in self.exclusions]
        rows += [{"rule": cap.id, "period": cap.period} for _, cap in self.kilogram_caps]
        rows += [{"rule": one.key(rule), "period": rule.period} for one in self.programmes for rule in one.summing]
        return table({"rule": str, "period": str}, rows)

    @cached_property
    def restrictions(self) -> pa.Table:
        """Programmes that do not reward everybody: measure, how many institutions must report, subject kind or null."""
        rows = []
        for one in self.programmes:
            anybody = {"measure": one.measure, "least": None, "excluded": None}
            closed_to = [kind for kind in get_args(SubjectKind) if kind not in one.open_to]
            rows += [{**anybody, **_validity(one), "excluded": kind} for kind in closed_to]
            if one.coverage:
                rows.append({**anybody, **_validity(one, one.coverage), "least": one.coverage.institutions})
        return table({"measure": str, "least": int, "excluded": str, **VALIDITY}, rows)

    @cached_property
    def benefits(self) -> pa.Table:
        """What can be redeemed: programme, benefit → measure, rule, region, kind of position."""
        rows = [
            {
                **{"programme": one.id, "benefit": benefit.id, "measure": one.measure, "rule": one.key(benefit)},
                "region": one.region,
                "position_kind": "donation" if benefit.kind == "donation" else "redemption",
            }
            for one in self.programmes
            for benefit in one.benefits
        ]
        names = ("programme", "benefit", "measure", "rule", "region", "position_kind")
        return table(dict.fromkeys(names, str), rows)

    def expiries(self, until: date) -> pa.Table:
        """When the points of each date expire, of dates whose points have expired by `until`.

        A programme's dates begin with the first on which its rule is in force; points of before never expire.
        """
        rows = []
        for one in self.programmes:
            if rule := one.expiry:
                named = {"measure": one.measure, "rule": one.key(rule), "region": one.region}
                day = _validity(one, rule)["valid_from"]
                while (expires := ends_of(one, day)) and expires <= until:
                    rows.append({**named, "act_date": day, "expires_on": expires})
                    day += timedelta(days=1)
        names = {"measure": str, "rule": str, "region": str, "act_date": date, "expires_on": date}
        return table(names, rows)

    @cached_property
    def known(self) -> pa.Table:
        """Every rule that an entry may name instead of a factor."""
        rules = [*(one.id for _, one in self.exclusions), *(cap.id for _, cap in self.kilogram_caps)]
        rules += [one.key(rule) for one in self.programmes for rule in one.rules]
        return table({"rule": str}, [{"rule": rule} for rule in rules])

    def _rows(
        self, rules: Callable[[Programme], Iterable[Any]], row: Callable[[Programme, Any], dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """A row of each rule for each of its scenarios."""
        return [
            {**row(one, rule), **_validity(one, rule), "measure": one.measure, "rule": one.key(rule)}
            | {"scenario": scenario, "prefix": one.prefix}
            for one in self.programmes
            for rule in rules(one)
            for scenario in rule.scenarios
        ]

    def _earn(self, _: Programme, rule: Any) -> dict[str, Any]:
        share = Fraction(rule.points) / COUNTED[rule.per]
        return {"per": rule.per, "above": share.numerator, "below": share.denominator}

    def _tier(self, one: Programme, rule: Any) -> dict[str, Any]:
        return {"per": rule.per, "period": rule.period, "region": one.region, "named": named(rule.scenarios)}

    def _limit(self, one: Programme, cap: Cap) -> Iterator[dict[str, Any]]:
        """What a cap limits: scenarios, and what tiers make of some of them over no longer a period."""
        scenarios = one.scenarios_of(cap)
        tiers = [tier for tier in one.tiers if set(tier.scenarios) <= set(scenarios) and is_within(tier, cap)]
        for member in (*scenarios, *map(one.key, tiers)):
            yield {
                **{"measure": one.measure, "rule": one.key(cap), "member": member, "named": named(scenarios)},
                **{"region": one.region, "period": cap.period, "most": cap.points, **_validity(one, cap)},
            }


def _exclusions_of(period: Period, exclusions: Iterable[tuple[str, Exclusion]]) -> Iterator[Limits]:
    """Those of a period, each as early as may be: at once with others, but after those before it that it meets."""
    turns: list[list[tuple[str, Exclusion]]] = []
    for one in exclusions:
        if one[1].period == period:
            met = [n for n, turn in enumerate(turns, start=1) if any(_sides(one) & _sides(other) for other in turn)]
            after = max(met, default=0)
            turns[after : after + 1] = [[*(turns[after] if after < len(turns) else []), one]]
    for turn in turns:
        rows = [
            {
                **{"measure": REDUCTION, "rule": rule.id, "member": member, "is_declaring": member == scenario},
                **{"extent": rule.by, "period": period},
                **{"valid_from": rule.valid_from, "valid_to": rule.valid_to or END_OF_TIME},
            }
            for scenario, rule in turn
            for member in (scenario, *rule.scenarios)
        ]
        yield Limits("exclusion", period, table(_EXCLUSION, rows))


def _sides(one: tuple[str, Exclusion]) -> set[str]:
    """Every scenario that an exclusion reaches."""
    return {one[0], *one[1].scenarios}


def ends_of(one: Programme, day: date) -> date | None:
    """The date that ends a programme's points of a date; None where no rule ends them."""
    rule = one.expiry
    return last_day(rule.period, day, rule.keep) if rule and rule.in_force(day) else None


def is_within(tier: Tier, cap: Cap) -> bool:
    """Whether a tier's periods are no longer than a cap's: what it makes of one lies within one of these."""
    return PERIODS.index(tier.period) <= PERIODS.index(cap.period)


def named(scenarios: list[str]) -> str:
    """What an entry says of the scenarios that its rule sums up."""
    return scenarios[0] if len(scenarios) == 1 else SPANNING


def _rank(cap: Cap, caps: list[Cap]) -> int:
    """How many caps lie within it, one within the other; one that succeeds it on a date holds as much and is none."""
    inner = [other for other in caps if cap.holds(other) and not other.holds(cap)]
    return max((_rank(other, caps) + 1 for other in inner), default=0)


def _validity(one: Programme, rule: Rule | None = None) -> dict[str, date]:
    """The dates on which the programme, and the rule if one is meant, are in force."""
    since, until = (rule.valid_from, rule.valid_to) if rule else (None, None)
    return {
        "valid_from": max(one.valid_from, since or one.valid_from),
        "valid_to": min(one.valid_to or END_OF_TIME, until or END_OF_TIME),
    }
