"""One person's day as nineteen institutions report it: what each act is credited, from the files to the ledger.

Every figure is worked out by hand: the quantity of the row by the figure of 2026-11-28.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from jobs.lake import Lake
from schemas.sources.layouts import Delimited
from tests.support.exports import CITIZEN, CONSENTED, PHONE, REGISTERED, Part, deliver, table
from tests.support.landing import SOURCES
from tests.support.worlds import embedded_lake, land_world, rows, run_days

DAY = date(2026, 11, 28)
"""The day of the figures' release: some hold from a few days before it."""
D = str(DAY)
AT = f"{D} 10:00:00"
STAMP = f"{DAY:%Y%m%d}100000"
OF = {
    "teld": "TL00000001", "zhejiang_etc": "3301000000000001", "hangzhou_gas": "1000000001", "caocao": "CC0000000001",
    "zhuanzhuan": "0000000001", "zto": "ZTO000000001", "hangzhou_transit": "3100000000000001",
    "dadi_recycling": "DD00000001", "ping_an": "P000000000001", "hangzhou_bank": "HZ0000000001", "geely": "GE000000001",
    "lianyun": "LY000000001", "hangzhou_canteen": "ST00000001", "zhejiang_health": "WJ0000000001",
    "zhejiang_response": "DR0000000001", "eleme": "ELE0000000001", "hotmaxx": "HM00000001", "huazhu": "HZH000000001",
    "dingtalk": "ding000000000001",
}  # fmt: skip
"""What each calls the one person."""

