"""`tanzhang contract try` and `control`: what they say is what landing does, and no value is shown or kept."""

from __future__ import annotations

import json
import shutil
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from jobs.landing.formats.rows import OTHER_FEED
from jobs.landing.loose import Unclear, sent_as
from jobs.landing.trial import Trial, tried
from schemas.base import ROOT
from schemas.sources.errors import ERRORS
from tanzhang.cli import app
from tests.support.exports import FIXTURES, expected
from tests.support.landing import SOURCES, Sample, samples, take

SAMPLES = {f"{one.institution}-{one.name}": one for one in samples()}
NEWCOMER = FIXTURES / "newcomer"
BUS, RIDES = NEWCOMER / "hangzhou_bus.yaml", NEWCOMER / "export/rides_20261101_1.csv"


@pytest.fixture(autouse=True)
def _nothing_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No keys, and an empty folder to stand in, which stays empty."""
    for name in ("TANZHANG_TOKEN_KEY", "TANZHANG_RECORD_KEY"):
        monkeypatch.delenv(name)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def run(*said: str | Path) -> Result:
    result = CliRunner().invoke(app, list(map(str, said)))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    assert list(Path.cwd().iterdir()) == []
    return result


def sent(folder: Path, sample: Sample) -> Path:
    """A fixture file under a name of its sender's own."""
    path = folder / f"导出 {sample.name.split('.')[0]}{sample.suffix}"
    path.write_bytes(sample.part.data)
    return path


def trial_of(sample: Sample, folder: Path, **how: Any) -> Trial:
    source = SOURCES[sample.institution]
    return tried(
        source, sent_as(source, sent(folder, sample), sample.part.feed, "somebody"), sample.business_date, **how
    )


# -- try


@pytest.mark.parametrize("name", SAMPLES)
def test_every_row_has_the_verdict_that_landing_gives_it(tmp_path: Path, name: str) -> None:
    sample = SAMPLES[name]
    trial, told = trial_of(sample, tmp_path), sample.told
    is_useless = sample.part.rows and not told.get("good") and not told.get("ignored")
    assert [one.code for one in trial.faults] == ["no_usable_row"] * bool(is_useless)
    assert trial.stated.rows == sample.part.rows
    found: dict[str, dict[int, Any]] = {"good": {}, "ignored": {}, "quarantined": {}, "rejected": {}}
    for one in trial.verdicts:
        found[one.became][one.line] = one
        assert one.value is None
    assert set(found["good"]) == set(told.get("good", {}))
    assert {line: one.rule for line, one in found["ignored"].items()} == {
        **{line: row["rule"] for line, row in told.get("ignored", {}).items()},
        **dict.fromkeys(told.get("others", []), OTHER_FEED),
    }
    assert {line: [one.code, one.column, one.shape] for line, one in found["quarantined"].items()} == told.get(
        "quarantined", {}
    )
    assert {line: [one.code, one.shape] for line, one in found["rejected"].items()} == told.get("rejected", {})
    if "sum" in told and not told.get("is_sum_unchecked"):
        assert float(trial.stated.sum or 0) == float(told["sum"])
    assert trial.name in sample.feed.file_names(sample.business_date, 1)


@pytest.mark.parametrize("name", SAMPLES)
def test_what_the_good_rows_become_adds_up(tmp_path: Path, name: str) -> None:
    sample = SAMPLES[name]
    became, good = trial_of(sample, tmp_path).became, sample.told.get("good", {}).values()
    claims = {key: total.rows for key, total in became.claims.items()}
    if sample.feed.kind in ("act", "payment"):
        pairs = [(row["scenario"], row["claim_kind"]) for row in good]
        assert claims == {pair: pairs.count(pair) for pair in pairs}
        stated = [(row.get("amount_fen", 0), row.get("quantity_micro", 0)) for row in good]
        assert sum(total.amount_fen for total in became.claims.values()) == sum(fen for fen, _ in stated)
        assert sum(total.quantity_micro for total in became.claims.values()) == sum(micro for _, micro in stated)
    if sample.feed.kind == "registration":
        for what in ("citizen_id", "phone"):
            assert became.others["identifiers", what] == sum(what in row for row in good)
        assert became.others["identifiers", "card"] == sum(
            len(set(row.get("cards", [row["card"]] if "card" in row else []))) for row in good
        )
    if sample.feed.kind == "consent":
        assert sum(became.others.values()) == len(good)


