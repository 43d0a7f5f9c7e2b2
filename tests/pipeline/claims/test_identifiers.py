"""An identifier that is none costs only itself: the registration counts with all others that it has."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from stdnum import luhn

from tests.support.exports import (
    CITIZEN,
    CONSENTED,
    PHONE,
    REGISTERED,
    alipay_acts,
    alipay_consents,
    alipay_registrations,
    deliver,
    table,
)
from tests.support.worlds import embedded_lake, land_world, rows, run_days

CARDS = [(body := f"6217001234567{number:03}12") + luhn.calc_check_digit(body) for number in range(5)]
KNOWN: dict[str, tuple[tuple[str, str, list[Any]], tuple[str, str], tuple[str, str, str] | None]] = {
    # what the wallet knows of its customer, and what the gates do; the identifier that is refused
    "five cards": ((CITIZEN[0], "", CARDS), (CITIZEN[0], ""), None),
    "no phone": ((CITIZEN[0], "12345", []), (CITIZEN[0], ""), ("bad_phone", "mobile", "9{5}")),
    "no citizen id": (("33010619900101", PHONE[0], []), ("", PHONE[0]), ("bad_citizen_id", "cert_no", "9{14}")),
    "one card of three": (
        (CITIZEN[0], PHONE[0], [CARDS[0], "6217", CARDS[1]]),
        (CITIZEN[0], ""),
        ("bad_card", "bound_cards", "9{4}"),
    ),
    "a number among the cards": (
        (CITIZEN[0], PHONE[0], [6217, CARDS[1]]),
        (CITIZEN[0], ""),
        ("wrong_type", "bound_cards", "<int>"),
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_ride_that_both_report_is_one(tmp_path: Path, name: str) -> None:
    wallet, (citizen, phone), refused = KNOWN[name]
    deliver(
        tmp_path,
        "alipay",
        alipay_registrations((1, *wallet, REGISTERED)),
        alipay_consents((1, "ALL", "AUTHORIZED", CONSENTED)),
        alipay_acts((1, 1, "2026-11-01 08:00:20", "ditiechuxing", "4")),
        stamp="20261101T200000Z",
    )
    deliver(
        tmp_path,
        "hangzhou_metro",
        table("hangzhou_metro", "registrations", f"H1,{citizen},{phone},P,{REGISTERED}"),
        table("hangzhou_metro", "consents", f"H1,all,grant,{CONSENTED}"),
        table(
            "hangzhou_metro",
            "taps",
            "2026-11-01 08:00:00,1,S01,D1,1,H1,3,0",
            "2026-11-01 08:25:00,1,S05,D1,0,H1,3,400",
            total="400",
        ),
        stamp="20261101T200000Z",
    )
    land_world(tmp_path)
    lake = embedded_lake(tmp_path)
    run_days(lake, tmp_path, [date(2026, 11, 1)])
    assert Counter(row["outcome"] for row in rows(lake, "silver.activities")) == {"credited": 1, "absorbed": 1}
    assert len({row["person_id"] for row in rows(lake, "silver.membership")}) == 1
    [row] = [
        row for row in rows(lake, "silver.rows") if (row["institution"], row["feed"]) == ("alipay", "registrations")
    ]
    assert row["disposition"] == "record"
    assert (row["code"], row["column_name"], row["value_shape"]) == (refused or (None, None, None))


def test_whose_only_common_card_is_the_fourth_are_one(tmp_path: Path) -> None:
    deliver(tmp_path, "alipay", alipay_registrations((1, "", "", CARDS, REGISTERED)), stamp="20261101T200000Z")
    bank = table("citic_bank", "registrations", f"C1|{CITIZEN[1]}||{CARDS[3]}|个人|{REGISTERED}")
    deliver(tmp_path, "citic_bank", bank, stamp="20261101T200000Z")
    land_world(tmp_path)
    lake = embedded_lake(tmp_path)
    run_days(lake, tmp_path, [date(2026, 11, 1)])
    assert [row["rule"] for row in rows(lake, "silver.membership")] == ["card", "card"]
    assert len({row["person_id"] for row in rows(lake, "silver.membership")}) == 1
