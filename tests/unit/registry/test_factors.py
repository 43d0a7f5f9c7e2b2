"""The factor library: what ships is sourced and right, what is broken is refused, a look-up never guesses."""

from __future__ import annotations

import re
import shutil
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from schemas.base import ROOT
from schemas.errors import RegistryError
from schemas.factors import FactorFile, load_factors, series_by_id
from schemas.library import Library, NoFactor, Rate, load_library
from schemas.scenarios import load_scenarios
from schemas.units import UnitError, factor_unit, whole_micrograms, whole_milligrams


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A registry of one's own to break."""
    for folder in ("scenarios", "factors"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return tmp_path


def mend(path: Path, old: str, new: str) -> None:
    """Replace the one place where `old` stands, so that a test breaks exactly what it means to break."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path.name}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def add_series(path: Path, **changes: Any) -> None:
    """Append a copy of a file's first series with some keys changed."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["series"].append({**content["series"][0], "proxies": [], **changes})
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")


# --- what ships ---------------------------------------------------------------------------------------------


def test_every_shipped_figure_is_sourced_and_applied() -> None:
    factors = load_factors()
    assert len(factors) > 114
    for series_id, (_file, series) in series_by_id(factors).items():
        assert series.status != "unverified", series_id
        assert series.source is not None and series.source.document and series.source.seen, series_id
        assert series.source.clause or series.source.url, series_id
        if series.derivation:
            continue  # Nobody prints the value; the loader computes it again from the numbers that are printed.
        quoted = [Fraction(number) for number in re.findall(r"\d+(?:\.\d+)?", series.source.seen.replace(",", ""))]
        differences = {one - other for one, other in pairwise(quoted)}
        assert Fraction(series.value) in {*quoted, *differences}, f"{series_id}: the quotation does not hold the figure"
        assert all(proxy.reason for proxy in series.proxies)


def test_a_scenario_without_factor_is_refused_and_has_no_row() -> None:
    library = load_library()
    with pytest.raises(NoFactor, match="online_government"):
        library.rate("online_government", "330100", date(2026, 11, 1))
    assert library.rate_table(["online_government"], ["330100"]) == []


# --- units --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "unit", "micrograms"),
    [
        ("46.7", "gCO2/passenger_km", 46_700_000),
        ("46.7", "gCO2/km", 46_700_000),
        ("0.0467", "kgCO2e/passenger_km", 46_700_000),
        ("0.0000467", "tCO2/km", 46_700_000),
        ("0.02", "gCO2/step", 20_000),
        ("0.000001", "gCO2/act", 1),
    ],
)
def test_micrograms_are_exact(value: str, unit: str, micrograms: int) -> None:
    assert whole_micrograms(value, unit) == micrograms


@given(st.integers(1, 10**15), st.sampled_from(["km", "step", "act", "statement"]))
def test_a_value_written_in_any_mass_unit_is_the_same(micrograms: int, per: str) -> None:
    for mass, digits in {"mg": 3, "g": 6, "kg": 9, "t": 12}.items():
        text = f"{micrograms // 10**digits}.{micrograms % 10**digits:0{digits}d}"
        assert whole_micrograms(text, f"{mass}CO2/{per}") == micrograms


def test_a_fraction_of_a_microgram_is_refused_not_rounded() -> None:
    with pytest.raises(UnitError, match="whole number of micrograms"):
        whole_micrograms("0.0000001", "gCO2/step")


@pytest.mark.parametrize(
    ("unit", "complaint"),
    [
        ("ton/act", "'ton' is not known"),
        ("tonCO2/act", "'tonCO2' is not known"),
        ("GCO2/act", "'GCO2' is not known"),
        ("g/act", "does not weigh CO2"),
        ("gCO2", "no denominator"),
        ("gCO2/", "is per ''"),
        ("gCO2/min/kg", "'min/kg' is not known"),
        ("gCO2/min", "'min' is not known"),
        ("gCO2/km/step", "is per 'km/step'"),
        ("gCO2**2/act", "does not weigh CO2"),
        ("gCO2+gCO2e/act", "not known"),
        ("import os/act", "not known"),
    ],
)
def test_other_units_are_refused(unit: str, complaint: str) -> None:
    with pytest.raises(UnitError, match=complaint.replace("*", r"\*")):
        factor_unit(unit)


def test_plain_mass() -> None:
    assert (whole_milligrams("296 g"), whole_milligrams("0.5 kg"), whole_milligrams("7 mg")) == (
        296_000,
        500_000,
        7,
    )
    for broken in ("296", "296 gCO2", "3 km", "0.0001 g", "-1 g", "296 pounds"):
        with pytest.raises(UnitError):
            whole_milligrams(broken)


# --- files that must be refused -----------------------------------------------------------------------------

