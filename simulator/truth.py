"""What really was: the truth beside the exports, in Parquet, written block by block. No job reads it."""

from __future__ import annotations

from datetime import datetime, time
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simulator.acts import NO_QUANTITY
from simulator.people import Block
from simulator.rows import DISPOSITIONS, INSTITUTIONS, OUTCOMES, SCENARIOS, Calendar, Column, Rows

_text, _int32, _int64 = pa.string(), pa.int32(), pa.int64()
SCHEMAS = {
    "people": pa.schema([("person_no", _int64), ("subject_kind", _text), ("is_decidable", pa.bool_())]),
    "customers": pa.schema([("institution", _text), ("customer_id", _text), ("person_no", _int64)]),
    "acts": pa.schema(
        [
            ("act_no", _int64),
            ("person_no", _int64),
            ("scenario", _text),
            ("act_date", pa.date32()),
            ("at_local", pa.timestamp("ms")),
            ("quantity", _text),
            ("outcome", _text),
            ("credited_quantity", _text),
        ]
    ),
    "records": pa.schema(
        [
            ("institution", _text),
            ("feed", _text),
            ("business_date", pa.date32()),
            ("revision", _int32),
            ("part", _int32),
            ("line", _int64),
            ("act_no", _int64),
            ("disposition", _text),
            ("outcome", _text),
        ]
    ),
}


def _named(codes: Column, names: tuple[str, ...]) -> pa.Array:
    """Texts from codes; a negative code is null."""
    indices = pa.array(codes.astype(np.int32), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(names)).cast(_text)


def _decimals(micro: Column) -> list[str | None]:
    """Exact decimal text with six places; `NO_QUANTITY` is null."""
    return [None if v == NO_QUANTITY else f"{v // 1_000_000}.{v % 1_000_000:06d}" for v in micro.tolist()]


class Truth:
    """The four tables while they are written: people, customers, acts and records."""

    def __init__(self, folder: Path, calendar: Calendar) -> None:
        folder.mkdir(parents=True)
        self._writers = {name: pq.ParquetWriter(folder / f"{name}.parquet", s) for name, s in SCHEMAS.items()}
        self._first_day = calendar.start.toordinal() - datetime(1970, 1, 1).toordinal()
        self._midnight = np.datetime64(datetime.combine(calendar.start, time()), "ms")
        self._records: list[dict[str, Column]] = []

    def __enter__(self) -> Truth:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers.values():
            writer.close()

    def _write(self, table: str, columns: list[object]) -> None:
        schema = SCHEMAS[table]
        arrays = [
            column if isinstance(column, pa.Array) else pa.array(column, field.type)
            for column, field in zip(columns, schema, strict=True)
        ]
        self._writers[table].write_table(pa.Table.from_arrays(arrays, schema=schema))

    def _dates(self, day: Column) -> pa.Array:
        return pa.array((day + self._first_day).astype(np.int32)).cast(pa.date32())

    def add_people(self, block: Block) -> None:
        """The people of a block and their customers."""
        number = block.first + np.arange(len(block))
        kinds = _named(block.is_micro.astype(np.int32), ("resident", "micro_enterprise"))
        self._write("people", [number, kinds, block.is_decidable])
        institution, person = np.nonzero(block.holds)
        customer = list(block.customer_ids[institution, person])
        self._write("customers", [_named(institution, INSTITUTIONS), customer, number[person]])

    def add_acts(self, block: Block, first: int, acts: Rows) -> None:
        """Acts numbered from `first` in the order given."""
        self._write(
            "acts",
            [
                first + np.arange(len(acts["person"])),
                block.first + acts["person"],
                _named(acts["scenario"], SCENARIOS),
                self._dates(acts["day"]),
                pa.array(self._midnight + (acts["at"] * 1_000).astype("timedelta64[ms]")),
                _decimals(acts["quantity"]),
                _named(acts["outcome"], OUTCOMES),
                _decimals(acts["credited"]),
            ],
        )

    def add_records(
        self,
        institution: int,
        feed: str,
        day: int,
        revision: int,
        line: int,
        rows: Rows,
        act_no: Column,
        part: int = 1,
    ) -> None:
        """Rows of one file from a line on; kept until `flush`."""
        size = len(rows)
        self._records.append(
            {
                "institution": np.full(size, institution),
                "feed": np.full(size, feed, dtype=object),
                "day": np.full(size, day),
                "revision": np.full(size, revision, dtype=np.int32),
                "part": np.full(size, part, dtype=np.int32),
                "line": line + np.arange(size, dtype=np.int64),
                "act_no": act_no,
                "disposition": rows["disposition"],
                "outcome": rows["outcome"],
            }
        )

    def flush(self) -> None:
        """Write the records of a block as one piece."""
        if not self._records:
            return
        all_ = {name: np.concatenate([piece[name] for piece in self._records]) for name in self._records[0]}
        self._records.clear()
        self._write(
            "records",
            [
                _named(all_["institution"], INSTITUTIONS),
                all_["feed"],
                self._dates(all_["day"]),
                all_["revision"],
                all_["part"],
                all_["line"],
                pa.array(all_["act_no"], mask=all_["act_no"] < 0),
                _named(all_["disposition"], DISPOSITIONS),
                _named(all_["outcome"], OUTCOMES),
            ],
        )
