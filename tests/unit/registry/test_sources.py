"""Contracts are strict: what cannot work is refused when it is loaded, with file, key and mend."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.landing import columns as landed
from schemas import load_registry
from schemas.base import ROOT
from schemas.errors import RegistryError
from schemas.sources import UNPLACED, Source, load_distances, load_sources, load_stations
from schemas.sources.errors import ERRORS
from schemas.sources.faults import fault, shape
from tests.support.exports import expected, fixture_folders

SOURCES = load_sources()
HEAD = "from_station,to_station,distance_m\n"


def content(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "sources" / f"{name}.yaml").read_text(encoding="utf-8"))
    return loaded


def test_the_institutions_as_agreed() -> None:
    """These stay what they are, whoever comes beside them."""
    agreed = {
        "alipay": ("支付宝", "payment_app", UNPLACED, ["act", "registration", "consent", "payment"]),
        "citic_bank": ("中信银行", "bank", "330100", ["act", "payment", "registration", "consent"]),
        "hangzhou_metro": ("杭州地铁", "transit", "330100", ["tap", "registration", "consent"]),
        "hellobike": ("哈啰", "bike_share", "330100", ["act", "registration", "consent"]),
        "huge_recycling": ("虎哥回收", "recycler", "330100", ["act", "registration", "consent"]),
        "icbc": ("工商银行", "bank", UNPLACED, ["payment", "registration", "consent"]),
        "unionpay": ("云闪付", "payment_app", UNPLACED, ["redemption", "registration", "consent"]),
        "wechat_pay": ("微信支付", "payment_app", UNPLACED, ["payment", "registration", "consent"]),
        "zheliban": ("浙里办", "government", "330100", ["act", "registration", "consent"]),
    }
    found = {
        source.id: (source.name, source.kind, source.region, [feed.kind for feed in source.feeds.values()])
        for source in SOURCES.values()
    }
    assert {one: found.get(one) for one in agreed} == agreed
    assert not SOURCES["citic_bank"].feeds["acts"].is_keyed
    assert SOURCES["alipay"].feeds["bills"].is_bill and SOURCES["wechat_pay"].feeds["bills"].is_bill


@pytest.mark.parametrize(("institution", "feed"), [(one.id, name) for one in SOURCES.values() for name in one.feeds])
def test_every_feed_has_a_fixture(institution: str, feed: str) -> None:
    """A file of tests/fixtures/<id>/<date>-r<revision>/, and in expected.yaml what each of its rows becomes."""
    host = SOURCES[institution].feeds[feed].in_files_of or feed
    files = [path.name for folder in fixture_folders(institution) for path in folder.glob(f"{host}_[0-9]*")]
    names = {name.replace(host, feed, 1) for name in files}
    assert names and names <= expected(institution).keys()


def test_a_feed_knows_its_file_names_and_key_fields() -> None:
    acts = SOURCES["citic_bank"].feeds["acts"]
    assert acts.file_names(date(2026, 11, 1), 2) == ["acts_20261101_2.txt"]
    assert acts.key_fields == ["客户号", "业务场景", "记账日期", "笔数", "金额"]
    assert SOURCES["hangzhou_metro"].feeds["taps"].key_fields == ["userID", "time", "stationID", "status"]
    assert SOURCES["wechat_pay"].feeds["bills"].file_names(date(2026, 11, 8), 1) == [
        "bills_20261108_1.xlsx",
        "bills_20261108_1.csv",
    ]


def test_a_feed_may_have_a_region_of_its_own() -> None:
    changed = content("citic_bank")
    changed["feeds"]["acts"]["region"] = UNPLACED
    source = Source.model_validate(changed)
    assert (source.region_of("acts"), source.region_of("card_transactions")) == (UNPLACED, "330100")


def test_the_metro_has_a_distance_for_every_pair_of_stations() -> None:
    metro = SOURCES["hangzhou_metro"]
    stations = load_stations(metro)
    assert stations == {f"S{number:02d}" for number in range(1, 21)}
    distances = load_distances(metro)
    assert len(distances) == 20 * 19
    assert all(distances[end, start] == metres > 0 for (start, end), metres in distances.items())
    assert load_stations(SOURCES["alipay"]) == frozenset()


def test_a_wallet_that_is_no_institution_is_refused(tmp_path: Path) -> None:
    shutil.copytree(ROOT, tmp_path / "registry", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    contract = tmp_path / "registry/sources/icbc.yaml"
    text = contract.read_text(encoding="utf-8")
    contract.write_text(text.replace("value: wechat_pay", "value: tenpay"), encoding="utf-8")
    with pytest.raises(RegistryError, match=r"icbc\.yaml: feeds\.statements: wallet: tenpay: no such institution"):
        load_registry(tmp_path / "registry")


def test_a_contract_is_named_after_its_institution(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    shutil.copytree(ROOT / "spending", tmp_path / "spending")
    shutil.copy(ROOT / "sources/alipay.yaml", tmp_path / "sources/zhifubao.yaml")
    with pytest.raises(RegistryError, match=r"belongs into alipay\.yaml"):
        load_sources(tmp_path)


@pytest.mark.parametrize(
    "table", ["", "from_station,to_station\nA,B\n", f"{HEAD}A,B,0\n", f"{HEAD}A,B,1.5\n", f"{HEAD}A,B\n"]
)
def test_a_station_table_that_cannot_be_used_is_refused(tmp_path: Path, table: str) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources/hangzhou_metro_distances.csv").write_text(table)
    with pytest.raises(RegistryError, match="not a station table"):
        load_distances(SOURCES["hangzhou_metro"], tmp_path)


def test_the_contract_hash_changes_with_the_contract_alone() -> None:
    changed = content("alipay")
    assert Source.model_validate(changed).contract_hash == SOURCES["alipay"].contract_hash
    changed["ready_by"] = "07:45"
    assert Source.model_validate(changed).contract_hash != SOURCES["alipay"].contract_hash


def test_a_feed_may_have_a_format_of_its_own() -> None:
    changed = content("alipay")
    changed["feeds"]["consents"]["format"] = {**changed["format"], "encoding": "gb18030"}
    feeds = Source.model_validate(changed).feeds
    assert [feeds[name].formats[0].encoding for name in ("consents", "acts")] == ["gb18030", "utf-8"]


# -- errors


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("11010519491231002X", "9{17}a"),
        ("王小明", "字{3}"),
        ("浙A·12345", "字a·9{5}"),
        ("a@b.cn", "a@a.a{2}"),
        ("1", "9"),
        ("３２", "9{2}"),
        ("二", "字"),
        ("", ""),
        ("a\x00\n", "a??"),
        ("-" * 99, "-" * 40),
        ("x" * 5000, "a{1000}"),
        (None, "<NoneType>"),
        (["13812345678"], "<list>"),
        (float, "<float>"),
    ],
)
def test_a_shape_keeps_the_form_and_no_content(value: object, form: str) -> None:
    assert shape(value) == form


def test_every_error_has_a_rule_and_a_mend_and_is_raised_somewhere() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT.parent / "jobs").rglob("*.py"))
    assert not [name for name in ERRORS if f'"{name}"' not in code]
    for rule, mend in ERRORS.values():
        for sentence in (rule, mend):
            assert re.fullmatch(r"[A-Z].+[A-Za-z0-9)`]\.", sentence), sentence
            assert ". " not in sentence.replace("control.json", ""), f"more than one sentence: {sentence}"
            assert sentence.count("`") % 2 == 0
    with pytest.raises(KeyError):
        fault("no_such_code")


def test_no_landed_column_can_hold_text_of_the_source() -> None:
    """Text columns are keys, tokens, shapes and closed sets; a new one must be thought about here."""
    text = {c.name for schema in landed.SCHEMAS.values() for c in schema if str(c.type) == "string"}
    assert text == {
        "file_id", "record_key", "customer_key", "refers_to_key", "merchant_key", "object_key", "citizen_id_token",
        "phone_token", "card_tokens", "card_token", "card2_token", "refused_code", "refused_column", "refused_shape",
        "error_code", "error_column", "error_shape", "ignore_rule", "scenario",
        "claim_kind", "time_precision", "region", "direction", "station", "wallet", "merchant_code", "merchant_code_source",
        "subject_kind", "scope", "programme", "benefit",
    }  # fmt: skip
