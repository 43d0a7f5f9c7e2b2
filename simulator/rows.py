"""Columns of one feed before they become text, and the clock and codes that all modules share.

Times are whole seconds since the local midnight (Asia/Shanghai) that starts the first day; they may be
negative (registrations and consents from before the world). A day is `time // DAY`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]

DAY = 86_400
INSTITUTIONS = (
    *("alipay", "citic_bank", "hangzhou_metro", "icbc"),
    *("wechat_pay", "huge_recycling", "hellobike", "zheliban"),
    "unionpay",
    *("teld", "zhejiang_etc", "hangzhou_gas", "caocao", "zhuanzhuan", "zto", "hangzhou_transit"),
    *("dadi_recycling", "ping_an", "hangzhou_bank", "geely", "lianyun", "hangzhou_canteen"),
)
ALIPAY, CITIC, METRO, ICBC, WECHAT, RECYCLER, BIKES, PORTAL, UNIONPAY = range(9)
TELD, ETC, GAS, CAOCAO, ZHUANZHUAN, ZTO, TRANSIT, DADI, PING_AN, HZ_BANK, GEELY, LIANYUN, CANTEEN = range(9, 22)
SERVICES = range(TELD, len(INSTITUTIONS))
"""Institutions that a world has only where people use them: its `services`."""

SCENARIOS = (
    *("metro", "walking", "utility_payment", "e_statement", "e_card", "online_government"),
    *("shared_bike", "e_bike", "bus"),
    *("recycling_paper", "recycling_plastic", "recycling_glass"),
    *("recycling_textile", "recycling_metal", "recycling_electrical"),
    *("ev_charging", "new_energy_car", "low_fuel_car", "parked_car", "etc_payment"),
    *("new_energy_ride", "new_energy_rental", "gas_saving", "waste_sorting", "recycling_fridge", "recycling_steel"),
    *("second_hand", "used_phone", "online_parcel", "carton_reuse", "own_cup", "clean_plate"),
    *("e_policy", "e_invoice", "online_loan", "online_repayment", "online_investment"),
    *("small_portion", "used_garment", "recycling_pp_box"),
)
RIDE, WALK, UTILITY, STATEMENT, CARD_APPLICATION, GOVERNMENT, BIKE, E_BIKE, BUS, PAPER = range(10)
TEXTILE, ELECTRICAL = (SCENARIOS.index(name) for name in ("recycling_textile", "recycling_electrical"))
CHARGING, ELECTRIC_CAR, HYBRID_CAR, PARKED_CAR, TOLL, HAILED, RENTAL, GAS_SAVING, SORTING, FRIDGE, STEEL = range(15, 26)
SECOND_HAND, USED_PHONE, PARCEL, CARTON, OWN_CUP, CLEAN_PLATE = range(26, 32)
E_POLICY, E_INVOICE, LOAN, REPAYMENT, INVESTMENT, SMALL_PORTION, USED_GARMENT, BOXES = range(32, 40)
TRAVEL, LIVING, FINANCE = range(3)

DISPOSITIONS = ("record", "supporting", "repeat", "superseded", "ignored", "quarantined")
RECORD, SUPPORTING, REPEAT, SUPERSEDED, IGNORED, QUARANTINED = range(6)

OUTCOMES = (
    "credited",
    "absorbed",
    "evidence",
    "no_consent",
    "no_factor",
    "refunded",
    "pending",
    "unpaired",
    "withheld",
    "undecidable",
)
CREDITED, ABSORBED, EVIDENCE, NO_CONSENT, NO_FACTOR, REFUNDED, PENDING, UNPAIRED, WITHHELD, UNDECIDABLE = range(10)
UNKNOWN = -1
"""No outcome expected: the row leads no claim, or the policy leaves it open."""


@dataclass(frozen=True)
class Rows:
    """Rows of one feed as equally long columns.

    Every feed has `day` (business date as day number), `person` (index in the block), `act` (index of the
    act in the block, -1 for none), `disposition`, `outcome` and `total` (what the control sum adds up).
    """

    columns: dict[str, Column]

    def __len__(self) -> int:
        return len(self.columns["day"])

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def take(self, index: Column) -> Rows:
        """The rows that a mask or an index array names, copied."""
        return Rows({name: column[index] for name, column in self.columns.items()})


def rows(size: int, **columns: Any) -> Rows:
    """Rows from columns; a scalar is repeated. `act`, `outcome` and `total` may be left out."""
    whole = {"act": -1, "disposition": RECORD, "outcome": UNKNOWN, "total": 0, **columns}
    return Rows({name: np.asarray(value) if np.ndim(value) else np.full(size, value) for name, value in whole.items()})


def stack(parts: Sequence[Rows]) -> Rows:
    """Several rows of one feed below each other; all have the same columns."""
    return Rows({name: np.concatenate([part[name] for part in parts]) for name in parts[0].columns})


class Calendar:
    """Days and seconds as text, looked up instead of formatted.

    Args:
        start: the first business date.
        days: how many business dates the world has.
    """

    BEFORE = 1_000

    def __init__(self, start: date, days: int) -> None:
        self.start = start
        self.days = days
        first = start - timedelta(days=self.BEFORE)
        self._dates = [str(first + timedelta(days=k)) for k in range(self.BEFORE + days + 2)]
        self._clock = [f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(DAY)]

    def date(self, day: int) -> date:
        """The date of a day number."""
        return self.start + timedelta(days=day)

    def dates(self, day: Column) -> list[str]:
        """`2026-11-01` for each day number."""
        return [self._dates[k] for k in (day + self.BEFORE).tolist()]

    def moments(self, at: Column) -> list[str]:
        """`2026-11-01 08:12:33` for each time."""
        clock = self._clock
        return [f"{date} {clock[s]}" for date, s in zip(self.dates(at // DAY), (at % DAY).tolist(), strict=True)]


class Serials:
    """Numbers that no other row of the world has: `block * 10^7 + k`."""

    SPARE = 5_000_000

    def __init__(self, block: int) -> None:
        self._next = block * 10_000_000 + 1

    def take(self, count: int) -> Column:
        """The next `count` numbers."""
        self._next += count
        return np.arange(self._next - count, self._next, dtype=np.int64)
