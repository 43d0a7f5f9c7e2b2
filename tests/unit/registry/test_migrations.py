"""Every change of a stored table comes with a migration, and migrations say one thing each."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from schemas import RegistryError, load_registry
from schemas.base import ROOT
from schemas.migrations import load_migrations, tables_digest
from schemas.tables import load_tables

MEND = (
    "tables/*.yaml changed: add schemas/migrations/{number:04}_<what>.yaml with the steps that lead there, and\n"
    "tables: {digest}"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return shutil.copytree(ROOT, tmp_path / "registry", ignore=shutil.ignore_patterns("*.py", "__pycache__"))


def test_tables_are_those_of_the_newest_migration() -> None:
    found = load_migrations()
    digest = tables_digest(load_tables())
    assert found[-1].tables == digest, MEND.format(number=len(found) + 1, digest=digest)


def test_each_migration_leads_somewhere_else() -> None:
    digests = [migration.tables for migration in load_migrations()]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("tables/gold_quality.yaml", "  - checked\n", ""),
        ("tables/gold_quality.yaml", "  - is_passed\n  - observed\n", "  - observed\n  - is_passed\n"),
        ("tables/gold_quality.yaml", "('critical', 'warning', 'info')", "('critical', 'warning')"),
        ("tables/gold_ledger.yaml", "partition_by: [act_month]", "partition_by: [institution]"),
        ("tables/gold_quality.yaml", "name: gold.quality", "name: gold.qualities"),  # a table that none comes from
        ("fields/figures.yaml", "amount: {type: bigint", "amount: {type: int"),
    ],
)
def test_a_changed_table_is_noticed(root: Path, file: str, old: str, new: str) -> None:
    text = (root / file).read_text(encoding="utf-8")
    assert old in text
    (root / file).write_text(text.replace(old, new), encoding="utf-8")
    assert tables_digest(load_tables(root)) != load_migrations(root)[-1].tables


def test_a_rule_or_a_description_is_no_change(root: Path) -> None:
    path = root / "tables/gold_quality.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("severity: critical", "severity: warning"), encoding="utf-8")
    assert tables_digest(load_tables(root)) == load_migrations(root)[-1].tables


GOOD = {
    "why": "A reason in a sentence.",
    "steps": [{"step": "add_column", "table": "gold.quality", "column": "threshold", "value": "0"}],
    "tables": "0" * 64,
}


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        ("{after}_late", {}, "expected number {next}"),
        ("0001_zebra", {}, "expected number 0002"),
        ("{next}_empty", {"steps": []}, "at least 1 item"),
        (
            "{next}_odd",
            {"steps": [{"step": "drop_table", "table": "gold.quality"}]},
            "does not match any of the expected",
        ),
        ("{next}_more", {"steps": [{**GOOD["steps"][0], "to": "x"}]}, "Extra inputs"),  # type: ignore[dict-item]
        ("{next}_value", {"steps": [{**GOOD["steps"][0], "value": "0; DROP"}]}, "should match pattern"),  # type: ignore[dict-item]
        ("{next}_name", {"steps": [{**GOOD["steps"][0], "column": "a b"}]}, "should match pattern"),  # type: ignore[dict-item]
        ("{next}_digest", {"tables": "abc"}, "should match pattern"),
        ("{next}_why", {"why": "because"}, "should match pattern"),
    ],
)
def test_a_migration_that_cannot_be_used_is_refused(
    root: Path, name: str, change: dict[str, object], complaint: str
) -> None:
    count = len(load_migrations(root))
    numbers = {"next": f"{count + 1:04}", "after": f"{count + 2:04}"}
    (root / f"migrations/{name.format(**numbers)}.yaml").write_text(yaml.safe_dump(GOOD | change), encoding="utf-8")
    with pytest.raises(RegistryError, match=complaint.format(**numbers)):
        load_registry(root)
