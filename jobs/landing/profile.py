"""What a file is like as a whole: how often each code occurs, and how numbers are spread.

Bounded however long the file is: numbers are counted in classes an eighth of an octave wide, so that the median
of any number of files is known to within 5 %.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.landing.encoded import Column, Lists
from schemas.base import Strict

CODES = (
    "scenario", "claim_kind", "time_precision", "direction", "wallet", "subject_kind", "scope", "programme", "benefit",
    "ignore_rule", "error_code",
)  # fmt: skip
NUMBERS = ("amount_fen", "quantity_micro", "points")
CLASSES_PER_OCTAVE = 8


class Profile(Strict):
    """What one file is like.

    rows: those that could be split. filled: field → rows in which it is not empty. identifiers, bad_identifiers: kind of
    identifier → how many are given, and how many of these are none. new_columns: shapes of the header's names that are not
    agreed. codes: landed column → code → rows. numbers: column, and scenario where there is one → class → rows.
    """

    rows: int = 0
    filled: dict[str, int] = {}
    identifiers: dict[str, int] = {}
    bad_identifiers: dict[str, int] = {}
    new_columns: list[str] = []
    codes: dict[str, dict[str, int]] = {}
    numbers: dict[str, dict[int, int]] = {}


class Profiler:
    """Adds up batches of landed rows."""

    def __init__(self) -> None:
        self._rows = 0
        self._filled: Counter[str] = Counter()
        self.identifiers: Counter[str] = Counter()
        self.bad_identifiers: Counter[str] = Counter()
        self.new_columns: list[str] = []
        self._codes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._numbers: defaultdict[str, Counter[int]] = defaultdict(Counter)

    def add_raw(self, columns: Mapping[str, Sequence[object]], rows: int) -> None:
        """Count how often each field of a batch of raw columns is filled."""
        self._rows += rows
        for name, values in columns.items():
            empty = (
                values.count_empty() if isinstance(values, (Column, Lists)) else values.count("") + values.count(None)
            )
            self._filled[name] += rows - empty

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the rows of a landed batch; numbers only of those that may count."""
        columns = set(batch.schema.names)
        for name in CODES:
            if name in columns:
                for entry in pc.value_counts(batch.column(name)).to_pylist():
                    if entry["values"] is not None:
                        self._codes[name][entry["values"]] += entry["counts"]
        if not columns & set(NUMBERS):
            return
        counted = batch.select([name for name in batch.schema.names if name in ("scenario", *NUMBERS)])
        good = counted.filter(pc.and_(pc.is_null(batch.column("error_code")), pc.is_null(batch.column("ignore_rule"))))
        scenarios = good.column("scenario") if "scenario" in columns else None
        for scenario in pc.unique(scenarios).to_pylist() if scenarios is not None else [None]:
            of = good if scenario is None else good.filter(pc.equal(scenarios, scenario))
            for name in NUMBERS:
                if name in columns:
                    self._count(name if scenario is None else f"{name}/{scenario}", of.column(name))

    def _count(self, key: str, values: pa.Array) -> None:
        numbers = values.drop_null().to_numpy(zero_copy_only=False)
        numbers = numbers[numbers > 0]
        if len(numbers):
            classes = np.floor(np.log2(numbers) * CLASSES_PER_OCTAVE).astype(np.int64)
            found, counts = np.unique(classes, return_counts=True)
            self._numbers[key].update(dict(zip(found.tolist(), counts.tolist())))

    def profile(self) -> Profile:
        """What was counted, in the order of keys, so that the same file has the same profile."""
        return Profile(
            rows=self._rows,
            filled=dict(sorted(self._filled.items())),
            identifiers=dict(sorted(self.identifiers.items())),
            bad_identifiers=dict(sorted(self.bad_identifiers.items())),
            new_columns=sorted(set(self.new_columns)),
            codes={name: dict(sorted(of.items())) for name, of in sorted(self._codes.items())},
            numbers={name: dict(sorted(of.items())) for name, of in sorted(self._numbers.items())},
        )


def merged(profiles: Iterable[Profile]) -> Profile:
    """The profile of several files together."""
    codes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    numbers: defaultdict[str, Counter[int]] = defaultdict(Counter)
    filled: Counter[str] = Counter()
    identifiers: Counter[str] = Counter()
    bad_identifiers: Counter[str] = Counter()
    new_columns: set[str] = set()
    rows = 0
    for one in profiles:
        rows += one.rows
        filled.update(one.filled)
        identifiers.update(one.identifiers)
        bad_identifiers.update(one.bad_identifiers)
        new_columns.update(one.new_columns)
        for name, of_codes in one.codes.items():
            codes[name].update(of_codes)
        for name, of_numbers in one.numbers.items():
            numbers[name].update(of_numbers)
    return Profile(
        rows=rows,
        filled=dict(sorted(filled.items())),
        identifiers=dict(sorted(identifiers.items())),
        bad_identifiers=dict(sorted(bad_identifiers.items())),
        new_columns=sorted(new_columns),
        codes={name: dict(sorted(of.items())) for name, of in sorted(codes.items())},
        numbers={name: dict(sorted(of.items())) for name, of in sorted(numbers.items())},
    )


def median(classes: Mapping[int, int]) -> float:
    """The middle of the class in which the median lies."""
    half, so_far = sum(classes.values()) / 2, 0
    for number in sorted(classes):
        so_far += classes[number]
        if so_far >= half:
            return float(2 ** ((number + 0.5) / CLASSES_PER_OCTAVE))
    raise ValueError("no numbers")
