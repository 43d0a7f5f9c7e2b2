"""A power supplier and a card of metro and bus, as they ship: their files until what the accounts say."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timezone
from pathlib import Path

import pytest

from jobs.lake import Lake
from jobs.landing.land import replay
from jobs.landing.manifests import LANDING, load_manifests, newest_landings
from jobs.landing.measure import measurements
from jobs.landing.pull import pull
from jobs.landing.receipts import load_receipts
from jobs.landing.tokens import Tokens
from jobs.reading.explain import explain
from jobs.upkeep.retention import let_go
from schemas.sources import load_stations
from tests.support.exports import PHONE, Part, deliver, part, table
from tests.support.landing import take
from tests.support.registries import changed, shipped
from tests.support.worlds import FIRST_DAY, embedded_lake, land_world, rows, run_days

POWER = "zhejiang_power"
HOUSE = [f"330100000000{number}" for number in range(1, 5)]


@pytest.fixture(scope="module")
def power(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Three households that said yes and one that did not, and a day of what their meters counted."""
    home = tmp_path_factory.mktemp("power")
    since, house = "2026-10-01 08:00:00", "居民生活用电"
    deliver(
        home,
        POWER,
        table(POWER, "registrations", *(f"{one}||{PHONE[n]}|居民|{since}" for n, one in enumerate(HOUSE))),
        table(
            POWER, "consents", *(f"{one}|{scope}|授权|{since}" for one, scope in zip(HOUSE, ("生活", "全部", "生活")))
        ),
        table(
            POWER,
            "meters",
            f"E1|{HOUSE[0]}|20261101|182.5|210|{house}",
            f"E2|{HOUSE[1]}|20261101|305|298.75|{house}",
            f"E3|{HOUSE[3]}|20261101|90|240|{house}",
            f"E4|{HOUSE[2]}|20261101|12000|210|{house}",
            f"E5|{HOUSE[2]}|20261101|150||{house}",
            f"E6|{HOUSE[2]}|20261101|-4|10|{house}",
            f"E7|{HOUSE[2]}|20261101|80|1O|{house}",
            total="12803.5",
        ),
        table(POWER, "roofs", f"R1|{HOUSE[2]}|20261031|240.5|180|自发自用余电上网", total="240.5"),
        stamp="20261101T200000Z",
    )
    land_world(home)
    lake = embedded_lake(home)
    run_days(lake, home, [FIRST_DAY])
    return lake


def test_what_a_meter_saved_and_what_a_roof_gave_is_credited(power: Lake) -> None:
    entries = [row for row in rows(power, "gold.ledger") if row["measure"] == "reduction_mg"]
    told = [(row["scenario"], row["region"], row["amount"], row["factor_id"], row["match_quality"]) for row in entries]
    assert sorted(told) == [
        # 210 - 182.5 = 27.5 kWh of the province's 0.4974 kg.
        ("electricity_saving", "330000", 13_678_500, "grid_emission_2023_zhejiang", "exact"),
        # 240.5 kWh of 0.42 kg.
        ("household_pv", "330000", 101_010_000, "household_pv_displaced_shanghai_2024", "proxy"),
    ]


def test_more_than_before_is_nothing_and_without_consent_nothing_counts(power: Lake) -> None:
    outcomes = sorted((row["outcome"], row["quantity_micro"]) for row in rows(power, "silver.activities"))
    assert outcomes == [
        ("credited", 27_500_000), ("credited", 240_500_000), ("no_consent", 150_000_000), ("withheld", 0),
    ]  # fmt: skip


def test_a_meter_without_a_year_before_is_left_out_and_one_that_cannot_be_read_quarantined(power: Lake) -> None:
    found = [row for row in rows(power, "silver.rows") if row["feed"] == "meters" and row["disposition"] != "record"]
    assert sorted((row["line"], row["disposition"], row["code"], row["column_name"]) for row in found) == [
        (5, "quarantined", "too_much", "本月电量"),
        (6, "ignored", "no_baseline", None),
        (7, "quarantined", "wrong_sign", "本月电量"),
        (8, "quarantined", "bad_number", "上年同月电量"),
    ]


# -- one file, two feeds

CARD = "shenzhen_tong"
CARDS = ["ABCDEFGHI", "ABCDEFGHJ"]
PAGE = "records_20261101_1.json"


