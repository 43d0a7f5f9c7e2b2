"""Spend of no known category is told by feed, and names from raw files alone, of shops that several people pay."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jobs.reading.unknown_merchants import UnknownSpend, unknown_names, unknown_spend
from tanzhang.cli import app
from tests.support.exports import CITIZEN, CONSENTED, PHONE, REGISTERED, deliver, table
from tests.support.registries import shipped
from tests.support.worlds import embedded_lake, land_world, run_days

REGISTRY = shipped()
DAY = date(2026, 11, 1)
SHOP = "西溪谷贸易有限公司"


def bank(home: Path, *paid: tuple[int, str, str]) -> None:
    """The bank's delivery of a day: who paid, yuan, merchant; everybody is known and has agreed."""
    who = sorted({number for number, *_ in paid})
    known = [f"C{one}|{CITIZEN[one]}|{PHONE[one]}||个人|{REGISTERED}" for one in who]
    agreed = [f"C{one}|金融|授权|{CONSENTED}" for one in who]
    cards = [
        f"T{row}|C{one}|6217|{DAY:%Y%m%d}|{yuan}|消费|{merchant}||" for row, (one, yuan, merchant) in enumerate(paid)
    ]
    total = f"{sum(float(yuan) for _, yuan, _ in paid):.2f}"
    deliver(
        home,
        "citic_bank",
        table("citic_bank", "registrations", *known),
        table("citic_bank", "consents", *agreed),
        table("citic_bank", "card_transactions", *cards, total=total),
        stamp=f"{DAY:%Y%m%d}T200000Z",
        business_date=str(DAY),
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Five people pay one shop, through a wallet or not, and one friend; four pay another; all a known one."""
    everybody = range(5)
    bank(
        tmp_path,
        *((one, "10.00", SHOP if one % 2 else f"支付宝-{SHOP}") for one in everybody),
        (0, "5.00", SHOP),
        *((one, "7.00", "小河街陶坊") for one in range(4)),
        *((one, "9.00", "王小明") for one in everybody),
        *((one, "9.00", "李*明") for one in everybody),
        *((one, "30.00", "知味观") for one in everybody),
    )
    land_world(tmp_path)
    return tmp_path


def test_spend_of_no_category_is_told_by_feed(home: Path) -> None:
    lake = embedded_lake(home)
    run_days(lake, home, [DAY])
    assert unknown_spend(lake) == [
        UnknownSpend(
            institution="citic_bank",
            feed="card_transactions",
            code=None,
            payments=20,
            people=5,
            fen=5_500 + 2_800 + 4_500 + 4_500,
            reason="the merchant's number and name told none",
        )
    ]
    asked = CliRunner().invoke(app, ["factors", "wanted", "--home", str(home), "--json"])
    assert json.loads(asked.stdout)["spend"][0]["fen"] == 17_300


def test_names_are_told_that_several_pay_and_are_no_persons(home: Path) -> None:
    told, untold = unknown_names(REGISTRY, home)
    assert [(one.institution, one.name, one.payments, one.fen) for one in told] == [("citic_bank", SHOP, 6, 5_500)]
    assert untold == 3  # four pay it, the form of a person's, masked
    asked = CliRunner().invoke(app, ["factors", "wanted", "--landing", "--home", str(home)])
    assert SHOP in asked.stdout and "3 more names" in asked.stdout
    assert not any(name in asked.stdout for name in ("小河街陶坊", "王小明", "李*明", "知味观"))


def test_names_go_with_the_raw_files(home: Path) -> None:
    for path in (home / "landing").rglob("card_transactions*"):
        path.unlink()
    assert unknown_names(REGISTRY, home) == ([], 0)
    assert not any(SHOP.encode() in path.read_bytes() for path in (home / "landed").rglob("*") if path.is_file())


def test_what_a_word_tells_by_now_is_not_wanted(home: Path) -> None:
    words = REGISTRY.sources["citic_bank"].merchants
    assert words is not None
    other = words.model_copy(update={"words": [words.words[0].model_copy(update={"word": "西溪谷"}), *words.words]})
    source = REGISTRY.sources["citic_bank"].model_copy(update={"merchants": other})
    sources = {**REGISTRY.sources, "citic_bank": source}
    told, _ = unknown_names(type(REGISTRY)(**{**REGISTRY.__dict__, "sources": sources}), home)
    assert told == []