def test_no_value_is_shown_unless_it_is_asked_for(tmp_path: Path) -> None:
    """Every customer, number and name of a bill and of registrations."""
    for name in ("alipay-bills_20261108_1.csv", "citic_bank-registrations_20261101_1.txt"):
        sample = SAMPLES[name]
        path = sent(tmp_path, sample)
        asked = ["contract", "try", sample.institution, path, "--feed", sample.part.feed, "--rows", "all"]
        keys = {text for row in sample.told["good"].values() for text in row["key"] if len(text) > 8}
        quiet, loud, as_data = run(*asked), run(*asked, "--show-values"), run(*asked, "--json")
        assert not [key for key in keys if key in quiet.output + as_data.output]
        assert "赵阿姨" not in quiet.output + as_data.output
        assert "names people" in loud.output and any(key in loud.output for key in keys)


def test_a_contract_of_a_file_on_a_good_day(tmp_path: Path) -> None:
    result = run("contract", "try", BUS, NEWCOMER / "export/consents_20261101_1.csv")
    assert result.exit_code == 0, result.output
    assert "hangzhou_bus 杭州公交: transit" in result.output
    assert "consents: travel given 2" in result.output
    assert result.output.splitlines()[-1] == "good: 1 files, 2 rows, all of it can be used"


def test_what_cannot_be_used_is_named_with_its_mend(tmp_path: Path) -> None:
    result = run("contract", "try", BUS, RIDES)
    assert result.exit_code == 3
    for said in ("bad_time", ERRORS["bad_time"].rule, ERRORS["bad_time"].mend, "boarded", "9{4}-9{2}-9{2} 9{2}:9{2}"):
        assert said in result.output
    assert "of 5 rows 1 cannot be used" in result.output


def test_a_contract_that_does_not_load_says_key_rule_and_mend(tmp_path: Path) -> None:
    text = BUS.read_text(encoding="utf-8")
    for old, new, said in [
        ("required: [ride, card, boarded]", "required: [ride]", "feeds.rides.act: Value error, name these fields in"),
        ("scenario: bus,", "scenario: tram,", "feeds.rides: tram: is no scenario; add scenarios/tram.yaml"),
        ("kind: transit", "kind: tram", "kind: Input should be"),
    ]:
        path = tmp_path / "mine.yaml"
        path.write_text(text.replace(old, new), encoding="utf-8")
        result = run("contract", "try", path, RIDES)
        assert result.exit_code == 2 and said in result.output and f"{path}: " in result.output, result.output
    assert run("contract", "try", "nobody", RIDES).exit_code == 5


def test_a_contract_alone_is_checked_and_what_is_odd_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(BUS.read_text(encoding="utf-8").replace("kind: transit", "kind: recycler"), encoding="utf-8")
    result = run("contract", "try", path)
    assert result.exit_code == 0
    assert "warning: feeds.rides: bus: reports of transit, payment_app, bank count, a recycler's are" in result.output


def test_a_file_of_which_nothing_can_be_used_is_refused_and_its_rows_are_told(tmp_path: Path) -> None:
    path = tmp_path / "rides.csv"
    path.write_text("ride;card;boarded;line;fare\nR1;B1;yesterday;7;200\n", encoding="utf-8")
    result = run("contract", "try", BUS, path, "--feed", "rides")
    assert result.exit_code == 3
    assert "refused: no_usable_row" in result.output and "bad_time" in result.output


