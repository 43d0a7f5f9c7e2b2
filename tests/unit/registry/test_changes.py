"""What a library may change against a released one: nothing that was released, and no day of the past unsaid."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas.answers.changes import SeriesChange, answer_changes, as_filed, refusals, series_changes
from schemas.base import ROOT
from tanzhang.cli import app
from tanzhang.revisions import NoRevision, registry_of
from tests.support import libraries
from tests.support.registries import shipped

HANGZHOU = "330100"
LATER = date(2026, 12, 1)
COUNTRY, CITY = "factors/waste.yaml", "factors/mass.yaml"

Change = Callable[[Path], object]


def waste(name: str, value: str = "500", region: str = "000000", **changes: Any) -> dict[str, Any]:
    return libraries.series(name, value, "gCO2e/kg", region, **changes)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A scenario with a factor, one with none, and a factor that is none's."""
    root = tmp_path / "base"
    libraries.factor(root, "waste", "reduction", "material_difference", waste("waste_1"))
    libraries.factor(root, "spare", "reduction", "material_difference", waste("spare_1", "400"))
    libraries.scenario(root, "sorting", "kg", {"method": "mass_by_material", "factor": "waste"})
    libraries.scenario(root, "carrying", "kg", None)
    return root


@pytest.fixture
def now(base: Path, tmp_path: Path) -> Path:
    return shutil.copytree(base, tmp_path / "now")


def refused(base: Path, now: Path) -> list[str]:
    return refusals(as_filed(base), as_filed(now), {HANGZHOU})


def successor(**changes: Any) -> Change:
    return lambda root: libraries.added(root / COUNTRY, waste("waste_2", **{"known_from": LATER, **changes}))


def first(**changes: Any) -> Change:
    keys = {f"series_{key}": value for key, value in changes.items()}
    return lambda root: libraries.edited(root / COUNTRY, **keys)


def both(*changes: Change) -> Change:
    def change(root: Path) -> None:
        for one in changes:
            one(root)

    return change


def quantified(name: str, factor: str) -> Change:
    said = {"method": "mass_by_material", "factor": factor}
    return lambda root: libraries.scenario(root, name, "kg", said)


ENDED = first(valid_to=LATER)
SOURCED = {**libraries.SOURCE, "clause": "table 2"}
ALLOWED = {
    "nothing": lambda root: None,
    "ended-with-a-successor": both(ENDED, successor(value="510", valid_from=LATER)),
    "ended-for-good": ENDED,
    "corrected": successor(value="450", corrects="waste_1", correction="a digit was misread"),
    "narrower-from-now-on": successor(region=HANGZHOU, valid_from=LATER),
    "narrower-before-with-a-correction": successor(region=HANGZHOU, correction="the city's own figure was known"),
    "verified-more": first(status="primary"),
    "words": first(conservative="said better", licence="as it says", examples=[{"of": "2 kg", "gives": "1 kg"}]),
    "a-new-scenario-of-the-past": quantified("fetching", "spare"),
    "a-factor-for-what-had-none-from-now-on": both(
        lambda root: (
            libraries.factor(
                root, "late", "reduction", "material_difference", waste("late_1", known_from=LATER, valid_from=LATER)
            )
            and None
        ),
        quantified("carrying", "late"),
    ),
    "a-region-that-had-none-and-nobody-reports-from": lambda root: libraries.added(
        root / COUNTRY, waste("abroad", region="GB", known_from=LATER, valid_from=date(2020, 1, 1))
    ),
}
REFUSED = {
    "value": (first(value="501"), "value was 500 and is 501; it was released"),
    "digits": (first(value="500.0"), "value was 500 and is 500.0"),
    "unit": (first(unit="kgCO2e/kg"), "unit was gCO2e/kg and is kgCO2e/kg"),
    "gas": (first(gas_basis="CO2"), "gas_basis was CO2e and is CO2"),
    "region": (first(region=HANGZHOU), f"region was 000000 and is {HANGZHOU}"),
    "valid-from": (first(valid_from=date(2026, 10, 1)), "valid_from was 2026-11-01 and is 2026-10-01"),
    "known-from": (first(known_from=date(2026, 10, 1)), "known_from was 2026-11-01 and is 2026-10-01"),
    "source": (first(source=SOURCED), "source was A paper that a test makes up, table 1"),
    "distrusted": (first(status="unverified"), "status was primary and is unverified"),
    "kind": (lambda root: libraries.edited(root / COUNTRY, kind="emission"), "kind was reduction and is emission"),
    "boundary": (
        lambda root: libraries.edited(root / COUNTRY, boundary_kind="programme"),
        "boundary_kind was material",
    ),
    "ended-in-the-past": (first(valid_to=date(2026, 10, 31)), "valid_to 2026-10-31 is before 2026-11-01"),
    "gone": (lambda root: (root / "factors/spare.yaml").unlink(), "spare_1: was released and is gone"),
    "known-before-the-release": (
        successor(region=HANGZHOU, known_from=date(2026, 10, 1), valid_from=LATER),
        "waste_2: known_from 2026-10-01 is before 2026-11-01",
    ),
    "reaching-back": (
        successor(region=HANGZHOU, valid_from=date(2026, 11, 30)),
        f"waste_2: answers for sorting from 2026-11-30 in {HANGZHOU}, before 2026-12-01",
    ),
    "reaching-back-where-nobody-reports-but-there-was-an-answer": (
        successor(region="110000", valid_from=date(2026, 11, 30)),
        "waste_2: answers for sorting from 2026-11-30 in 110000",
    ),
    "reaching-back-to-acts-without-a-factor": (
        both(successor(region="110000", valid_from=LATER), quantified("carrying", "waste")),
        f"waste_1: answers for carrying from 2026-11-01 in 000000, {HANGZHOU}, before 2026-12-01",
    ),
    "another-factor": (
        both(successor(region="110000", valid_from=LATER), quantified("sorting", "spare")),
        "spare_1: answers for sorting from 2026-11-01 in 000000, 110000, 330100, before 2026-12-01",
    ),
}


