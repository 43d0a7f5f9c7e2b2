"""The report's figures, as a browser shows them, equal the tables; the page asks nobody, and is the same at any time."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lxml import html
from playwright.sync_api import Browser
from typer.testing import CliRunner

from jobs.errors import NotFound
from jobs.lake import Lake
from jobs.reading.report import report
from schemas import Registry, load_registry
from schemas.base import ROOT
from simulator import simulate
from tanzhang.cli import app
from tanzhang.report.page import page
from tests.oracle.recount import Figures, recount
from tests.support.reader import deliveries
from tests.support.worlds import FIRST_DAY, days, embedded_lake, land_world, run_days

DAYS = days(3)
TOO_MANY = 10**9
REFUSED = ("icbc", "2026-11-02")
PUBLICATIONS = range(1, len(DAYS) + 1)


@dataclass(frozen=True)
class World:
    """A published world, and the reports made as it grew: after publication n (the first), and after all (the second)."""

    home: Path
    lake: Lake
    first: dict[int, str]
    second: dict[int, str]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """The registry, with a warning that nothing can satisfy: a report must also say what is amiss."""
    folder = tmp_path_factory.mktemp("registry") / "schemas"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    table = folder / "tables/gold_balances.yaml"
    text = table.read_text(encoding="utf-8")
    assert text.count("min_rows: 1\n") == 1
    table.write_text(text.replace("min_rows: 1\n", f"min_rows: {TOO_MANY}\n"), encoding="utf-8")
    return load_registry(folder)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> World:
    home = tmp_path_factory.mktemp("report")
    simulate(home, 160, len(DAYS), 7, FIRST_DAY, late=0.2, corrected=0.25, duplicated=0.25, bills=0.3)
    [bad, *_] = [one for one in deliveries(home) if (one.institution, one.business_date) == REFUSED]
    with (bad.folder / bad.control["files"][0]["name"]).open("ab") as file:
        file.write(b" ")
    land_world(home, registry)
    lake = embedded_lake(home, registry)
    first = {}
    for seq, day in enumerate(DAYS, 1):
        [outcome] = run_days(lake, home, [day])
        assert outcome.seq == seq
        first[seq] = page(report(lake, seq), registry)
    return World(home, lake, first, {seq: page(report(lake, seq), registry) for seq in PUBLICATIONS})


def figures(text: str) -> Figures:
    """(name, value) of every figure of a page, read without a browser."""
    tree = html.fromstring(text)
    return {(one.get("data-figure"), one.get("data-value")) for one in tree.xpath("//*[@data-figure]")}


def test_the_world_has_what_a_report_must_tell(world: World) -> None:
    names = {name for seq in PUBLICATIONS for name, _ in figures(world.second[seq])}
    states = {
        value for seq in PUBLICATIONS for name, value in figures(world.second[seq]) if name.startswith("arrival.")
    }
    assert states >= {"on_time", "late", "missing", "refused"}
    assert any(name.startswith("restated.no_consent") or name.startswith("restated.absorbed") for name in names)
    assert {"restated.new.net", "rows.changed.superseded", "rules.broken.balance_anybody"} <= names
    assert any(name.startswith("rows.code.") for name in names)


@pytest.mark.parametrize("seq", PUBLICATIONS)
def test_every_figure_equals_the_tables(world: World, registry: Registry, seq: int) -> None:
    """Both ways: the page shows what must be shown, and nothing that was not counted here."""
    shown, counted = figures(world.second[seq]), recount(world.lake.path, registry, seq)
    assert sorted(shown - counted) == [] and sorted(counted - shown) == []
    assert len(shown) > 150


@pytest.mark.parametrize("seq", PUBLICATIONS)
def test_the_report_is_the_same_whenever_it_is_made(world: World, seq: int) -> None:
    assert world.first[seq] == world.second[seq]


@pytest.mark.parametrize("seq", PUBLICATIONS)
def test_it_adds_up_on_the_page(world: World, seq: int) -> None:
    """By the page alone, as its reader would add."""
    shown = dict(figures(world.second[seq]))

    def total(pattern: str) -> int:
        return sum(int(value) for name, value in shown.items() if re.fullmatch(pattern, name))

    for side in ("scenario", "region", "grade", "day"):
        assert total(rf"kg\.{side}\.[^.]+") == int(shown["kg.total"])
        assert total(rf"kg\.{side}\.[^.]+\.change") == int(shown["kg.total.change"])
    assert total(r"emission\.category\..") == int(shown["emission.total"]) > 0
    assert 0 < int(shown["emission.known"]) < int(shown["emission.spent"])
    assert total(r"rows\.disposition\.\w+") == int(shown["rows"]) == int(shown["rows.stated"])
    assert total(r"claims\.outcome\.\w+") == int(shown["claims"])
    assert total(r"duplicates\.\w+\.\w+") == int(shown["duplicates"])
    assert 'class="check good"' in world.second[seq]


@pytest.mark.parametrize("seq", PUBLICATIONS)
def test_nobody_is_named(world: World, seq: int) -> None:
    text = world.second[seq]
    assert not re.search(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", text)
    # Tonnes in milligrams have as many digits as a phone: what these figures are is counted in another test.
    without = re.sub(r'<data value="\d+" data-figure="emission[.][^"]+" data-value="\d+">|[0-9a-f]{64}', "", text)
    assert not re.search(r"(?<!\d)1[3-9]\d{9}(?!\d)|(?<!\d)\d{17}[\dXx]", without)


def test_the_command(world: World, registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import schemas

    monkeypatch.setattr(schemas, "load_registry", lambda: registry)
    home = ["--home", str(world.home)]
    call = CliRunner().invoke
    for more, seq in ([], 3), (["--date", "2026-11-02"], 2), (["--publication", "1"], 1):
        done = call(app, ["report", *more, *home])
        path = world.home / f"reports/{DAYS[seq - 1]}-{seq}.html"
        assert (done.exit_code, done.output.strip()) == (0, str(path))
        assert path.read_text(encoding="utf-8") == world.second[seq]
    assert call(app, ["report", "--out", str(tmp_path / "here/one.html"), *home]).exit_code == 0
    assert (tmp_path / "here/one.html").read_text(encoding="utf-8") == world.second[3]
    assert call(app, ["report", "--publication", "9", *home]).exit_code == 5
    assert call(app, ["report", "--date", "2026-12-01", *home]).exit_code == 5
    assert call(app, ["report", "--date", "2026-11-02", "--publication", "2", *home]).exit_code == 2
    with pytest.raises(NotFound):
        report(world.lake, 0)


# -- in a browser ------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("seq", [1, len(DAYS)])
def test_a_browser_shows_the_figures(world: World, registry: Registry, chromium: Browser, tmp_path: Path, seq: int, width: int,
                                     language: str) -> None:  # fmt: skip
    path = tmp_path / "report.html"
    path.write_text(world.second[seq], encoding="utf-8")
    window = chromium.new_context(viewport={"width": width, "height": 800}, locale="fr")
    view = window.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    view.on("console", lambda message: complaints.append(message.text))
    view.on("pageerror", lambda error: complaints.append(str(error)))
    view.on("request", lambda request: asked.append(request.url))
    view.goto(path.as_uri())
    view.click(f"[data-speak={language}]")
    assert view.evaluate("document.documentElement.lang") == language
    for opened in (False, True):
        view.evaluate("opened => document.querySelectorAll('details').forEach(one => { one.open = opened })", opened)
        assert view.evaluate("document.documentElement.scrollWidth") <= width
    other = "zh" if language == "en" else "en"
    assert view.locator(f"span.{other}:visible").count() == 0
    found: list[dict[str, Any]] = view.evaluate(
        """() => [...document.querySelectorAll('[data-figure]')].map(
             one => ({name: one.dataset.figure, value: one.dataset.value, text: one.innerText.trim()}))"""
    )
    assert {(one["name"], one["value"]) for one in found} == recount(world.lake.path, registry, seq)
    wrong = [one for one in found if not says(one["text"], one["name"], one["value"])]
    assert wrong == []
    assert complaints == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    window.close()


UNITS = {"": 10**6, "千克": 10**6, "kg": 10**6, "克": 10**3, "g": 10**3, "吨": 10**9, "t": 10**9}

ARRIVALS = {
    "on_time": ("准时", "on time"),
    "late": ("迟到", "late"),
    "missing": ("未到", "missing"),
    "refused": ("拒收", "refused"),
    "unknown": ("无须报送", "nothing was due"),
}


def says(text: str, name: str, value: str) -> bool:
    """Whether a reader of the text learns the value: to its last shown digit, or that it is not counted out."""
    if name.startswith("arrival."):
        return text.endswith(ARRIVALS[value])
    if value == "":
        return text in ("<5", "–")
    if text == "·":
        return value == "0"
    found = re.search(r"([+−]?)([\d,]+)(?:\.(\d+))?(?: (千克|kg|克|g|吨|t)$)?", text)
    assert found, text
    sign, whole, decimals, unit = found.groups("")
    number = int(whole.replace(",", "") + decimals) * (-1 if sign == "−" else 1)
    if name in ("emission.spent", "emission.known"):  # whole yuan of fen
        return number == int(value) // 100
    if re.match(r"kg\.|emission\.|restated\..*(posted|reversed|net)$", name):
        shown, step = number * UNITS[unit] // 10 ** len(decimals), UNITS[unit] // 10 ** len(decimals)
        return abs(shown - int(value)) <= step // 2
    return number == int(value)
