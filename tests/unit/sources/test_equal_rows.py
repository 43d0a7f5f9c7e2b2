"""A feed without natural key says when equal rows of two exports are one; no other feed does."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from schemas.base import ROOT
from schemas.sources import FOLDER, Source


def contract(feed: str, **said: Any) -> dict[str, Any]:
    """The bank's contract, with other words for one feed."""
    content: dict[str, Any] = yaml.safe_load((ROOT / FOLDER / "citic_bank.yaml").read_text(encoding="utf-8"))
    content["feeds"][feed] |= said
    return content


@pytest.mark.parametrize("told", ["row_date", "business_date"])
def test_either_may_be_said(told: str) -> None:
    assert Source.model_validate(contract("acts", equal_rows=told)).feeds["acts"].equal_rows == told


@pytest.mark.parametrize(
    ("feed", "told"), [("acts", None), ("card_transactions", "row_date"), ("card_transactions", "business_date")]
)
def test_nothing_is_taken_for_granted(feed: str, told: str | None) -> None:
    with pytest.raises(ValidationError, match="say equal_rows, row_date or business_date, exactly where natural_key"):
        Source.model_validate(contract(feed, equal_rows=told))