METRO = "factors/metro_reduction.yaml"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        pytest.param("unit: gCO2/passenger_km\n", "unit: gCO2/furlong\n", "'furlong' is not known", id="unit"),
        pytest.param("unit: gCO2/passenger_km\n", "unit: gCO2e/passenger_km\n", "disagree", id="gas-basis"),
        pytest.param("unit: gCO2/passenger_km\n", "unit: gCO2/step\n", "differ in gas", id="denominator"),
        pytest.param("unit: gCO2/passenger_km\n", "unit: gCO2/vehicle_km\n", "differ in gas", id="vehicle-km"),
        pytest.param("unit: gCO2/passenger_km\n", "unit: kgCO2/passenger_km\n", "outside the plausible", id="kg"),
        pytest.param("unit: gCO2/passenger_km\n", "unit: tCO2/passenger_km\n", "outside the plausible", id="tonne"),
        pytest.param('value: "46.7"', 'value: "0.0467"', "outside the plausible", id="value-in-kg"),
        pytest.param('value: "46.7"', "value: 46.7", "value: Input should be a valid string", id="float"),
        pytest.param('value: "46.7"', 'value: "0"', "greater than 0", id="zero"),
        pytest.param('value: "46.7"', 'value: "-46.7"', "series.0.value", id="negative"),
        pytest.param('value: "46.7"', 'value: "46,7"', "series.0.value", id="comma"),
        pytest.param('value: "46.7"', 'value: "46.70000001"', "whole number of micrograms", id="too-fine"),
        pytest.param('region: "440300"', "region: 440300", "series.0.region", id="region-number"),
        pytest.param('region: "330100"', 'region: "440300"', "region twice", id="own-proxy"),
        pytest.param("      url: citysz.net\n      seen", "      seen", None, id="clause-is-enough"),
        pytest.param("      document: 深圳商报", "      #", "source.document: Field required", id="document"),
        pytest.param("status: secondary", "status: likely", "series.0.status", id="status"),
        pytest.param("    data_year: null\n", "", "data_year: Field required", id="silent-data-year"),
        pytest.param("    licence:", "    license:", "license: Extra inputs", id="unknown-key"),
        pytest.param("known_from: 2026-11-22", "known_from: 2022-09-22", "before published_on", id="known-early"),
        pytest.param("valid_from: 2022-09-23", "valid_from: autumn", "series.0.valid_from", id="no-date"),
        pytest.param(
            "valid_from: 2022-09-23\n",
            "valid_from: 2022-09-23\n    valid_to: 2022-09-23\n",
            "must be after",
            id="span",
        ),
        pytest.param("kind: reduction", "kind: savings", "kind: Input should be", id="kind"),
        pytest.param("kind: reduction", "kind: emission", "programme is none of a emission", id="kind-and-boundary"),
        pytest.param("boundary_kind: programme", "boundary_kind: use", "use is none of a reduction", id="boundary"),
        pytest.param("id: metro_reduction\n", "id: metro\n", "rename the file", id="file-name"),
    ],
)
def test_a_broken_factor_file_is_refused(root: Path, old: str, new: str, complaint: str | None) -> None:
    mend(root / METRO, old, new)
    if complaint is None:
        load_library(root)
        return
    with pytest.raises(RegistryError, match=complaint) as refused:
        load_library(root)
    assert ".yaml: " in str(refused.value)


def test_a_source_that_nobody_can_find_is_refused(root: Path) -> None:
    mend(root / METRO, "      url: citysz.net\n", "")
    mend(root / METRO, "      clause: article 2022107136\n", "")
    with pytest.raises(RegistryError, match=r"metro_reduction\.yaml: series.0.source: .*clause or a url"):
        load_library(root)


def test_a_verified_figure_without_source_is_refused(root: Path) -> None:
    add_series(root / METRO, id="another", region="310000", source=None)
    with pytest.raises(RegistryError, match="secondary figure needs its source"):
        load_library(root)


def test_wrong_denominator_throughout_is_refused_against_the_scenario(root: Path) -> None:
    path = root / METRO
    path.write_text(path.read_text(encoding="utf-8").replace("gCO2/passenger_km", "gCO2/act"), encoding="utf-8")
    with pytest.raises(RegistryError, match="per act, but metro is counted in km"):
        load_library(root)


def test_co2_and_co2e_in_one_file_are_refused(root: Path) -> None:
    add_series(root / METRO, id="another", region="310000", unit="gCO2e/passenger_km", gas_basis="CO2e")
    with pytest.raises(RegistryError, match=r"another: .* differ in gas"):
        load_library(root)


@pytest.mark.parametrize(
    ("span", "is_refused"),
    [
        ({"valid_from": date(2024, 1, 1)}, True),
        ({"valid_from": date(2020, 1, 1), "valid_to": date(2022, 9, 24)}, True),
        ({"valid_from": date(2020, 1, 1), "valid_to": date(2022, 9, 23)}, False),
    ],
)
def test_overlap_in_one_region_is_refused(root: Path, span: dict[str, date], is_refused: bool) -> None:
    add_series(root / METRO, id="another", published_on=None, **span)
    if is_refused:
        with pytest.raises(RegistryError, match="overlap in 440300"):
            load_library(root)
    else:
        assert load_library(root).rate("metro", "440300", date(2022, 9, 22)).factor_id == "another"


