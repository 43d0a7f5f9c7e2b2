"""Columns as their distinct values: a file repeats its codes, names, amounts and customers over and over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import compress
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Rows = npt.NDArray[np.int64]
"""Places of rows in a batch, or of values in a column."""
NONE: Rows = np.empty(0, np.int64)


class Column(Sequence[Any]):
    """The values of a batch's rows: `values`, each in one row at least, and `codes`, which of them every row has.

    `texts` are the same as Arrow strings, where they were read so: they are told apart when that is first asked.
    """

    def __init__(self, codes: Rows, values: list[Any]) -> None:
        self.texts: pa.StringArray | None = None
        self._encoded: tuple[Rows, list[Any]] | None = (codes, values)

    @classmethod
    def of_texts(cls, texts: pa.StringArray) -> Column:
        """A column of Arrow strings without nulls."""
        column = cls(NONE, [])
        column.texts, column._encoded = texts, None
        return column

    @classmethod
    def of(cls, values: Sequence[Any]) -> Column:
        """A column of hashable values."""
        if isinstance(values, Column):
            return values
        if set(map(type, values)) == {str}:
            with suppress(UnicodeEncodeError):  # half a pair of surrogates is in no Arrow string
                return cls.of_texts(pa.array(values, pa.string()))
        places: dict[Any, int] = {}
        codes = [places.setdefault(value, len(places)) for value in values]
        return cls(np.array(codes, np.int64), list(places))

    @classmethod
    def same(cls, value: Any, rows: int) -> Column:
        """A column of one value."""
        return cls(np.zeros(rows, np.int64), [value] if rows else [])

    @property
    def codes(self) -> Rows:
        return self._told_apart()[0]

    @property
    def values(self) -> list[Any]:
        return self._told_apart()[1]

    def _told_apart(self) -> tuple[Rows, list[Any]]:
        if self._encoded is None:
            assert self.texts is not None
            encoded = self.texts.dictionary_encode()
            self._encoded = encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist()
        return self._encoded

    def __len__(self) -> int:
        return len(self.codes) if self.texts is None else len(self.texts)

    @overload
    def __getitem__(self, row: int) -> Any: ...

    @overload
    def __getitem__(self, row: slice) -> Sequence[Any]: ...

    def __getitem__(self, row: int | slice) -> Any:
        if isinstance(row, slice):
            return list(self)[row]
        return self.values[self.codes[row]] if self.texts is None else self.texts[row].as_py()

    def __iter__(self) -> Iterator[Any]:
        return map(self.values.__getitem__, self.codes.tolist()) if self.texts is None else iter(self.texts.to_pylist())

    def rows_where(self, holds: Callable[[Any], bool]) -> list[int]:
        """The rows whose value is such a one."""
        is_one = np.fromiter(map(holds, self.values), bool, len(self.values))
        return np.flatnonzero(is_one[self.codes]).tolist() if is_one.any() else []

    def count_empty(self) -> int:
        """The rows without a value: empty text, or null."""
        if self.texts is not None:
            return len(self.texts) - int(np.count_nonzero(lengths_of(self.texts)))
        return len(self.rows_where(lambda value: value is None or value == ""))

    def take(self, rows: Rows) -> Column:
        """Some of the rows."""
        if self._encoded is None and self.texts is not None:
            return Column.of_texts(self.texts.take(pa.array(rows)))
        codes = self.codes[rows]
        is_used = np.zeros(len(self.values), bool)
        is_used[codes] = True
        return Column((np.cumsum(is_used) - 1)[codes], list(compress(self.values, is_used.tolist())))

    def map(self, convert: Callable[[Any], Any]) -> Column:
        """What becomes of every value; what becomes of them is hashable."""
        places: dict[Any, int] = {}
        again = [places.setdefault(convert(value), len(places)) for value in self.values]
        return Column(np.array(again, np.int64)[self.codes], list(places))

    def array(self, as_type: pa.DataType) -> pa.Array:
        """The rows as Arrow values; None is null."""
        if self.texts is not None and as_type == pa.string():
            return self.texts
        if self.values == [None]:
            return pa.nulls(len(self), as_type)
        return pa.array(self.values, as_type).take(pa.array(self.codes))

    def numbers(self, absent: int = 0) -> Rows:
        """The rows as whole numbers, and one that stands for None."""
        return np.array([absent if value is None else value for value in self.values], np.int64)[self.codes]


class Lists(Sequence[Any]):
    """A column of lists of objects, as Arrow read them; none of it is null."""

    def __init__(self, lists: pa.ListArray) -> None:
        self.lists, self.entries = lists, lists.flatten()

    def __len__(self) -> int:
        return len(self.lists)

    @overload
    def __getitem__(self, row: int) -> Any: ...

    @overload
    def __getitem__(self, row: slice) -> Sequence[Any]: ...

    def __getitem__(self, row: int | slice) -> Any:
        return self.lists[row].to_pylist() if isinstance(row, slice) else self.lists[row].as_py()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.lists.to_pylist())

    def count_empty(self) -> int:
        """The rows without a list."""
        return 0

    @property
    def rows(self) -> Rows:
        """The row of every entry."""
        found: Rows = self.lists.value_parent_indices().to_numpy().astype(np.int64)
        return found

    def entry(self, name: str) -> Column:
        """One field of every entry."""
        return Column.of_texts(self.entries.field(name))


def each(columns: Sequence[Column]) -> Column:
    """Several columns as one, of tuples."""
    codes, *others = (column.codes for column in columns)
    for column, other in zip(columns[1:], others):
        if len(column.values) > 1:
            both = pa.array(codes * len(column.values) + other)
            codes = both.dictionary_encode().indices.to_numpy().astype(np.int64)
    first = np.empty(codes.max(initial=-1) + 1, np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    told = (map(column.values.__getitem__, column.codes[first].tolist()) for column in columns)
    return Column(codes, list(zip(*told)))


def lengths_of(texts: pa.StringArray) -> Rows:
    """The bytes of every text."""
    return np.diff(offsets_of(texts))


def offsets_of(texts: pa.StringArray) -> npt.NDArray[np.int32]:
    """Where every text begins in the array's bytes, and where the last ends."""
    found: npt.NDArray[np.int32] = np.frombuffer(texts.buffers()[1], np.int32)
    return found[texts.offset : texts.offset + len(texts) + 1]


def bytes_of(texts: pa.StringArray) -> npt.NDArray[np.uint8]:
    """The bytes of all texts, one after the other."""
    offsets, data = offsets_of(texts), texts.buffers()[2]
    return np.frombuffer(data or b"", np.uint8)[offsets[0] : offsets[-1]]
