"""A value that nobody printed: computed from numbers that somebody did, by a formula that the loader computes again."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from math import ceil, floor
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import Self

from schemas.base import Strict
from schemas.scenarios.parts import Exact, Id
from schemas.units import factor_unit

_OPERATIONS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def _parsed(formula: str) -> ast.expr:
    try:
        return ast.parse(formula, mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"formula {formula!r} cannot be read; write it like saved / waybills * mass") from error


def _only_names(formula: str) -> str:
    for node in ast.walk(_parsed(formula)):
        fits = isinstance(node, (ast.BinOp, ast.Name, ast.Load, *_OPERATIONS))
        if not fits:
            raise ValueError(
                f"formula {formula!r} may hold names, + - * / and brackets alone; give every number a name"
            )
    return formula


class Derivation(Strict):
    """How a value follows from printed numbers.

    Attributes:
        formula: over the names of `of`, with + - * / and brackets.
        of: name → number as printed, exact; each of them stands in the source that the series cites.
        unit: what the formula comes out in, such as `kgCO2/act`.
        rounded: towards less credit: `down` of what is saved or displaced, `up` of what an act itself emits.
    """

    formula: Annotated[str, AfterValidator(_only_names)]
    of: dict[Id, Exact] = Field(min_length=1)
    unit: str
    rounded: Literal["down", "up"] = "down"

    @model_validator(mode="after")
    def _names_are_numbers(self) -> Self:
        named = {node.id for node in ast.walk(_parsed(self.formula)) if isinstance(node, ast.Name)}
        if named != self.of.keys():
            raise ValueError(f"formula and of differ in {', '.join(sorted(named ^ self.of.keys()))}; name them in both")
        factor_unit(self.unit)
        return self

    @property
    def micrograms_per_unit(self) -> Fraction:
        """What the formula comes to in micrograms per counted unit, exact.

        Raises:
            ValueError: it divides by nothing.
        """
        numbers = {name: Fraction(number) for name, number in self.of.items()}
        try:
            return _computed(_parsed(self.formula), numbers) * factor_unit(self.unit).micrograms
        except ZeroDivisionError:
            raise ValueError(f"formula {self.formula!r} divides by nothing") from None

    def problem(self, value: str, unit: str) -> str | None:
        """Why a value, as written with so many decimals, is not what the formula comes to; None where it is."""
        gas, per, micrograms = factor_unit(unit)
        if factor_unit(self.unit)[:2] != (gas, per):
            return f"derivation comes out in {self.unit}, but the value is in {unit}: one gas and one denominator"
        exact, step = self.micrograms_per_unit / micrograms, Fraction(1, 10 ** len(value.partition(".")[2]))
        nearest = step * (floor(exact / step) if self.rounded == "down" else ceil(exact / step))
        if Fraction(value) == nearest:
            return None
        return f"derivation comes to {float(exact):.9g} {unit}; rounded {self.rounded} like {value} it is {float(nearest):g}"


def _computed(node: ast.expr, numbers: Mapping[str, Fraction]) -> Fraction:
    if isinstance(node, ast.Name):
        return numbers[node.id]
    assert isinstance(node, ast.BinOp)
    return _OPERATIONS[type(node.op)](_computed(node.left, numbers), _computed(node.right, numbers))