def test_a_statement_that_would_be_held_back_says_so(tmp_path: Path) -> None:
    rows = [f"R{n};B1;2026-11-01 08:10;7;{200 if n % 4 else 'x'}\n" for n in range(80)]
    path = tmp_path / "rides.csv"
    path.write_text("ride;card;boarded;line;fare\n" + "".join(rows), encoding="utf-8")
    result = run("contract", "try", BUS, path, "--feed", "rides")
    assert "held back or flagged: statement_rows_usable: 250" in result.output


def test_which_layout_where_its_rows_begin_and_what_it_covers(tmp_path: Path) -> None:
    second = trial_of(SAMPLES["alipay-bills_20261108_3.csv"], tmp_path)
    assert second.layout and second.layout[0] == 2
    book = trial_of(SAMPLES["wechat_pay-bills_20261108_2.csv"], tmp_path)
    assert book.layout and (book.layout[0], book.layout[1].layout) == (1, "workbook")
    assert book.head and book.head.days and book.head.days[0] == date(2026, 11, 1)
    assert book.first_line == min(one.line for one in book.verdicts)


def test_columns_say_what_they_are_read_for(tmp_path: Path) -> None:
    columns = {one.header: one for one in trial_of(SAMPLES["alipay-bills_20261108_1.csv"], tmp_path).columns}
    assert columns["交易订单号"].means == ["original", "natural key"]
    assert (columns["商品说明"].into, columns["商品说明"].means) == (None, ["not kept"])
    assert (
        columns["金额"].means == ["amount"]
        and columns["金额"].filled == SAMPLES["alipay-bills_20261108_1.csv"].part.rows
    )
    xml = {one.into: one for one in trial_of(SAMPLES["icbc-statements_20261101_1.xml"], tmp_path).columns}
    assert xml["Amt"].header.startswith("TxDtls/Amt | ") and xml["creditor"].means[2:] == ["wallet", "merchant name"]


def test_a_key_that_is_none_shows_as_repeats(tmp_path: Path) -> None:
    text = BUS.read_text(encoding="utf-8").replace("natural_key: [ride]", "natural_key: [card]")
    path = tmp_path / "mine.yaml"
    path.write_text(
        text.replace("fields: [ride, card,", "not_kept: [ride]\n    fields: [ride, card,"), encoding="utf-8"
    )
    assert "repeats: 1 rows whose natural key stood before" in run("contract", "try", path, RIDES).output


# -- what a file is


def test_a_file_is_of_the_feed_that_its_name_tells(tmp_path: Path) -> None:
    metro = SOURCES["hangzhou_metro"]
    named = sent_as(metro, tmp_path / "taps_20261101_7.csv.gz")
    assert (named.feed, named.named_date) == ("taps", date(2026, 11, 1))
    assert sent_as(metro, tmp_path / "x.csv", "taps").name(date(2026, 11, 2), 3) == "taps_20261102_3.csv.gz"
    assert sent_as(metro, tmp_path / "taps_20261301_7.csv.gz", "taps").named_date is None
    wallet = SOURCES["wechat_pay"]
    assert sent_as(wallet, tmp_path / "微信.CSV", "bills").name(date(2026, 11, 2), 1) == "bills_20261102_1.csv"
    with pytest.raises(Unclear, match="say --feed, one of taps, registrations, consents"):
        sent_as(metro, tmp_path / "x.csv")
    with pytest.raises(Unclear, match="no feed of hangzhou_metro"):
        sent_as(metro, tmp_path / "x.csv", "rides")


def test_its_date_is_that_of_the_name_the_export_or_the_last_row(tmp_path: Path) -> None:
    def day(name: str, called: str) -> date:
        sample = SAMPLES[name]
        path = tmp_path / called
        path.write_bytes(sample.part.data)
        source = SOURCES[sample.institution]
        return tried(source, sent_as(source, path, sample.part.feed, "somebody")).business_date

    assert day("hellobike-trips_20261101_1.csv", "trips_20261103_1.csv") == date(2026, 11, 3)
    assert day("alipay-bills_20261108_1.csv", "mine.csv") == date(2026, 11, 8)
    assert day("hangzhou_metro-taps_20261102_1.csv", "mine.csv.gz") == date(2026, 11, 2)


# -- control


