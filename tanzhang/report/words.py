"""Words and figures in Chinese and English. All words come from words.yaml, names of things from the registry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

LANGUAGES = ("zh", "en")
MINUS = "−"
UNITS = {"gram": 1_000, "kilogram": 1_000_000, "tonne": 1_000_000_000}
"""In milligrams."""


@dataclass(frozen=True)
class Both:
    """A text in Chinese and in English."""

    zh: str
    en: str

    def format(self, **parts: str | int | Both) -> Both:
        """Fill in the parts, each in its language."""
        return Both(*(getattr(self, name).format(**_in(name, parts)) for name in LANGUAGES))


def _in(language: str, parts: dict[str, str | int | Both]) -> dict[str, str | int]:
    return {key: getattr(part, language) if isinstance(part, Both) else part for key, part in parts.items()}


class Words:
    """The dictionary: a dotted key → its text. A leaf of the file has exactly `zh` and `en`.

    Raises:
        ValueError: a leaf lacks a language, or a key stands for nothing.
    """

    def __init__(self, path: Path = Path(__file__).with_name("words.yaml")) -> None:
        self.texts: dict[str, Both] = {}
        self._take("", yaml.safe_load(path.read_text(encoding="utf-8")))

    def __call__(self, key: str, **parts: str | int | Both) -> Both:
        """The text of a key, with its parts filled in.

        Raises:
            KeyError: the dictionary has no such key.
        """
        return self.texts[key].format(**parts)

    def region(self, code: str) -> Both:
        """A division's name; one that is not listed by its province and its code."""
        if named := self.texts.get(f"region.{code}"):
            return named
        province = self.texts.get(f"region.{code[:2]}0000", Both("", ""))
        return Both(f"{province.zh} {code}".strip(), f"{province.en} {code}".strip())

    def mass(self, milligrams: int) -> Both:
        """One decimal in the unit that reads best."""
        size = abs(milligrams)
        name = "tonne" if size >= 10 * UNITS["tonne"] else "kilogram" if size >= UNITS["kilogram"] else "gram"
        tenths = (size * 10 + UNITS[name] // 2) // UNITS[name]
        return self(f"mass.{name}", n=f"{MINUS if milligrams < 0 else ''}{tenths // 10:,}.{tenths % 10}")

    def long_day(self, day: date) -> Both:
        """2026年11月3日, 3 November 2026."""
        return self("day.long", y=day.year, m=day.month, d=day.day, month=f"{day:%B}")

    def short_day(self, day: date) -> Both:
        """11月3日, 3 Nov."""
        return self("day.short", m=day.month, d=day.day, month=f"{day:%b}")

    def _take(self, key: str, content: object) -> None:
        if not isinstance(content, dict) or not content:
            raise ValueError(f"words.yaml: {key}: say it in zh and en")
        if content.keys() & set(LANGUAGES):
            if content.keys() != set(LANGUAGES) or not all(isinstance(text, str) and text for text in content.values()):
                raise ValueError(f"words.yaml: {key}: say it in zh and en, and nothing else")
            self.texts[key] = Both(**content)
            return
        for name, below in content.items():
            self._take(f"{key}.{name}" if key else name, below)


def number(value: int) -> str:
    """Whole number with thousands separators, a real minus sign."""
    return f"{MINUS if value < 0 else ''}{abs(value):,}"


def signed(value: int) -> str:
    """As `number`, with its sign; nothing before zero."""
    return f"+{value:,}" if value > 0 else number(value)


def kilograms(milligrams: int) -> str:
    """To the gram, for tables that name the unit."""
    grams = (abs(milligrams) + 500) // 1000
    return f"{MINUS if milligrams < 0 and grams else ''}{grams // 1000:,}.{grams % 1000:03d}"


def signed_kilograms(milligrams: int) -> str:
    """As `kilograms`, with its sign."""
    return f"{'+' if milligrams >= 500 else ''}{kilograms(milligrams)}"


def share(part: int, whole: int) -> str:
    """Per cent with one decimal; what is there is never 0.0 %, and what is not all never 100.0 %."""
    if not whole:
        return "–"
    tenths = (part * 1000 + whole // 2) // whole
    if 0 < part < whole:
        tenths = min(max(tenths, 1), 999)
    return f"{tenths // 10}.{tenths % 10}%"
