"""What a contract may say and is likely not meant is told, with key, rule and mend."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from schemas.base import ROOT
from schemas.scenarios import load_scenarios
from schemas.sources import Source, load_sources
from schemas.sources.warnings import warnings_of

SCENARIOS = load_scenarios()


def contract(institution: str, **changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "sources" / f"{institution}.yaml").read_text(encoding="utf-8"))
    return content | changes


def told(content: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one.key, one.text) for one in warnings_of(Source.model_validate(content), SCENARIOS)]


@pytest.mark.parametrize("source", load_sources().values(), ids=lambda source: source.id)
def test_no_shipped_contract_is_odd(source: Source) -> None:
    assert warnings_of(source, SCENARIOS) == []


def test_a_kind_that_a_scenario_does_not_hear_is_told() -> None:
    """A bike company's bus, a platform's metro: each of their claims would be withheld."""
    [(key, text)] = told(contract("hellobike", kind="recycler"))[:1]
    assert key == "feeds.trips: e_bike"
    assert "bike_share, payment_app, bank count" in text and "reporter_not_accepted" in text
    keys = [key for key, _ in told(contract("wechat_pay", kind="platform"))]
    assert keys == [f"feeds.bills: {one}" for one in ("bus", "metro", "utility_payment")]


def test_taps_are_heard_as_well() -> None:
    assert [key for key, _ in told(contract("hangzhou_metro", kind="utility"))] == ["feeds.taps: metro"]


def test_a_wallet_that_names_another_wallet_is_told() -> None:
    content = contract("wechat_pay", id="order_platform")
    wallet = {"column": "当前状态", "classes": [{"pattern": "微信", "value": "wechat_pay"}]}
    content["feeds"]["bills"]["columns"]["wallet"] = wallet
    [(key, text)] = told(content)
    assert key == "feeds.bills.columns.wallet"
    assert "what went through wechat_pay counts twice" in text and "kind: platform" in text
    wallet["classes"] = [{"pattern": "零钱", "value": "order_platform"}]
    assert told(content) == []


def test_a_bank_names_wallets_as_it_should() -> None:
    assert told(contract("icbc")) == []
