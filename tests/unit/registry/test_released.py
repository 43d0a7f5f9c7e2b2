"""What past acts are credited by is added to and not altered: rules of scenarios, programmes, contracts and prices."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas import RegistryError, load_registry
from schemas.answers.changes import as_filed
from schemas.answers.files import files_of
from schemas.answers.released import LOCK, lock_release, refused_since_release
from schemas.answers.rules import rules_refused
from schemas.base import ROOT, load_folder
from schemas.programmes import Programme
from schemas.scenarios import Scenario
from schemas.sources import Source
from tanzhang.cli import app
from tests.support import libraries
from tests.support.exports import FIXTURES

RELEASED = date(2026, 12, 1)
BEFORE, AFTER = date(2026, 11, 30), date(2027, 1, 1)
CITED = {"document": "A paper that a test makes up", "clause": "1"}

Change = Callable[[Path], object]


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped registry, locked as it stands."""
    root = libraries.copied(tmp_path_factory.mktemp("released") / "root")
    (root / LOCK).unlink(missing_ok=True)
    lock_release(RELEASED, root)
    return root


@pytest.fixture
def root(released: Path, tmp_path: Path) -> Path:
    return shutil.copytree(released, tmp_path / "root")


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """The files that tests alter, without the others."""
    for name in FEW:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def said(path: str, **keys: Any) -> Change:
    """Keys of a file are said otherwise."""
    return lambda root: libraries.edited(root / path, **keys)


def text(path: str, old: str, new: str) -> Change:
    def change(root: Path) -> None:
        content = (root / path).read_text(encoding="utf-8")
        assert content.count(old) == 1, content.count(old)
        (root / path).write_text(content.replace(old, new), encoding="utf-8")

    return change


def ruled(path: str, key: str, rule: dict[str, Any], name: str | None = None) -> Change:
    """A rule more; or one that there is, said otherwise."""

    def change(root: Path) -> None:
        rules = libraries.content(root / path).get(key, [])
        if name is None:
            libraries.edited(root / path, **{key: [*rules, rule]})
        else:
            assert name in [one["id"] for one in rules]
            libraries.edited(root / path, **{key: [one | rule if one["id"] == name else one for one in rules]})

    return change


def window(**changes: Any) -> Change:
    return said(METRO, changes=[{"valid_from": AFTER, "known_from": RELEASED, "window_seconds": 900, **changes}])


def lag(**changes: Any) -> Change:
    def change(root: Path) -> None:
        feeds = libraries.content(root / BANK)["feeds"]
        libraries.edited(root / BANK, feeds={**feeds, "statements": {**feeds["statements"], **changes}})

    return change


METRO, WALKING, FOREST = "scenarios/metro.yaml", "scenarios/walking.yaml", "programmes/ant_forest.yaml"
BANK, GATES, TABLE = "sources/icbc.yaml", "sources/hangzhou_metro.yaml", "sources/hangzhou_metro_distances.csv"
PAYMENT, CUP, MONEY = "scenarios/utility_payment.yaml", "scenarios/own_cup.yaml", "spending/money.yaml"
DAZHOU, ROOF = "programmes/dazhou_bus.yaml", "scenarios/household_pv.yaml"
FEW = (METRO, WALKING, FOREST, BANK, GATES, TABLE, PAYMENT, CUP, MONEY, DAZHOU, ROOF)
CAP = {"id": "metro_year", "period": "year", "limit": "100 kg", "source": CITED}
EXCLUSION = {"id": "ride_or_walk", "scenarios": ["walking"], "by": "day", "why": "one way", "known_from": RELEASED}
EARN = {"id": "bikes", "scenarios": ["shared_bike"], "points": "3", "per": "act", "source": CITED}
LAGS = {"valid_from": AFTER, "known_from": RELEASED, "booking_lag_days": 3}