ME = "{me}"
"""Stands in rows for that name."""
ROWS: dict[str, dict[str, list[Any]]] = {
    "teld": {
        "orders": [
            {"OperatorID": "MA1", "UserID": ME, "AreaCode": "330106", "CarType": "BEV",
             "Order": {"StartChargeSeq": "S1", "ConnectorID": "1", "StartTime": AT, "EndTime": AT, "TotalPower": 20,
                       "TotalMoney": 24, "StopReason": 1}}
        ],
    },
    "zhejiang_etc": {"passages": [f"G1,P1,{ME},C1,O1,0,,杭州北,{AT},嘉兴,1,1,1,01,4000,3800"]},
    "hangzhou_gas": {"meters": [f"R1,{ME},T1,{D},1520,1538.5,18.5,24,居民,远传"]},
    "caocao": {
        "rides": [
            {"CompanyId": "CC", "OrderId": "O1", "OnArea": "330106", "PassengerId": ME, "VehicleNo": "", "FuelType": "C",
             "DepTime": STAMP, "DestTime": STAMP, "DriveMile": "12.6", "WaitMile": "1", "FactPrice": "31.5", "IsPool": "0",
             "CancelState": "0", "PayState": "1"}
        ],
        "rentals": [
            {"CompanyId": "CC", "RentalId": "Z1", "OnArea": "330106", "PassengerId": ME, "VehicleNo": "", "FuelType": "C",
             "DepTime": STAMP, "ReturnTime": STAMP, "DepMile": "20100", "ReturnMile": "20342", "DriveMile": "242",
             "FactPrice": "598", "PayState": "1"}
        ],
    },
    "zhuanzhuan": {
        "deals": [
            f"ZZ1\t\t{ME}\t0000000002\t鞋包\t95新\tPAY\t{AT}\t89\t2.56\t0.4",
            f"ZZ2\t\t{ME}\t0000000002\t女装\t95新\tPAY\t{AT}\t35\t\t0.35",
        ],
        "phones": [f"HS1\t9f\t{ME}\tiPhone 13\tB\tRESOLD\tC2B\t{AT}\t1680\t0.62"],
    },
    "zto": {
        "parcels": [f"7300001,O1,{ME},电子面单,已揽收,{AT},西湖,12"],
        "cartons": [f"X1,7300001,{ME},旧箱,{AT},西湖"],
    },
    "hangzhou_transit": {"rides": [f"GJ1;{ME};IC;06;01;0007;1;1;{STAMP};200;182"]},
    "dadi_recycling": {
        "receipts": [
            f"HS1|1|{ME}|冰箱|1|48|公斤|完整|拆解|已拆解|{AT}|C1",
            f"HS1|2|{ME}|废钢铁||0.35|吨|不适用|破碎|已拆解|{AT}|",
        ],
    },
    "ping_an": {
        "documents": [
            {"docNo": f"PA{kind}", "clientNo": ME, "docType": kind, "medium": "ELECTRONIC", "status": "ISSUED",
             "issuedAt": AT.replace(" ", "T"), "sheets": sheets}
            for kind, sheets in (("POLICY", "6"), ("INVOICE", "1"))
        ],
    },
    "hangzhou_bank": {
        "services": [
            f"L1|{ME}|个人贷款|手机银行|已放款|{AT}||9",
            f"L2|{ME}|贷款还款|手机银行|成功|{AT}|2150.33|1",
            f"L3|{ME}|基金申购|网上银行|成功|{AT}||3",
        ],
    },
    "geely": {
        "drives": [
            {"vin": kind, "ownerId": ME, "date": D, "powertrain": kind, "use": "PRIVATE", "odometer": "1", "mileage": way}
            for kind, way in (("BEV", "38.4"), ("HEV", "52"))
        ],
        "stands": [
            {"vin": "V3", "ownerId": ME, "from": "2026-11-27 09:00:00", "until": AT, "powertrain": "ICE",
             "displacement": "1.5", "odometerFrom": "1", "odometerUntil": "1", "wholeDays": "1"}
        ],
    },
    "lianyun": {
        "drops": [
            {"dropId": kind, "householdId": ME, "stationId": "1", "category": kind, "weight": weight, "unit": "kg",
             "sorted": "1", "time": AT}
            for kind, weight in (("厨余垃圾", "1.35"), ("塑料餐盒", "0.4"))
        ],
    },
    "hangzhou_canteen": {
        "orders": [f"SO1,{ME},西溪,OWN_CUP,PAID,{AT},9.5", f"SO2,{ME},西溪,SMALL,PAID,{AT},12"],
        "trays": [f"TR1,{ME},西溪,{AT},4,CLEAN"],
    },
    "zhejiang_health": {
        "receipts": [f"1|33060126|{ME}|O1|{STAMP}|128.5|1|0|1"],
        "visits": [f"V1|{ME}|O1|RETURN_VISIT|1|{STAMP}|18.6"],
    },
    "eleme": {
        "groups": [
            {"order_id": "E1", "group_id": "P1", "user_id": ME, "group_size": "3", "status": "DELIVERED", "delivered_at": AT}
        ],
    },
    "hotmaxx": {
        "receipts": [f"XP1,,{ME},{AT},销售,食品,25.80,1.5,0.3"],
        "bags": [f"XP1,{ME},{AT},自带"],
    },
    "huazhu": {
        "stays": [
            {"order_no": "HO1", "member_id": ME, "hotel_district": "330106", "nights": "2", "disposables": "NONE",
             "status": "CHECKED_OUT", "checked_out": AT}
        ],
    },
    "dingtalk": {
        "papers": [
            {"instanceId": "p1", "unionId": ME, "form": "CONTRACT", "result": "AGREED", "printed": "0", "sheets": "8",
             "finishTime": AT}
        ],
    },
    "zhejiang_response": {"responses": [f"XY1|Y1|{ME}|{D} 10:00|3.2|1.15|削减|有效"]},
}  # fmt: skip
TOTALS = {
    ("teld", "orders"): "20", ("zhejiang_etc", "passages"): "3800", ("hangzhou_gas", "meters"): "18.5",
    ("caocao", "rides"): "12.6", ("caocao", "rentals"): "242", ("zhuanzhuan", "deals"): "124",
    ("hangzhou_transit", "rides"): "182", ("dadi_recycling", "receipts"): "48.35", ("geely", "drives"): "90.4",
    ("hotmaxx", "receipts"): "25.80",
}  # fmt: skip
"""What the control file states, of feeds that have a sum."""
KNOWN = {
    "teld": (["", PHONE[0], "P", REGISTERED], ["ALL", "1"]),
    "zhejiang_etc": ([CITIZEN[0], PHONE[0], "", "1", REGISTERED], ["ALL", "1"]),
    "hangzhou_gas": (["", PHONE[0], "居民", REGISTERED], ["全部", "授权"]),
    "caocao": ([PHONE[0], "1", REGISTERED], ["all", "1"]),
    "zhuanzhuan": ([PHONE[0], "personal", REGISTERED], ["all", "agree"]),
    "zto": (["", PHONE[0], "散客", REGISTERED], ["全部", "同意"]),
    "hangzhou_transit": (["", PHONE[0], "P", REGISTERED], ["all", "1"]),
    "dadi_recycling": ([PHONE[0], "个人", REGISTERED], ["全部", "授权"]),
    "ping_an": (["", PHONE[0], "PERSON", REGISTERED], ["ALL", "AGREED"]),
    "hangzhou_bank": (["", PHONE[0], "", "个人", REGISTERED], ["全部", "授权"]),
    "geely": (["", PHONE[0], "PRIVATE", REGISTERED], ["ALL", "ON"]),
    "lianyun": ([PHONE[0], "家庭", REGISTERED], ["all", "1"]),
    "hangzhou_canteen": (["", PHONE[0], "P", REGISTERED], ["all", "grant"]),
    "zhejiang_health": (["", PHONE[0], "1", REGISTERED], ["ALL", "1"]),
    "eleme": ([PHONE[0], "PERSON", REGISTERED], ["ALL", "GRANTED"]),
    "hotmaxx": ([PHONE[0], "个人", REGISTERED], ["全部", "同意"]),
    "huazhu": (["", PHONE[0], "PERSONAL", REGISTERED], ["ALL", "AGREED"]),
    "dingtalk": ([PHONE[0], "user", REGISTERED], ["all", "agree"]),
    "zhejiang_response": (["", PHONE[0], "居民", REGISTERED], ["全部", "授权"]),
}
"""The person's registration after the name, and the consent to everything."""

