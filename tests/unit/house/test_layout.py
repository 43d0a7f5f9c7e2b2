"""The package is whole, and the lock pins what bites."""

from __future__ import annotations

import configparser
import re
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from jobs.lake import jars

ROOT = Path(__file__).parents[3]

PACKAGES = ("dags", "expectations", "jobs", "schemas", "simulator", "tanzhang")

LOCKS = ["airflow", "jobs"]
"""The environments, which share no package."""


@cache
def locked(lock: str = "jobs") -> list[Requirement]:
    """Every pin of a lock with its marker, without its hashes."""
    lines = (ROOT / "requirements" / f"{lock}.lock").read_text(encoding="utf-8").splitlines()
    return [Requirement(line.rstrip("\\ ")) for line in lines if re.match(r"\w", line)]


def versions(name: str, lock: str = "jobs") -> set[Version]:
    """All versions of a package that a lock holds, for whatever Python."""
    return {
        Version(specifier.version)
        for requirement in locked(lock)
        if requirement.name.lower().replace("_", "-") == name
        for specifier in requirement.specifier
    }


# -- the package


def setup() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def test_every_listed_package_exists_and_every_package_is_listed() -> None:
    listed = {name.rstrip("*") for name in setup()["options.packages.find"]["include"].split()}
    assert listed == set(PACKAGES)
    for name in listed:
        folders = {module.parent for module in (ROOT / name).rglob("*.py")}
        bare = {str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").is_file()}
        assert not bare, f"left out of the package for want of an __init__.py: {bare}"


def test_data_files_are_package_data() -> None:
    patterns = setup()["options.package_data"]["*"].split()
    suffixes = {Path(pattern).suffix for pattern in patterns if pattern.startswith("**/")}
    for name in PACKAGES:
        files = (path for path in (ROOT / name).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        # .airflowignore is for the folder as it lies here, which is what Airflow reads.
        kinds = {path.suffix for path in files if path.name != ".airflowignore"} - {".py", ".md"}
        assert kinds <= suffixes, f"{name} holds files that setup.cfg does not ship: {kinds - suffixes}"


# -- the lock


@pytest.mark.parametrize(
    ("package", "version"),
    [
        ("pyspark", "4.1.4"),
        ("delta-spark", "4.4.0"),
        ("great-expectations", "1.24.1"),
        ("deltalake", "1.6.6"),
        ("sqlframe", "4.10.0"),
        ("duckdb", "1.5.5"),
        ("duckdb-extension-delta", "1.5.5"),
    ],
)
def test_engines_are_pinned(package: str, version: str) -> None:
    assert versions(package) == {Version(version)}


def test_what_breaks_spark_stays_out() -> None:
    assert versions("pandas") and max(versions("pandas")) < Version("3")
    assert not versions("pyspark-client"), "it overwrites the files of pyspark"
    assert not versions("apache-airflow"), "Airflow has an environment of its own"
    assert not versions("pyspark", "airflow") and not versions("pyspark-client", "airflow")


def test_every_request_has_its_lock() -> None:
    assert sorted(path.stem for path in (ROOT / "requirements").glob("*.in")) == LOCKS


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_answers_the_request(lock: str) -> None:
    """Not stale: every line of what was asked has a version in the lock that satisfies it."""
    lines = (ROOT / "requirements" / f"{lock}.in").read_text(encoding="utf-8").splitlines()
    asked = [Requirement(line.split("#")[0]) for line in lines if line.split("#")[0].strip()]
    assert len(asked) > 10
    for requirement in asked:
        found = versions(requirement.name.lower(), lock)
        assert found and all(version in requirement.specifier for version in found), str(requirement)


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_names_no_index_and_hashes_everything(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.lock").read_text(encoding="utf-8")
    assert "://" not in text and "--index" not in text and "--find-links" not in text
    pins = re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:]
    assert len(pins) > 50
    assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin] == []


def test_the_jars_are_those_of_the_locked_delta_and_spark() -> None:
    (delta,), (spark,) = versions("delta-spark"), versions("pyspark")
    assert Version(jars.DELTA_VERSION) == delta
    assert f"delta-spark_{spark.major}.{spark.minor}_2.13" in jars.DELTA_JARS
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in jars.DELTA_JARS.values())
