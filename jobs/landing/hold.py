"""Statements that are held back: whole by the control file, and still not like what the feed always sends.

Every statement that a run would use first is judged by the rules of its feed. One that breaks a critical rule is
not used and the former revision stays in force, until a corrected one comes or somebody who has asked the
institution lets it pass; the others are not touched by that.

Where judging itself fails, it is a mistake of ours: each institution's statements are judged alone, those that we fail at
are held back as `internal` until a later run can judge them, and the others' are used.

A verdict rests on the statements that had come. What is held is judged again in every run, beside all that came since;
what was used stays used. So a gate is where the order of arrival may matter: docs/quality.md says it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from expectations import Measurement, RuleResult
from jobs.files import read_ours, write_whole
from jobs.landing.manifests import LANDED, Manifest
from jobs.landing.measure import BESIDE, HISTORY, measurements
from jobs.landing.mistakes import INTERNAL, internal
from jobs.landing.statements import in_force, statement_of
from schemas import Registry
from schemas.base import Strict
from schemas.errors import Foreseen
from schemas.sources.statements import Measure, StatementRule

PASSES = "releases"
"""Folder of the passes; its name is what homes have."""

CODES: dict[Measure, str] = {
    "rows": "wrong_volume",
    "rows_permille": "wrong_volume",
    "lowest_median_permille": "wrong_distribution",
    "highest_median_permille": "wrong_distribution",
    "median": "wrong_distribution",
    "unusable_permille": "too_many_unusable",
    "bad_identifiers_permille": "too_many_bad_identifiers",
    "new_columns": "new_column",
}
"""Measure → what the sender is told of a statement that is held back for it."""

Key = tuple[str, str]
"""Institution and feed."""
Statements = list[list[Manifest]]
"""The parts of each."""
Used = Callable[[str, str, date, date, int], Statements]
"""(institution, feed, first and last business date, number) → the statements of these dates that earlier runs used, and the last so
many before; in the order of their dates, without bills."""
Judge = Callable[[Sequence[Measurement]], list[RuleResult]]


class Pass(Strict):
    """Somebody answers for a held statement. reason: who said what."""

    file_ids: list[str]
    reason: str


@dataclass(frozen=True)
class Judged:
    """A statement and what became of its feed's rules.

    Attributes:
        code: why it is held back; None where it is used.
        reference: of the line in the log that tells why it could not be judged; None where it was.
    """

    parts: list[Manifest]
    results: list[RuleResult]
    code: str | None
    reference: str | None = None


def judge_statements(
    fresh: Iterable[Manifest],
    used: Used,
    registry: Registry,
    may_pass: frozenset[str],
    judge: Judge,
    unjudged: Mapping[str, str] = MappingProxyType({}),
) -> list[Judged]:
    """Every statement in force among `fresh`, judged beside those before it that are used.

    All are judged at once: the library takes its time. Where that fails, each institution's alone.

    Args:
        fresh: accepted files that a run would use first.
        used: tells what earlier runs used.
        may_pass: file_id of parts that somebody let pass.
        judge: gives every measurement its verdict.
        unjudged: institution → reference, of those that could not be judged when the run was opened: they stay so.

    Raises:
        Exception: every institution's judging failed, so that it is of none of them.
    """
    fresh = list(fresh)
    done = [
        one
        for institution, reference in unjudged.items()
        for one in _unjudged(_of(institution, fresh), may_pass, reference)
    ]
    others = [file for file in fresh if file.institution not in unjudged]
    try:
        return done + _judged(others, used, registry, may_pass, judge)
    except (Foreseen, OSError):
        raise
    except Exception:  # whose it is shows when each is alone
        institutions = sorted({file.institution for file in others})
        alone = [_judged_alone(one, _of(one, others), used, registry, may_pass, judge) for one in institutions]
        if len(alone) > 1 and all(one.reference for of_one in alone for one in of_one):
            raise
        return done + [one for of_one in alone for one in of_one]


def _judged_alone(
    institution: str,
    fresh: Sequence[Manifest],
    used: Used,
    registry: Registry,
    may_pass: frozenset[str],
    judge: Judge,
) -> list[Judged]:
    """One institution's statements; where we fail at them, all are held back."""
    try:
        return _judged(fresh, used, registry, may_pass, judge)
    except (Foreseen, OSError):
        raise
    except Exception as problem:
        reference = internal(problem, "judging_failed", institution=institution).reference
        return _unjudged(fresh, may_pass, str(reference))


def _unjudged(files: Sequence[Manifest], may_pass: frozenset[str], reference: str) -> list[Judged]:
    """Statements that could not be judged: held back, but for those that somebody let pass."""
    statements = [parts for of_feed in _by_feed(files).values() for parts in of_feed]
    return [Judged(parts, [], None if _passes(parts, may_pass) else INTERNAL, reference) for parts in statements]


