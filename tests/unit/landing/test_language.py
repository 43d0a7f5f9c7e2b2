"""What contracts can say of the values that banks, wallets and operators really send."""

from __future__ import annotations

from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from schemas.errors import RegistryError
from schemas.sources import Source, load_sources
from tests.support.card_rows import BANK, bank, landed, with_tables

SIGNED = [
    {"when": {"paid": r"-.+"}, "means": "purchase"},
    {"when": {"paid": r"\+?[0-9].*"}, "ignore": "not_spent"},
]


def told(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


# -- when


def test_a_date_and_a_clock_may_stand_apart(tmp_path: Path) -> None:
    source = bank(
        "account day clock paid shop",
        feed={"booking_lag_days": 0},
        occurred_at={
            "column": "day", "clock": "clock", "formats": {"%Y%m%d %H%M%S": "second", "%Y%m%d": "day"}, "tells": "act",
        },
    )  # fmt: skip
    rows = landed(
        source,
        "account,day,clock,paid,shop\n8,20261030,132324,1.00,面馆\n8,20261030,,1.00,面馆\n8,20261030,9,1.00,面馆\n",
        tmp_path,
    )
    seconds = int(datetime(2026, 10, 30, 5, 23, 24, tzinfo=timezone.utc).timestamp())
    assert told(rows, "occurred_at_unix", "time_precision") == [
        (seconds, "second"), (seconds - seconds % 86400 - 8 * 3600, "day"), (None, None),
    ]  # fmt: skip
    assert told(rows, "error_code", "error_column")[2] == ("bad_time", "day")


@pytest.mark.parametrize(
    ("sent", "means"),
    [("11/01", date(2026, 11, 1)), ("11/02", None), ("12/31", date(2025, 12, 31)), ("02/30", None)],
)
def test_a_day_without_a_year_is_the_last_one_that_a_row_may_lie_on(
    tmp_path: Path, sent: str, means: date | None
) -> None:
    source = bank(occurred_at={"column": "day", "formats": {"%m/%d": "day"}, "tells": "booking"})
    [row] = landed(source, f"account,day,paid,shop\n8,{sent},1.00,面馆\n", tmp_path)
    expected = {"11/02": date(2025, 11, 2)}.get(sent, means)
    assert (row["act_date"], row["error_code"]) == (expected, None if expected else "bad_time")


def test_a_leap_day_without_a_year_is_that_of_the_last_leap_year(tmp_path: Path) -> None:
    source = bank(
        occurred_at={"column": "day", "formats": {"%m/%d": "day"}, "tells": "booking"}, feed={"oldest_days": 3000}
    )
    [row] = landed(source, "account,day,paid,shop\n8,02/29,1.00,面馆\n", tmp_path)
    assert row["act_date"] == date(2024, 2, 29)


# -- how much


def test_what_was_spent_may_be_written_as_a_negative_number(tmp_path: Path) -> None:
    source = bank(
        amount={"column": "paid", "unit": "yuan", "thousands": ",", "has_plus": True},
        rows=SIGNED,
        purchase_sign="negative",
    )
    rows = landed(
        source,
        'account,day,paid,shop\n8,2026-10-31,"-1,234.50",面馆\n8,2026-10-31,+10.00,工资\n8,2026-10-31,+-3.00,怪\n',
        tmp_path,
    )
    assert told(rows, "amount_fen", "ignore_rule", "error_code") == [
        (123450, None, None), (1000, "not_spent", None), (None, None, "bad_number"),
    ]  # fmt: skip


def test_a_sign_that_does_not_fit_the_purchase_is_an_error(tmp_path: Path) -> None:
    source = bank(purchase_sign="negative")
    rows = landed(source, "account,day,paid,shop\n8,2026-10-31,5.00,面馆\n8,2026-10-31,-5.00,面馆\n", tmp_path)
    assert told(rows, "error_code", "error_column") == [("wrong_sign", "paid"), (None, None)]


def test_income_and_expense_may_stand_in_two_columns(tmp_path: Path) -> None:
    numbers = [{"column": name, "unit": "yuan", "thousands": ","} for name in ("out", "in")]
    rules = [
        {"when": {"out": ".+", "in": ""}, "means": "purchase"},
        {"when": {"in": ".+", "out": ""}, "ignore": "not_spent"},
    ]
    source = bank("account day in out shop", amount=numbers, rows=rules)
    rows = landed(
        source,
        'account,day,in,out,shop\n8,2026-10-31,,"1,234.56",面馆\n8,2026-10-31,70.48,,退\n8,2026-10-31,,x,面馆\n8,2026-10-31,,,面馆\n',
        tmp_path,
    )
    assert told(rows, "amount_fen", "ignore_rule", "error_code", "error_column") == [
        (123456, None, None, None), (7048, "not_spent", None, None), (None, None, "bad_number", "out"),
        (None, None, "missing_value", "out"),
    ]  # fmt: skip


# -- in which currency


def currency(others: str, **said: Any) -> dict[str, Any]:
    return {"column": "money", "yuan": ["CNY", "人民币"], "codes": {"美元": "USD"}, "others": others, **said}


MONEY = "account,day,paid,money,shop\n8,2026-10-31,7.00,{},DIE BAHN\n"


@pytest.mark.parametrize(
    ("sent", "fen", "rule"),
    [
        ("人民币", 700, None),
        ("EUR", 5407, None),  # 7.00 × 7.72418636, the mean of September
        ("美元", 4695, None),
        ("ＥＵＲ", 5407, None),
        ("XAU", 700, "no_exchange_rate"),
    ],
)
def test_another_currency_is_brought_to_yuan_by_the_rate_of_its_day(
    tmp_path: Path, sent: str, fen: int, rule: str | None
) -> None:
    source = with_tables(bank("account day paid money shop", currency=currency("convert")), tmp_path)
    [row] = landed(source, MONEY.format(sent), tmp_path)
    assert row["error_code"] is None and row["ignore_rule"] == rule
    assert abs(row["amount_fen"] - fen) <= 1


def test_another_currency_is_left_out_by_rule_and_never_read_as_yuan(tmp_path: Path) -> None:
    source = bank("account day paid money shop", currency=currency("ignore"))
    assert [landed(source, MONEY.format(sent), tmp_path)[0]["ignore_rule"] for sent in ("CNY", "EUR")] == [
        None, "other_currency",
    ]  # fmt: skip


@pytest.mark.parametrize("sent", ["90000000.00", "-90000000.00"])
def test_what_is_too_much_in_yuan_is_an_error_whatever_its_sign(tmp_path: Path, sent: str) -> None:
    sign = "negative" if sent.startswith("-") else "positive"
    source = with_tables(
        bank("account day paid money shop", currency=currency("convert"), purchase_sign=sign), tmp_path
    )
    [row] = landed(source, f"account,day,paid,money,shop\n8,2026-10-31,{sent},EUR,DIE BAHN\n", tmp_path)
    assert (row["error_code"], row["error_column"]) == ("too_much", "paid")


@pytest.mark.parametrize(("sent", "code"), [("", "missing_value"), ("欧元", "unknown_code"), ("E", "unknown_code")])
def test_a_currency_that_nobody_knows_is_an_error(tmp_path: Path, sent: str, code: str) -> None:
    source = bank("account day paid money shop", currency=currency("convert"))
    [row] = landed(source, MONEY.format(sent), tmp_path)
    assert (row["error_code"], row["error_column"]) == (code, "money")


def test_a_currency_may_stand_beside_its_amount(tmp_path: Path) -> None:
    source = bank(
        amount={"column": "paid", "unit": "yuan", "pattern": r"([-0-9.]+)$", "is_optional": True},
        currency={"column": "paid", "pattern": "^([A-Z]{3})", "yuan": ["CNY"], "others": "ignore"},
    )
    rows = landed(
        source, "account,day,paid,shop\n8,2026-10-31,CNY 123.18,美团\n8,2026-10-31,JPY 1000.00,Suica\n", tmp_path
    )
    assert told(rows, "amount_fen", "ignore_rule") == [(12318, None), (100000, "other_currency")]


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"codes": {"人民币": "USD"}}, "what is the yuan stands in `yuan`, and in no code"),
        ({"codes": {"元": "CNY"}}, "what is the yuan stands in `yuan`, and in no code"),
    ],
)
def test_what_is_the_yuan_is_said_once(said: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        bank("account day paid money shop", currency=currency("convert", **said))


# -- what a table tells

LINES = {"table": "lake_lines.csv", "columns": ["shop", "paid"], "numbers": ["paid"], "at_most": 50}


def line_bank(**said: Any) -> Source:
    case = {"scenario": "bus", "pattern": ".", "quantity": LINES | said}
    return bank(scenario={"column": "shop", "cases": [case]})


def lines(folder: Path, text: str) -> Path:
    (folder / "sources").mkdir(exist_ok=True)
    (folder / "sources" / "lake_lines.csv").write_text(text, encoding="utf-8")
    return folder


def test_a_quantity_may_be_looked_up_by_line_and_fare(tmp_path: Path) -> None:
    source = with_tables(line_bank(), lines(tmp_path, "shop,paid,quantity\n7路,2,3.5\n7路,4.0,8\n"))
    rows = landed(
        source, "account,day,paid,shop\n8,2026-10-31,4.00,7路\n8,2026-10-31,2.0,7路\n8,2026-10-31,3.00,7路\n", tmp_path
    )
    assert told(rows, "quantity_micro", "error_code", "error_column") == [
        (8_000_000, None, None), (3_500_000, None, None), (None, "unknown_code", "shop"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("shop,quantity\n7路,1\n", "name its columns"),
        ("shop,paid,quantity\n7路,2,51\n", "line 2: each row once, with a quantity of at most 50"),
        ("shop,paid,quantity\n7路,2,5\n7路,2.0,6\n", "line 3: each row once"),
        ("shop,paid,quantity\n", "no rows"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_by_name(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(RegistryError, match=complaint):
        with_tables(line_bank(), lines(tmp_path, text))


def test_another_table_is_another_contract(tmp_path: Path) -> None:
    hashes = {
        with_tables(line_bank(), lines(tmp_path, f"shop,paid,quantity\n7路,2,{km}\n")).contract_hash for km in (3, 4)
    }
    assert len(hashes) == 2


# -- two kinds of rows in one file

RIDES = """
  gates:
    kind: tap
    file: rides_{date}_{part}.csv
    completeness: day
    fields: [card, at, type, money, station]
    natural_key: [card, at, type]
    only: {type: 地铁.*}
    required: [card, at, type]
    oldest_days: 30
    volume: {most_rows: 1000}
    columns:
      customer: card
      occurred_at: {column: at, formats: {"%Y-%m-%d %H:%M:%S": second}}
      direction: {column: type, codes: {地铁入站: entry, 地铁出站: exit}}
      station: station
      amount: {column: money, unit: fen}
    pairing: {scenario: metro, max_ride_minutes: 240, duplicate_seconds: 60, station_table: x.csv}
  buses:
    kind: act
    in_files_of: gates
    only: {type: 巴士}
    natural_key: [card, at, type]
    required: [card, at, type]
    oldest_days: 30
    volume: {most_rows: 1000}
    not_kept: [station]
    columns:
      customer: card
      occurred_at: {column: at, formats: {"%Y-%m-%d %H:%M:%S": second}}
      scenario:
        column: type
        cases: [{scenario: bus, codes: [巴士], quantity: {constant: 1}, amount: {column: money, unit: fen}}]
"""
SENT = "card,at,type,money,station\nA1,2026-10-31 08:00:00,地铁入站,0,福田\nA1,2026-10-31 09:00:00,巴士,200,\n"


def operator(**buses: Any) -> Source:
    content = yaml.safe_load(BANK.partition("feeds:")[0].replace("kind: bank", "kind: transit") + "feeds:" + RIDES)
    content["feeds"]["buses"] |= buses
    return Source.model_validate(content)


def test_rows_of_two_kinds_in_one_file_are_two_feeds(tmp_path: Path) -> None:
    source = operator()
    gates = landed(source, SENT, tmp_path, feed="gates")
    buses = landed(source, SENT, tmp_path, feed="buses")
    assert told(gates, "line", "direction", "ignore_rule", "error_code") == [
        (2, "entry", None, None), (3, None, "of_another_feed", None),
    ]  # fmt: skip
    assert told(buses, "line", "scenario", "ignore_rule", "error_code") == [
        (2, None, "of_another_feed", None), (3, "bus", None, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"in_files_of": "trams"}, "name a feed that has files of its own"),
        ({"only": {}}, "both say `only` which rows are theirs"),
        ({"file": "bus_{date}_{part}.csv"}, "file, format, fields, completeness, bill, control_sum are those of gates"),
    ],
)
def test_what_feeds_of_one_file_share_is_said_once(said: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        operator(**said)


# -- who was paid


def test_a_feed_of_one_kind_of_merchants_may_say_their_category(tmp_path: Path) -> None:
    names = next(iter(load_sources().values())).merchants
    source = bank(merchant={"name": "shop", "default": "5812"}).model_copy(update={"merchants": names})
    rows = landed(source, "account,day,paid,shop\n8,2026-10-31,5.00,肯德基\n8,2026-10-31,5.00,张家\n", tmp_path)
    assert told(rows, "merchant_code", "merchant_code_source") == [("5814", "merchant_rule"), ("5812", "feed_default")]


# -- in one encoding or another


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_files_of_one_feed_may_come_in_two_encodings(tmp_path: Path, encoding: str) -> None:
    layout = {"layout": "delimited", "line_ending": "any", "delimiter": ",", "quoting": "minimal"}
    source = bank(
        "account 日期 paid shop",
        feed={
            "format": [{**layout, "encoding": "utf-8", "may_have_mark": True}, {**layout, "encoding": "gb18030"}],
            "required": ["account", "日期"],
        },
        occurred_at={"column": "日期", "formats": {"%Y-%m-%d": "day"}, "tells": "booking"},
    )
    path = tmp_path / "sent.csv"
    path.write_text("account,日期,paid,shop\n8,2026-10-31,5.00,面馆\n", encoding=encoding)
    [row] = landed(source, path.read_bytes(), tmp_path)
    assert (row["amount_fen"], row["error_code"]) == (500, None)
