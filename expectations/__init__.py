"""Quality rules of the registry → native Great Expectations suites; the only importer of great_expectations.

The engine counts the rows that break each rule into one aggregate row, and a table's suite judges that row.
So a check costs two passes over the rows however many rules there are, no value of a row reaches a report,
and both engines come to the same verdict by the same suite.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

from schemas.tables import Severity, Table

if TYPE_CHECKING:
    import great_expectations as gx
    from pyspark.sql import SparkSession

__all__ = ["CHECKED", "CheckError", "RuleResult", "counting", "judge", "suite", "worst"]

CHECKED = "_checked"
"""Column of the aggregate row with the number of rows; no rule id begins like this."""

# BASIC and no examples: counts only, so that a report neither grows with the rows nor shows one.
RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}


class CheckError(Exception):
    """Great Expectations could not judge a rule: neither held nor broken."""


@dataclass(frozen=True)
class RuleResult:
    """What became of one rule.

    Attributes:
        observed: rows that broke the rule; for `min_rows` the rows that are missing.
        checked: rows that were looked at.
    """

    rule_id: str
    table_name: str
    severity: Severity
    is_passed: bool
    observed: int
    checked: int


def judge(counted: Sequence[tuple[Table, Mapping[str, int]]], session: SparkSession | None = None) -> list[RuleResult]:
    """Let Great Expectations judge what the engine counted, all tables in one validation.

    Args:
        counted: tables and their row of `counting`.
        session: of Spark, where the suite gets a Spark frame; without one it gets a pandas frame.

    Returns:
        One result per rule, in the order of the tables and of their `all_rules`.

    Raises:
        CheckError: a rule could not be judged.
    """
    import pandas as pd

    observed = {rule.id: int(counts[rule.id]) for table, counts in counted for rule in table.all_rules}
    frame: Any = pd.DataFrame([observed])
    if session is not None:
        frame = session.createDataFrame(frame)
    batch = _batches("pandas" if session is None else "spark").get_batch({"dataframe": frame})
    verdict = batch.validate(suite(*(table for table, _ in counted)), result_format=RESULT_FORMAT)

    is_passed = {}
    for one in verdict.results:
        rule_id = one.expectation_config.meta["rule_id"]
        if "observed_value" not in one.result:
            raise CheckError(f"{rule_id} could not be judged: {one.exception_info}")
        is_passed[rule_id] = bool(one.success)
    return [
        RuleResult(rule.id, table.name, rule.severity, is_passed[rule.id], observed[rule.id], int(counts[CHECKED]))
        for table, counts in counted
        for rule in table.all_rules
    ]


def suite(*tables: Table) -> gx.ExpectationSuite:
    """The tables' suite over the aggregate row: of every rule, no row may break it."""
    import great_expectations as gx
    from great_expectations.expectations.core.expect_column_max_to_be_between import (
        ExpectColumnMaxToBeBetween,
    )
    from great_expectations.expectations.metadata_types import FailureSeverity

    return gx.ExpectationSuite(
        name="+".join(table.name for table in tables),
        expectations=[
            # Of one row the maximum is the value; asking for values takes the library several times as long.
            ExpectColumnMaxToBeBetween(
                column=rule.id,
                max_value=0,
                severity=FailureSeverity(rule.severity),
                meta={"rule_id": rule.id, "text": rule.text},
            )
            for table in tables
            for rule in table.all_rules
        ],
    )


def worst(results: Iterable[RuleResult]) -> Severity | None:
    """The gravest severity among the broken rules; None where all held."""
    broken = {result.severity for result in results if not result.is_passed}
    return next((severity for severity in get_args(Severity) if severity in broken), None)


# -- counting, on the engine ---------------------------------------------------------------------------------


def counting(table: Table) -> str:
    """Spark SQL over `{rows}` for one row: CHECKED and, by rule id, how many rows break the rule.

    Text rather than DataFrame steps, which the embedded engine takes longer to build than to run.
    """
    marks, totals, repeats, short = ["1 AS one"], [f"{_total('one')} AS {CHECKED}"], [], []
    for rule in table.all_rules:
        if rule.breaks_when is not None:
            # Braces are doubled for the formatting that puts the rows in.
            breaks = rule.breaks_when.replace("{", "{{").replace("}", "}}")
            marks.append(f"CASE WHEN {breaks} THEN 1 ELSE 0 END AS {rule.id}")
            totals.append(f"{_total(rule.id)} AS {rule.id}")
        elif rule.unique is not None:
            repeats.append(f"CROSS JOIN ({_repeats(rule.unique)} AS {rule.id} {_groups(rule.unique)}) AS {rule.id}_")
        else:
            short.append(f", greatest({rule.min_rows} - {CHECKED}, 0) AS {rule.id}")
    # Marked before they are summed: an aggregate may not hold the window functions that a rule may use.
    marked = f"SELECT {', '.join(marks)} FROM {{rows}}"
    counted = f"SELECT {', '.join(totals)} FROM ({marked}) AS marked"
    return f"SELECT *{''.join(short)} FROM ({counted}) AS counted {' '.join(repeats)}"


def _groups(columns: list[str]) -> str:
    key = ", ".join(columns)
    return f"FROM (SELECT {key}, count(1) AS rows_of_key FROM {{rows}} GROUP BY {key}) AS keys"


def _repeats(columns: list[str]) -> str:
    """Rows beyond the first of their key, and all whose key has a null."""
    has_null = " OR ".join(f"{name} IS NULL" for name in columns)
    return "SELECT " + _total(f"CASE WHEN {has_null} THEN rows_of_key ELSE rows_of_key - 1 END")


def _total(number: str) -> str:
    """Sum that is 0, not null, over no rows."""
    return f"coalesce(sum({number}), 0)"


# -- judging, in Great Expectations --------------------------------------------------------------------------


@cache
def _context() -> Any:
    """The process's context; a second one would clash with it."""
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


@cache
def _batches(engine: str) -> Any:
    """Definition by which an engine's frame becomes a batch."""
    sources = _context().data_sources
    # Persisting is of no use for one row, and nothing in the library would ever release it.
    source = sources.add_spark(engine, persist=False) if engine == "spark" else sources.add_pandas(engine)
    return source.add_dataframe_asset("counts").add_batch_definition_whole_dataframe("row")