@pytest.mark.parametrize("change", ALLOWED.values(), ids=ALLOWED)
def test_what_a_release_may_add(base: Path, now: Path, change: Change) -> None:
    change(now)
    assert refused(base, now) == []


@pytest.mark.parametrize(("change", "complaint"), REFUSED.values(), ids=REFUSED)
def test_what_it_may_not_alter(base: Path, now: Path, change: Change, complaint: str) -> None:
    change(now)
    problems = refused(base, now)
    assert any(complaint in problem for problem in problems), problems


def test_a_last_day_is_said_once(base: Path, now: Path) -> None:
    ENDED(base)
    for path in (base, now):
        first(valid_to=LATER)(path)
    first(valid_to=date(2027, 1, 1))(now)
    assert refused(base, now) == [
        f"{COUNTRY}: waste_1: valid_to was 2026-12-01 and is 2027-01-01; a last day is said once"
    ]


def test_an_answer_that_vanishes_is_refused(base: Path, now: Path) -> None:
    (now / "scenarios/sorting.yaml").unlink()
    libraries.added(base / COUNTRY, waste("waste_2", known_from=LATER, valid_from=LATER, region=HANGZHOU))
    shutil.copy(base / COUNTRY, now / COUNTRY)
    [problem] = [one for one in refused(base, now) if HANGZHOU in one]
    assert problem.startswith("scenarios/sorting.yaml: has no answer any more from 2026-11-01 in 000000, 330100")


def test_a_proxy_more_reaches_back_as_a_series_does(base: Path, now: Path) -> None:
    for path in (base, now):
        first(region="440300")(path)
    assert refused(base, now) == []
    lent = [{"region": HANGZHOU, "reason": "it is much the same there"}]
    both(first(proxies=lent), successor(region="110000", valid_from=LATER))(now)
    [problem] = refused(base, now)
    assert f"waste_1: answers for sorting from 2026-11-01 in {HANGZHOU}, before 2026-12-01" in problem
    first(correction="that the figure holds there too was overlooked")(now)
    assert refused(base, now) == []


def test_a_proxy_says_by_itself_why_it_reaches_back(base: Path, now: Path) -> None:
    """Of the whole country as well: acts stand there whose export does not tell the place."""
    for path in (base, now):
        first(region="440300")(path)
    lent = {"region": "000000", "reason": "it is much the same everywhere"}
    both(first(proxies=[lent]), successor(region="110000", valid_from=LATER))(now)
    assert any("waste_1: answers for sorting from 2026-11-01 in 000000" in one for one in refused(base, now))
    first(proxies=[{**lent, "correction": "that most of it is not placed was overlooked"}])(now)
    assert refused(base, now) == []


def test_a_figure_that_no_longer_speaks_for_a_region_takes_its_answer_away(base: Path, now: Path) -> None:
    unfit = [{"region": "grid_southwest", "reason": "it would claim too much there"}]
    both(first(not_for=unfit), successor(region="110000", valid_from=LATER))(now)
    libraries.edited(base / COUNTRY, series_known_from=date(2026, 11, 2))
    first(known_from=date(2026, 11, 2))(now)
    [problem] = refused(base, now)
    assert problem.startswith("scenarios/sorting.yaml: has no answer any more from 2026-11-01 in 500000, 510000")


def test_a_hearsay_that_gets_its_source_must_say_why_it_reaches_back(base: Path, now: Path) -> None:
    hearsay = waste("hearsay", "450", HANGZHOU, status="unverified", source=None)
    for path in (base, now):
        libraries.added(path / COUNTRY, hearsay)
    assert refused(base, now) == []
    content = {**hearsay, "status": "secondary", "source": libraries.SOURCE}
    libraries.edited(
        now / COUNTRY,
        series=[waste("waste_1"), content, waste("x", region="110000", known_from=LATER, valid_from=LATER)],
    )
    [problem] = refused(base, now)
    assert "hearsay: answers for sorting from 2026-11-01 in 330100, before 2026-12-01" in problem
    content["correction"] = "read in the paper itself by now"
    libraries.edited(now / COUNTRY, series=[waste("waste_1"), content])
    assert refused(base, now) == []


