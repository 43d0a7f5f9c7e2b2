"""What a station, an issuer of ETC cards and a platform of used things report, and the bank behind them: each act counts once."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.lake import Lake
from tests.support.exports import CARD, CITIZEN, CONSENTED, PHONE, REGISTERED, Part, deliver, lines, part, table
from tests.support.worlds import days, embedded_lake, land_world, rows, run_days

D1, D2 = days(2)
DRIVER, HOLDER, ACCOUNT, BUYER = "TL00000001", "3301000000000001", "HZ0000000001", "0000000001"
COUNTED = ("credited", "no_factor")
"""What becomes of an act that counts, with a figure and as long as there is none."""


def send(home: Path, institution: str, *parts: Part, business_date: str = str(D1)) -> None:
    arrived = business_date.replace("-", "")
    deliver(home, institution, *parts, stamp=f"{arrived}T210000Z", business_date=business_date)


def charged(home: Path, *orders: tuple[int, str, str, str]) -> None:
    """Orders of charging in Hangzhou: (number, end, kWh, yuan)."""
    told = [
        {
            "OperatorID": "MA00305A7", "UserID": DRIVER, "AreaCode": "330106", "CarType": "BEV",
            "Order": {
                "StartChargeSeq": f"MA00305A7{number:018}", "ConnectorID": "1", "StartTime": f"{D1} 06:00:00",
                "EndTime": f"{D1} {end}", "TotalPower": kwh, "TotalMoney": yuan, "StopReason": 1,
            },
        }
        for number, end, kwh, yuan in orders
    ]  # fmt: skip
    known = {"UserID": DRIVER, "IDCard": "", "Mobile": PHONE[0], "UserType": "P", "RegTime": REGISTERED}
    given = {"UserID": DRIVER, "Scope": "TRAVEL", "State": "1", "Time": CONSENTED}
    send(
        home,
        "teld",
        part("teld", "orders", lines(*told), str(sum(float(kwh) for _, _, kwh, _ in orders))),
        part("teld", "registrations", lines(known)),
        part("teld", "consents", lines(given)),
    )


def tolled(home: Path, *passages: tuple[int, str, str]) -> None:
    """Passages of an exit: (number, time, fen)."""
    told = [
        f"G{number:029},P{number},{HOLDER},C1,O1,0,{D1} 06:00:00,杭州北,{D1} {at},嘉兴,1,1,1,01,{fen},{fen}"
        for number, at, fen in passages
    ]
    send(
        home,
        "zhejiang_etc",
        table("zhejiang_etc", "passages", *told, total=str(sum(int(fen) for *_, fen in passages))),
        table("zhejiang_etc", "registrations", f"{HOLDER},{CITIZEN[0]},{PHONE[0]},{CARD[0]},1,{REGISTERED}"),
        table("zhejiang_etc", "consents", f"{HOLDER},TRAVEL,1,{CONSENTED}"),
    )


def booked(home: Path, *paid: tuple[int, str, str]) -> None:
    """What the bank booked a day later: (number, merchant, yuan)."""
    told = [f"K{number:012}|{ACCOUNT}|{D2:%Y%m%d}|D|消费|{merchant}|{yuan}|" for number, merchant, yuan in paid]
    total = f"{sum(float(yuan) for *_, yuan in paid):.2f}"
    send(
        home,
        "hangzhou_bank",
        table("hangzhou_bank", "card_transactions", *told, total=total),
        table("hangzhou_bank", "registrations", f"{ACCOUNT}|{CITIZEN[0]}|{PHONE[0]}|{CARD[0]}|个人|{REGISTERED}"),
        table("hangzhou_bank", "consents", f"{ACCOUNT}|全部|授权|{CONSENTED}"),
        business_date=str(D2),
    )


def told(home: Path) -> list[tuple[str, str, str]]:
    """Institution, scenario and outcome of the claims in force, after two days."""
    land_world(home)
    lake: Lake = embedded_lake(home)
    run_days(lake, home, [D1, D2])
    newest = {}
    for row in sorted(rows(lake, "silver.activities"), key=lambda row: int(row["publication_seq"])):
        newest[row["claim_id"], row["act_date"]] = row
    live = [row for row in newest.values() if row["is_live"]]
    return sorted((one["institution"], one["scenario"], one["outcome"]) for one in live)


def test_what_the_bank_books_of_charging_and_tolls_is_the_same_act(tmp_path: Path) -> None:
    """Two charges and two tolls; of each one was paid by the card, and one of each amount alone."""
    charged(tmp_path, (1, "08:00:00", "20", "24.00"), (2, "19:00:00", "10", "12.00"))
    tolled(tmp_path, (1, "09:00:00", "3800"), (2, "18:00:00", "475"))
    booked(tmp_path, (1, "特来电新能源股份有限公司", "24.00"), (2, "浙江省高速公路ETC通行费", "38.00"))
    found = told(tmp_path)
    assert [(one, scenario) for one, scenario, outcome in found if outcome in COUNTED] == [
        ("teld", "ev_charging"), ("teld", "ev_charging"), ("zhejiang_etc", "etc_payment"), ("zhejiang_etc", "etc_payment"),
    ]  # fmt: skip
    assert [one for one in found if one[2] not in COUNTED] == [
        ("hangzhou_bank", "etc_payment", "absorbed"),
        ("hangzhou_bank", "ev_charging", "absorbed"),
    ]


def test_a_toll_that_only_the_bank_saw_proves_nothing(tmp_path: Path) -> None:
    booked(tmp_path, (1, "浙江省高速公路ETC通行费", "38.00"))
    assert told(tmp_path) == [("hangzhou_bank", "etc_payment", "evidence")]


@pytest.mark.parametrize(("back", "outcome"), [("89.00", "refunded"), ("20.00", None)])
def test_a_used_thing_that_goes_back_is_no_act(tmp_path: Path, back: str, outcome: str | None) -> None:
    """A part that is given back leaves the thing with its buyer."""
    rows_ = [
        f"ZZ001\t\t{BUYER}\t0000000002\t鞋包\t95新\tPAY\t{D1} 10:00:00\t89.00\t2.56\t0.4",
        f"TK001\tZZ001\t{BUYER}\t0000000002\t鞋包\t95新\tREFUND\t{D1} 12:00:00\t{back}\t\t",
    ]
    send(
        tmp_path,
        "zhuanzhuan",
        table("zhuanzhuan", "deals", *rows_, total=f"{89 + float(back):.2f}"),
        table("zhuanzhuan", "registrations", f"{BUYER}\t{PHONE[0]}\tpersonal\t{REGISTERED}"),
        table("zhuanzhuan", "consents", f"{BUYER}\tliving\tagree\t{CONSENTED}"),
    )
    [bought] = [one for one in told(tmp_path) if one[2] != "evidence"]
    assert bought[2] == outcome if outcome else bought[2] in COUNTED
