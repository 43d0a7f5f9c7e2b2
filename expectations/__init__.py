"""Quality rules of the registry → native Great Expectations suites; the only importer of great_expectations.

Whatever a rule is held against comes here as one whole number: how many rows of a table break it, counted by the
engine, or what was measured of an institution's statement. So a check costs two passes over the rows however many
rules there are, no value of a row reaches a report, and both engines come to the same verdict by the same suite.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from schemas.ledger import SPANNING
from schemas.quality import QualityRule
from schemas.tables import Table

if TYPE_CHECKING:
    import great_expectations as gx
    from pyspark.sql import SparkSession

__all__ = [
    "CHECKED", "SPANNING", "SPENT", "CheckError", "Measurement", "RuleResult", "breaking", "counting", "judge", "measured", "suite",
]  # fmt: skip

CHECKED = "_checked"
"""Column of the aggregate row with the number of rows; no rule id begins like this."""

# BASIC and no examples: counts only, so that a report neither grows with the rows nor shows one.
RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}


class CheckError(Exception):
    """Great Expectations could not judge a rule: neither held nor broken."""


@dataclass
class Spent:
    """Seconds that this process spent inside Great Expectations: to import it, and to judge."""

    importing: float = 0.0
    judging: float = 0.0


SPENT = Spent()


@dataclass(frozen=True)
class Measurement:
    """The number that a rule is held against.

    Attributes:
        observed: rows that broke the rule, for `min_rows` the rows that are missing; of a statement what its rule
            measures.
        checked: rows that were looked at.
        business_date: of the statement; of what spans statements the run's.
        table_name, institution, feed: SPANNING where it is of none by itself.
        column_name: of a median the number that it is of.
    """

    rule: QualityRule
    observed: int
    checked: int
    business_date: date
    table_name: str = SPANNING
    institution: str = SPANNING
    feed: str = SPANNING
    column_name: str | None = None


@dataclass(frozen=True)
class RuleResult:
    """What became of one rule."""

    measurement: Measurement
    is_passed: bool

    @property
    def rule(self) -> QualityRule:
        return self.measurement.rule

    def as_row(self) -> dict[str, Any]:
        """The columns of gold.quality but the publication."""
        found = self.measurement
        return {
            "rule_id": found.rule.id,
            "table_name": found.table_name,
            "institution": found.institution,
            "feed": found.feed,
            "business_date": found.business_date,
            "column_name": found.column_name,
            "severity": found.rule.severity,
            "is_passed": self.is_passed,
            "observed": found.observed,
            "checked": found.checked,
            "bound": found.rule.bound,
            "threshold": found.rule.threshold,
        }


def measured(table: Table, counts: Mapping[str, int], business_date: date) -> list[Measurement]:
    """A table's row of `counting` by rule, in the order of its `all_rules`."""
    return [
        Measurement(rule, int(counts[rule.id]), int(counts[CHECKED]), business_date, table.name)
        for rule in table.all_rules
    ]


def judge(asked: Sequence[Measurement], session: SparkSession | None = None) -> list[RuleResult]:
    """Let Great Expectations judge every measurement.

    A rule is judged by the worst of what was measured for it: where that holds, all do; where it does not, each is
    judged by itself. So what the library costs does not grow with statements, and all goes in one validation or two.

    Args:
        asked: what was counted, whatever of.
        session: of Spark, where the suite gets a Spark frame; without one it gets a pandas frame.

    Returns:
        One result per measurement, in their order.

    Raises:
        CheckError: a rule could not be judged.
    """
    if not asked:
        return []
    with _counted("importing"):
        logging.getLogger("great_expectations").setLevel(logging.ERROR)
        import great_expectations  # noqa: F401
    with _counted("judging"):
        alike: defaultdict[Hashable, list[int]] = defaultdict(list)
        for number, one in enumerate(asked):
            alike[one.rule.id, one.rule.bound, one.rule.threshold, one.rule.severity].append(number)
        groups = list(alike.values())
        held = _validated([_worst([asked[number] for number in group]) for group in groups], session)
        is_passed = {number: passed for group, passed in zip(groups, held) for number in group}
        doubtful = [number for number, passed in is_passed.items() if not passed]
        if len(doubtful) > held.count(False):
            is_passed |= zip(doubtful, _validated([asked[number] for number in doubtful], session))
    return [RuleResult(one, is_passed[number]) for number, one in enumerate(asked)]


def _worst(alike: Sequence[Measurement]) -> Measurement:
    """Of what was measured for one rule that which holds least."""
    furthest = min if alike[0].rule.bound == "at_least" else max
    return furthest(alike, key=lambda one: one.observed)


def _validated(asked: Sequence[Measurement], session: SparkSession | None) -> list[bool]:
    """Whether each measurement holds, all in one validation: a call costs more than a rule.

    Raises:
        CheckError: a rule could not be judged.
    """
    import pandas as pd

    columns = [f"{one.rule.id}_{number}" for number, one in enumerate(asked)]
    frame: Any = pd.DataFrame([[one.observed for one in asked]], columns=columns, dtype="int64")
    if session is not None:
        frame = session.createDataFrame(frame)
    whole = suite("run", [(one.rule, column) for one, column in zip(asked, columns)])
    batch = _batches("pandas" if session is None else "spark").get_batch({"dataframe": frame})
    verdict = batch.validate(whole, result_format=RESULT_FORMAT)
    is_passed = {}
    for one in verdict.results:
        if "observed_value" not in one.result:
            raise CheckError(f"{one.expectation_config.meta['rule_id']} could not be judged: {one.exception_info}")
        is_passed[one.expectation_config.kwargs["column"]] = bool(one.success)
    return [is_passed[column] for column in columns]