def page(*records: tuple[str, str, str, str, str | None]) -> Part:
    """(card, time of day, type, fen, station) as a page of the city's open data; buses have no station."""
    same = {"deal_value": "0", "equ_no": "268001110", "company_name": "", "conn_mark": "0", "close_date": ""}
    told = [
        {"card_no": card, "deal_date": f"2026-11-01 {at}", "deal_type": kind, "deal_money": fen, **same}
        | ({} if station is None else {"station": station, "car_no": "AGM-1"})
        for card, at, kind, fen, station in records
    ]
    text = ",\n".join(json.dumps(one, ensure_ascii=False) for one in told) + "\n"
    return part(CARD, "taps", text, str(sum(int(fen) for *_, fen, _ in records)))


@pytest.fixture(scope="module")
def first_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the first day of two cards, of which one said yes, as it was delivered and run."""
    home = tmp_path_factory.mktemp("card")
    since = "2026-10-01 08:00:00"
    deliver(
        home,
        CARD,
        page(
            (CARDS[0], "08:00:05", "地铁入站", "0", "布吉"),
            (CARDS[0], "08:31:40", "地铁出站", "475", "深圳北站"),
            (CARDS[0], "08:45:00", "巴士", "160", None),
            (CARDS[1], "09:00:00", "地铁入站", "0", "布吉"),
            (CARDS[1], "09:10:00", "地铁出站", "190", "木棉湾"),
            (CARDS[0], "23:50:00", "地铁入站", "0", "布吉"),
            (CARDS[0], "12:00:00", "轮渡", "300", None),
            (CARDS[0], "13:00:00", "地铁入站", "0", None),
        ),
        table(CARD, "registrations", *(f"{one},,{PHONE[number]},P,{since}" for number, one in enumerate(CARDS))),
        table(CARD, "consents", f"{CARDS[0]},travel,1,{since}"),
        stamp="20261101T200000Z",
    )
    land_world(home)
    run_days(embedded_lake(home), home, [FIRST_DAY])
    return home


@pytest.fixture
def home(first_day: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(first_day, tmp_path / "home"))


def test_a_ride_is_credited_by_its_distance_and_a_bus_by_the_lowest_figure_of_other_cities(first_day: Path) -> None:
    lake = embedded_lake(first_day)
    entries = [row for row in rows(lake, "gold.ledger") if row["measure"] == "reduction_mg"]
    told = [(row["scenario"], row["region"], row["amount"], row["factor_id"], row["match_quality"]) for row in entries]
    assert sorted(told) == [
        ("bus", "440300", 80_000, "bus_reduction_beijing_floor", "proxy"),
        # 10.2 km of 46.7 g.
        ("metro", "440300", 476_340, "metro_reduction_shenzhen_2022", "exact"),
    ]
    acts = rows(lake, "silver.activities")
    assert sorted((row["scenario"], row["outcome"], row["quantity_micro"] or 0) for row in acts) == [
        ("bus", "credited", 1_000_000), ("metro", "credited", 10_200_000), ("metro", "no_consent", 1_400_000),
        ("metro", "unpaired", 0),
    ]  # fmt: skip


def test_each_record_of_the_file_is_used_once_and_what_is_nobodys_is_quarantined(first_day: Path) -> None:
    found = [row for row in rows(embedded_lake(first_day), "silver.rows") if row["feed"] in ("taps", "buses")]
    assert sorted((row["line"], row["feed"]) for row in found if row["disposition"] in ("record", "supporting")) == [
        (1, "taps"), (2, "taps"), (3, "buses"), (4, "taps"), (5, "taps"), (6, "taps"),
    ]  # fmt: skip
    bad = [row for row in found if row["disposition"] == "quarantined"]
    assert sorted((row["line"], row["feed"], row["code"], row["column_name"]) for row in bad) == [
        (7, "taps", "unknown_code", "deal_type"), (8, "taps", "missing_value", "station"),
    ]  # fmt: skip


def test_the_receipt_the_coverage_and_the_explanation_name_the_one_file(first_day: Path) -> None:
    lake = embedded_lake(first_day)
    [receipt] = load_receipts(shipped().sources[CARD], first_day / LANDING)
    of_page = [file for file in receipt.files if file.name == PAGE]
    assert [(file.feed, file.rows, file.sums) for file in of_page] == [
        ("taps", 8, {"deal_money": "1125"}), ("buses", 8, {"deal_money": "1125"}),
    ]  # fmt: skip
    assert len({file.path for file in of_page}) == len({file.sha256 for file in of_page}) == 1
    assert len({file.file_id for file in of_page}) == 2
    covered = {row["feed"]: row["file_state"] for row in rows(lake, "gold.coverage") if row["institution"] == CARD}
    assert covered == dict.fromkeys(("taps", "buses", "registrations", "consents"), "consumed")
    entries = [row for row in rows(lake, "gold.ledger") if row["measure"] == "reduction_mg"]
    [entry] = [row["entry_id"] for row in entries if row["scenario"] == "metro"]
    [told] = explain(lake, shipped(), first_day, [entry])
    [claim] = told.claims
    assert sorted((line.line, str(line.path).endswith(of_page[0].path)) for line in claim.lines) == [
        (1, True),
        (2, True),
    ]


def test_the_same_bytes_again_are_a_duplicate_and_another_file_for_the_buses_is_refused(home: Path) -> None:
    source = shipped().sources[CARD]
    [sent] = (home / "exports" / CARD).iterdir()
    shutil.copytree(sent, sent.with_name("20261101T210000Z"))
    apart = shutil.copytree(sent, sent.with_name("20261101T220000Z"))
    control = json.loads((apart / "control.json").read_text())
    control["files"].append({**control["files"][0], "feed": "buses"})
    (apart / "control.json").write_text(json.dumps({**control, "revision": 1}))
    again = pull(source, home / "exports", home / LANDING)
    assert [(one.state, [error.code for error in one.errors][-1:]) for one in again] == [
        ("duplicate", []), ("refused", ["unknown_feed"]),
    ]  # fmt: skip


def test_a_mended_contract_lands_the_feed_again_that_held_something_unusable(home: Path, tmp_path: Path) -> None:
    only = ("only: {deal_type: 巴士}", 'only: {deal_type: "巴士|轮渡"}')
    codes = ("codes: [巴士]", "codes: [巴士, 轮渡]")
    registry = changed(tmp_path / "registry", {f"sources/{CARD}.yaml": [only, codes]})
    source = registry.sources[CARD]
    again = replay(source, home, Tokens.from_env(), load_stations(source))
    assert [file.feed for file in again] == ["taps", "buses"]
    lake = embedded_lake(home, registry)
    run_days(lake, home, [FIRST_DAY])
    assert (
        sorted(row["outcome"] for row in rows(lake, "silver.activities") if row["scenario"] == "bus")
        == ["credited"] * 2
    )


def test_a_feed_is_judged_by_its_own_rows_of_the_file(tmp_path: Path) -> None:
    """As many buses as one likes do not hide that no tap can be used, nor how many cannot."""
    bus, at = (CARDS[0], "08:45:00", "巴士", "160", None), "09:00:00"
    bad, good = (CARDS[0], at, "地铁入站", "0", "光明城"), (CARDS[0], at, "地铁入站", "0", "布吉")
    deliver(tmp_path, CARD, page(*[bus] * 40, bad))
    found = {one.feed: one for one in take(tmp_path, CARD)}
    assert (found["taps"].state, found["taps"].errors[0].code) == ("refused", "no_usable_row")
    assert (found["buses"].state, found["buses"].rows, found["buses"].own_rows) == ("accepted", 41, 40)
    deliver(tmp_path, CARD, page(*[bus] * 200, *[bad] * 15, *[good] * 45), revision=1, stamp="20261102T020000Z")
    [taps] = [one for one in take(tmp_path, CARD) if one.feed == "taps"]
    measured = {
        one.rule.measure: one.observed for one in measurements([taps], [], shipped().sources[CARD].feeds["taps"])
    }
    assert (taps.state, measured["rows"], measured["unusable_permille"]) == ("accepted", 60, 250)


def test_the_bytes_of_the_one_file_go_once_and_only_when_both_feeds_have_landed(home: Path) -> None:
    source, at = shipped().sources[CARD], datetime(2027, 1, 1, tzinfo=timezone.utc)
    raw = sorted(path for path in home.rglob(PAGE))
    assert len(raw) == 2, "in the drop folder and in landing"
    [buses] = [one for one in newest_landings(load_manifests(home)) if one.feed == "buses"]
    [manifest] = home.glob(f"landed/*/*/buses/*/{buses.file_id}.json")
    manifest.rename(home / "aside.json")
    assert let_go(source, home, at).deliveries == 0
    (home / "aside.json").rename(manifest)
    told = let_go(source, home, at)
    assert (told.deliveries, told.files) == (1, 8), "three files and the control file, in two folders"
    assert not list(home.rglob(PAGE))