def test_a_control_file_is_what_pull_takes_and_land_adds_up(tmp_path: Path) -> None:
    files = {name: sent(tmp_path, one) for name, one in SAMPLES.items() if name.startswith("hangzhou_metro")}
    taps = [path for name, path in files.items() if "taps_20261101" in name]
    asked = ["--institution", "hangzhou_metro", "--date", "2026-11-01"]
    result = run("contract", "control", *taps, "--feed", "taps", *asked)
    assert result.exit_code == 3 and "missing_feed (control.json, registrations): " in result.output

    names = tmp_path / "named"
    names.mkdir()
    for name, path in files.items():
        shutil.copy(path, names / f"{name.removeprefix('hangzhou_metro-')}.gz")
    some = sorted(names.glob("*_20261101_*"))
    control = json.loads(run("control", *some, *asked, "--revision", "2").output)
    assert (control["business_date"], control["revision"]) == ("2026-11-01", 2)
    told = expected("hangzhou_metro")
    for file in control["files"]:
        of = told[file["name"].removesuffix(".gz")]
        assert file["rows"] == sum(len(of.get(kind, {})) for kind in ("good", "ignored", "quarantined", "rejected"))
        assert file["parts"] == (2 if file["feed"] == "taps" else 1)
    laid = run("control", *some, *asked, "--to", tmp_path / "exports")
    assert laid.exit_code == 0 and "taps_20261101_2.csv.gz: taps" in laid.output
    manifests = take(tmp_path, "hangzhou_metro")
    assert [one.state for one in manifests] == ["accepted"] * 4


def test_a_bill_is_bound_to_its_customer(tmp_path: Path) -> None:
    sample = SAMPLES["alipay-bills_20261108_2.csv"]
    path = sent(tmp_path, sample)
    asked = ["contract", "control", path, "--institution", "alipay", "--feed", "bills", "--date", "2026-11-08"]
    assert "wrong_customer" in run(*asked).output
    whose = run(*asked, "--customer", f"{path.name}=did:alipay:1")
    assert whose.exit_code == 3 and "missing_feed" in whose.output and "wrong_customer" not in whose.output
    for said in ("nobody.csv=x", f"{path.name}="):
        assert run(*asked, "--customer", said).exit_code == 2


FRIENDS = """
id: lake_wallet
name: 湖畔
name_en: Lake Wallet
kind: payment_app
region: "330100"
time_zone: Asia/Shanghai
ready_by: "05:30"
feeds:
  bills:
    kind: payment
    file: bills_{date}_{part}.csv
    completeness: bill
    bill: {period: control, exported_at: control}
    format: {layout: delimited, encoding: utf-8, line_ending: any, delimiter: ",", quoting: minimal}
    fields: [number, at, yuan, shop, kind]
    natural_key: [number]
    required: [number, at]
    oldest_days: 400
    volume: {most_rows: 1000}
    only: {kind: paid}
    columns:
      occurred_at: {column: at, formats: {"%Y-%m-%d %H:%M:%S": second}}
      amount: {column: yuan, unit: yuan}
      rows: [{when: {shop: ".*"}, means: purchase}]
      scenario: {column: shop, cases: [{scenario: spending, pattern: ., claim_kind: payment}]}
"""
BILL = "number,at,yuan,shop,kind\n1,2026-11-02 08:00:00,3.00,x,paid\n2,2026-11-05 09:00:00,4.50,y,paid\n3,2026-11-05 09:00:00,1.00,y,gift\n"


