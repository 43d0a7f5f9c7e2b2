"""Small tables of the registry, as engines take them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import pyarrow as pa

_TYPES = {str: pa.string(), int: pa.int64(), date: pa.date32(), bool: pa.bool_()}

VALIDITY = {"valid_from": date, "valid_to": date}
"""Columns of what holds on local dates [valid_from, valid_to)."""


def table(columns: Mapping[str, type | pa.DataType], rows: Iterable[dict[str, Any]]) -> pa.Table:
    """Rows with these columns; what a row does not give is null."""
    schema = pa.schema([(name, _TYPES.get(kind, kind)) for name, kind in columns.items()])
    return pa.Table.from_pylist(list(rows), schema=schema)
