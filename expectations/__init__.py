"""Quality rules of the registry → native Great Expectations suites; the only importer of great_expectations.

The engine counts the rows that break each rule into one aggregate row, and a table's suite judges that row.
So a check costs two passes over the rows however many rules there are, no value of a row reaches a report,
and both engines come to the same verdict by the same suite.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, reduce
from typing import TYPE_CHECKING, Any, get_args

from schemas.tables import Rule, Severity, Table

if TYPE_CHECKING:
    import great_expectations as gx
    import pandas as pd
    from pyspark.sql import Column, DataFrame

__all__ = ["CheckError", "RuleResult", "check", "suite", "worst"]

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


def check(
    table: Table, rows: DataFrame, to_pandas: Callable[[DataFrame], pd.DataFrame] | None
) -> list[RuleResult]:
    """Judge rows of a table by all its rules.

    Args:
        rows: this publication's rows of a log, or the whole of a snapshot, with the table's columns.
        to_pandas: how the embedded engine hands a small frame over; None on Spark, where the suite gets a
            Spark frame.

    Returns:
        One result per rule, in the order of `table.all_rules`.

    Raises:
        CheckError: a rule could not be judged.
    """
    counts = _counts(table, rows)
    if to_pandas is None:
        # Collected first: a suite asks its frame several times, and each time would count all rows again.
        counted = counts.toPandas().astype("int64")
        batch: Any = _batches("spark").get_batch({"dataframe": rows.sparkSession.createDataFrame(counted)})
    else:
        counted = to_pandas(counts).astype("int64")  # DuckDB's sums are wider
        batch = _batches("pandas").get_batch({"dataframe": counted})
    verdict = batch.validate(suite(table), result_format=RESULT_FORMAT)

    is_passed = {}
    for one in verdict.results:
        rule_id = one.expectation_config.meta["rule_id"]
        if "unexpected_count" not in one.result:
            raise CheckError(f"{table.name}: {rule_id} could not be judged: {one.exception_info}")
        is_passed[rule_id] = bool(one.success)
    observed = counted.iloc[0]
    return [
        RuleResult(
            rule_id=rule.id,
            table_name=table.name,
            severity=rule.severity,
            is_passed=is_passed[rule.id],
            observed=int(observed[rule.id]),
            checked=int(observed[CHECKED]),
        )
        for rule in table.all_rules
    ]


def suite(table: Table) -> gx.ExpectationSuite:
    """The table's suite over the aggregate row: of every rule, no row may break it."""
    import great_expectations as gx
    from great_expectations import expectations as gxe

    return gx.ExpectationSuite(
        name=table.name,
        expectations=[
            gxe.ExpectColumnValuesToBeBetween(
                column=rule.id,
                max_value=0,
                severity=rule.severity,
                meta={"rule_id": rule.id, "text": rule.text},
            )
            for rule in table.all_rules
        ],
    )


def worst(results: Iterable[RuleResult]) -> Severity | None:
    """The gravest severity among the broken rules; None where all held."""
    broken = {result.severity for result in results if not result.is_passed}
    return next((severity for severity in get_args(Severity) if severity in broken), None)


# -- counting, on the engine ---------------------------------------------------------------------------------


def _counts(table: Table, rows: DataFrame) -> DataFrame:
    """One row: CHECKED and, by rule id, how many rows break the rule."""
    from pyspark.sql import functions as F

    predicates = [rule for rule in table.all_rules if rule.breaks_when is not None]
    # Marked before they are summed: an aggregate may not hold the window functions that a rule may use.
    marked = rows.select(
        F.lit(1).alias(CHECKED),
        *(F.when(F.expr(str(rule.breaks_when)), 1).otherwise(0).alias(rule.id) for rule in predicates),
    )
    counts = marked.agg(*(_total(F.col(name)).alias(name) for name in (CHECKED, *(rule.id for rule in predicates))))
    for rule in table.all_rules:
        if rule.unique is not None:
            counts = counts.crossJoin(_repeats(rule, rows, rule.unique))
    short = [
        F.greatest(F.lit(rule.min_rows) - F.col(CHECKED), F.lit(0)).alias(rule.id)
        for rule in table.all_rules
        if rule.min_rows is not None
    ]
    return counts.select("*", *short)


def _repeats(rule: Rule, rows: DataFrame, columns: list[str]) -> DataFrame:
    """One row, one column: rows beyond the first of their key, and all whose key has a null."""
    from pyspark.sql import functions as F

    groups = rows.groupBy(*columns).agg(F.count(F.lit(1)).alias("rows_of_key"))
    has_null: Column = reduce(lambda one, other: one | other, [F.col(name).isNull() for name in columns])
    excess = F.when(has_null, F.col("rows_of_key")).otherwise(F.col("rows_of_key") - 1)
    return groups.select(excess.alias("excess")).agg(_total(F.col("excess")).alias(rule.id))


def _total(column: Column) -> Column:
    """Sum that is 0, not null, over no rows: a suite passes over nulls."""
    from pyspark.sql import functions as F

    return F.coalesce(F.sum(column), F.lit(0)).cast("bigint")


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
def _batches(kind: str) -> Any:
    """Definition by which a frame of a kind, `pandas` or `spark`, becomes a batch."""
    sources = _context().data_sources
    # Persisting is of no use for one row, and nothing in the library would ever release it.
    source = sources.add_pandas(kind) if kind == "pandas" else sources.add_spark(kind, persist=False)
    return source.add_dataframe_asset("counts").add_batch_definition_whole_dataframe("row")