ALTERED = {
    "window": (said(METRO, window_seconds=20), rf"^{METRO}: window_seconds: was 600 and is 20; .* say the .* `changes`"),
    "precedence": (said(METRO, precedence=["bank", "transit"]), r"precedence: was \[transit, payment_app, bank\] and is"),
    "amounts": (said(PAYMENT, match_amount=False), "match_amount: was True and is False"),
    "distance": (said(METRO, missing_quantity=None), "missing_quantity: was {rule: shortest_trip, .* and is gone"),
    "placed": (said(WALKING, unplaced=None), "unplaced: was lowest_factor and is gone"),
    "proof": (said(METRO, proof="act"), "proof: was taps and is act; .* another scenario"),
    "reporters": (said(METRO, reported_by="issuer"), "reported_by: was anyone and is issuer"),
    "kilograms": (ruled(WALKING, "caps", {"limit": "300 g"}, "walking_day"), "caps.walking_day.limit: was 296 g and is 300"),
    "cap-gone": (said(WALKING, caps=[]), "caps.*: was .*296 g.* and is gone; .* end the cap"),
    "cap-of-before": (ruled(METRO, "caps", {**CAP, "valid_from": BEFORE}), "begins 2026-11-30, .* released on 2026-12-01"),
    "cap-ended-before": (
        ruled(WALKING, "caps", {"valid_to": BEFORE}, "walking_day"),
        "valid_to: 2026-11-30 is before 2026-12-01",
    ),
    "exclusion": (
        ruled(ROOF, "excludes", {"by": "day"}, "own_power_or_saved"),
        "excludes.own_power_or_saved.by: was month and is day; .* end the exclusion",
    ),
    "exclusion-names-more": (
        ruled(ROOF, "excludes", {"scenarios": ["electricity_saving", "lights_off"]}, "own_power_or_saved"),
        r"excludes.own_power_or_saved.scenarios: was \[electricity_saving\] and is \[electricity_saving, lights_off\]",
    ),
    "exclusion-gone": (said(ROOF, excludes=[]), "excludes.*: was .*own_power_or_saved.* and is gone; .* end the exclusion"),
    "exclusion-of-before": (
        ruled(METRO, "excludes", {**EXCLUSION, "valid_from": BEFORE}),
        "excludes.ride_or_walk: begins 2026-11-30, .* released on 2026-12-01|excludes: begins 2026-11-30",
    ),
    "scenario-gone": (lambda root: (root / CUP).unlink(), "own_cup.yaml: was released and is gone"),
    "change-of-before": (window(valid_from=BEFORE, known_from=BEFORE), "changes.*known_from 2026-11-30 is before 2026-12-01"),
    "points": (text(FOREST, 'points: "262"', 'points: "26"'), "earn.utility_payments.points: was 262 and is 26; .* end the"),
    "points-cap": (text(FOREST, "points: 296", "points: 29600"), "caps.walking_day.points: was 296 and is 29600"),
    "undated-rule": (ruled(FOREST, "earn", EARN), "earn.bikes: says no first day, .* released on 2026-12-01"),
    "expiry": (said(FOREST, expiry={"id": "e", "keep": 1, "period": "day", "source": CITED}), "expiry: says no first day"),
    "region": (said(FOREST, region="330000"), "region: was 000000 and is 330000"),
    "programme-gone": (lambda root: (root / FOREST).unlink(), "ant_forest.yaml: was released and is gone"),
    "lag": (lag(booking_lag_days=9), r"feeds.statements.booking_lag_days: was \d and is 9; .* feed's `changes`"),
    "lag-of-before": (lag(changes=[{**LAGS, "valid_from": BEFORE, "known_from": BEFORE}]), "known_from 2026-11-30 is before"),
    "role": (said(BANK, kind="government"), f"{BANK}: kind: was bank and is government"),
    "rides": (
        text(GATES, "max_ride_minutes: 240", "max_ride_minutes: 30"),
        "feeds.taps.pairing.max_ride_minutes: was 240 and is 30",
    ),
    "stations": (text(TABLE, "S01,S02,1850", "S01,S02,1950"), "rows.S01-S02: was 1850 and is 1950"),
    "shortest-trip": (text(TABLE, "S01,S02,1850", "S01,S02,1850\nS01,S99,5"), r"shortest: was \d+ and is 5"),
    "euros": (text(MONEY, 'value: "7.7355"', 'value: "1.0000"'), "rates.CNY_2019/EUR_2019.value: was 7.7355"),
    "prices": (text(MONEY, 'percent: "0.9"', 'percent: "0.0"'), "prices.changes.2021.percent: was 0.9"),
}  # fmt: skip
ADDED = {
    "nothing": lambda root: None,
    "words": said(METRO, name_en="Underground", named_by=[CITED]),
    "a-window-from-a-day-on": window(),
    "a-correction": window(valid_from=date(2026, 1, 1), correction="the bank's clock was late"),
    "a-cap-from-a-day-on": ruled(METRO, "caps", {**CAP, "valid_from": AFTER}),
    "a-cap-that-corrects": ruled(METRO, "caps", {**CAP, "valid_from": BEFORE, "correction": "it was overlooked"}),
    "an-exclusion-from-a-day-on": ruled(METRO, "excludes", {**EXCLUSION, "valid_from": AFTER}),
    "an-exclusion-that-corrects": ruled(
        METRO, "excludes", {**EXCLUSION, "valid_from": BEFORE, "correction": "it was overlooked"}
    ),
    "an-exclusion-ends": ruled(ROOF, "excludes", {"valid_to": AFTER}, "own_power_or_saved"),
    "another-why": ruled(ROOF, "excludes", {"why": "said better"}, "own_power_or_saved"),
    "a-cap-ends": ruled(WALKING, "caps", {"valid_to": AFTER}, "walking_day"),
    "points-from-a-day-on": ruled(FOREST, "earn", {**EARN, "valid_from": AFTER}),
    "points-that-correct": ruled(FOREST, "earn", {**EARN, "correction": "it was overlooked"}),
    "a-rule-ends": ruled(FOREST, "earn", {"valid_to": AFTER}, "steps"),
    "a-lag-from-a-day-on": lag(changes=[LAGS]),
    "a-longer-trip": text(TABLE, "S01,S02,1850", "S01,S02,1850\nS01,S99,500000"),
    "no-is-said": said(METRO, is_spend=False),
    "only-compared": said(DAZHOU, region="510000"),
}


