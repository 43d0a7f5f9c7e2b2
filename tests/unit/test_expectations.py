"""Every shipped rule catches what it is there for and nothing else; a table without rules does not load."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import expectations
from expectations import CHECKED, CheckError, RuleResult, check, counting, suite, worst
from schemas.base import ROOT, RegistryError
from schemas.tables import Rule, Table, load_tables

if TYPE_CHECKING:
    from jobs.lake import Lake

Row = dict[str, Any]

# SQLFrame calls DuckDB by a name that is going away.
pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")

TABLES = load_tables()
CASES: dict[str, dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")
)
BROKEN = [
    pytest.param(name, rule, change, id=f"{rule}-{number}")
    for name, case in CASES.items()
    for rule, changes in case["broken"].items()
    for number, change in enumerate(changes)
]


def changed(good: list[Row], change: dict[int, Row] | list[Row]) -> list[Row]:
    """The good rows with the change's values; a list stands for itself."""
    if isinstance(change, list):
        return change
    assert max(change) < len(good)
    return [{**row, **change.get(number, {})} for number, row in enumerate(good)]


# --- on the embedded engine ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    from jobs.lake import open_lake
    from schemas import load_registry

    opened = open_lake("embedded", tmp_path_factory.mktemp("lake"), load_registry())
    yield opened
    opened.close()


def judge(lake: Lake, table: Table, rows: list[Row]) -> list[RuleResult]:
    """Results of a table's rules over rows, on the embedded engine."""
    counts = lake.sql(expectations.counting(table), rows=lake.rows(table.name, rows))
    try:
        return expectations.judge([(table, lake.to_arrow(counts).to_pylist()[0])])
    finally:
        lake.release()


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_rule_of_a_table_has_a_row_that_breaks_it(name: str) -> None:
    assert set(CASES[name]["broken"]) == {rule.id for rule in TABLES[name].all_rules}
    assert all(CASES[name]["broken"].values())


@pytest.mark.parametrize("name", sorted(TABLES))
def test_good_rows_pass(lake: Lake, name: str) -> None:
    table, rows = TABLES[name], CASES[name]["good"]
    assert all(set(row) == set(table.fields) for row in rows)
    results = judge(lake, table, rows)
    assert [result.rule_id for result in results] == [rule.id for rule in table.all_rules]
    assert [result for result in results if not result.is_passed] == []
    assert {(result.table_name, result.observed, result.checked) for result in results} == {
        (name, 0, len(rows))
    }
    assert worst(results) is None


@pytest.mark.parametrize(("name", "rule_id", "change"), BROKEN)
def test_a_broken_row_is_caught_by_its_rule_alone(
    lake: Lake, name: str, rule_id: str, change: dict[int, Row] | list[Row]
) -> None:
    table, rows = TABLES[name], changed(CASES[name]["good"], change)
    counts = count(lake, table, rows)
    assert set(counts) == {rule.id for rule in table.all_rules}
    assert {rule for rule, number in counts.items() if number} == {rule_id}
    assert 0 < counts[rule_id] <= max(len(rows), 1)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_verdict_follows_the_count(lake: Lake, name: str) -> None:
    table, rows = TABLES[name], all_changes(name)
    counts = count(lake, table, rows)
    results = {result.rule_id: result for result in judge(lake, table, rows)}
    assert {rule: result.observed for rule, result in results.items()} == counts
    for rule in table.all_rules:
        assert results[rule.id].is_passed is (rule.min_rows is not None)
        assert results[rule.id].severity == rule.severity
        assert results[rule.id].checked == len(rows)
    assert worst(results.values()) == "critical"


def test_no_rows_break_no_rule_but_the_count(lake: Lake) -> None:
    for name, table in TABLES.items():
        counts = count(lake, table, [])
        assert counts == {rule.id: rule.min_rows or 0 for rule in table.all_rules}, name
    broken = [result for result in judge(lake, TABLES["gold.balances"], []) if not result.is_passed]
    assert broken == [RuleResult("balance_anybody", "gold.balances", "warning", False, 1, 0)]


