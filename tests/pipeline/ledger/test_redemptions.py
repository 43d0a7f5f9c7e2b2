"""Points that people gave up: what the institution's files say last is in force, whatever came when."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from jobs.lake import Lake
from jobs.landing.land import replay
from jobs.landing.tokens import Tokens
from schemas import load_registry
from schemas.base import ROOT
from tests.support.exports import CONSENTED, PHONE, REGISTERED, Part, deliver, table
from tests.support.registries import shipped
from tests.support.worlds import embedded_lake, land_world, rows, run_days

REGISTRY = shipped()
RUN_DAYS = [date(2026, 11, day) for day in (4, 5, 6)]
"""After both business dates, so that any statement may come to any run."""
ZHEJIANG, UNIONPAY = "zhejiang_tanpuhui", "unionpay_low_carbon"
CUSTOMERS = [
    table("unionpay", "registrations", f"UP1|{PHONE[0]}||个人|{REGISTERED}"),
    table("unionpay", "consents", f"UP1|全部|关闭|{CONSENTED}"),
]
"""One who said no to everything; of the other the institution tells nothing but what was redeemed."""


def redemptions(*records: str) -> Part:
    """(number|customer|time|code|points|state) each; the name of the benefit is put between."""
    cells = [record.split("|") for record in records]
    lines = ["|".join([*row[:4], "权益", *row[4:]]) for row in cells]
    return table("unionpay", "redemptions", *lines, total=str(sum(int(row[4]) for row in cells)))


STATEMENTS: dict[str, tuple[str, int, list[Part]]] = {
    "first": ("2026-11-01", 0, [
        *CUSTOMERS,
        redemptions(
            "UR1|UP1|2026-11-01 09:00:00|ZJ-JQ01|300|成功",
            "UR2|UP1|2026-11-01 09:10:00|ZJ-HB01|20|成功",
            "UR3|UP2|2026-11-01 09:20:00|ZJ-GY01|100|失败",
            "UR4|UP2|2026-11-01 00:10:00|DT-HB01|50|成功",
            "UR5|UP2|2026-11-01 09:40:00|DT-GY01|40|成功",
        ),
    ]),
    # Fewer points of the first, the second never was, the fourth was before midnight, the fifth was closed. A new one.
    "corrected": ("2026-11-01", 1, [
        *CUSTOMERS,
        redemptions(
            "UR1|UP1|2026-11-01 09:00:00|ZJ-JQ01|200|成功",
            "UR3|UP2|2026-11-01 09:20:00|ZJ-GY01|100|失败",
            "UR4|UP2|2026-10-31 23:50:00|DT-HB01|50|成功",
            "UR5|UP2|2026-11-01 09:40:00|DT-GY01|40|关闭",
            "UR6|UP1|2026-11-01 10:00:00|DT-GY01|500000|成功",
        ),
    ]),
    # The newest of the day before once more, and one of a benefit that nobody agreed on.
    "next day": ("2026-11-02", 0, [
        redemptions(
            "UR6|UP1|2026-11-01 10:00:00|DT-GY01|500000|成功",
            "UR7|UP2|2026-11-02 08:00:00|ZJ-HB01|10|成功",
            "UR8|UP2|2026-11-02 08:05:00|ZJ-XX99|10|成功",
        ),
    ]),
}  # fmt: skip
IN_FORCE = {
    ("UR1", "UP1", ZHEJIANG, "scenic_ticket", 200, "2026-11-01 09:00:00", "2026-11-01", 1, 2),
    ("UR4", "UP2", UNIONPAY, "red_packet", 50, "2026-10-31 23:50:00", "2026-11-01", 1, 4),
    ("UR6", "UP1", UNIONPAY, "tree_donation", 500_000, "2026-11-01 10:00:00", "2026-11-02", 0, 2),
    ("UR7", "UP2", ZHEJIANG, "red_packet", 10, "2026-11-02 08:00:00", "2026-11-02", 0, 3),
}
"""Number, customer, programme, benefit, points, moment; business date, revision and line of the file."""


def account_for(home: Path, runs: Sequence[Sequence[str]]) -> Lake:
    """Deliver each run's statements in their order, land and run."""
    for day, names in zip(RUN_DAYS, runs):
        for minute, name in enumerate(names):
            business_date, revision, parts = STATEMENTS[name]
            stamp = f"{day:%Y%m%d}T10{minute:02}00Z"
            deliver(home, "unionpay", *parts, stamp=stamp, business_date=business_date, revision=revision)
    land_world(home, REGISTRY)
    lake = embedded_lake(home, REGISTRY)
    run_days(lake, home, RUN_DAYS[: len(runs)])
    return lake


def newest(lake: Lake, name: str, *key: str) -> list[dict[str, Any]]:
    """The newest row of a log per key, withdrawn or not."""
    ordered = sorted(rows(lake, name), key=lambda row: row["publication_seq"])
    return list({tuple(row[column] for column in key): row for row in ordered}.values())


def files(lake: Lake) -> dict[str, tuple[str, int]]:
    """file_id of the redemptions → business date and revision."""
    return {
        row["file_id"]: (str(row["business_date"]), row["revision"])
        for row in rows(lake, "gold.coverage")
        if row["feed"] == "redemptions" and row["file_state"] == "consumed"
    }


