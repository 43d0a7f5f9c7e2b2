"""What an export says of a merchant becomes a category code, or nothing; other rules land again what was held against them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from jobs.landing.encoded import Column
from jobs.landing.formats.merchants import MerchantCodes
from jobs.landing.formats.values import EPOCH_ORDINAL
from jobs.landing.land import land, past_replay, replay
from jobs.landing.tokens import Tokens
from schemas.sources import Source
from schemas.sources.columns import Merchant
from tests.support.exports import deliver, table
from tests.support.landing import RECORD_KEY, SOURCES, TOKEN_KEY, land_one, rows, take
from tests.support.merchants import words

WORDS = words(
    ("咖啡", "5814", "trade", "2020-01-01", "2026-11-02"),
    ("咖啡", "5812", "trade", "2026-11-02", None),
    ("书店", "5942", "trade", "2020-01-01", None),
    ("书屋", "5942", "trade", "2020-01-01", None),
    ("超市", "5411", "trade", "2027-01-01", None),
)
TOKENS = Tokens(TOKEN_KEY, RECORD_KEY, key_version=3)


def column(*values: object) -> Column:
    """The values of a batch's rows, whatever they are."""
    return Column(np.arange(len(values)), list(values))


def codes(merchant: Merchant, day: date, **row: object) -> tuple[str | None, str | None]:
    """Code and what told it, of one row."""
    raw = {name: column(value) for name, value in row.items()}
    [code], [source] = MerchantCodes(merchant, WORDS)(raw, column(day.toordinal() - EPOCH_ORDINAL), column(True))
    return code, source


@pytest.mark.parametrize(
    ("code", "number", "name", "told"),
    [
        ("5812", "301331054110001", "新华书店", ("5812", "mcc")),
        ("", "301331054110001", "新华书店", ("5411", "merchant_number")),
        ("742", "301331054110001", "新华书店", ("5411", "merchant_number")),  # a zero was lost: no code
        ("0742", "", "", ("0742", "mcc")),
        ("0000", "301331000000001", "新华书店", ("5942", "merchant_rule")),
        ("", "", "某某", (None, None)),
        (float, None, ["新华书店"], (None, None)),  # no text
    ],
)
def test_the_code_then_the_number_then_the_name(
    code: object, number: object, name: object, told: tuple[str | None, str | None]
) -> None:
    merchant = Merchant(code="mcc", number="no", name="payee")
    assert codes(merchant, date(2026, 11, 1), mcc=code, no=number, payee=name) == told


@pytest.mark.parametrize(
    ("name", "day", "code"),
    [
        ("瑞幸咖啡", date(2026, 11, 1), "5814"),
        ("瑞幸咖啡", date(2026, 11, 2), "5812"),
        ("瑞幸咖啡", date(2019, 12, 31), None),
        ("小河咖啡书屋", date(2026, 11, 1), "5942"),  # what is done there is said last
        ("世纪联华超市", date(2026, 11, 1), None),
        ("新华书店（庆春店）", date(2026, 11, 1), "5942"),
    ],
)
def test_words_are_dated(name: str, day: date, code: str | None) -> None:
    assert codes(Merchant(name="payee"), day, payee=name)[0] == code


def test_a_row_that_does_not_count_has_no_code() -> None:
    found = MerchantCodes(Merchant(name="payee"), WORDS)(
        {"payee": Column.same("新华书店", 2)}, Column.same(20_000, 2), column(False, True)
    )
    assert [list(of) for of in found] == [[None, "5942"], [None, "merchant_rule"]]


def with_rules(code: str) -> Source:
    """The bank's contract under a word of one's own."""
    return SOURCES["citic_bank"].model_copy(update={"merchants": words(("某某", code, "trade", "2020-01-01", None))})


def test_other_rules_land_again_what_was_held_against_them(tmp_path: Path) -> None:
    """Once, and only the feed whose merchants are named; under the same rules nothing is landed again."""
    card = table("citic_bank", "card_transactions", "T1|C1|6217|20261101|9.00|消费|某某||", total="9.00")
    before = land_one(tmp_path, "citic_bank", card)[1]
    assert rows(tmp_path, before)[2]["merchant_code"] is None
    assert replay(SOURCES["citic_bank"], tmp_path, TOKENS) == []
    [again] = replay(with_rules("5812"), tmp_path, TOKENS)
    assert (again.feed, again.landing, again.contract_hash) == ("card_transactions", 1, before.contract_hash)
    assert rows(tmp_path, again)[2]["merchant_code"] == "5812"
    assert replay(with_rules("5812"), tmp_path, TOKENS) == []
    [corrected] = replay(with_rules("5411"), tmp_path, TOKENS)
    assert (corrected.landing, rows(tmp_path, corrected)[2]["merchant_code"]) == (2, "5411")


def test_what_expired_is_said_to_be_beyond_reach(tmp_path: Path) -> None:
    card = table("citic_bank", "card_transactions", "T1|C1|6217|20261101|9.00|消费|某某||", total="9.00")
    folder = deliver(tmp_path, "citic_bank", card)
    take(tmp_path, "citic_bank")
    assert past_replay(with_rules("5812"), tmp_path) == 0
    for path in (tmp_path / "landing").rglob("card_transactions*"):
        path.unlink()
    assert past_replay(with_rules("5812"), tmp_path) == 1 and replay(with_rules("5812"), tmp_path, TOKENS) == []
    assert folder.exists() and land(with_rules("5812"), tmp_path, TOKENS) == []
