"""Each rule of each source has a fixture row that this rule alone catches."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.landing.formats.values import RowErrors
from schemas.base import ROOT
from schemas.sources import Source
from tests.support.landing import SOURCES, Sample, read_rows, read_samples
from tests.support.rules import rules_of

FEEDS = [(institution, feed) for institution, source in SOURCES.items() for feed in source.feeds]
SAMPLES = list(read_samples())
Caught = dict[tuple[str, int], tuple[str, str]]
"""(name of the file, line) → error code and column."""


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """Every fixture file as it is sent, by institution and name."""
    folder = tmp_path_factory.mktemp("sent")
    paths = {}
    for number, sample in enumerate(SAMPLES):
        path = folder / f"{number}{sample.suffix}"
        path.write_bytes(sample.part.data)
        paths[sample.institution, sample.name] = path
    return paths


def of_feed(institution: str, feed: str) -> list[Sample]:
    return [sample for sample in SAMPLES if (sample.institution, sample.part.feed) == (institution, feed)]


def caught(source: Source, some: list[Sample], sent: dict[tuple[str, str], Path]) -> Caught:
    """Rows that are quarantined, or have an identifier that is refused, and by which rule."""
    return {
        (sample.name, row["line"]): (row[f"{what}_code"], row[f"{what}_column"])
        for sample in some
        for row in read_rows(source, sample, sent[sample.institution, sample.name])
        for what in ("error", "refused")
        if row.get(f"{what}_code")
    }


@pytest.mark.parametrize(("institution", "feed"), FEEDS)
def test_each_rule_of_a_contract_has_a_fixture_row(institution: str, feed: str) -> None:
    """`wrong_type` is of every value of a JSON file, so only that of the customer is asked for."""
    told = [sample.told.get("quarantined", {}).values() for sample in of_feed(institution, feed)]
    found = {(code, column) for rows in told for code, column, _ in rows}
    good = [row for sample in of_feed(institution, feed) for row in sample.told.get("good", {}).values()]
    found |= {tuple(row["refused"][:2]) for row in good if "refused" in row}
    wanted = rules_of(SOURCES[institution].feeds[feed])
    assert wanted - found == set()
    assert {code for code, _ in found - wanted} <= {"wrong_type"}


@pytest.mark.parametrize(("institution", "feed"), FEEDS)
def test_without_a_rule_its_rows_alone_are_good_or_ignored(
    monkeypatch: pytest.MonkeyPatch, sent: dict[tuple[str, str], Path], institution: str, feed: str
) -> None:
    some, source = of_feed(institution, feed), SOURCES[institution]
    before = caught(source, some, sent)
    assert before
    note = RowErrors.note
    for rule in sorted(set(before.values())):

        def note_others(errors: RowErrors, row: int, code: str, column: str, value: object, rule: Any = rule) -> None:
            if (code, column) != rule:
                note(errors, row, code, column, value)

        monkeypatch.setattr(RowErrors, "note", note_others)
        after = caught(source, some, sent)
        if rule[0] == "rounded_number":  # is no customer's name either
            after = {row: by for row, by in after.items() if by[0] != "bad_customer" or before[row] == by}
        assert after == {row: by for row, by in before.items() if by != rule}


# -- rules that a contract can drop by itself


def loosened(institution: str, feed: str, *changes: tuple[str, Any]) -> Source:
    """The contract with values at dotted paths below the feed replaced."""
    content = yaml.safe_load((ROOT / "sources" / f"{institution}.yaml").read_text(encoding="utf-8"))
    for path, value in changes:
        at = content["feeds"][feed]
        *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))
        for step in steps:
            at = at[step]
        at[last] = value
    return Source.model_validate(content)


@pytest.mark.parametrize(
    ("institution", "feed", "rule", "changes"),
    [
        *(
            (institution, feed, ("too_old", time), [("oldest_days", 30_000)])
            for institution, feed, time in [
                ("alipay", "acts", "occurrent_time"),
                ("citic_bank", "card_transactions", "记账日期"),
                ("hangzhou_metro", "taps", "time"),
                ("huge_recycling", "orders", "settleTime"),
                ("icbc", "statements", "booked"),
                ("wechat_pay", "registrations", "created"),
                ("zheliban", "cases", "TRANSACT_TIME"),
            ]
        ),
        (
            "huge_recycling",
            "orders",
            ("too_much", "settledWeight"),
            [(f"columns.scenario.cases.{case}.quantity.at_most", 9_000) for case in range(6)],
        ),
        (
            "hellobike",
            "trips",
            ("too_fast", "ended_at"),
            [(f"columns.scenario.cases.{case}.quantity.at_most_per_hour", 90) for case in range(2)],
        ),
        (
            "hellobike",
            "trips",
            ("too_much", "start_lat"),
            [(f"columns.scenario.cases.{case}.quantity.at_most", 90) for case in range(2)],
        ),
        (
            "alipay",
            "acts",
            ("expired_code", "scenario_code"),
            [("columns.scenario.cases.1.valid_to", date(2026, 12, 31))],
        ),
        (
            "alipay",
            "acts",
            ("unknown_code", "active_data_list"),
            [("items.known", ["PAY_AMOUNT", "STEP", "SHEETS", "COUNT", "BIKE_KM"])],
        ),
        ("citic_bank", "acts", ("unknown_code", "业务场景"), [("columns.scenario.ignore_others", "no_scenario")]),
        ("zheliban", "cases", ("missing_value", "SERVICECODE"), [
            ("required", ["PROJID", "LOGINID", "TRANSACT_TIME"]),
            ("columns.scenario.ignore_others", "no_scenario"),
        ]),
        ("hellobike", "registrations", ("unknown_code", "member_type"), [
            ("columns.subject_kind.codes.courier", "resident")
        ]),
        ("wechat_pay", "bills", ("unknown_code", "收/支"), [("columns.rows.1.when", {"收/支": "|借出"})]),
        ("alipay", "bills", ("unknown_code", "交易状态"), [("columns.rows.3.when", {"交易状态": "交易关闭|处理中"})]),
    ],
)  # fmt: skip
def test_a_contract_without_the_rule_takes_the_row(
    sent: dict[tuple[str, str], Path], institution: str, feed: str, rule: tuple[str, str], changes: list[Any]
) -> None:
    some = of_feed(institution, feed)
    before = caught(SOURCES[institution], some, sent)
    after = caught(loosened(institution, feed, *changes), some, sent)
    assert set(before) - set(after) == {row for row, by in before.items() if by == rule} != set()
    assert set(after) <= set(before)


@pytest.mark.parametrize(("institution", "feed"), FEEDS)
def test_each_row_rule_that_ignores_has_a_fixture_row(institution: str, feed: str) -> None:
    columns: Any = SOURCES[institution].feeds[feed].columns
    wanted = {rule.ignore for rule in getattr(columns, "rows", []) if rule.ignore}
    if scenario := getattr(columns, "scenario", None):
        wanted |= {scenario.ignore_others} if scenario.ignore_others else set()
    if currency := getattr(columns, "currency", None):
        wanted |= {"other_currency"} if currency.others == "ignore" else set()
    told = [sample.told.get("ignored", {}).values() for sample in of_feed(institution, feed)]
    # For which currencies there is no rate, the registry's rates say and no contract.
    assert {row["rule"] for rows in told for row in rows} - {"no_exchange_rate"} == wanted
    if scenario:
        good = {
            row["scenario"] for sample in of_feed(institution, feed) for row in sample.told.get("good", {}).values()
        }
        assert good == {case.scenario for case in scenario.cases}