def _of(institution: str, files: Sequence[Manifest]) -> list[Manifest]:
    return [file for file in files if file.institution == institution]


def _passes(parts: Sequence[Manifest], may_pass: frozenset[str]) -> bool:
    return {file.file_id for file in parts} <= may_pass


def _judged(
    fresh: Sequence[Manifest],
    used: Used,
    registry: Registry,
    may_pass: frozenset[str],
    judge: Judge,
) -> list[Judged]:
    """Statements of all feeds at once; where one is held back, the later ones of its feed are judged again without it.

    So it makes no difference whether statements come singly or together. As those that are judged again were judged in vain,
    there are few at a time while any is held back, and twice as many each time that none is.
    """
    feeds = {key: _Feed(key, statements, used, registry) for key, statements in _by_feed(fresh).items()}
    done: list[Judged] = []
    while waiting := [feed for feed in feeds.values() if feed.waiting]:
        asked = [feed.asked() for feed in waiting]
        results = iter(judge([one for of_feed in asked for of_one in of_feed for one in of_one]))
        for feed, of_feed in zip(waiting, asked):
            for parts, measured in zip(list(feed.waiting), of_feed):
                found = [next(results) for _ in measured]
                if feed.again:
                    continue
                code = None if _passes(parts, may_pass) else _broken(found)
                done.append(Judged(parts, found, code))
                feed.decide(parts, is_used=code is None)
            feed.next_time()
    return done


class _Feed:
    """The statements of a feed that wait for their verdicts, in the order of their dates, and what they are held beside.

    Attributes:
        used: those that were used here; history: that were before, and dates, their dates.
        again: whether one was held back, so that what was measured of those after it says nothing.
    """

    def __init__(self, key: Key, statements: Statements, used: Used, registry: Registry) -> None:
        self.waiting = deque(statements)
        self.used: Statements = []
        self.history: Statements = []
        self.at_once = HISTORY
        self.again = False
        self.contract = registry.sources[key[0]].feeds[key[1]]
        if {rule.measure for rule in self.contract.all_rules} & BESIDE:
            dates = [parts[0].business_date for parts in statements]
            self.history = used(*key, dates[0], dates[-1], HISTORY)
        self.dates = [parts[0].business_date for parts in self.history]

    def asked(self) -> list[list[Measurement]]:
        """What is measured of the next statements, if none of them is held back."""
        coming = list(islice(self.waiting, self.at_once))
        beside = [*self.used[-HISTORY:], *coming]
        until = len(beside) - len(coming)
        return [
            measurements(
                parts, self._beside(parts, beside[max(until + number - HISTORY, 0) : until + number]), self.contract
            )
            for number, parts in enumerate(coming)
        ]

    def _beside(self, parts: list[Manifest], used: Statements) -> Statements:
        """The last statements before one: those that earlier runs used, and those of this."""
        until = bisect_left(self.dates, parts[0].business_date)
        both = [*self.history[max(until - HISTORY, 0) : until], *used]
        return sorted(both, key=lambda other: other[0].business_date)[-HISTORY:]

    def decide(self, parts: list[Manifest], *, is_used: bool) -> None:
        """A statement has its verdict."""
        self.waiting.popleft()
        if is_used:
            self.used.append(parts)
        else:
            self.again = True

    def next_time(self) -> None:
        """How many are measured next."""
        self.at_once = HISTORY if self.again else 2 * self.at_once
        self.again = False


def let_pass(home: Path, files: Sequence[Manifest], reason: str) -> None:
    """Let a held statement pass from the next run on."""
    one = Pass(file_ids=[file.file_id for file in files], reason=reason)
    path = home / LANDED / PASSES / f"{files[0].file_id}.json"
    write_whole(path, one.model_dump_json(indent=1).encode())


def load_passes(home: Path) -> frozenset[str]:
    """file_id of every part that somebody let pass."""
    paths = (home / LANDED / PASSES).glob("*.json")
    return frozenset(name for path in paths if (one := read_ours(Pass, path)) for name in one.file_ids)


def _by_feed(files: Iterable[Manifest]) -> defaultdict[Key, Statements]:
    """(institution, feed) → the parts of each statement in force, in the order of their dates; without bills."""
    of_statement: defaultdict[object, list[Manifest]] = defaultdict(list)
    for file in in_force(files):
        if file.bill is None:
            of_statement[statement_of(file)].append(file)
    found: defaultdict[Key, Statements] = defaultdict(list)
    for parts in sorted(of_statement.values(), key=lambda parts: parts[0].business_date):
        found[parts[0].institution, parts[0].feed].append(parts)
    return found


def _broken(results: Sequence[RuleResult]) -> str | None:
    """What the sender is told of the first critical rule that is broken."""
    rules = (one.rule for one in results if not one.is_passed and one.rule.severity == "critical")
    return next((CODES[rule.measure] for rule in rules if isinstance(rule, StatementRule)), None)
