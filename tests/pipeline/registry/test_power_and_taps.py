"""A power supplier and a card of metro and bus, as they ship: their files until what the accounts say."""

from __future__ import annotations

import pytest

from jobs.lake import Lake
from tests.support.exports import PHONE, deliver, table
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
        # 210 - 182.5 = 27.5 kWh of the eastern grid's 0.55 kg.
        ("electricity_saving", "330000", 15_125_000, "grid_emission_2023_east", "parent"),
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
