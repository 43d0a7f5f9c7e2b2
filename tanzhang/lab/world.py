"""The made-up world that is shown and measured."""

from __future__ import annotations

from datetime import date

FIRST_DAY = date(2026, 11, 1)
SEED = 20261101
