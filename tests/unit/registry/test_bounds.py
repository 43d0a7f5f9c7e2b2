"""No row within its contract's bound can end a run: registries in which one could are refused, and say what mends them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from schemas import load_registry
from schemas.base import ROOT
from schemas.bounds import LARGEST, ROWS
from schemas.errors import RegistryError
from schemas.sources.columns import MONEY_AT_MOST, Number
from tests.support.libraries import content, write
from tests.support.registries import shipped


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(ROOT, tmp_path / "root", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return tmp_path / "root"


def steps(root: Path) -> None:
    path = root / "sources/alipay.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("at_most: 200000", "at_most: 500000000"), encoding="utf-8")


def money(root: Path) -> None:
    said = content(root / "sources/citic_bank.yaml")
    said["feeds"]["card_transactions"]["columns"]["amount"]["at_most"] = 999_999_999_999
    write(root / "sources/citic_bank.yaml", said)


def many_points(root: Path) -> None:
    said = content(root / "programmes/ant_forest.yaml")
    next(one for one in said["earn"] if one["id"] == "steps")["points"] = "100000000000"
    said["examples"] = []
    write(root / "programmes/ant_forest.yaml", said)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (steps, r"alipay\.yaml: feeds\.acts: STEP: at most 500,000,000 in a row, times the factor of walking, leaves "
                r"64 bits; lower at_most to 461,168,601"),
        (money, r"citic_bank\.yaml: feeds\.card_transactions: 交易金额: at most 999,999,999,999 in a row, times its sum "
                r"in millionths of a yuan, leaves 64 bits; lower at_most to 922,337,203"),
        (many_points, r"alipay\.yaml: feeds\.acts: STEP: .* the points of ant_forest\.steps, leaves 64 bits"),
    ],
)  # fmt: skip
def test_a_bound_that_may_overflow_is_refused(root: Path, change: Any, said: str) -> None:
    change(root)
    with pytest.raises(RegistryError, match=said):
        load_registry(root)


def test_every_number_has_a_bound() -> None:
    """A hundred million yuan where the contract does not say less; and what every row has alike is its own."""
    assert (Number(column="x", unit="yuan").most, Number(column="x", unit="fen").most) == (10**8, 10**10)
    assert Number(column="x", unit="yuan", at_most=500).most == 500
    assert Number(constant=3).most == 3
    with pytest.raises(ValueError, match="say at_most of what is counted"):
        Number(column="x")
    with pytest.raises(ValueError, match="its own bound"):
        Number(constant=3, at_most=4)


def test_the_dearest_payment_fits_so_many_times() -> None:
    """Worked out again: fen × micrograms, a thousandth of it summed up, and millionths of a yuan."""
    fen = MONEY_AT_MOST["fen"]
    dearest = max(rate.micrograms_per_fen for rate in shipped().spending.rates)
    assert fen == 100 * MONEY_AT_MOST["yuan"]
    assert fen * dearest + 999 <= LARGEST
    assert ROWS * (fen * dearest // 1000 + 1) <= LARGEST
    assert ROWS * fen * 10_000 <= LARGEST