def test_two_proxies_for_one_region_at_a_time_are_refused(root: Path) -> None:
    add_series(root / METRO, id="another", region="420100", proxies=[{"region": "330100", "reason": "near"}])
    with pytest.raises(RegistryError, match="both proxies for 330100"):
        load_library(root)


def test_duplicate_ids_are_refused(root: Path) -> None:
    add_series(root / METRO, region="310000")
    with pytest.raises(RegistryError, match="'metro_reduction_shenzhen_2022' is taken"):
        load_library(root)


def test_unverified_is_loaded_and_never_applied(root: Path) -> None:
    add_series(root / METRO, id="hearsay", region="330100", status="unverified", source=None)
    library = load_library(root)
    assert "hearsay" in series_by_id(library.factors)
    assert library.rate("metro", "330100", date(2026, 11, 1)).factor_id == "metro_reduction_shenzhen_2022"
    assert "hearsay" not in {row.factor_id for row in library.rate_table(["metro"], ["330100"])}


def test_a_scenario_with_only_hearsay_needs_a_reason(root: Path) -> None:
    mend(root / METRO, "status: secondary", "status: unverified")
    with pytest.raises(RegistryError, match=r"metro\.yaml: quantification: no figure of .* say no_factor_reason"):
        load_library(root)


def test_a_reason_beside_a_factor_is_refused(root: Path) -> None:
    with (root / "scenarios/metro.yaml").open("a", encoding="utf-8") as file:
        file.write("no_factor_reason: none known\n")
    with pytest.raises(RegistryError, match=r"metro\.yaml.*say its quantification, or in no_factor_reason"):
        load_library(root)


def test_an_empty_library_is_refused(root: Path) -> None:
    shutil.rmtree(root / "factors")
    with pytest.raises(RegistryError, match="must not be empty"):
        load_library(root)


# --- look-up ------------------------------------------------------------------------------------------------


def test_own_region_before_city_before_province_before_country_before_proxy(root: Path) -> None:
    """Series are added from the weakest match to the best; each takes over."""
    day = date(2026, 11, 1)
    assert load_library(root).rate("metro", "330106", day).match_quality == "proxy"
    for region, quality in [
        ("000000", "parent"),
        ("330000", "parent"),
        ("330100", "parent"),
        ("330106", "exact"),
    ]:
        add_series(root / METRO, id=f"of_{region}", region=region, value="47")
        grade = "national" if region == "000000" else "regional"
        expected = Rate(f"of_{region}", 47_000_000, quality, region, grade)
        assert load_library(root).rate("metro", "330106", day) == expected


DAYS = [date(2026, 1, 1) + timedelta(days=n) for n in range(25)]
SHIPPED = load_factors()["metro_reduction"].model_dump()
SCENARIOS = load_scenarios()
PLACES = ["000000", "330000", "330100", "330106", "440300", "110000"]


@st.composite
def factor_files(draw: st.DrawFn) -> FactorFile:
    """A file with up to eight series, of which those that contradict an earlier one are left out."""
    file: dict[str, Any] = {**SHIPPED, "series": []}
    for n in range(draw(st.integers(1, 8))):
        start, length = draw(st.integers(0, 22)), draw(st.one_of(st.none(), st.integers(1, 12)))
        region, *proxies = draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=3, unique=True))
        series = {
            **SHIPPED["series"][0],
            "id": f"series_{n}",
            "value": str(20 + n),
            "region": region,
            "proxies": [{"region": proxy, "reason": "drawn"} for proxy in proxies],
            "valid_from": DAYS[start],
            "valid_to": None if length is None else DAYS[start] + timedelta(days=length),
            "status": draw(st.sampled_from(["secondary", "secondary", "primary", "unverified"])),
        }
        try:
            FactorFile.model_validate({**file, "series": [*file["series"], series]})
        except ValueError:
            continue
        file["series"].append(series)
    return FactorFile.model_validate({**file, "series": draw(st.permutations(file["series"]))})


def answer(library: Library, region: str, day: date) -> tuple[str, int, str] | None:
    try:
        found = library.rate("metro", region, day)
    except NoFactor:
        return None
    return found.factor_id, found.micrograms_per_unit, found.match_quality


@given(factor_files())
def test_the_table_answers_as_the_look_up_on_every_date(file: FactorFile) -> None:
    library, turned = (
        Library({file.id: file.model_copy(update={"series": series})}, SCENARIOS)
        for series in (file.series, file.series[::-1])
    )
    rows = library.rate_table(["metro"], PLACES)
    for region in PLACES:
        for day in [DAYS[0] - timedelta(days=1), *DAYS, DAYS[-1] + timedelta(days=30)]:
            found = [
                (row.factor_id, row.micrograms_per_unit, row.match_quality)
                for row in rows
                if row.region == region and row.valid_from <= day and (row.valid_to is None or day < row.valid_to)
            ]
            expected = answer(library, region, day)
            assert found == ([] if expected is None else [expected])
            assert answer(turned, region, day) == expected, "the order of the series in a file means nothing"
            if expected is not None:
                applied = next(series for series in file.series if series.id == expected[0])
                assert applied.status != "unverified" and applied.in_force(day)
