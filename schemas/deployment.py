"""What a deployment decides, in `<home>/deployment.yaml`: whom it expects from when to when, and what it credits.

A contract says what an institution sends; that it ships makes nobody owe it. Of whom the deployment expects a business
date, every feed is missing that does not come; what anybody else sends is not used until the file says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, timedelta
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator
from typing_extensions import Self

from schemas.base import LOADER, Strict, later, load_yaml
from schemas.errors import RegistryError
from schemas.grades import BY_DEFAULT, GRADES, USUAL, Credits, Grade, Terms

FILE = "deployment.yaml"
EXAMPLE = "write it as 2026-11-01"


def _day(said: Any) -> Any:
    """A date as YAML knows one, or its text; no number and no instant is taken for one."""
    if isinstance(said, str):
        try:
            return date.fromisoformat(said)
        except ValueError:
            raise ValueError(f"{said!r} is no date; {EXAMPLE}") from None
    if type(said) is not date:
        raise ValueError(f"{said!r} is no date; {EXAMPLE}")
    return said


Day = Annotated[date, BeforeValidator(_day)]


class Span(Strict):
    """Business dates from the first to the last, both among them; open where no last one is said."""

    model_config = ConfigDict(serialize_by_alias=True)

    first: Day = Field(alias="from")
    last: Day | None = Field(default=None, alias="to")

    @model_validator(mode="after")
    def _runs_forward(self) -> Self:
        if self.last is not None and self.last < self.first:
            raise ValueError(f"to: {self.last} lies before from: {self.first}; swap them")
        return self

    def holds(self, day: date) -> bool:
        """Whether a business date is one of it."""
        return self.first <= day and (self.last is None or day <= self.last)

    def until(self, day: date) -> Span | None:
        """What of it lies before the end of a date; None where it begins later."""
        last = day if self.last is None else min(self.last, day)
        return Span.model_validate({"from": self.first, "to": last}) if self.first <= last else None


def _in_order(spans: list[Span]) -> list[Span]:
    for before, after in pairwise(spans):
        if before.last is None:
            raise ValueError(f"the span from {before.first} has no end, and another follows: say its to")
        if after.first <= before.last:
            raise ValueError(f"the span from {after.first} begins before the one to {before.last} is over: part them")
    return spans


Spans = Annotated[
    list[Span],
    Field(min_length=1),
    BeforeValidator(lambda said: [said] if isinstance(said, dict) else said),
    AfterValidator(_in_order),
]
"""In their order; of an institution that stays, one, written without a list."""


class CreditLine(Strict):
    """Figures of which grades are credited from an act date on.

    Attributes:
        is_open: whether a programme's own amount is credited outside its programme as well (`programme: everywhere`).
    """

    model_config = ConfigDict(serialize_by_alias=True)

    first: Day = Field(alias="from")
    grades: list[Grade] = Field(min_length=1)
    programme: Literal["inside", "everywhere"] = "inside"

    @property
    def terms(self) -> Terms:
        """What it says of one date."""
        return Terms(frozenset(self.grades), is_open=self.programme == "everywhere")


def _by_date(lines: list[CreditLine]) -> list[CreditLine]:
    for before, after in pairwise(lines):
        if after.first <= before.first:
            raise ValueError(f"the line from {after.first} stands after the one from {before.first}: put them in order")
    return lines


class Deployment(Strict):
    """Who is expected, and which figures are credited.

    Attributes:
        institutions: institution → the business dates of which it is expected. Whoever is not named is not expected.
        credits: which grades of figures are credited from which act date on, the first line before it too; without
            any, all but foreign ones since figures have grades, and before whatever was applied.
    """

    institutions: dict[str, Spans]
    credits: Annotated[list[CreditLine], AfterValidator(_by_date)] = later([])

    def expects(self, institution: str, day: date) -> bool:
        """Whether the institution owes a business date."""
        return any(span.holds(day) for span in self.institutions.get(institution, ()))

    def days(self, institution: str, until: date) -> Iterator[date]:
        """Every date that an institution owes, until one."""
        for span in self.until(until).get(institution, ()):
            assert span.last is not None
            yield from (span.first + timedelta(days=number) for number in range((span.last - span.first).days + 1))

    def until(self, day: date) -> dict[str, list[Span]]:
        """What it says of the dates until one: two that are equal here owe the same."""
        found = {name: [one for span in spans if (one := span.until(day))] for name, spans in self.institutions.items()}
        return {name: spans for name, spans in found.items() if spans}


def credits_of(deployment: Deployment | None) -> Credits:
    """What a deployment credits, by act date."""
    if deployment is None or not deployment.credits:
        return BY_DEFAULT
    first, *others = deployment.credits
    return Credits([(date.min, first.terms), *((line.first, line.terms) for line in others)])


def since_first(delivered: Iterable[tuple[str, date]]) -> Deployment:
    """What holds where no file says it: an institution is expected from the first date of which it delivered anything.

    Args:
        delivered: institution and business date, in any order.
    """
    first: dict[str, date] = {}
    for institution, day in delivered:
        first[institution] = min(day, first.get(institution, day))
    return Deployment.model_validate({"institutions": {name: {"from": day} for name, day in first.items()}})


def load_deployment(home: Path, known: Collection[str]) -> Deployment | None:
    """What the home's file says; None where there is none, or where all of it is comments.

    Args:
        known: ids of the registry's institutions.

    Raises:
        RegistryError: the file breaks the model, says something twice, or names an institution that no contract is of.
    """
    path = home / FILE
    if not path.is_file() or not _says_something(path):
        return None
    found = load_yaml(path, Deployment)
    for name in found.institutions:
        if name not in known:
            nearest = get_close_matches(name, known, n=1)
            mend = f"did you mean {nearest[0]}? " if nearest else ""
            raise RegistryError(
                f"{path}: institutions.{name}: no such institution; {mend}There are {', '.join(sorted(known))}"
            )
    return found


def _says_something(path: Path) -> bool:
    """Whether there is more than comments; a key that stands twice, of which YAML would keep the last, is refused."""
    try:
        top = yaml.compose(path.read_text(encoding="utf-8"), Loader=LOADER)
    except (yaml.YAMLError, ValueError) as error:
        raise RegistryError(f"{path}: not valid YAML: {error}") from error
    waiting = [("", top)] if top else []
    while waiting:
        where, node = waiting.pop()
        if not isinstance(node, yaml.MappingNode):
            continue
        keys = [str(key.value) for key, _ in node.value]
        if twice := [key for key in keys if keys.count(key) > 1]:
            raise RegistryError(
                f"{path}: {where}{twice[0]}: stands twice; give several spans of one as a list below it"
            )
        waiting += [(f"{where}{key}.", value) for key, (_, value) in zip(keys, node.value)]
    return top is not None


def written(since: Mapping[str, date]) -> str:
    """The text of a file that expects institutions from a date each, and credits what is usual from the first of them."""
    lines = [f"  {name}: {{from: {first}}}" for name, first in sorted(since.items())]
    grades = ", ".join(grade for grade in GRADES if grade in USUAL.grades)
    credited = [
        "# Figures of which grades are credited, and from which act date on: docs/scenarios.md.",
        "credits:",
        f"  - {{from: {min(since.values())}, grades: [{grades}]}}",
    ]
    head = "# Who is expected, and from when to when: docs/operations.md."
    return "\n".join([head, "institutions:", *lines, *(credited if since else []), ""])