def test_a_diff_tells_series_and_answers_with_their_days(base: Path, now: Path) -> None:
    both(
        ENDED,
        successor(value="510", valid_from=LATER),
        lambda root: libraries.added(
            root / "factors/spare.yaml",
            waste("spare_2", "410", known_from=LATER, corrects="spare_1", correction="a digit was misread"),
        ),
    )(now)
    before, after = as_filed(base), as_filed(now)
    assert series_changes(before, after) == [
        SeriesChange("spare", "spare_2", "corrected", {"value": ("400 gCO2e/kg", "410 gCO2e/kg"), "corrects": (None, "spare_1")}),
        SeriesChange("waste", "waste_1", "ended", {"valid_to": (None, LATER)}),
        SeriesChange("waste", "waste_2", "added", {"value": (None, "510 gCO2e/kg")}),
    ]  # fmt: skip
    [change] = answer_changes(before, after, [HANGZHOU])
    assert (change.scenario, change.region, change.valid_from, change.valid_to) == ("sorting", HANGZHOU, LATER, None)
    assert change.old and change.old.micrograms_per_unit == 500_000_000
    assert change.new and change.new.micrograms_per_unit == 510_000_000


def test_a_library_of_before_scenarios_named_their_factors_is_compared(base: Path, now: Path) -> None:
    libraries.edited(base / COUNTRY, scenario="sorting", method="per_quantity", measure="reduction")
    for path in (base / COUNTRY, base / "scenarios/sorting.yaml"):
        text = path.read_text(encoding="utf-8")
        for key in (
            "kind: reduction\n",
            "boundary_kind: material_difference\n",
            "quantification:\n  method: mass_by_material\n  factor: waste\n",
        ):
            text = text.replace(key, "")
        path.write_text(text, encoding="utf-8")
    assert "quantification" not in (base / "scenarios/sorting.yaml").read_text(encoding="utf-8")
    assert (
        series_changes(as_filed(base), as_filed(now)) == answer_changes(as_filed(base), as_filed(now), [HANGZHOU]) == []
    )
    first(value="501")(now)
    assert len(answer_changes(as_filed(base), as_filed(now), [HANGZHOU])) == 1


def released() -> str:
    """The released library of this checkout: main, where there is one."""
    for revision in ("origin/main", "main"):
        found = subprocess.run(
            ["git", "-C", str(ROOT), "rev-parse", "--verify", "--quiet", revision], capture_output=True
        )
        if found.returncode == 0:
            return revision
    return "HEAD"


def test_the_shipped_library_only_grows() -> None:
    with registry_of(released(), ROOT) as folder:
        base = as_filed(folder)
        assert len(base.series) >= 12 and base.library.scenarios
        assert refusals(base, as_filed(ROOT), shipped().regions) == []


def test_a_revision_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoRevision, match="no-such-branch is neither the folder of a registry nor a revision"):
        registry_of("no-such-branch", tmp_path).__enter__()


def test_the_commands_show_check_and_compare(tmp_path: Path) -> None:
    call = CliRunner().invoke
    mine = libraries.copied(tmp_path / "mine")
    assert "46.7 gCO2/passenger_km" in " ".join(call(app, ["factors", "show", "metro"]).output.split())
    [file] = json.loads(call(app, ["factors", "show", "metro_reduction_shenzhen_2022", "--json"]).output)
    assert (file["id"], file["scenarios"], file["series"][0]["status"]) == ("metro_reduction", ["metro"], "secondary")
    assert len(json.loads(call(app, ["factors", "show", "--json"]).output)) >= 12
    assert (
        call(app, ["factors", "show", "car_pool"]).exit_code
        == call(app, ["factors", "show", "nonesuch"]).exit_code
        == 5
    )

    of_mine = ["--registry", str(mine)]
    told = call(app, ["factors", "validate", "--against", str(ROOT), *of_mine])
    assert told.exit_code == 0 and "nothing released in" in told.output
    assert "no series and no answer differs" in call(app, ["factors", "diff", str(ROOT), *of_mine]).output
    libraries.edited(mine / "factors/walking_reduction.yaml", series_value="0.021", series_examples=[])
    told = call(app, ["factors", "validate", "--against", str(ROOT), "--json", *of_mine])
    [problem] = json.loads(told.output)["refused"]
    assert told.exit_code == 2 and "value was 0.02 and is 0.021" in problem
    content = json.loads(call(app, ["factors", "diff", str(ROOT), "--json", *of_mine]).output)
    assert [(one["series"], one["what"]) for one in content["series"]] == [("walking_reduction_wuhan_2021", "changed")]
    answers = {(one["scenario"], one["region"]) for one in content["answers"]}
    assert ("walking", HANGZHOU) in answers and {scenario for scenario, _ in answers} == {"walking"}
    libraries.unquantified(mine, "bus")
    assert call(app, ["factors", "show", "bus", *of_mine]).exit_code == 5
    libraries.edited(mine / "factors/walking_reduction.yaml", series_value="3")
    told = call(app, ["factors", "validate", *of_mine])
    assert told.exit_code == 2 and "outside the plausible" in told.output