MILLIGRAMS = {
    "ev_charging": 5_855_757,  # 20 kWh of 292.787891 g
    "etc_payment": 68_100,
    "gas_saving": 11_077_000,  # 24 - 18.5 m3 of 2,014 g
    "new_energy_ride": 583_140,  # 12.6 km of 46.280982 g
    "new_energy_rental": 11_199_997,  # 242 km
    "second_hand": 2_560_000,
    "used_garment": 2_240_000,  # 0.35 of 6.4 kg
    "used_phone": 15_500_000,  # 0.62 of 25 kg
    "online_parcel": 1_640,
    "carton_reuse": 37_000,
    "bus": 80_000,
    "recycling_fridge": 30_000_000,
    "recycling_steel": 455_000_000,  # 350 kg of 1.3 kg
    "e_policy": 37_020,  # 6 sheets of 6.17 g
    "e_invoice": 6_170,
    "online_loan": 55_530,
    "online_repayment": 6_170,
    "online_investment": 18_510,
    "new_energy_car": 268_800,  # 38.4 km of 7 g
    "low_fuel_car": 3_276_000,  # 52 km of 63 g
    "parked_car": 3_260_000,
    "waste_sorting": 135_000,  # 1.35 kg of 100 g
    "recycling_pp_box": 596_000,  # 0.4 kg of 1.49 kg
    "own_cup": 40_000,
    "small_portion": 365_070,
    "clean_plate": 144_000,
    "hospital_receipt": 6_170,
    "avoided_trip": 1_236_900,  # 18.6 km of 66.5 g
    "group_takeaway": 9_999,  # 0.666666 of 15 g
    "near_expiry_food": 282_000,  # 0.3 kg of 940 g
    "own_bag": 5_000,
    "green_hotel": 203_200,
    "green_office": 49_360,  # 8 sheets of 6.17 g
    "demand_response": 1_019_670,  # 2.05 kWh of 497.4 g
}


def line(institution: str, feed: str, told: Any) -> str:
    """A row as its layout has it, with the person's name; values alone are those of the contract's fields."""
    layout = SOURCES[institution].feeds[feed].formats[0]
    if isinstance(told, list) and not isinstance(layout, Delimited):
        told = dict(zip(SOURCES[institution].feeds[feed].fields, told, strict=True))
    if isinstance(told, list):
        told = layout.delimiter.join(told)
    text = told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)
    return text.replace(ME, OF[institution])


def day_of(institution: str) -> list[Part]:
    """All that the institution sends."""
    known, (scope, given) = KNOWN[institution]
    sent = ROWS[institution] | {"registrations": [[ME, *known]], "consents": [[ME, scope, given, CONSENTED]]}
    return [
        table(
            institution,
            feed,
            *(line(institution, feed, one) for one in told),
            total=TOTALS.get((institution, feed), "0"),
        )
        for feed, told in sent.items()
    ]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    home = tmp_path_factory.mktemp("day")
    for institution in ROWS:
        deliver(home, institution, *day_of(institution), stamp=f"{DAY:%Y%m%d}T200000Z", business_date=D)
    land_world(home)
    lake = embedded_lake(home)
    run_days(lake, home, [DAY])
    return lake


def test_each_act_is_credited_by_its_figure(lake: Lake) -> None:
    found = {
        row["scenario"]: row["amount"]
        for row in rows(lake, "gold.ledger")
        if row["measure"] == "reduction_mg" and row["position_kind"] == "activity"
    }
    assert found == MILLIGRAMS


def test_all_of_it_is_one_persons(lake: Lake) -> None:
    assert len({row["person_id"] for row in rows(lake, "gold.ledger")}) == 1
    assert {row["outcome"] for row in rows(lake, "silver.activities")} == {"credited"}