def suite(name: str, rules: Iterable[tuple[QualityRule, str]]) -> gx.ExpectationSuite:
    """Rules as a suite over the columns that hold their numbers, each on the right side of its threshold."""
    import great_expectations as gx
    from great_expectations.expectations.core.expect_column_max_to_be_between import ExpectColumnMaxToBeBetween
    from great_expectations.expectations.core.expect_column_min_to_be_between import ExpectColumnMinToBeBetween
    from great_expectations.expectations.metadata_types import FailureSeverity

    def expectation(rule: QualityRule, column: str) -> Any:
        shared: dict[str, Any] = {
            "column": column,
            "severity": FailureSeverity(rule.severity),
            "description": rule.text,
            "meta": {"rule_id": rule.id},
        }
        # Of one row both are the value; asking for values takes the library several times as long.
        if rule.bound == "at_least":
            return ExpectColumnMinToBeBetween(min_value=rule.threshold, **shared)
        return ExpectColumnMaxToBeBetween(max_value=rule.threshold, **shared)

    return gx.ExpectationSuite(name=name, expectations=[expectation(rule, column) for rule, column in rules])


# -- counting, on the engine ---------------------------------------------------------------------------------


def counting(table: Table, rows: str = "rows") -> str:
    """Spark SQL over the frame of that name for one row: CHECKED and, by rule id, how many rows break the rule.

    Text rather than DataFrame steps, which the embedded engine takes longer to build than to run.
    """
    marks, totals = ["1 AS one"], [f"{_total('one')} AS {CHECKED}"]
    keys: dict[str, str] = {}
    repeats: dict[str, str] = {}
    short: list[str] = []
    for rule in table.all_rules:
        if rule.breaks_when is not None:
            marks.append(f"CASE WHEN {rule.breaks_when} THEN 1 ELSE 0 END AS {rule.id}")
            totals.append(f"{_total(rule.id)} AS {rule.id}")
        elif rule.unique is not None:
            key = ", ".join(rule.unique)
            keys[f"{rule.id}_keys"] = f"SELECT {key}, count(1) AS n FROM {rows} GROUP BY {key}"
            repeats[f"{rule.id}_repeats"] = f"SELECT {_repeats(rule.unique)} AS {rule.id} FROM {rule.id}_keys"
        else:
            short.append(f"greatest({rule.min_rows} - {CHECKED}, 0) AS {rule.id}")
    # Marked before they are summed: an aggregate may not hold the window functions that a rule may use.
    steps = {
        "marked": f"SELECT {', '.join(marks)} FROM {rows}",
        "counted": f"SELECT {', '.join(totals)} FROM marked",
        **keys,
        **repeats,
    }
    named = ", ".join(f"{name} AS ({query})" for name, query in steps.items())
    return f"WITH {named} SELECT {', '.join(['*', *short])} FROM {' CROSS JOIN '.join(['counted', *repeats])}"


def breaking(table: Table, rule_id: str) -> str | None:
    """Spark SQL for the rows of the frame `rows` that break a rule; None where what is broken is that there are too few."""
    [rule] = [one for one in table.all_rules if one.id == rule_id]
    if rule.breaks_when is not None:
        return f"""
            WITH marked AS (SELECT *, {rule.breaks_when} AS breaks FROM rows)
            SELECT * FROM marked WHERE breaks
        """
    if rule.unique is not None:
        has_null = " OR ".join(f"{name} IS NULL" for name in rule.unique)
        return f"""
            WITH marked AS (
                SELECT *, {has_null} OR count(1) OVER (PARTITION BY {", ".join(rule.unique)}) > 1 AS breaks
                FROM rows
            )
            SELECT * FROM marked WHERE breaks
        """
    return None


def _repeats(columns: list[str]) -> str:
    """Rows beyond the first of their key, and all whose key has a null."""
    has_null = " OR ".join(f"{name} IS NULL" for name in columns)
    return _total(f"CASE WHEN {has_null} THEN n ELSE n - 1 END")


def _total(number: str) -> str:
    """Sum that is 0, not null, over no rows."""
    return f"coalesce(sum({number}), 0)"


# -- judging, in Great Expectations --------------------------------------------------------------------------


@contextmanager
def _counted(what: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    setattr(SPENT, what, getattr(SPENT, what) + time.perf_counter() - started)


def new_context() -> Any:
    """A context that knows of nothing, in place of the process's last one: two would clash."""
    _context.cache_clear()
    _batches.cache_clear()
    return _context()


@cache
def _context() -> Any:
    """The process's context."""
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
    # Persisting is of no use for one row, and nothing in the library would ever let go of it.
    source = sources.add_spark(engine, persist=False) if engine == "spark" else sources.add_pandas(engine)
    return source.add_dataframe_asset("counts").add_batch_definition_whole_dataframe("row")
