"""What a unit of another currency was in yuan, for payments abroad: means of the months, from a file with its source."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from schemas.base import ROOT
from schemas.errors import RegistryError
from schemas.spending.merchants import FOLDER

FILE = "exchange_rates.csv"
SCALE = 10**8
"""Rates are whole hundred-millionths of a yuan."""
OLDEST_MONTHS = 12


@dataclass(frozen=True)
class ExchangeRates:
    """Mean rates by currency and month (years × 12 + month), in hundred-millionths of a yuan."""

    by_month: Mapping[tuple[str, int], int]

    def on(self, currency: str, day: date) -> int | None:
        """The rate of a payment: the mean of the newest month before its own, so that no later release changes it by much.

        Returns:
            Hundred-millionths of a yuan for one unit; None where the last twelve months have none.
        """
        month = day.year * 12 + day.month
        found = (self.by_month.get((currency, month - back)) for back in range(1, OLDEST_MONTHS + 1))
        return next((rate for rate in found if rate is not None), None)


def load_rates(root: Path = ROOT) -> ExchangeRates:
    """The rates of a registry: rows `currency,month,yuan`, as `EUR,2025-12,8.21`.

    Raises:
        RegistryError: a row is no rate of a month, or a month of a currency stands twice.
    """
    path = root / FOLDER / FILE
    found: dict[tuple[str, int], int] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for line, row in enumerate(csv.DictReader(file), 2):
                first = date.fromisoformat(f"{row['month']}-01")
                whole, _, decimals = row["yuan"].partition(".")
                rate = int(whole) * SCALE + int(decimals.ljust(8, "0"))
                key = (row["currency"], first.year * 12 + first.month)
                if rate <= 0 or len(decimals) > 8 or key in found:
                    raise ValueError(f"line {line}: each month of a currency once, and a rate above 0 with 8 decimals")
                found[key] = rate
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise RegistryError(f"{path}: not a table of exchange rates: {error}") from error
    return ExchangeRates(found)
