"""A report as one HTML file that needs nothing else: no network, no library, no font."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from tanzhang.report.parts import Cell, Figure
from tanzhang.report.proof import Proof
from tanzhang.report.sections import Sections
from tanzhang.report.words import LANGUAGES, Both, Words

if TYPE_CHECKING:
    from jobs.reading.report import Report
    from schemas import Registry

HERE = Path(__file__).parent


def page(told: Report, registry: Registry) -> str:
    """The report as HTML; the same text for the same report."""
    words = _words()
    first, second = Sections(told, registry, words), Proof(told, registry, words)
    return _environment().get_template("page.html.j2").render(
        t=lambda key, **parts: both(words(key, **parts)),
        title=words("title"),
        publication=told.publication,
        head=first.head(),
        kilograms=first.kilograms(),
        emissions=first.emissions(),
        points=first.points(),
        rows=first.rows(),
        claims=first.claims(),
        duplicates=first.duplicates(),
        coverage=second.coverage(),
        rules=second.rules(),
        restated=second.restated(),
        changes=second.changes(),
    )  # fmt: skip


def both(text: Cell) -> Markup:
    """A text in both languages, of which the page shows one; a figure with the number behind it."""
    if isinstance(text, Figure):
        value = "" if text.value is None else text.value
        return Markup('<data value="{0}" data-figure="{1}" data-value="{0}">{2}</data>').format(
            value, text.name, both(text.text)
        )
    if isinstance(text, str) or text.zh == text.en:
        return escape(text if isinstance(text, str) else text.zh)
    return Markup("").join(
        Markup('<span class="{0}" lang="{0}">{1}</span>').format(name, getattr(text, name)) for name in LANGUAGES
    )


@cache
def _words() -> Words:
    return Words()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["both"] = both
    environment.globals["style"] = Markup((HERE / "page.css").read_text(encoding="utf-8"))
    return environment


__all__ = ["Both", "both", "page"]