@pytest.mark.parametrize(("change", "complaint"), ALTERED.values(), ids=ALTERED)
def test_what_was_released_is_not_altered(few: Path, change: Change, complaint: str) -> None:
    released = files_of(few).files
    change(few)
    problems = list(rules_refused(released, files_of(few).files, RELEASED))
    assert any(re.search(complaint, problem) for problem in problems), problems


@pytest.mark.parametrize("change", ADDED.values(), ids=ADDED)
def test_what_may_be_added(few: Path, change: Change) -> None:
    released = files_of(few).files
    change(few)
    assert list(rules_refused(released, files_of(few).files, RELEASED)) == []
    for folder, model in (("scenarios", Scenario), ("programmes", Programme), ("sources", Source)):
        assert list(load_folder(few / folder, model)), "it is no registry's file"


def test_the_shipped_registry_keeps_what_was_released() -> None:
    """Also in a checkout without history. Say the change as its mend tells; the lock is never edited."""
    assert (ROOT / LOCK).is_file()
    assert as_filed(ROOT / LOCK).released >= date(2026, 11, 28)
    assert refused_since_release() == []


def test_a_lock_is_not_made_to_fit_an_edit(root: Path) -> None:
    said(METRO, window_seconds=20)(root)
    before = (root / LOCK).read_bytes()
    with pytest.raises(RegistryError, match=r"metro\.yaml: window_seconds: was 600 and is 20"):
        lock_release(AFTER, root)
    said(METRO, window_seconds=600)(root)
    with pytest.raises(RegistryError, match="released 2026-12-01, which is after 2026-11-30"):
        lock_release(BEFORE, root)
    assert (root / LOCK).read_bytes() == before
    window()(root)
    lock_release(AFTER, root)
    window(window_seconds=901)(root)
    text("factors/metro_reduction.yaml", '"46.7"', '"46.6"')(root)
    figure, rule = refused_since_release(root)
    assert "value was 46.7 and is 46.6" in figure
    assert "changes.0.window_seconds: was 900 and is 901" in rule


def test_a_lock_says_what_its_folder_says(released: Path) -> None:
    folder, lock = as_filed(released), as_filed(released / LOCK)
    assert (folder.series, folder.files) == (lock.series, lock.files)
    assert lock.released == RELEASED


def test_a_lock_is_no_part_of_the_registry(root: Path) -> None:
    before = load_registry(root).digest
    (root / LOCK).unlink()
    assert load_registry(root).digest == before and refused_since_release(root) == []


def test_a_change_that_reaches_back_says_why(root: Path) -> None:
    window(valid_from=BEFORE)(root)
    with pytest.raises(RegistryError, match=r"metro\.yaml: changes\.0: .*valid_from 2026-11-30 is before known_from"):
        load_registry(root)
    said(METRO, changes=[{"valid_from": AFTER, "known_from": RELEASED}])(root)
    with pytest.raises(RegistryError, match=r"changes\.0: .*changes nothing"):
        load_registry(root)


def test_the_command_holds_a_registry_against_its_lock(root: Path) -> None:
    told = CliRunner().invoke(app, ["factors", "validate", "--registry", str(root)])
    assert told.exit_code == 0 and "nothing released in" in told.output
    said(METRO, window_seconds=20)(root)
    for against in ([], ["--against", str(root / LOCK)], ["--against", str(ROOT)]):
        told = CliRunner().invoke(app, ["factors", "validate", "--registry", str(root), *against])
        assert told.exit_code == 2 and "window_seconds: was 600 and is 20" in told.output


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("within_days: 30", "within_days: 60", "feeds.statements.within_days: was 30 and is 60"),
        ("[merchant, place]", "[merchant, place], within_days: 90", "feeds.entries.within_days: was 180 and is 90"),
    ],
)
def test_how_far_back_a_refund_may_reach_is_not_altered(few: Path, old: str, new: str, problem: str) -> None:
    """Said or not, as it decides on purchases that landed long ago."""
    bank = "sources/river_bank.yaml"
    shutil.copy(FIXTURES / "refunding/river_bank.yaml", few / bank)
    base = files_of(few).files
    text(bank, old, new)(few)
    [found] = rules_refused(base, files_of(few).files, RELEASED)
    assert problem in found
