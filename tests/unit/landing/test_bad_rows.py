"""Rows that cannot be taken as they are, over every form: quarantined with code and column, their neighbours land."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from schemas.sources.errors import ERRORS
from schemas.sources.faults import shape
from tests.support.damage import ALL, over
from tests.support.exports import FORMS, Part, as_sent, deliver
from tests.support.landing import rows, take
from tests.support.people import REGISTERS, identifiers, known, registration
from tests.support.targets import TARGETS, Target, send

Row = dict[str, Any]


def quarantined(home: Path, target: Target, code: str, column: str, found: object, **change: Any) -> None:
    """The first row, changed, is quarantined for this alone; the second lands."""
    column_changed = next(iter(change))
    text = target.text(change, {})
    # The sums leave the changed row out: what cannot be read cannot be added, and what can is put right here.
    outcome = send(home, target, target.pack(text), total=stated(target, change.get(target.number)))
    manifest = outcome.manifest
    assert manifest is not None and manifest.state == "accepted", (outcome.codes, column_changed)
    assert (manifest.rows, manifest.accepted_rows, manifest.rejected_rows) == (2, 2, 0)
    landed = rows(home, manifest)
    first, second = landed[target.first], landed[target.first + 1]
    assert (first["error_code"], first["error_column"], first["error_shape"]) == (code, column, shape(found))
    assert second["error_code"] is None
    named = next(error for error in manifest.errors if error.code == code)
    assert (named.line, named.column) == (target.first, column)
    assert (named.rule, named.mend) == ERRORS[code]
    assert all(other.state == "accepted" for other in outcome.others)


def stated(target: Target, number: object) -> str:
    if FORMS[target.institution][target.feed].total is None:
        return "0"
    plain = re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,6})?", number, re.ASCII) if isinstance(number, str) else None
    return str(Decimal(target.amount) + Decimal(plain[0] if plain else target.amount if number is None else 0))


# -- numbers


NUMBERS = [target for target in ALL if target.number and target.name != "csv"]
"""A coordinate has a rule of its own."""


@over(NUMBERS)
@pytest.mark.parametrize(
    ("code", "number"),
    [
        ("wrong_sign", "-3"),
        ("bad_number", "NaN"),
        ("bad_number", "nan"),
        ("bad_number", "Infinity"),
        ("bad_number", "-inf"),
        ("bad_number", "1e3"),
        ("bad_number", "1_000"),
        ("bad_number", "0x10"),
        ("bad_number", "１２"),
        ("bad_number", "٣"),
        ("bad_number", "4元"),
        ("bad_number", "'4"),
        ("bad_number", "--4"),
        ("bad_number", "4."),
        ("bad_number", ".4"),
        ("too_much", "9" * 12),
        ("bad_number", "9" * 13),
        ("bad_number", "9" * 400),
        ("bad_number", "1.0000001"),
    ],
)
def test_numbers_that_are_none(tmp_path: Path, target: Target, code: str, number: str) -> None:
    quarantined(tmp_path, target, code, target.number, number, **{target.number: number})


@over([target for target in NUMBERS if target.form != "sheet"])
def test_a_formula_is_no_number(tmp_path: Path, target: Target) -> None:
    """Where it is text: in a sheet it counts for what it shows."""
    quarantined(tmp_path, target, "bad_number", target.number, "=2+2", **{target.number: "=2+2"})


@pytest.mark.parametrize(
    ("name", "column", "change"),
    [
        ("jsonl.gz", "settledWeight", {"settledWeight": "500.000001"}),
        ("jsonl.gz", "settledWeight", {"settledWeight": "999999999999"}),
        ("csv", "start_lat", {"end_lat": "31.25", "ended_at": "2026-11-01 23:00:00"}),
    ],
)
def test_absurd_quantities(tmp_path: Path, name: str, column: str, change: Row) -> None:
    target = TARGETS[name]
    found = change.get(column, target.row[column])
    quarantined(tmp_path, target, "too_much", column, found, **change)


@pytest.mark.parametrize("degrees", ["NaN", "91", "-90.1", "30,25", "3e1", "", "30.25°"])
def test_coordinates_that_are_none(tmp_path: Path, degrees: str) -> None:
    code = "bad_coordinate" if degrees else "missing_value"
    quarantined(tmp_path, TARGETS["csv"], code, "start_lat", degrees, start_lat=degrees)


@over([target for target in ALL if target.form == "json" and target.number])
@pytest.mark.parametrize("value", [3.05, 3, True, [], {}, ["3.05"]])
def test_numbers_of_another_type(tmp_path: Path, target: Target, value: object) -> None:
    quarantined(tmp_path, target, "wrong_type", target.number, value, **{target.number: value})


# -- times


@over(ALL)
@pytest.mark.parametrize(
    ("code", "day"),
    [
        ("future", "2026-11-02"),
        ("future", "2099-01-01"),
        ("future", "9999-12-31"),
        ("old", "1970-01-01"),
        ("old", "1900-01-01"),
        ("bad_time", "0000-01-01"),
        ("bad_time", "2026-02-29"),
        ("bad_time", "2026-13-01"),
        ("bad_time", "26-11-01"),
        ("bad_time", "２０２６-11-01"),
        ("bad_time", "45962"),
    ],
)
def test_times_that_cannot_be(tmp_path: Path, target: Target, code: str, day: str) -> None:
    before = target.row[target.time]
    time = day.replace("-", "") if len(before) == 8 else day + before[10:]
    if target.customer and code in ("future", "old"):
        code = "outside_period"
    code = {"future": "future_time", "old": "too_old"}.get(code, code)
    # A trip keeps its speed without one of its times: there and back again.
    same = {"end_lat": target.row["start_lat"]} if target.name == "csv" else {}
    quarantined(tmp_path, target, code, target.time, time, **{target.time: time, **same})


# -- codes, and text that a spreadsheet would run


FORMULAS = ["=1+1", '=HYPERLINK("http://127.0.0.1:9/?"&A1)', "@SUM(A1)", "+1", "-1", "=cmd|' /C calc'!A0"]


@over([target for target in ALL if target.form != "sheet"])
@pytest.mark.parametrize("formula", FORMULAS)
def test_formulas_are_text(tmp_path: Path, target: Target, formula: str) -> None:
    if target.delimiter == "|" and "|" in formula:
        formula = formula.replace("|", "!")
    quarantined(tmp_path, target, "unknown_code", target.code, formula, **{target.code: formula})
    if target.free:
        home = tmp_path / "free"
        outcome = send(home, target, target.pack(target.text({target.free: formula}, {})))
        assert outcome.manifest and (outcome.manifest.accepted_rows, outcome.manifest.quarantined_rows) == (2, 0)
        assert len(formula) < 6 or formula not in written(home)


def test_a_formula_of_a_sheet_counts_for_what_it_shows(tmp_path: Path) -> None:
    target = TARGETS["bill xlsx"]
    text = target.text({"金额(元)": "=1+3", "商品": '=HYPERLINK("http://127.0.0.1:9/")'}, {})
    outcome = send(tmp_path, target, target.pack(text), total="16.30")
    assert outcome.manifest and outcome.manifest.state == "accepted"
    assert [row["amount_fen"] for row in rows(tmp_path, outcome.manifest).values()] == [400, 1230]


@over([target for target in ALL if target.name != "csv crlf"])
def test_a_spreadsheet_that_rounded_the_number_of_a_row(tmp_path: Path, target: Target) -> None:
    rounded = "2.02611E+19"
    quarantined(tmp_path, target, "rounded_number", target.key, rounded, **{target.key: rounded})


# -- identifiers


def registered(home: Path, institution: str, **change: Any) -> tuple[Row, str]:
    """The landed row of one registration, and all that was written."""
    sent = registration(institution, **change)
    deliver(home, institution, sent)
    manifest = next(one for one in take(home, institution) if one.feed == sent.feed)
    assert (manifest.state, manifest.rows, manifest.accepted_rows) == ("accepted", 1, 1)
    (landed,) = rows(home, manifest).values()
    return landed, written(home)


def written(home: Path) -> str:
    """All that pull and land wrote, but for the bytes of the exports themselves."""
    text = "".join(path.read_text() for path in (home / "landed").rglob("*.json"))
    text += "".join(path.read_text() for path in (home / "landing/receipts").rglob("*.json"))
    for path in (home / "landed").rglob("*.parquet"):
        text += json.dumps(pq.read_table(path).to_pylist(), default=str, ensure_ascii=False)
    return text


@pytest.mark.parametrize("institution", sorted(REGISTERS))
@pytest.mark.parametrize(
    ("kind", "code", "number"),
    [
        ("citizen_id", "old_citizen_id", "330106900307283"),
        ("citizen_id", "bad_citizen_id", "330106199003072838"),
        ("citizen_id", "bad_citizen_id", "330106199002312835"),
        ("citizen_id", "bad_citizen_id", "33010619900307283٧"),
        ("citizen_id", "bad_citizen_id", "3301061990030728"),
        ("phone", "bad_phone", "12345"),
        ("phone", "bad_phone", "138123456789"),
        ("phone", "bad_phone", "=13812345678"),
        ("card", "bad_card", "6217001234567890123"),
        ("card", "bad_card", "62170012345678"),
        ("card", "bad_card", "6.217E+18"),
    ],
)
def test_identifiers_that_are_none(tmp_path: Path, institution: str, kind: str, code: str, number: str) -> None:
    for name in identifiers(institution, kind):
        sent = [number] if type(known(institution)[name]) is list else number
        landed, all_written = registered(tmp_path / name, institution, **{name: sent})
        assert (landed["error_code"], landed["refused_code"], landed["refused_column"]) == (None, code, name)
        assert landed["refused_shape"] == shape(number)
        assert number not in all_written


IDENTIFIERS = ("330106199003072837", "13812345678", "6217001234567890122", "王小明")


@over([target for target in ALL if target.free])
def test_identifiers_in_free_text_go_nowhere(tmp_path: Path, target: Target) -> None:
    said = f"给{IDENTIFIERS[3]}{IDENTIFIERS[0]}，电话{IDENTIFIERS[1]}，卡{IDENTIFIERS[2]}"
    for number, column in enumerate({target.free, *({"交易对方", "商户名称", "creditor"} & set(target.row))}):
        home = tmp_path / str(number)
        outcome = send(home, target, target.pack(target.text({column: said}, {})))
        assert outcome.manifest and (outcome.manifest.accepted_rows, outcome.manifest.rejected_rows) == (2, 0)
        assert not [secret for secret in IDENTIFIERS if secret in written(home)]


@over([target for target in ALL if target.form != "sheet"])
def test_identifiers_in_rows_that_are_refused_go_nowhere(tmp_path: Path, target: Target) -> None:
    """In a code, in a number, in the name of a column, in a row that cannot be split."""
    secret = IDENTIFIERS[0]
    changes = [{target.code: secret}, {target.time: secret}, {target.number or target.code: secret}]
    texts = [target.text(change, {}) for change in changes]
    texts.append(target.text({}, {}).replace(target.time, secret))
    texts.append(target.text({}, {}).replace(target.lines({}, {})[1], f"<{secret}>{secret}\0{secret}"))
    for number, text in enumerate(texts):
        home = tmp_path / str(number)
        data = as_sent(target.institution, text, target.feed, suffix=target.suffix)
        outcome = send(home, target, data)
        assert outcome.manifest and secret not in written(home)


def test_a_file_of_no_rows_that_can_be_read_is_still_accounted_for(tmp_path: Path) -> None:
    """Everything rejected, nothing lost: the statement is refused, and says what its rows were."""
    target = TARGETS["txt gb18030"]
    text = target.above + "x\n" * 1000
    sent = Part(target.feed, as_sent(target.institution, text, target.feed), 1000, "0")
    deliver(tmp_path, target.institution, sent)
    manifest = next(one for one in take(tmp_path, target.institution) if one.feed == target.feed)
    assert (manifest.state, manifest.rows, manifest.rejected_rows) == ("refused", 1000, 1000)
    assert manifest.errors[0].code == "too_many_rejects"
    assert [(error.code, error.line) for error in manifest.errors if error.line] == [("wrong_columns", 2)]
