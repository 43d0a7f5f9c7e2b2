"""The generated documents are those of the registry, and whole."""

from __future__ import annotations

import re
from pathlib import Path

from schemas.base import ROOT
from schemas.books.contracts import contract_book
from schemas.books.factors import factor_book
from schemas.books.programmes import programme_book
from schemas.books.tables import dictionary
from tests.support import libraries
from tests.support.registries import shipped

DOCS = ROOT.parent / "docs"


def test_the_data_dictionary_is_current() -> None:
    shipped = (DOCS / "tables.md").read_text(encoding="utf-8")
    assert shipped == dictionary(), "run: python -m schemas.books.tables > docs/tables.md"


def test_the_book_of_factors_is_current() -> None:
    shipped = (DOCS / "factors.md").read_text(encoding="utf-8")
    assert shipped == factor_book(), "run: python -m schemas.books.factors > docs/factors.md"


def test_the_book_of_programmes_is_current() -> None:
    shipped = (DOCS / "programmes.md").read_text(encoding="utf-8")
    assert shipped == programme_book(), "run: python -m schemas.books.programmes > docs/programmes.md"


def test_every_rule_stands_there_with_its_source_or_as_an_assumption() -> None:
    text, registry = programme_book(), shipped()
    sections = {part.split("\n", 1)[0].split(" · ")[-1]: part for part in text.split("\n## ")}
    for one in registry.programmes.values():
        section = sections[one.id]
        plain = re.sub(r"\\(.)", r"\1", section)
        for rule in one.rules:
            [row] = [line for line in plain.splitlines() if line.startswith(f"| `{rule.id}` |")]
            assert rule.source is None or rule.source.document in row
            assert ("**assumption**" in row) == (rule.assumption is not None)
            assert rule.assumption is None or rule.assumption in row
        for told in (*one.left_open, *filter(None, [one.reason]), *(figure.value for figure in one.published)):
            assert told.rstrip(".") in plain
    assert "pays here" in sections["What each pays for the same"]


def test_every_figure_stands_there_with_what_it_rests_on() -> None:
    text, library = factor_book(), shipped().library
    plain = re.sub(r"\\(.)", r"\1", text)
    for file in library.factors.values():
        assert f'<a id="factor-{file.id}"></a>' in text and file.boundary in plain
        for one in file.series:
            [row] = [line for line in text.splitlines() if line.startswith(f'| <a id="series-{one.id}"></a>')]
            assert f" {one.value} {one.unit} " in row and f" {one.region} " in row and f" {one.status} " in row
            assert one.source is None or (one.source.document in plain and one.source.seen in plain)
            assert one.licence in plain and one.conservative in plain
            assert all(lent.reason in plain for lent in [*one.proxies, *one.not_for])
    for scenario in library.scenarios.values():
        assert f'<a id="scenario-{scenario.id}"></a>' in text
        assert scenario.no_factor_reason is None or scenario.no_factor_reason in plain


def test_every_link_of_the_books_leads_somewhere() -> None:
    for text in (factor_book(), programme_book()):
        _check_links(text)


def _check_links(text: str) -> None:
    anchors = re.findall(r'<a id="([^"]+)"></a>', text)
    assert len(anchors) == len(set(anchors))
    links = re.findall(r"\]\(#([^)]+)\)", text)
    assert links and set(links) <= set(anchors)


def test_the_book_tells_what_the_shipped_library_may_lack(tmp_path: Path) -> None:
    root = libraries.copied(tmp_path / "root")
    old = libraries.series("car_old", "0.19", "kgCO2e/km", valid_to=libraries.KNOWN.replace(day=20))
    new = libraries.series(
        "car_new", "0.2", "kgCO2e/km", corrects="car_old", correction="a bar | was read as a one",
        examples=[{"of": "10 km", "gives": "2 kg"}],
    )  # fmt: skip
    libraries.factor(root, "car_use", "emission", "use", old, new)
    whole = {"method": "displacement", "baseline": "car_use", "project_is_none": "the legs burn no fuel"}
    libraries.edited(root / "scenarios/metro.yaml", alternatives=[whole])
    text = factor_book(root)
    assert "* Beside it, never applied: [displacement](#method-displacement) with [car_use](#factor-car_use)." in text
    for said in (
        "Corrects [car_old](#series-car_old)",
        "Correction: a bar | was read as a one",
        "Computed by the source: 10 km gives 2 kg",
    ):
        assert f"  * `car_new`: {said}.\n" in text
    assert "2026-11-01 until before 2026-11-20" in text and "Emission, `use`." in text
    libraries.edited(root / "scenarios/metro.yaml", alternatives=[], quantification=whole)
    text = factor_book(root)
    assert "The act itself emits nothing: the legs burn no fuel" in text
    libraries.unquantified(root, "metro")
    assert "* **Not credited.** nobody measured it; that is not a zero" in factor_book(root)


def test_the_book_of_contracts_is_current_and_tells_every_key() -> None:
    shipped_book = (DOCS / "contracts.md").read_text(encoding="utf-8")
    assert shipped_book == contract_book(), "run: python -m schemas.books.contracts > docs/contracts.md"
    sections = {part.split("\n", 1)[0] for part in shipped_book.split("\n## ")[1:]}
    assert {"Source", "Feed", "layout: xml", "kind: payment", "PaymentColumns", "Number", "Time"} <= sections
    for key, said in [("oldest_days", "how many days before its business date"), ("tells", "the moment of the act")]:
        assert any(line.startswith(f"| `{key}` |") and said in line for line in shipped_book.splitlines())