def in_force(lake: Lake) -> set[tuple[object, ...]]:
    """The redemptions that hold, as IN_FORCE has them."""
    tokens, of_file = Tokens.from_env(), files(lake)
    number = {tokens.record_key("unionpay", "redemptions", [f"UR{n}"]): f"UR{n}" for n in range(1, 9)}
    customer = {tokens.customer_key("unionpay", f"UP{n}"): f"UP{n}" for n in (1, 2)}
    found = set()
    for row in newest(lake, "silver.redemptions", "redemption_id", "act_date"):
        if row["is_live"]:
            moment = datetime.fromtimestamp(row["redeemed_at_unix"], timezone(timedelta(hours=8)))
            assert (row["act_date"], row["act_month"]) == (moment.date(), f"{moment:%Y-%m}")
            assert (row["institution"], row["feed"]) == ("unionpay", "redemptions")
            what = (row["programme"], row["benefit"], row["points"], f"{moment:%Y-%m-%d %H:%M:%S}")
            place = (*of_file[row["file_id"]], row["line"])
            found.add((number[row["redemption_id"]], customer[row["customer_key"]], *what, *place))
    return found


ORDERS = [[[name] for name in order] for order in permutations(STATEMENTS)]


@pytest.mark.parametrize(
    "runs", [[list(STATEMENTS)], *ORDERS], ids=lambda runs: ", then ".join(map(" and ".join, runs))
)
def test_what_was_said_last_is_in_force_in_any_order_of_arrival(tmp_path: Path, runs: list[list[str]]) -> None:
    lake = account_for(tmp_path, runs)
    assert in_force(lake) == IN_FORCE


@pytest.fixture(scope="module")
def day_by_day(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return account_for(tmp_path_factory.mktemp("redemptions"), [[name] for name in STATEMENTS])


def test_a_correction_takes_back_what_it_does_not_repeat(day_by_day: Lake) -> None:
    key = Tokens.from_env().record_key
    log = [
        (row["publication_seq"], row["is_live"], row["points"], str(row["act_date"]))
        for number in (1, 2, 3, 4, 5)
        for row in sorted(
            rows(day_by_day, "silver.redemptions"), key=lambda row: (row["publication_seq"], row["is_live"])
        )
        if row["redemption_id"] == key("unionpay", "redemptions", [f"UR{number}"])
    ]
    assert log == [
        (1, True, 300, "2026-11-01"), (2, True, 200, "2026-11-01"),
        (1, True, 20, "2026-11-01"), (2, False, 20, "2026-11-01"),
        (1, True, 50, "2026-11-01"), (2, False, 50, "2026-11-01"), (2, True, 50, "2026-10-31"),
        (1, True, 40, "2026-11-01"), (2, False, 40, "2026-11-01"),
    ]  # fmt: skip


def test_every_row_has_its_disposition(day_by_day: Lake) -> None:
    of_file, found = files(day_by_day), {}
    for row in newest(day_by_day, "silver.rows", "file_id", "line"):
        if row["feed"] == "redemptions":
            assert row["row_kind"] == "redemption"
            told = (row["disposition"], row["code"], row["column_name"], row["value_shape"])
            found.setdefault(of_file[row["file_id"]], {})[row["line"]] = told
    nothing = (None, None, None)
    ignored, record = ("ignored", "not_redeemed", None, None), ("record", *nothing)
    assert found == {
        ("2026-11-01", 0): dict.fromkeys(range(2, 7), ("superseded", *nothing)),
        ("2026-11-01", 1): {2: record, 3: ignored, 4: record, 5: ignored, 6: ("repeat", *nothing)},
        ("2026-11-02", 0): {2: record, 3: record, 4: ("quarantined", "unknown_code", "权益编码", "a{2}-a{2}9{2}")},
    }


def test_who_is_known_by_a_redemption_alone_is_a_person(day_by_day: Lake) -> None:
    tokens = Tokens.from_env()
    members = {row["customer_key"] for row in newest(day_by_day, "silver.membership", "customer_key")}
    assert members == {tokens.customer_key("unionpay", name) for name in ("UP1", "UP2")}


def test_computed_again_from_the_landed_files_nothing_changes(day_by_day: Lake) -> None:
    (again,) = run_days(day_by_day, day_by_day.path.parent, RUN_DAYS[-1:], full=True)
    assert not any(again.appended.values())


def test_a_replay_brings_and_takes_back(tmp_path: Path) -> None:
    """A benefit has another code than was agreed: what stood by the old one goes, what waited for the new one counts."""
    lake = account_for(tmp_path, [["next day"]])
    assert {(row[0], row[3]) for row in in_force(lake)} == {("UR6", "tree_donation"), ("UR7", "red_packet")}
    shutil.copytree(ROOT, tmp_path / "registry", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    contract = tmp_path / "registry/sources/unionpay.yaml"
    text = contract.read_text(encoding="utf-8")
    contract.write_text(text.replace("ZJ-HB01:", "ZJ-XX99:"), encoding="utf-8")
    registry = load_registry(tmp_path / "registry")
    replay(registry.sources["unionpay"], tmp_path, Tokens.from_env())
    lake = embedded_lake(tmp_path, registry)
    run_days(lake, tmp_path, RUN_DAYS[:1])
    assert {(row[0], row[3]) for row in in_force(lake)} == {("UR6", "tree_donation"), ("UR8", "red_packet")}
