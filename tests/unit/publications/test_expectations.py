"""Every shipped rule catches what it is there for and nothing else; a table without rules does not load."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import expectations
from expectations import CHECKED, SPENT, CheckError, Measurement, RuleResult, counting, judge, measured, suite
from schemas.base import LOADER, ROOT
from schemas.errors import RegistryError
from schemas.tables import Rule, Table, load_tables
from tests.support.registries import shipped

if TYPE_CHECKING:
    from jobs.lake import Lake

Row = dict[str, Any]

DAY = date(2026, 11, 1)
TABLES = load_tables()
CASES: dict[str, dict[str, Any]] = yaml.load(Path(__file__).with_suffix(".yaml").read_text("utf-8"), Loader=LOADER)
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


def all_changes(name: str) -> list[Row]:
    """Rows that together break every rule of a table but `min_rows`."""
    return [
        row
        for changes in CASES[name]["broken"].values()
        for change in changes
        for row in changed(CASES[name]["good"], change)
    ]


def by_rule(results: list[RuleResult]) -> dict[str, RuleResult]:
    """The results by rule; every rule of every table has one, in order."""
    ids = [rule.id for table in TABLES.values() for rule in table.all_rules]
    assert [result.rule.id for result in results] == ids
    return {result.rule.id: result for result in results}


def asked(counted: dict[str, dict[str, int]]) -> list[Measurement]:
    """What was counted of tables, by rule."""
    return [one for name, counts in counted.items() for one in measured(TABLES[name], counts, DAY)]


# --- on the embedded engine ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    from jobs.lake import open_lake

    opened = open_lake("embedded", tmp_path_factory.mktemp("lake"), shipped())
    yield opened
    opened.close()


def count(lake: Lake, name: str, rows: list[Row]) -> dict[str, int]:
    """How many rows break each rule of a table, and how many there are."""
    try:
        counted = lake.sql(counting(TABLES[name]), rows=lake.rows(name, rows))
        (row,) = lake.to_arrow(counted).to_pylist()
    finally:
        lake.forget()
    assert set(row) == {CHECKED, *(rule.id for rule in TABLES[name].all_rules)}
    assert row[CHECKED] == len(rows)
    return {rule: int(number) for rule, number in row.items()}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_rule_of_a_table_has_a_row_that_breaks_it(name: str) -> None:
    assert set(CASES[name]["broken"]) == {rule.id for rule in TABLES[name].all_rules}
    assert all(CASES[name]["broken"].values())


@pytest.mark.parametrize("name", sorted(TABLES))
def test_good_rows_break_no_rule(lake: Lake, name: str) -> None:
    rows = CASES[name]["good"]
    assert all(set(row) == set(TABLES[name].fields) for row in rows)
    assert {rule: number for rule, number in count(lake, name, rows).items() if number} == {CHECKED: len(rows)}


@pytest.mark.parametrize(("name", "rule_id", "change"), BROKEN)
def test_a_broken_row_is_caught_by_its_rule_alone(
    lake: Lake, name: str, rule_id: str, change: dict[int, Row] | list[Row]
) -> None:
    rows = changed(CASES[name]["good"], change)
    broken = {rule: number for rule, number in count(lake, name, rows).items() if number and rule != CHECKED}
    assert set(broken) == {rule_id}
    assert broken[rule_id] <= max(len(rows), 1)


def test_no_rows_break_no_rule_but_the_count(lake: Lake) -> None:
    for name, table in TABLES.items():
        expected = {rule.id: rule.min_rows or 0 for rule in table.all_rules}
        assert count(lake, name, []) == {CHECKED: 0, **expected}


def test_breaking_rows_are_counted(lake: Lake) -> None:
    first = CASES["gold.ledger"]["good"][0]
    rows = [
        *(first for _ in range(3)),
        *({**first, "entry_id": None, "factor_id": None} for _ in range(2)),
        {**first, "entry_id": "c" * 32, "amount": 2 * 10**9},
    ]
    assert {rule: number for rule, number in count(lake, "gold.ledger", rows).items() if number} == {
        CHECKED: 6,
        "gold_ledger_key": 4,  # two beyond the first, two without
        "ledger_ids_are_hashes": 2,
        "ledger_factor_named": 2,
        "ledger_amount_plausible": 1,
    }


def test_good_rows_of_all_tables_pass(lake: Lake) -> None:
    results = judge(asked({name: count(lake, name, CASES[name]["good"]) for name in TABLES}))
    assert [result for result in by_rule(results).values() if not result.is_passed] == []


def test_every_verdict_follows_the_count(lake: Lake) -> None:
    counted = {name: count(lake, name, all_changes(name)) for name in TABLES}
    found = by_rule(judge(asked(counted)))
    for name, table in TABLES.items():
        for rule in table.all_rules:
            observed = counted[name][rule.id]
            assert (observed == 0) is (rule.min_rows is not None), rule.id
            assert found[rule.id] == RuleResult(
                Measurement(rule, observed, counted[name][CHECKED], DAY, name), observed == 0
            )


@pytest.mark.parametrize("broken", ["ledger_factor_named", "gold_ledger_key"])
def test_one_broken_rule_is_found_by_name(broken: str) -> None:
    none = {CHECKED: 7, **{rule.id: 0 for rule in TABLES["gold.ledger"].all_rules}}
    results = judge(measured(TABLES["gold.ledger"], {**none, broken: 3}, DAY))
    assert [(one.rule.id, one.measurement.observed) for one in results if not one.is_passed] == [(broken, 3)]


def test_a_rule_that_cannot_be_judged_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """A suite that asks for a count which nobody made fails aloud, rather than to hold or break its rule."""
    table = TABLES["gold.quality"]
    counts = {CHECKED: 1, **{rule.id: 0 for rule in table.all_rules}}
    monkeypatch.setattr(expectations, "suite", lambda name, _: suite(name, [(table.rules[1], "nobody_made_it")]))
    with pytest.raises(CheckError, match="quality_verdict_agrees could not be judged"):
        judge(measured(table, counts, DAY))


def test_nothing_is_drawn_on_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    table = TABLES["gold.quality"]
    judge(measured(table, {CHECKED: 1, **{rule.id: 0 for rule in table.all_rules}}, DAY))
    assert capfd.readouterr() == ("", "")


def test_seconds_in_the_library_are_counted() -> None:
    before = replace(SPENT)
    judge(measured(TABLES["gold.quality"], {CHECKED: 1, **{r.id: 0 for r in TABLES["gold.quality"].all_rules}}, DAY))
    assert SPENT.judging > before.judging
    assert judge([]) == []


# --- on Spark -----------------------------------------------------------------------------------------------


@pytest.mark.spark
def test_spark_comes_to_the_same_verdicts() -> None:
    import pyarrow as pa

    from jobs.lake import choose_engine

    choose_engine("spark")
    from jobs.lake.base import ARROW_TYPES
    from jobs.lake.spark import start_session

    session = start_session()

    def count_there(table: Table, rows: list[Row]) -> dict[str, int]:
        schema = pa.schema([(column, ARROW_TYPES[kind]) for column, kind in table.types.items()])
        frame = session.createDataFrame(pa.Table.from_pylist(rows, schema=schema))
        frame.createOrReplaceTempView("rows")
        (row,) = session.sql(counting(table)).toArrow().to_pylist()
        return dict(row)

    def broken(rows: dict[str, list[Row]]) -> set[str]:
        results = judge(asked({name: count_there(table, rows[name]) for name, table in TABLES.items()}), session)
        assert all(result.is_passed == (result.measurement.observed == 0) for result in results)
        assert all(one.measurement.checked == len(rows[one.measurement.table_name]) for one in results)
        return {rule for rule, result in by_rule(results).items() if not result.is_passed}

    every = {rule.id for table in TABLES.values() for rule in table.all_rules if rule.min_rows is None}
    assert broken({name: CASES[name]["good"] for name in TABLES}) == set()
    assert broken({name: all_changes(name) for name in TABLES}) == every


# --- suites ---------------------------------------------------------------------------------------------------


def test_a_tables_suite_says_what_the_registry_says() -> None:
    for table in TABLES.values():
        said = suite(table.name, [(rule, rule.id) for rule in table.all_rules])
        assert (said.name, len(said.expectations)) == (table.name, len(table.all_rules))
        for rule, one in zip(table.all_rules, said.expectations):
            assert (one.column, one.severity.value, one.description) == (rule.id, rule.severity, rule.text)
            assert one.meta == {"rule_id": rule.id}
            assert (one.min_value, one.max_value) == (None, 0)


def test_importing_is_free() -> None:
    """The library takes seconds to import, and no engine may be imported before it is chosen."""
    heavy = "{'great_expectations', 'pandas', 'pyspark', 'sqlframe', 'duckdb'}"
    code = f"import sys, expectations; sys.exit(str({heavy} & set(sys.modules) or ''))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT.parent, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) in [(0, ""), (1, "")]


# --- tables that must be refused ----------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Tables and fields of one's own to break."""
    for folder in ("tables", "fields"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
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
