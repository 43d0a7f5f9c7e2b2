"""The programme that ships, and programme files that must be refused."""

from __future__ import annotations

import shutil
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from schemas.base import ROOT, RegistryError
from schemas.programmes import load_programmes

FILE = "programmes/zhejiang_tanpuhui.yaml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A registry of one's own to break."""
    for folder in ("scenarios", "programmes"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return tmp_path


def mend(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path.name}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_shipped_programme_says_that_its_figure_is_assumed() -> None:
    (programme,) = load_programmes().values()
    assert programme.measure == "points.zhejiang_tanpuhui"
    assert programme.assumption and programme.reason and programme.source.url
    assert (programme.region, programme.points_per_milligram) == ("330000", Fraction(1, 1000))
    materials = {f"recycling_{material}" for material in ("paper", "plastic", "glass", "metal", "textile")}
    assert set(programme.scenarios) == {
        "metro", "walking", "utility_payment", "e_statement", "e_card", "shared_bike", "bus", *materials,
    }  # fmt: skip
    assert programme.in_force(date(2025, 1, 1))


def test_a_ride_of_ten_kilometres_earns_467_points() -> None:
    (programme,) = load_programmes().values()
    assert 467_000 * programme.points_per_milligram == 467


@pytest.mark.parametrize(("text", "per_milligram"), [("0.5", Fraction(1, 2000)), ("25/3", Fraction(1, 120))])
def test_points_are_exact(root: Path, text: str, per_milligram: Fraction) -> None:
    mend(root / FILE, 'points_per_gram: "1"', f'points_per_gram: "{text}"')
    assert load_programmes(root)["zhejiang_tanpuhui"].points_per_milligram == per_milligram


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        pytest.param('points_per_gram: "1"', "points_per_gram: 1.5", "valid string", id="float"),
        pytest.param('points_per_gram: "1"', 'points_per_gram: "0"', "greater than 0", id="nothing"),
        pytest.param('points_per_gram: "1"', 'points_per_gram: "1/0"', "points_per_gram", id="by-zero"),
        pytest.param('points_per_gram: "1"', 'points_per_gram: "-1"', "points_per_gram", id="negative"),
        pytest.param("assumption: true", "points_per_yuan: 1", "points_per_yuan: Extra inputs", id="spending"),
        pytest.param("reason: >-", "note: >-", "note: Extra inputs", id="unknown-key"),
        pytest.param("e_card,", "e_cards,", "'e_cards' is none of", id="unknown-scenario"),
        pytest.param("e_card,", "online_government,", "online_government has no factor", id="no-factor"),
        pytest.param("e_card,", "metro,", "names one twice", id="twice"),
        pytest.param('region: "330000"', 'region: "33"', "region: String should match", id="region"),
        pytest.param("valid_from: 2025-01-01\n", "", "valid_from: Field required", id="undated"),
        pytest.param("id: zhejiang_tanpuhui", "id: zhejiang", "rename the file", id="file-name"),
    ],
)
def test_a_broken_programme_is_refused(root: Path, old: str, new: str, complaint: str) -> None:
    mend(root / FILE, old, new)
    with pytest.raises(RegistryError, match=complaint) as refused:
        load_programmes(root)
    assert "zhejiang_tanpuhui.yaml: " in str(refused.value)


def test_an_assumption_without_reason_is_refused(root: Path) -> None:
    path = root / FILE
    head, _, rest = path.read_text(encoding="utf-8").partition("reason:")
    path.write_text(head + rest[rest.index("source:") :], encoding="utf-8")
    with pytest.raises(RegistryError, match="an assumption needs its reason"):
        load_programmes(root)