def test_breaking_rows_are_counted(lake: Lake) -> None:
    table, (first, *_) = TABLES["gold.ledger"], CASES["gold.ledger"]["good"]
    rows = [
        *(first for _ in range(3)),
        *({**first, "entry_id": None, "factor_id": None} for _ in range(2)),
        {**first, "entry_id": "c" * 32, "amount": 2 * 10**9},
    ]
    results = {result.rule_id: result for result in judge(lake, table, rows)}
    assert {rule: result.observed for rule, result in results.items() if not result.is_passed} == {
        "gold_ledger_key": 4,  # two beyond the first, two without
        "ledger_ids_are_hashes": 2,
        "ledger_factor_named": 2,
        "ledger_amount_plausible": 1,
    }
    assert {result.checked for result in results.values()} == {6}
    assert worst(results.values()) == "critical"


def test_a_rule_that_cannot_be_judged_is_no_verdict(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A suite that asks for a count which nobody made fails aloud, rather than to hold or break its rule."""
    table = TABLES["gold.quality"]
    shorter = table.model_copy(update={"rules": table.rules[:1]})
    monkeypatch.setattr(expectations, "suite", lambda _: suite(table))
    with pytest.raises(CheckError, match=r"gold\.quality: quality_verdict_agrees could not be judged"):
        judge(lake, shorter, CASES[table.name]["good"])


def test_nothing_is_drawn_on_the_terminal(lake: Lake, capfd: pytest.CaptureFixture[str]) -> None:
    judge(lake, TABLES["gold.quality"], CASES["gold.quality"]["good"])
    assert capfd.readouterr() == ("", "")


# --- on Spark -----------------------------------------------------------------------------------------------


@pytest.mark.spark
@pytest.mark.parametrize("name", sorted(TABLES))
def test_spark_comes_to_the_same_verdicts(name: str) -> None:
    import pyarrow as pa

    from jobs.lake import choose_engine

    choose_engine("spark")
    from jobs.lake.base import ARROW_TYPES
    from jobs.lake.spark import start_session

    session, table = start_session(), TABLES[name]
    schema = pa.schema([(column, ARROW_TYPES[kind]) for column, kind in table.types.items()])

    def failed(rows: list[Row]) -> set[str]:
        frame = session.createDataFrame(pa.Table.from_pylist(rows, schema=schema))
        results = check(table, frame, "spark")
        assert all(result.is_passed == (result.observed == 0) for result in results)
        assert {result.checked for result in results} == {len(rows)}
        return {result.rule_id for result in results if not result.is_passed}

    assert failed(CASES[name]["good"]) == set()
    assert failed(all_changes(name)) == {rule.id for rule in table.all_rules if rule.min_rows is None}


# --- severity -----------------------------------------------------------------------------------------------


def result(severity: Any, is_passed: bool) -> RuleResult:
    return RuleResult("rule", "gold.ledger", severity, is_passed, 0 if is_passed else 1, 10)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([], None),
        ([result("critical", True), result("warning", True)], None),
        ([result("info", False), result("critical", True)], "info"),
        ([result("info", False), result("warning", False), result("critical", True)], "warning"),
        ([result("warning", False), result("critical", False), result("info", False)], "critical"),
    ],
)
def test_the_gravest_broken_rule_decides(results: list[RuleResult], expected: str | None) -> None:
    assert worst(results) == expected


def test_the_suite_says_what_the_registry_says() -> None:
    for table in TABLES.values():
        said = {one.column: one for one in suite(table).expectations}
        assert list(said) == [rule.id for rule in table.all_rules]
        for rule in table.all_rules:
            assert said[rule.id].severity.value == rule.severity
            assert said[rule.id].meta == {"rule_id": rule.id, "text": rule.text}
            assert (said[rule.id].min_value, said[rule.id].max_value) == (None, 0)


def test_importing_is_free() -> None:
    """The library takes seconds to import, and no engine may be imported before it is chosen."""
    heavy = "{'great_expectations', 'pandas', 'pyspark', 'sqlframe', 'duckdb'}"
    code = f"import sys, expectations; sys.exit(str({heavy} & set(sys.modules) or ''))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT.parent, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.strip()) in [(0, ""), (1, "")]


# --- tables that must be refused ----------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Tables and fields of one's own to break."""
    for folder in ("tables", "fields"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("*.py", "__pycache__")
        )
    return tmp_path


def rewrite(root: Path, file: str, **changes: Any) -> None:
    """Give a table's file other values for some keys; None leaves the key out."""
    path = root / "tables" / file
    content = {**yaml.safe_load(path.read_text(encoding="utf-8")), **changes}
    content = {key: value for key, value in content.items() if value is not None}
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")


RULE = {
    "id": "some_rule",
    "text": "Something holds here.",
    "severity": "warning",
    "breaks_when": "amount < 0",
}


@pytest.mark.parametrize("file", ["gold_balances.yaml", "silver_rows.yaml", "silver_membership.yaml"])
@pytest.mark.parametrize("rules", [None, []])
def test_a_table_without_rules_does_not_load(root: Path, file: str, rules: list[Row] | None) -> None:
    load_tables(root)
    rewrite(root, file, rules=rules)
    with pytest.raises(RegistryError, match=rf"{file}: rules: none; say what must hold"):
        load_tables(root)


@pytest.mark.parametrize("file", ["gold_balances.yaml", "silver_rows.yaml"])
def test_a_table_without_key_does_not_load(root: Path, file: str) -> None:
    rewrite(root, file, key=[])
    with pytest.raises(RegistryError, match=rf"{file}: key: empty; name the columns"):
        load_tables(root)


def test_a_table_for_ourselves_needs_no_rules(root: Path) -> None:
    rewrite(root, "gold_quality.yaml", published=False, rules=None, key=[])
    assert load_tables(root)["gold.quality"].all_rules == []


@pytest.mark.parametrize("taken", ["ledger_factor_named", "gold_ledger_key", "silver_rows_key"])
def test_a_rule_id_of_another_table_is_refused(root: Path, taken: str) -> None:
    rewrite(root, "silver_rows.yaml", rules=[{**RULE, "id": taken}])
    with pytest.raises(RegistryError, match=rf"silver_rows\.yaml: rules: '{taken}' is taken by"):
        load_tables(root)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"breaks_when": None}, "exactly one of breaks_when, unique and min_rows; found none of them"),
        ({"min_rows": 1}, "found breaks_when and min_rows"),
        ({"unique": ["amount"]}, "found breaks_when and unique"),
        ({"breaks_when": None, "unique": []}, "rules.0.unique"),
        ({"breaks_when": None, "unique": ["colour"]}, "colour: no such column"),
        ({"breaks_when": None, "min_rows": 0}, "rules.0.min_rows"),
        ({"severity": "fatal"}, "rules.0.severity"),
        ({"severity": None}, "rules.0.severity: Field required"),
        ({"id": "Some-Rule"}, "rules.0.id"),
        ({"id": "_checked"}, "rules.0.id"),
        ({"text": "amount < 0"}, "rules.0.text"),
        ({"mostly": 0.9}, "rules.0.mostly: Extra inputs"),
    ],
)
def test_a_broken_rule_is_refused(root: Path, change: Row, complaint: str) -> None:
    rule = {key: value for key, value in {**RULE, **change}.items() if value is not None}
    rewrite(root, "gold_balances.yaml", rules=[rule])
    with pytest.raises(RegistryError, match=rf"gold_balances\.yaml: .*{complaint}"):
        load_tables(root)


def test_a_rule_knows_its_table_only_by_its_columns() -> None:
    """Ids and texts are ours: told apart everywhere, and none says the same as another in its table."""
    rules = [rule for table in TABLES.values() for rule in table.all_rules]
    assert len({rule.id for rule in rules}) == len(rules) > 80
    for table in TABLES.values():
        assert len({rule.text for rule in table.all_rules}) == len(table.all_rules)
        assert all(isinstance(rule, Rule) for rule in table.all_rules)
