"""An institution that is dropped in – a contract, a fixture folder – is tested by the suite as it stands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.base import ROOT
from tests.support.exports import FIXTURES
from tests.support.newcomers import with_files

NEWCOMER, INSTITUTION = FIXTURES / "newcomer", "hangzhou_bus"
SUITE = (
    "tests/unit/registry/test_sources.py",
    "tests/unit/registry/test_rules.py",
    "tests/unit/landing/test_land.py",
    "tests/unit/landing/test_bad_deliveries.py",
    "tests/unit/landing/test_bad_rows.py",
)
"""What is asked of every institution, feed and fixture file."""


def suite(registry: Path, fixtures: Path, *files: str) -> subprocess.CompletedProcess[str]:
    """The newcomer's part of the suite, on another registry and other fixtures."""
    there = {"TANZHANG_REGISTRY": str(registry), "TANZHANG_TEST_FIXTURES": str(fixtures)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", INSTITUTION, *(files or SUITE)]
    return subprocess.run(command, cwd=ROOT.parent, env=os.environ | there, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def dropped_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("dropped")
    with_files(home / "registry", NEWCOMER / f"{INSTITUTION}.yaml")
    (home / "fixtures").mkdir()
    for folder in [path for path in FIXTURES.iterdir() if (path / "expected.yaml").is_file()]:
        (home / "fixtures" / folder.name).symlink_to(folder)
    shutil.copytree(NEWCOMER / INSTITUTION, home / "fixtures" / INSTITUTION)
    return home


def test_the_suite_tests_a_newcomer_as_it_stands(dropped_in: Path) -> None:
    done = suite(dropped_in / "registry", dropped_in / "fixtures")
    passed = re.search(r"(\d+) passed", done.stdout)
    assert done.returncode == 0 and passed and int(passed[1]) > 40, done.stdout[-3000:]


def test_what_its_fixture_does_not_hold_is_asked_for(dropped_in: Path) -> None:
    """Without the row that only one rule catches, and with a value that is another, the suite is red."""
    folder = dropped_in / "fixtures" / INSTITUTION
    rides, told = folder / "2026-11-01-r0/rides_20261101_1.csv", folder / "expected.yaml"
    before = rides.read_text(encoding="utf-8"), told.read_text(encoding="utf-8")
    rides.write_text(before[0].replace("R9;B0001;2026-11-01 08:10;7;-200", "R9;B0001;2026-11-01 08:10;7;x"), "utf-8")
    told.write_text(before[1].replace('10: [wrong_sign, fare, "-9{3}"]', '10: [bad_number, fare, "a"]'), "utf-8")
    try:
        done = suite(dropped_in / "registry", dropped_in / "fixtures", "tests/unit/registry/test_rules.py")
    finally:
        rides.write_text(before[0], encoding="utf-8")
        told.write_text(before[1], encoding="utf-8")
    assert done.returncode == 1
    assert "test_each_rule_of_a_contract_has_a_fixture_row[hangzhou_bus-rides]" in done.stdout
    assert "1 failed" in done.stdout, done.stdout[-3000:]