def test_what_a_bill_leaves_to_its_control_file(tmp_path: Path) -> None:
    """Made up from its rows by try, which says so; asked for by control."""
    contract, path = tmp_path / "lake_wallet.yaml", tmp_path / "明细.csv"
    contract.write_text(FRIENDS, encoding="utf-8")
    path.write_text(BILL, encoding="utf-8")
    result = run("contract", "try", contract, path)
    assert result.exit_code == 0, result.output
    assert "period: the contract takes it from the control file" in result.output
    assert "covers 2026-11-02 to 2026-11-05, exported 2026-11-05 23:59:59" in result.output
    assert "ignored by of_another_feed: 1" in result.output and "7.50" in result.output
    asked = ["control", path, "--institution", contract, "--date", "2026-11-08", "--customer", "明细.csv=me"]
    assert run(*asked).exit_code == 3
    asked += ["--period", "明细.csv=2026-11-01..2026-11-07", "--exported-at", "明细.csv=2026-11-08T10:00:00"]
    [file] = json.loads(run(*asked).output)["files"]
    assert (file["period"], file["exported_at"]) == (
        {"first": "2026-11-01", "last": "2026-11-07"}, "2026-11-08T10:00:00",
    )  # fmt: skip
    assert (file["rows"], file["customer"], file["name"]) == (3, "me", "bills_20261108_1.csv")
    assert run(*asked, "--period", "明细.csv=yesterday").exit_code == 2


def test_a_file_of_two_feeds_is_tried_for_both(tmp_path: Path) -> None:
    contract, path = tmp_path / "lake_wallet.yaml", tmp_path / "明细.csv"
    gifts = """  gifts:
    kind: payment
    in_files_of: bills
    only: {kind: gift}
    natural_key: [number]
    required: [number, at]
    oldest_days: 400
    volume: {most_rows: 1000}
    columns:
      occurred_at: {column: at, formats: {"%Y-%m-%d %H:%M:%S": second}}
      amount: {column: yuan, unit: yuan}
      rows: [{when: {shop: ".*"}, means: purchase}]
      scenario: {column: shop, cases: [{scenario: utility_payment, pattern: ., claim_kind: payment}]}
"""
    contract.write_text(FRIENDS.replace("bill: {period: control, exported_at: control}", "bill: {period: rows, exported_at: rows}") + gifts, "utf-8")  # fmt: skip  # noqa: E501
    path.write_text(BILL, encoding="utf-8")
    result = run("contract", "try", contract, path)
    assert result.exit_code == 0, result.output
    assert "明细.csv as bills (payment)" in result.output and "明细.csv as gifts (payment)" in result.output
    assert "utility_payment" in result.output and "only" in result.output


def test_what_cannot_be_read_gets_no_control_file(tmp_path: Path) -> None:
    path = tmp_path / "taps_20261101_1.csv.gz"
    path.write_bytes(b"time,lineID\n")
    asked = ["--institution", "hangzhou_metro", "--date", "2026-11-01"]
    result = run("control", path, *asked, "--to", tmp_path / "exports")
    assert result.exit_code == 3 and "bad_compression (taps_20261101_1.csv.gz): " in result.output
    assert not (tmp_path / "exports").exists()


def test_a_delivery_of_today_may_come_today(tmp_path: Path) -> None:
    """A delivery is laid out with the moment of now for its arrival."""
    files = sorted((NEWCOMER / "export").iterdir())
    asked = ["control", *files, "--institution", BUS, "--date", "2026-11-01", "--to"]
    earlier = run(*asked, tmp_path / "earlier", "--arrived-at", "2026-11-01T20:00:00")
    assert earlier.exit_code == 0 and (tmp_path / "earlier/hangzhou_bus/20261101T200000Z/control.json").is_file()
    result = run(*asked, tmp_path / "exports")
    assert result.exit_code == 0, result.output
    [folder] = (tmp_path / "exports/hangzhou_bus").iterdir()
    at = datetime.strptime(folder.name, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    assert abs((datetime.now(timezone.utc) - at).total_seconds()) < 600
    assert len(list(folder.iterdir())) == 4 and (ROOT / "sources").is_dir()


def test_days_without_a_year_are_of_the_last_one_until_today(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(
        "对账单\n交易日,记账日,交易摘要,人民币金额,卡号末四位,交易地金额\n01/02,01/03,面馆,5.00,1,5.00\n", "utf-8"
    )
    source = SOURCES["cmb"]
    trial = tried(source, sent_as(source, path, "credit_bills", "somebody"))
    assert trial.became.first and date.today() - timedelta(days=366) <= trial.became.first <= date.today()
