"""The rules of a programme in words, for documents and the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction

from schemas.programmes import Programme
from schemas.programmes.rules import (
    Basis,
    Benefit,
    Cap,
    Coverage,
    Earn,
    Expiry,
    Levels,
    Limit,
    Published,
    Rankings,
    Rule,
    Teams,
    Tier,
)
from schemas.scenarios import Scenario


def rule_in_words(rule: Rule, scenarios: Mapping[str, Scenario]) -> str:
    """What a rule says, in one sentence without its end."""
    if isinstance(rule, Earn):
        return _earn(rule, scenarios)
    if isinstance(rule, Tier):
        return _tier(rule, scenarios)
    if isinstance(rule, Cap):
        return f"At most {_points(rule.points)} a {rule.period} for {named(rule.scenarios, scenarios) or 'everything'}"
    if isinstance(rule, Expiry):
        until = f"{rule.keep} {rule.period}s after the {rule.period}" if rule.keep else f"the {rule.period}"
        return f"Points hold to the end of {until} in which they were earned; the oldest are used first"
    if isinstance(rule, Coverage):
        return f"No points for a day at whose end fewer than {rule.institutions} institutions have the person's consent"
    assert isinstance(rule, Benefit)
    return _benefit(rule)


def said(programme: Programme, scenarios: Mapping[str, Scenario]) -> Iterator[tuple[str, str, Basis]]:
    """Everything that a programme lays down: its name, what it says, and what that rests on."""
    for rule in programme.rules:
        dates = _dates(programme, rule)
        yield rule.id, f"{rule_in_words(rule, scenarios)}{f' ({dates})' if dates else ''}", rule
    if programme.levels:
        yield "levels", _levels(programme.levels), programme.levels
    if programme.teams:
        yield "teams", _teams(programme.teams), programme.teams
    if programme.rankings:
        yield "rankings", _rankings(programme.rankings), programme.rankings


def published_in_words(one: Published, scenarios: Mapping[str, Scenario]) -> str:
    """A figure of the programme's own."""
    scenario = scenarios[one.scenario]
    of = "an act" if one.per == "act" else f"{one.units} {scenario.unit}"
    return f"{scenario.name} {scenario.name_en}: {one.value} for {of}, as of {one.of}{f' ({one.note})' if one.note else ''}"


def named(ids: Iterable[str], scenarios: Mapping[str, Scenario]) -> str:
    """The scenarios by their names."""
    return "、".join(scenarios[one].name for one in ids)


def number(value: Fraction | str, places: int = 2) -> str:
    """An exact number as people write it: whole, or rounded to at most so many places."""
    exact = Fraction(value)
    if exact.denominator == 1:
        return f"{exact.numerator:,}"
    text = f"{float(exact):,.{places}f}"
    return text.rstrip("0").rstrip(".") if places else text


def _points(value: int | str) -> str:
    return f"{value:,} points" if isinstance(value, int) else f"{value} point{'' if value == '1' else 's'}"


def _earn(rule: Earn, scenarios: Mapping[str, Scenario]) -> str:
    if rule.per == "gram":
        of = "gram of reduction"
    else:
        units = {scenarios[name].unit for name in rule.scenarios}
        of = "act" if rule.per == "act" else " or ".join(sorted(units))
    unproved = f"; {rule.unproved} where nobody proves it" if rule.unproved else ""
    return f"{_points(rule.points)} for every {of} of {named(rule.scenarios, scenarios)}{unproved}"


def _tier(rule: Tier, scenarios: Mapping[str, Scenario]) -> str:
    units = " or ".join(sorted({scenarios[name].unit for name in rule.scenarios}))
    of = {"gram": "g", "act": "acts", "unit": units}[rule.per]
    steps = ", ".join(f"{step.points:,} from {number(step.reach)}" for step in rule.steps)
    return f"Points by what a {rule.period}'s {of} of {named(rule.scenarios, scenarios)} add up to: {steps}"


def _benefit(rule: Benefit) -> str:
    parts = [f"{rule.name} ({rule.kind})"]
    if rule.points:
        parts.append(f"{rule.points:,} points")
    if rule.fen:
        parts.append(f"worth {number(Fraction(rule.fen, 100))} yuan")
    if rule.gives:
        parts.append(rule.gives)
    parts += [f"{word} {_limit(one)}" for word, one in (("stock", rule.stock), ("a person", rule.quota)) if one]
    return ", ".join(parts)


def grams(milligrams: Fraction | int) -> str:
    """A mass in grams."""
    return f"{number(Fraction(milligrams) / 1000)} g"


def yuan(fen: tuple[Fraction, Fraction]) -> str:
    """The least and the most that something is worth, or the one sum."""
    return " to ".join(dict.fromkeys(number(one / 100) for one in fen))


def _limit(one: Limit) -> str:
    return f"{one.number:,} a {one.period}"


def _dates(programme: Programme, rule: Rule) -> str:
    """When a rule is in force, where that is not as long as its programme is."""
    since = f"from {rule.valid_from}" if rule.valid_from and rule.valid_from > programme.valid_from else ""
    until = f"until before {rule.valid_to}" if rule.valid_to else ""
    return " ".join(part for part in (since, until) if part)


def _levels(levels: Levels) -> str:
    """Names by reduction."""
    steps = ", ".join(f"{step.name} from {step.reach}" for step in levels.steps)
    return f"By the reduction of the last {levels.months} months: {steps}"


def _teams(teams: Teams) -> str:
    """Who belongs together."""
    return f"Teams: {', '.join(team.name for team in teams.teams)}; somebody whom several would take is in the first"


def _rankings(rankings: Rankings) -> str:
    """What is set beside each other."""
    return f"Ranked by {' and by '.join(rankings.by)}; a group of fewer than {rankings.least} people is not shown"
