"""The units that factors and caps may be written in, checked by pint, computed in fractions.

The registry starts empty, so a unit that is not below does not exist: pint's own `ton` (a short ton) or `kg`
(a prefix of plain mass) can never slip into a factor. CO2 and CO2e are *different dimensions*: nothing
converts one into the other. `ton` is left out on purpose, as it is read as tonne, long ton or short ton.
So is money of every currency and year (`EUR_2019`, `CNY_2024`; `fen_2024` is its hundredth): money without a
year does not exist, and only a rate or a price index leads from one to another.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from pint import UnitRegistry
from pint.errors import PintError

Gas = Literal["CO2", "CO2e"]

MICRO = 10**6
"""Quantities are counted in millionths of their unit."""

NANO = 10**9
"""Millionths of a unit × micrograms per unit, in one milligram."""


def micro_of(text: str) -> int:
    """A decimal text in millionths.

    Raises:
        ValueError: it is no number, or has more than six decimals.
    """
    micro = Fraction(text) * MICRO
    if micro.denominator != 1:
        raise ValueError(f"{text!r} has more than six decimals")
    return int(micro)


_GASES: tuple[Gas, ...] = ("CO2", "CO2e")
_MASSES = {"mg": 10**3, "g": 10**6, "kg": 10**9, "t": 10**12}
_COUNTED = ("km", "vehicle_km", "step", "act", "statement", "kWh", "m3", "room_night", "hour", "day", "sheet")
_WEIGHED = "kg"
"""What a factor is 'per', each a dimension of its own: a factor per vehicle-km is none per passenger-km.
Material is counted by its plain mass, in kilograms."""
_PARTS = {"MWh": "1000 * kWh", "L": "m3 / 1000"}
"""Other sizes of what is counted."""
_MONEY = re.compile(r"\b(?:EUR|USD|CNY|fen)_([0-9]{4})\b")


class UnitError(ValueError):
    """A unit is unknown, of the wrong kind, or its value has no exact whole number."""


class FactorUnit(NamedTuple):
    """A factor's unit taken apart.

    Attributes:
        gas: what the numerator weighs.
        per: the denominator, in the registry's base names (`km`, `step`, `act`, `statement`).
        micrograms: micrograms of the gas in one unit, exact.
    """

    gas: Gas
    per: str
    micrograms: Fraction


@lru_cache(maxsize=1)
def _registry() -> UnitRegistry[Any]:
    registry: UnitRegistry[Any] = UnitRegistry(None, non_int_type=Fraction)
    for of in ("", *_GASES):
        registry.define(f"ug{of} = [mass{of}]")
        for name, micrograms in _MASSES.items():
            registry.define(f"{name}{of} = {micrograms} * ug{of}")
    for name in _COUNTED:
        registry.define(f"{name} = [{name}]")
    registry.define("jin = 500 * g")  # 斤, the market's pound
    # An account is one passenger, so a kilometre of that person is a passenger-kilometre.
    registry.define("passenger_km = km")
    for name, size in _PARTS.items():
        registry.define(f"{name} = {size}")
    return registry


@lru_cache(maxsize=128)
def _define_money(year: str) -> None:
    for currency in ("EUR", "USD", "fen"):
        _registry().define(f"{currency}_{year} = [{currency}_{year}]")
    _registry().define(f"CNY_{year} = 100 * fen_{year}")


def _units(text: str) -> Any:
    """Raises UnitError: unknown unit, or text that is no unit expression."""
    for year in _MONEY.findall(text):
        _define_money(year)
    try:
        return _registry().parse_units(text)
    except (PintError, ValueError, TypeError, AttributeError) as error:
        weighed = [f"{mass}{gas}" for gas in _GASES for mass in _MASSES]
        known = ", ".join([*weighed, *_COUNTED, *_PARTS, *_MASSES, "jin", "passenger_km"])
        raise UnitError(f"unit {text!r} is not known; use one of {known}") from error


@lru_cache(maxsize=256)
def factor_unit(text: str) -> FactorUnit:
    """Take a unit such as `gCO2/passenger_km` apart.

    Raises:
        UnitError: an unknown unit, a numerator that is no mass of CO2 or CO2e, a denominator that is none of
            the things counted.
    """
    numerator, slash, denominator = text.partition("/")
    if not slash:
        raise UnitError(f"unit {text!r} has no denominator; write it like gCO2/act")
    above, below = _units(numerator), _units(denominator)
    gas = next((gas for gas in _GASES if above.is_compatible_with(f"ug{gas}")), None)
    if gas is None:
        raise UnitError(f"unit {text!r} does not weigh CO2 or CO2e; write the gas, like gCO2/act")
    per = next((name for name in (*_COUNTED, _WEIGHED) if below.is_compatible_with(name)), None)
    if per is None:
        raise UnitError(f"unit {text!r} is per {denominator!r}; use one of {', '.join(_COUNTED)}, {_WEIGHED}")
    size = _registry().Quantity(Fraction(1), above / below).to(f"ug{gas}/{per}").magnitude
    return FactorUnit(gas, per, Fraction(size))


def whole_micrograms(value: str, unit: str) -> int:
    """`value` in `unit` as micrograms per one counted thing.

    Raises:
        UnitError: the unit is broken, or the result is no whole number (nothing is rounded here).
    """
    micrograms = Fraction(value) * factor_unit(unit).micrograms
    if micrograms.denominator != 1:
        raise UnitError(f"{value} {unit} is no whole number of micrograms; give a value with fewer decimals")
    return micrograms.numerator


def whole_milligrams(text: str) -> int:
    """A plain mass such as `296 g` as milligrams.

    Raises:
        UnitError: not `<decimal> <mass unit>`, or no whole number of milligrams.
    """
    milligrams = mass_of(text)[0] / 1000
    if milligrams.denominator != 1:
        raise UnitError(f"{text!r} is no whole number of milligrams")
    return milligrams.numerator


def mass_of(text: str) -> tuple[Fraction, Fraction]:
    """A plain mass such as `4.63 kg` in micrograms, and what its last printed digit stands for.

    Raises:
        UnitError: not `<decimal> <unit of plain mass>`.
    """
    value, unit = _amount(text)
    if not _units(unit).is_compatible_with("ug"):
        raise UnitError(f"{text!r} is no plain mass; write it like 296 g")
    size = Fraction(_registry().Quantity(Fraction(1), _units(unit)).to("ug").magnitude)
    return Fraction(value) * size, size / 10 ** len(value.partition(".")[2])


def counted_amount(text: str, unit: str) -> Fraction:
    """An amount such as `12 km` or `1 MWh` in a unit that things are counted in, exact.

    Raises:
        UnitError: not `<decimal> <unit>`, or a unit of something else.
    """
    value, given = _amount(text)
    if counted_unit(given) != counted_unit(unit):
        raise UnitError(f"{text!r} is counted in {counted_unit(given)}, where {unit} is asked for")
    return Fraction(_registry().Quantity(Fraction(value), _units(given)).to(counted_unit(unit)).magnitude)


def _amount(text: str) -> tuple[str, str]:
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([^\W\d]\w*)", text)
    if match is None:
        raise UnitError(f"{text!r} is no amount; write it like 296 g")
    return match[1], match[2]


def counted_unit(text: str) -> str:
    """The base name of a unit that things are counted in (`passenger_km` → `km`).

    Raises:
        UnitError: the unit is not one that things are counted in.
    """
    return factor_unit(f"ugCO2/{text}").per


def mass_in_kilograms(unit: str) -> Fraction:
    """One `unit` of plain mass (g, kg, t, jin) in kilograms, exact.

    Raises:
        UnitError: not a unit of plain mass.
    """
    units = _units(unit)
    if not units.is_compatible_with(_WEIGHED):
        raise UnitError(f"{unit!r} is no unit of plain mass; use g, kg, t or jin")
    return Fraction(_registry().Quantity(Fraction(1), units).to(_WEIGHED).magnitude)


def spend_year(unit: str) -> int:
    """Whose year's money a unit such as `kgCO2e/EUR_2019` is per.

    Raises:
        UnitError: it does not weigh CO2e per money of a currency and year.
    """
    found = _MONEY.findall(unit)
    if len(found) != 1 or not unit.startswith("kgCO2e/") or not _MONEY.fullmatch(unit.partition("/")[2]):
        raise UnitError(f"unit {unit!r} is no kgCO2e per money of a year; write it like kgCO2e/EUR_2019")
    return int(found[0])


def micrograms_per_fen(unit: str, year: int, *steps: tuple[Fraction, str]) -> Fraction:
    """One `unit` (as of `spend_year`) as micrograms of CO2e per fen of a year, divided by every step in turn.

    Args:
        steps: (value, unit): an exchange rate such as 7.7355 CNY_2019/EUR_2019, a price index such as
            1.059 CNY_2024/CNY_2019.

    Raises:
        UnitError: the steps do not lead from the unit's money to the year's fen.
    """
    target = f"ugCO2e/fen_{year}"
    quantity = _registry().Quantity(Fraction(1), _units(unit))
    for value, of in steps:
        quantity = quantity / _registry().Quantity(value, _units(of))
    try:
        return Fraction(quantity.to(_units(target)).magnitude)
    except PintError as error:
        path = ", ".join(of for _, of in steps) or "nothing"
        raise UnitError(f"{path} does not lead from {unit} to {target}") from error
