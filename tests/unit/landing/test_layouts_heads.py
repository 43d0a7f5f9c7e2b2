"""Rows that stand below others, and bills that say nothing of themselves: who says it instead."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from jobs.landing.manifests import Bill, Manifest
from schemas.sources.errors import ERRORS
from tests.support.contracts import CSV, codes, sent, source
from tests.support.landing import rows

HEADER = "no,paid,who,yuan\n"
ROWS = "1,2026-10-03 08:00:00,某店,4.00\n2,2026-10-30 21:15:30,某摊,7.00\n3,2026-10-20,某铺,1.00\n"
ZONE = ZoneInfo("Asia/Shanghai")
FROM_ROWS = {"period": "rows", "exported_at": "rows"}
FROM_CONTROL = {"period": "control", "exported_at": "control"}
OCTOBER = {"period": {"first": "2026-10-01", "last": "2026-10-31"}, "exported_at": "2026-11-01T09:30:00"}


def landed(manifests: list[Manifest]) -> Manifest:
    (manifest,) = manifests
    assert manifest.state == "accepted", manifest.errors
    return manifest


def head(manifest: Manifest) -> tuple[date, date, datetime]:
    bill = manifest.bill
    assert isinstance(bill, Bill) and bill.is_whole
    return bill.first_day, bill.last_day, bill.exported_at


# -- a preamble of a feed that is no bill


def test_rows_of_any_feed_may_stand_below_a_preamble(tmp_path: Path) -> None:
    contract = source({**CSV, "preamble": {"within_lines": 5}}, completeness="day")
    text = "某公司月报\n2026 年\n\n" + HEADER + ROWS
    _, manifests = sent(tmp_path, contract, text.encode(), 3)
    manifest = landed(manifests)
    assert sorted(rows(tmp_path, manifest)) == [5, 6, 7] and manifest.bill is None


def test_a_header_too_far_below_is_none(tmp_path: Path) -> None:
    contract = source({**CSV, "preamble": {"within_lines": 3}}, completeness="day")
    _, (manifest,) = sent(tmp_path, contract, ("a\nb\nc\n" + HEADER + ROWS).encode(), 3)
    assert codes(manifest) == ["wrong_header"]


@pytest.mark.parametrize(
    ("preamble", "feed", "said"),
    [
        ({"period": "(?P<first>.)(?P<last>.)", "time_form": "%Y%m%d"}, {}, "a bill, and nothing else"),
        ({"exported_at": "(.)", "time_form": "%Y%m%d"}, {}, "a bill, and nothing else"),
        ({"selection": {"pattern": "(.)", "whole": ["x"]}}, {}, "a bill, and nothing else"),
        ({}, {"bill": FROM_ROWS}, "a bill, and nothing else"),
        ({}, {"completeness": "bill"}, "say period of a bill in every layout, or in none"),
        (
            {"period": "(?P<first>.)(?P<last>.)", "time_form": "%Y%m%d"},
            {"completeness": "bill"},
            "say exported_at of a bill in every layout, or in none",
        ),
        (
            {"exported_at": "(.)", "time_form": "%Y%m%d"},
            {"completeness": "bill", "bill": FROM_ROWS},
            "say exported_at of a bill in every layout, or in none",
        ),
        ({"exported_at": ".", "time_form": "%Y%m%d"}, {"completeness": "bill"}, "name the time of export by a group"),
        ({"exported_at": "(.)"}, {"completeness": "bill"}, "say time_form, or the form of exported_at alone"),
        ({"exported_at": "(.)", "time_form": "%Y%m%d%z"}, {"completeness": "bill"}, "these times are local"),
    ],
)
def test_a_preamble_that_cannot_work_is_refused(preamble: Any, feed: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said.replace("(", r"\(")):
        source({**CSV, "preamble": preamble}, **{"completeness": "day", **feed})


def test_what_a_contract_does_not_say_is_no_part_of_what_it_is() -> None:
    """A contract of before has the hash of before."""
    plain = source(CSV, completeness="day").model_dump(mode="json")["feeds"]["bills"]
    assert "bill" not in plain and "trailing_empty" not in plain["format"]
    head = source({**CSV, "preamble": {}}, bill=FROM_ROWS).model_dump(mode="json")["feeds"]["bills"]
    assert head["bill"] == FROM_ROWS and "period_form" not in head["format"]["preamble"]


# -- period and time of export from the rows


def test_rows_tell_the_period_and_the_time_of_export(tmp_path: Path) -> None:
    contract = source(CSV, bill=FROM_ROWS)
    _, manifests = sent(tmp_path, contract, (HEADER + ROWS).encode(), 3)
    assert head(landed(manifests)) == (
        date(2026, 10, 3),
        date(2026, 10, 30),
        datetime(2026, 10, 30, 21, 15, 30, tzinfo=ZONE),
    )


def test_what_rows_tell_depends_neither_on_order_nor_arrival(tmp_path: Path) -> None:
    contract = source(CSV, bill=FROM_ROWS)
    turned = HEADER + "".join(f"{line}\n" for line in reversed(ROWS.splitlines()))
    heads = [
        head(landed(sent(tmp_path / name, contract, text.encode(), 3, stamp=stamp)[1]))
        for name, text, stamp in (
            ("a", HEADER + ROWS, "20261102T010000Z"),
            ("b", turned, "20261103T010000Z"),
        )
    ]
    assert heads[0] == heads[1]


def test_of_rows_that_tell_the_period_each_lies_within_the_oldest_days(tmp_path: Path) -> None:
    text = HEADER + ROWS + "4,2026-07-01 08:00:00,某店,1.00\n5,2026-11-02 08:00:00,某店,1.00\n6,x,某店,1.00\n"
    _, manifests = sent(tmp_path, source(CSV, bill=FROM_ROWS), text.encode(), 6)
    manifest = landed(manifests)
    said = {line: row["error_code"] for line, row in rows(tmp_path, manifest).items() if row["error_code"]}
    assert said == {5: "too_old", 6: "future_time", 7: "bad_time"}
    assert head(manifest)[:2] == (date(2026, 10, 3), date(2026, 10, 30)), "of the rows that could be read"


@pytest.mark.parametrize("text", [HEADER, HEADER + "1,?,某店,1.00\n"])
@pytest.mark.parametrize("origin", [FROM_ROWS, {"period": "control", "exported_at": "rows"}])
def test_rows_that_tell_nothing(tmp_path: Path, text: str, origin: dict[str, str]) -> None:
    stated = {"period": OCTOBER["period"]} if origin["period"] == "control" else {}
    contract = source(CSV, bill=origin)
    _, (manifest,) = sent(tmp_path, contract, text.encode(), text.count("\n") - 1, stated=stated)
    assert (manifest.state, codes(manifest)[0], manifest.bill) == ("refused", "no_dated_row", None)
    assert manifest.errors[0].mend == ERRORS["no_dated_row"].mend


# -- from the control file


def test_the_control_file_tells_the_period_and_the_time_of_export(tmp_path: Path) -> None:
    _, manifests = sent(tmp_path, source(CSV, bill=FROM_CONTROL), (HEADER + ROWS).encode(), 3, stated=OCTOBER)
    assert head(landed(manifests)) == (
        date(2026, 10, 1),
        date(2026, 10, 31),
        datetime(2026, 11, 1, 9, 30, tzinfo=ZONE),
    )


def test_a_bill_without_rows_has_the_period_that_is_stated(tmp_path: Path) -> None:
    _, manifests = sent(tmp_path, source(CSV, bill=FROM_CONTROL), HEADER.encode(), 0, stated=OCTOBER)
    assert head(landed(manifests))[0] == date(2026, 10, 1)


def test_rows_lie_in_the_period_that_is_stated(tmp_path: Path) -> None:
    stated = {**OCTOBER, "period": {"first": "2026-10-05", "last": "2026-10-31"}}
    _, (manifest,) = sent(tmp_path, source(CSV, bill=FROM_CONTROL), (HEADER + ROWS).encode(), 3, stated=stated)
    assert rows(tmp_path, manifest)[2]["error_code"] == "outside_period"


@pytest.mark.parametrize(
    ("bill", "stated", "column"),
    [
        (FROM_ROWS, OCTOBER, "bills.exported_at bills.period"),
        ({"period": "rows", "exported_at": "control"}, OCTOBER, "bills.period"),
        ({"period": "rows", "exported_at": "control"}, {}, "bills.exported_at"),
        (FROM_CONTROL, {}, "bills.exported_at bills.period"),
        (FROM_CONTROL, {"period": OCTOBER["period"]}, "bills.exported_at"),
    ],
)
def test_the_control_file_states_exactly_what_the_contract_asks_for(
    tmp_path: Path, bill: Any, stated: Any, column: str
) -> None:
    receipt, _ = sent(tmp_path, source(CSV, bill=bill), (HEADER + ROWS).encode(), 3, stated=stated)
    assert receipt.state == "refused" and set(codes(receipt)) == {"wrong_bill"}
    assert " ".join(str(error.column) for error in receipt.errors) == column


def test_of_what_is_no_bill_nothing_is_stated(tmp_path: Path) -> None:
    contract = source(CSV, completeness="day")
    receipt, _ = sent(tmp_path, contract, (HEADER + ROWS).encode(), 3, stated={"period": OCTOBER["period"]})
    assert codes(receipt) == ["wrong_bill"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("exported_at", "2026-11-01"),
        ("exported_at", "2026-11-01 09:30:00"),
        ("exported_at", "2026-11-01T09:30:00+08:00"),
        ("exported_at", "2026-11-01T09:30:00.5"),
        ("exported_at", 1793500000),
        ("period", {"first": "2026-10-01", "last": "2026-10-31T00:00:00"}),
        ("period", {"first": "2026-10-31", "last": "2026-10-01"}),
        ("period", {"first": 20261001, "last": "2026-10-31"}),
        ("period", {"first": "2026-10-01"}),
        ("period", ["2026-10-01", "2026-10-31"]),
    ],
)
def test_what_the_control_file_states_is_not_guessed(tmp_path: Path, name: str, value: object) -> None:
    receipt, _ = sent(tmp_path, source(CSV, bill=FROM_CONTROL), HEADER.encode(), 0, stated={**OCTOBER, name: value})
    assert codes(receipt) == ["bad_control"]
    assert str(receipt.errors[0].column).startswith(f"files[0].{name}")


@pytest.mark.parametrize(
    ("stated", "code"),
    [
        ({**OCTOBER, "exported_at": "2026-10-30T09:30:00"}, "wrong_period"),
        ({**OCTOBER, "exported_at": "2026-11-02T00:00:00"}, "future_time"),
        ({"period": {"first": "2026-10-01", "last": "2026-11-30"}}, "future_time"),
    ],
)
def test_a_bill_of_the_future(tmp_path: Path, stated: Any, code: str) -> None:
    bill = FROM_CONTROL if "exported_at" in stated else {"period": "control", "exported_at": "rows"}
    _, (manifest,) = sent(tmp_path, source(CSV, bill=bill), (HEADER + ROWS).encode(), 3, stated=stated)
    assert codes(manifest) == [code]


def test_the_same_bill_with_another_period_is_another_statement(tmp_path: Path) -> None:
    contract, data = source(CSV, bill=FROM_CONTROL), (HEADER + ROWS).encode()
    sent(tmp_path, contract, data, 3, stated=OCTOBER)
    again, _ = sent(tmp_path, contract, data, 3, stated=OCTOBER, stamp="20261102T020000Z")
    other, _ = sent(
        tmp_path,
        contract,
        data,
        3,
        stated={**OCTOBER, "exported_at": "2026-11-01T09:30:01"},
        stamp="20261102T030000Z",
    )
    assert (again.state, other.state, codes(other)) == ("duplicate", "refused", ["changed_statement"])


# -- forms of their own


def test_period_and_time_of_export_in_forms_of_their_own(tmp_path: Path) -> None:
    preamble = {
        "period": r"账期：(?P<first>\S+)至(?P<last>\S+)",
        "exported_at": "导出于(.+)",
        "period_form": "%Y年%m月%d日",
        "exported_form": "%Y-%m-%d %H:%M",
    }
    above = "账期：2026年10月01日至2026年10月30日\n导出于2026-10-30 22:00\n"
    _, manifests = sent(tmp_path, source({**CSV, "preamble": preamble}), (above + HEADER + ROWS).encode(), 3)
    manifest = landed(manifests)
    assert head(manifest) == (date(2026, 10, 1), date(2026, 10, 30), datetime(2026, 10, 30, 22, tzinfo=ZONE))
    assert manifest.quarantined_rows == 0, "the last day belongs to the period"


def test_a_day_alone_as_the_time_of_export(tmp_path: Path) -> None:
    preamble = {"exported_at": "Exported (.+)", "time_form": "%Y%m%d"}
    contract = source({**CSV, "preamble": preamble}, bill={"period": "rows"})
    _, manifests = sent(tmp_path, contract, ("Exported 20261031\n" + HEADER + ROWS).encode(), 3)
    assert head(landed(manifests))[2] == datetime(2026, 10, 31, tzinfo=ZONE)


def test_a_period_from_above_and_the_time_of_export_from_the_control_file(tmp_path: Path) -> None:
    preamble = {"period": r"(?P<first>\d{8})-(?P<last>\d{8})", "time_form": "%Y%m%d"}
    contract = source({**CSV, "preamble": preamble}, bill={"exported_at": "control"})
    data = ("20261001-20261031\n" + HEADER + ROWS).encode()
    _, manifests = sent(tmp_path / "a", contract, data, 3, stated={"exported_at": "2026-11-01T00:00:00"})
    assert head(landed(manifests))[1] == date(2026, 10, 31)
    _, (early,) = sent(tmp_path / "b", contract, data, 3, stated={"exported_at": "2026-10-30T00:00:00"})
    assert codes(early) == ["wrong_period"]
