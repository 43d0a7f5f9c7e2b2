"""A contract that cannot work is refused when it is loaded: the file, the key and what to write instead."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.base import LOADER, ROOT
from schemas.errors import RegistryError
from schemas.sources import load_sources
from tests.support.libraries import DUMPER

GONE = object()
"""The key is left out."""


def content(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((ROOT / "sources" / f"{name}.yaml").read_text("utf-8"), Loader=LOADER)
    return loaded


FEEDS = [
    (path.stem, feed) for path in sorted((ROOT / "sources").glob("*.yaml")) for feed in content(path.stem)["feeds"]
]


def refused(tmp_path: Path, name: str, said: str, *changes: tuple[str, object]) -> None:
    """The contract is refused with these words when the values at dotted places are others."""
    changed = content(name)
    for place, value in changes:
        at: Any = changed
        *path, last = place.split(".")
        for key in path:
            at = at[int(key) if isinstance(at, list) else key]
        if value is GONE:
            del at[last]
        else:
            at[int(last) if isinstance(at, list) else last] = value
    (tmp_path / "sources").mkdir()
    shutil.copytree(ROOT / "spending", tmp_path / "spending")
    (tmp_path / f"sources/{name}.yaml").write_text(
        yaml.dump(changed, Dumper=DUMPER, allow_unicode=True), encoding="utf-8"
    )
    with pytest.raises(RegistryError, match=re.escape(said)) as raised:
        load_sources(tmp_path)
    assert f"{name}.yaml" in str(raised.value)


# -- no feed without rules of key, nulls, range and volume


@pytest.mark.parametrize(("institution", "feed"), FEEDS)
@pytest.mark.parametrize("rule", ["natural_key", "required", "oldest_days", "volume", "completeness"])
def test_a_feed_without_a_rule_does_not_load(tmp_path: Path, institution: str, feed: str, rule: str) -> None:
    if rule == "completeness" and "in_files_of" in content(institution)["feeds"][feed]:
        return  # that of the feed in whose files it stands
    refused(tmp_path, institution, f"{rule}: Field required", (f"feeds.{feed}.{rule}", GONE))


@pytest.mark.parametrize(
    ("rule", "value", "said"),
    [
        ("required", [], "required"),
        ("required", ["customer_no"], "no such field: ['customer_no']"),
        ("required", ["acquisition_item_no"], "name these fields in required: ['account_did', 'occurrent_time']"),
        ("oldest_days", 0, "oldest_days"),
        ("volume", {}, "most_rows: Field required"),
        ("volume", {"most_rows": 0}, "most_rows"),
        ("volume", {"most_rows": 9, "least": 1.5}, "least"),
        ("volume", {"most_rows": 9, "most": 1}, "most"),
        ("completeness", "month", "completeness"),
        ("natural_key", [], "items need layout json_lines or json"),
    ],
)
def test_a_rule_without_sense_is_refused(tmp_path: Path, rule: str, value: object, said: str) -> None:
    refused(tmp_path, "alipay", said, (f"feeds.acts.{rule}", value))


def test_a_quantity_that_is_counted_has_a_most(tmp_path: Path) -> None:
    place = "feeds.orders.columns.scenario.cases.0.quantity.at_most"
    refused(tmp_path, "huge_recycling", "say at_most of what is counted", (place, GONE))


# -- what is written must fit together


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("id", "Alipay", "id"),
        ("kind", "shop", "kind"),
        ("time_zone", "Asia/Hangzhou", "unknown time zone"),
        ("ready_by", "25:00", "ready_by"),
        ("region", 330100, "region"),
        ("colour", "blue", "colour: Extra inputs"),
        ("format.encoding", "gbk", "encoding"),
        ("format.layout", "parquet", "layout"),
        ("format.compression", "gzip", "compression: Extra inputs"),
        ("feeds.acts.file", "acts.jsonl.gz", "use {date} and {part}"),
        ("feeds.acts.file", "../{date}_{part}", "no folder"),
        ("feeds.acts.kind", "card", "kind"),
        ("feeds.acts.region", "Hangzhou", "region"),
        ("feeds.acts.not_kept", [], "map these fields or name them in not_kept: ['project_no']"),
        ("feeds.acts.not_kept", ["project_no", "scenario_code"], "mapped and not_kept: ['scenario_code']"),
        ("feeds.acts.natural_key", ["item_no"], "no such field: ['item_no']"),
        ("feeds.acts.natural_key", None, "items need"),
        ("feeds.acts.control_sum.column", "amount", "no such field: ['amount']"),
        ("feeds.acts.booking_lag_days", 99, "booking_lag_days"),
        ("feeds.acts.columns.customer", "user", "no such field: ['user']"),
        ("feeds.acts.columns.occurred_at.formats", {"%y%m%d": "day"}, "use %Y %m %d once each"),
        ("feeds.acts.columns.occurred_at.formats", {"%H:%M": "minute"}, "use %Y %m %d once each"),
        ("feeds.acts.columns.scenario.cases.0.pattern", "x", "exactly one of codes, pattern"),
        ("feeds.acts.columns.scenario.cases.1.codes", ["ENERGY_XUANJIAO_ditiechuxing"], "two meanings"),
        ("feeds.acts.columns.scenario.cases.1.valid_from", "2026-01-01", "valid_from lies after"),
        ("feeds.acts.columns.scenario.cases.0.amount", {"item": "FARE", "unit": "yuan"}, "not known: ['FARE']"),
        ("feeds.acts.columns.scenario.cases.0.amount", {"item": "STEP", "constant": 1}, "exactly one of"),
        ("feeds.acts.columns.scenario.cases.4.quantity", {"item": "STEP"}, "say at_most of what is counted"),
        ("feeds.acts.columns.scenario.cases.0.claim_kind", "payment", "a payment belongs into a payment feed"),
        ("feeds.acts.columns.rows", [{"when": {"scenario_code": "x"}, "means": "purchase"}], "is an act or ignored"),
        ("feeds.acts.columns.rows", [{"when": {"scenario_code": "x"}}], "exactly one of means, ignore"),
        ("feeds.acts.columns.rows", [{"when": {}, "means": "act"}], "when"),
        ("feeds.acts.columns.rows", [{"when": {"scenario_code": "("}, "means": "act"}], "not a pattern that RE2 takes"),
        ("feeds.acts.columns.rows", [{"when": {"colour": "x"}, "means": "act"}], "no such field: ['colour']"),
        ("feeds.registrations.columns.subject_kind.codes", {"PERSONAL": "person"}, "use ['micro_enterprise'"),
        ("feeds.consents.columns.consent.codes", {"AUTHORIZED": "yes"}, "use ['given', 'withdrawn']"),
        # a bill
        ("feeds.bills.columns.customer", "交易订单号", "binds a bill, and nothing else, to its customer"),
        ("feeds.bills.completeness", "day", "a bill, and nothing else, has a period"),
        ("feeds.bills.format.1.preamble", None, "say period of a bill in every layout, or in none"),
        ("feeds.bills.format.0.columns.备注", "remark", "no such field: ['remark']"),
        ("feeds.bills.format.0.preamble.period", r"起始时间：\[(.+?)\]", "name the groups first and last"),
        ("feeds.bills.format.0.preamble.within_lines", 0, "within_lines"),
        ("feeds.bills.format.0.footer", "[", "not a pattern that RE2 takes"),
        ("feeds.bills.file", "bills_{date}_{part}.xlsx", "files that end in .xlsx or .xls are workbooks"),
        ("feeds.bills.columns.original", None, "say `original` exactly where rows may be refunds"),
        ("feeds.bills.columns.rows", [{"when": {"交易状态": "x"}, "means": "purchase"}], "exactly where rows may be"),
        ("feeds.bills.columns.rows", [], "rows"),
        ("feeds.bills.columns.scenario.cases.0.claim_kind", "reading", "not a reading"),
        ("feeds.bills.columns.rows.5.means", "act", "a row of payments is a purchase"),
    ],
)
def test_a_contract_that_cannot_work_is_refused(tmp_path: Path, place: str, value: object, said: str) -> None:
    refused(tmp_path, "alipay", said, (place, value))


@pytest.mark.parametrize(
    ("name", "place", "value", "said"),
    [
        (
            "citic_bank",
            "feeds.card_transactions.natural_key",
            ["流水号", "客户号"],
            "natural key has exactly one field",
        ),
        ("citic_bank", "feeds.card_transactions.columns.wallet.classes.0.pattern", "(", "not a pattern that RE2 takes"),
        ("citic_bank", "feeds.card_transactions.columns.refund_sign", "minus", "refund_sign"),
        ("citic_bank", "feeds.card_transactions.columns.original", {}, "exactly one of column, matched_by"),
        ("citic_bank", "feeds.card_transactions.columns.original.matched_by", ["商户名称"], "exactly one of column"),
        ("citic_bank", "feeds.card_transactions.columns.original.within_days", 30, "that name no purchase"),
        ("citic_bank", "feeds.card_transactions.columns.original", {"matched_by": ["店名"]}, "no such field: ['店名']"),
        (
            "citic_bank",
            "feeds.card_transactions.columns.original",
            {"matched_by": ["商户名称"], "within_days": 400},
            "within_days",
        ),
        (
            "citic_bank",
            "feeds.card_transactions.columns.original",
            {"matched_by": ["商户名称"], "pattern": "x"},
            "say the pattern with its field",
        ),
        ("alipay", "feeds.bills.columns.original", {"matched_by": ["交易对方"]}, "what purchases say themselves"),
        ("citic_bank", "feeds.card_transactions.columns.merchant", {}, "at least one of code, number, name"),
        ("citic_bank", "feeds.card_transactions.columns.merchant.name", "店名", "no such field: ['店名']"),
        ("wechat_pay", "feeds.bills.columns.refunded.is_optional", False, "say is_optional"),
        ("hellobike", "feeds.trips.columns.scenario.cases.0.quantity.at_most_per_hour", GONE, "at_most_per_hour"),
        ("hellobike", "feeds.trips.columns.scenario.cases.0.quantity.start.latitude", "lat", "no such field: ['lat']"),
        ("huge_recycling", "feeds.orders.columns.scenario.cases.0.quantity.units.codes", {"担": "dan"}, "dan"),
        ("huge_recycling", "feeds.orders.columns.scenario.cases.0.quantity.units.codes", {"km": "km"}, "plain mass"),
        ("huge_recycling", "feeds.orders.columns.scenario.cases.0.quantity.unit", "yuan", "at_most"),
        ("huge_recycling", "feeds.orders.columns.scenario.cases.0.quantity.units.column", "u", "no such field: ['u']"),
        ("icbc", "feeds.statements.format.row", "Entry", "row 'Entry' is not on the path"),
        ("icbc", "feeds.statements.format.path", [], "path"),
        ("icbc", "feeds.statements.format.namespace", "(", "not a pattern that RE2 takes"),
        (
            "icbc",
            "feeds.statements.format.values.account",
            ["Acct/Id"],
            "start at an element of the path, not at ['Acct']",
        ),
        ("icbc", "feeds.statements.format.values.colour", ["Ntry/Colour"], "no such field: ['colour']"),
        ("icbc", "feeds.statements.columns.scenario.cases.0.region", "hz", "region"),
        (
            "icbc",
            "feeds.statements.columns.scenario.cases.0.quantity",
            {
                "start": {"latitude": "Amt", "longitude": "Amt"},
                "end": {"latitude": "Amt", "longitude": "Amt"},
                "at_most": 1,
                "at_most_per_hour": 1,
            },
            "a distance belongs to an act",
        ),
        ("unionpay", "feeds.redemptions.columns.benefit.codes", {"ZJ-JQ01": "scenic_ticket"}, "<programme>.<benefit>"),
        ("unionpay", "feeds.redemptions.columns.points", {"column": "积分", "at_most": 9}, "in the unit point"),
        ("unionpay", "feeds.redemptions.columns.points", {"constant": 9, "unit": "point"}, "in the unit point"),
        ("unionpay", "feeds.redemptions.columns.points.is_optional", True, "stand in a field of every row"),
        ("unionpay", "feeds.redemptions.columns.points.at_most", GONE, "say at_most of what is counted"),
        ("unionpay", "feeds.redemptions.columns.rows.0.means", "purchase", "a redemption or ignored"),
        (
            "unionpay",
            "feeds.redemptions.required",
            ["兑换单号", "用户号"],
            "name these fields in required: ['兑换时间']",
        ),
        ("wechat_pay", "feeds.bills.columns.rows.5.means", "redemption", "a row of payments is a purchase"),
        (
            "wechat_pay",
            "feeds.bills.file",
            ["bills_{date}_{part}.csv"],
            "files that end in .xlsx or .xls are workbooks",
        ),
        ("wechat_pay", "feeds.bills.format.0.encoding", "utf-8", "encoding: Extra inputs"),
        (
            "wechat_pay",
            "feeds.registrations.format",
            {"layout": "workbook"},
            "files that end in .xlsx or .xls are workbooks",
        ),
        ("zheliban", "feeds.cases.format.root", GONE, "root: Field required"),
        ("zheliban", "feeds.cases.format", GONE, "format: Field required"),
    ],
)
def test_other_contracts_that_cannot_work_are_refused(
    tmp_path: Path, name: str, place: str, value: object, said: str
) -> None:
    refused(tmp_path, name, said, (place, value))


def test_xml_layouts_do_not_stand_beside_each_other(tmp_path: Path) -> None:
    layouts = [{"layout": "xml", "root": root, "path": ["B"], "row": "B"} for root in ("A", "C")]
    said = "only delimited layouts may stand beside each other"
    refused(tmp_path, "zheliban", said, ("feeds.cases.format", layouts))


def test_a_distance_needs_an_end(tmp_path: Path) -> None:
    kept = content("hellobike")["feeds"]["trips"]["not_kept"]
    changes = ("feeds.trips.columns.ended_at", None), ("feeds.trips.not_kept", [*kept, "ended_at"])
    refused(tmp_path, "hellobike", "a distance needs ended_at", *changes)
