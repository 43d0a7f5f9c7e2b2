"""What every section of the page needs: the report, the registry's names and the dictionary's words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tanzhang.report.parts import Figure
from tanzhang.report.words import Both, Words, number, signed

if TYPE_CHECKING:
    from jobs.reading.report import Coverage, Report
    from schemas import Registry


@dataclass(frozen=True)
class Teller:
    """Tells one report."""

    told: Report
    registry: Registry
    words: Words

    def keys(self, group: str) -> dict[str, Both]:
        """A group of the dictionary: key → its word, in the dictionary's order."""
        return {key.split(".", 1)[1]: text for key, text in self.words.texts.items() if key.startswith(f"{group}.")}

    def institution(self, key: str) -> Both:
        source = self.registry.sources.get(key)
        return Both(source.name, source.name_en) if source else Both(key, key)

    def scenario(self, key: str) -> Both:
        scenario = self.registry.scenarios.get(key)
        return Both(scenario.name, scenario.name_en) if scenario else Both(key, key)

    def institutions(self, seen: Iterable[str]) -> list[tuple[str, Both]]:
        return [(key, self.institution(key)) for key in sorted(set(seen))]

    def joined(self, names: Iterable[Both]) -> Both:
        several = list(names)
        return Both("、".join(one.zh for one in several), ", ".join(one.en for one in several))

    def is_brought(self, one: Coverage) -> bool:
        """Whether the files are people's own: counting them counts people."""
        return (one.institution, one.feed) in self.told.brought

    def people(self, name: str, count: int | None, sign: bool = False) -> Figure:
        text = self.words("few") if count is None else (signed if sign else number)(count)
        return Figure(name, count, text)


def each(text: Both) -> tuple[str, str]:
    """A text in every language."""
    return text.zh, text.en
