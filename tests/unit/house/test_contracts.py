"""The contracts on imports (setup.cfg) hold, and each of them can fail."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ("dags", "expectations", "jobs", "schemas", "simulator", "tanzhang")
SECTION = "importlinter:contract:"

WRONG = {
    "house": [
        ("schemas.wrong", "jobs.day"),
        ("schemas.base", "expectations"),
        ("expectations.wrong", "jobs.ledger.post"),
        ("jobs.ledger.wrong", "tanzhang.cli"),
        ("jobs.day", "dags.derived"),
        ("jobs.files", "simulator.people"),
        ("tanzhang.running", "dags.clock"),
        ("tanzhang.keys", "tests.support.runner"),
    ],
    "dags": [
        ("dags.wrong", "jobs.files"),
        ("dags.clock", "expectations"),
        ("dags.notice", "simulator.people"),
        ("dags.derived", "tanzhang.keys"),
    ],
    "simulator": [("simulator.wrong", "schemas.base"), ("simulator.rides", "jobs.errors")],
    "oracle": [("tests.oracle.oracle_terms", "schemas.ledger"), ("tests.support.reader", "simulator.people")],
    "circles": [("dags.clock", "dags.derived"), ("jobs.ledger.entries", "jobs.ledger.post")],
    "jobs": [
        ("jobs.ledger.wrong", "jobs.accounts.account"),
        ("jobs.claims.conform", "jobs.persons.identity"),
        ("jobs.upkeep.verify", "jobs.reading.status"),
        ("jobs.lake.chain", "jobs.landing.hold"),
    ],
    "raw_text": [
        ("jobs.landing.wrong", "jobs.lake"),
        ("jobs.landing.pull", "duckdb"),
        ("jobs.landing.hold", "deltalake"),
    ],
    "keys": [("jobs.claims.wrong", "jobs.landing.tokens"), ("jobs.accounts.account", "jobs.landing.formats.xml")],
    "lake": [
        ("jobs.ledger.wrong", "deltalake"),
        ("tanzhang.verbs.wrong", "duckdb"),
        ("dags.wrong", "pyspark"),
        ("simulator.wrong", "polars"),
    ],
    "bucket": [("jobs.runs.wrong", "obstore"), ("jobs.landing.pull", "obstore")],
    "quality": [("jobs.publications.publish", "great_expectations"), ("schemas.wrong", "pandas")],
    "airflow": [("jobs.day", "airflow"), ("tanzhang.running", "airflow"), ("expectations.wrong", "airflow")],
    "tanzhang": [("tanzhang.screens.wrong", "tanzhang.verbs.day"), ("tanzhang.keys", "tanzhang.shell")],
    "schemas": [("schemas.tables.wrong", "schemas.registry"), ("schemas.factors", "schemas.library")],
}
"""Contract → imports that it is there against: who, what. A module called `wrong` is made for it."""


LIBRARIES = ("airflow", "deltalake", "duckdb", "great_expectations", "obstore", "pandas", "polars", "pyspark")


def contracts() -> dict[str, configparser.SectionProxy]:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    return {name.removeprefix(SECTION): setup[name] for name in setup.sections() if name.startswith(SECTION)}


def lint(house: Path) -> subprocess.CompletedProcess[str]:
    """What lint-imports says of the packages in a folder."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"]
    wide = {**os.environ, "COLUMNS": "200"}  # its lines are not broken
    return subprocess.run(command, cwd=house, env=wide, capture_output=True, text=True, check=False)


def copied(house: Path) -> Path:
    """The packages' sources and the contracts."""
    for package in (*PACKAGES, "tests"):
        for module in (ROOT / package).rglob("*.py"):
            there = house / module.relative_to(ROOT)
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(module, there)
    shutil.copy(ROOT / "setup.cfg", house)
    return house


def file_of(house: Path, module: str) -> Path:
    """Where a module lies, or is to lie."""
    path = house.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Contract → what lint-imports says of it in a house with every wrong import."""
    house = copied(tmp_path_factory.mktemp("spoilt"))
    for importer, imported in chain.from_iterable(WRONG.values()):
        assert imported in LIBRARIES or file_of(house, imported).is_file()
        with file_of(house, importer).open("a", encoding="utf-8") as module:
            module.write(f"\n\ndef late_{imported.replace('.', '_')}():\n    import {imported}\n")
    (house / "jobs" / "cellar.py").touch()
    done = lint(house)
    assert done.returncode == 1 and f"Contracts: 0 kept, {len(WRONG)} broken." in done.stdout, done.stdout + done.stderr
    return dict(sections(done.stdout))


def sections(said: str) -> Iterator[tuple[str, str]]:
    """Contract and what is said of it, below its underlined name."""
    parts = re.split(r"^(.+)\n-+\n", said.partition("Broken contracts")[2], flags=re.MULTILINE)
    names = {contract["name"]: name for name, contract in contracts().items()}
    for name, text in zip(parts[1::2], parts[2::2]):
        yield names[name], text


def test_imports_keep_the_contracts() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Contracts: {len(contracts())} kept, 0 broken." in done.stdout


def test_no_contract_goes_untried() -> None:
    assert list(WRONG) == list(contracts())


@pytest.mark.parametrize("contract", WRONG)
def test_a_wrong_import_is_seen(told: dict[str, str], contract: str) -> None:
    for importer, imported in WRONG[contract]:
        circle = f"No cycles are allowed in {importer.rpartition('.')[0]}."
        assert (circle if contract == "circles" else f"{importer} -> {imported} (l.") in told[contract], told[contract]


def test_a_new_room_must_be_given_its_floor(told: dict[str, str]) -> None:
    assert "The following modules are not listed as layers:\n\n- jobs.cellar" in told["jobs"]


def test_nothing_is_imported_by_a_name_that_no_contract_sees() -> None:
    """`importlib.import_module` is ruff's to refuse (ruff.toml)."""
    modules = [module for package in PACKAGES for module in (ROOT / package).rglob("*.py")]
    assert [module for module in modules if "__import__" in module.read_text(encoding="utf-8")] == []
