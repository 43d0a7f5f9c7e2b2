"""The simulated exports hold what makes exports hard to read, and keep away from every limit of the policy.

They are read by a small reader of the tests' own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import phonenumbers
from stdnum import luhn
from stdnum.cn import ric

from tests.oracle.oracle import great_circle
from tests.support.reader import bill_of, newest, payments, rows_of
from tests.support.simulated import CITIZEN_ID, PEOPLE, PHONE, World, cards_of, first_of

START = date(2026, 11, 1)


def rows_in_force(world: World, institution: str, feed: str) -> list[tuple[str, int, dict[str, Any]]]:
    """Business date, number and values of the rows of the highest revisions."""
    found = newest(world.out, institution)
    return [(day, line, row) for day in sorted(found) for line, row in rows_of(found[day].path(feed))]


def test_identifiers_are_valid(world: World) -> None:
    citizens, phones, cards = set(), [], set()
    for path in world.out.glob("exports/*/*/registrations_*"):
        for _, row in rows_of(path):
            citizens.add(first_of(row, CITIZEN_ID).upper())
            phones.append(first_of(row, PHONE))
            cards |= cards_of(row)
    citizens -= {""}
    assert len(citizens) > PEOPLE * 0.9 and any(c.endswith("X") for c in citizens)
    assert all(ric.is_valid(citizen) for citizen in citizens)
    assert all(luhn.is_valid(card) for card in cards) and len(cards) > PEOPLE * 0.5
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(phone, "CN")) for phone in phones)
    assert {len(phone) for phone in phones} == {11, 14, 17}


def test_some_reversals_come_before_or_without_their_purchase(world: World) -> None:
    arrived: dict[str, str] = {}
    reversals: list[tuple[str, str]] = []
    for path in sorted(world.out.glob("exports/citic_bank/*/card_transactions_*")):
        for _, row in rows_of(path):
            arrived.setdefault(row["流水号"], path.parent.name)
            if row["交易类型"] == "冲正":
                assert row["交易金额"].startswith("-")
                reversals.append((row["原流水号"], path.parent.name))
    assert any(original not in arrived for original, _ in reversals)
    assert any(arrived.get(original, "") > stamp for original, stamp in reversals)
    assert any(r["outcome"] == "pending" for r in world.truth("records"))


def test_bills_are_brought_and_bound(world: World) -> None:
    """A bill's period ends the day before it is brought, and nobody exports two at one moment."""
    exported: defaultdict[str, list[str]] = defaultdict(list)
    kinds: Counter[str] = Counter()
    for institution in ("alipay", "wechat_pay"):
        for day, delivery in newest(world.out, institution).items():
            for file in delivery.files("bills"):
                path = delivery.folder / file["name"]
                bill = bill_of(path)
                assert str(START) <= bill.first <= bill.last
                assert date.fromisoformat(bill.last) + timedelta(days=1) == date.fromisoformat(day)
                assert bill.exported_at[:10] == day
                times = [row.get("付款时间", row.get("交易时间")).strip() for _, row in bill.rows]
                assert all(bill.first <= at[:10] <= bill.last for at in times)
                exported[file["customer"]].append(bill.exported_at)
                kinds[path.suffix] += 1
                kinds["filtered"] += bill.is_filtered
                kinds["old"] += any("付款时间" in row for _, row in bill.rows)
                kinds["minutes"] += any(len(at) == 16 for at in times)
                kinds["bom"] += path.read_bytes().startswith(b"\xef\xbb\xbf")
                if bill.is_filtered:
                    assert {row["收/支"] for _, row in bill.rows} <= {"支出"}
    assert sum(map(len, exported.values())) == world.summary.bills
    assert all(len(set(times)) == len(times) for times in exported.values())
    assert any(len(times) > 1 for times in exported.values())
    assert min(kinds[name] for name in (".csv", ".zip", ".xlsx", "filtered", "old", "minutes", "bom")) > 0
    assert kinds[".xlsx"] > kinds[".csv"] / 10


def test_bills_take_payments_back(world: World) -> None:
    """In a row of its own, on the row itself, as a whole or in part."""
    states = Counter(p.state.split("(")[0] for w in ("alipay", "wechat_pay") for p in payments(world.out, w))
    assert {"退款成功", "交易关闭", "等待确认收货", "已全额退款", "已退款", "提现已到账", "已存入零钱"} <= set(states)
    outcomes = Counter(r["outcome"] for r in world.truth("records") if r["feed"] == "bills")
    assert {"credited", "absorbed", "evidence", "refunded"} <= set(outcomes)
    assert "no_consent" not in outcomes


def test_statements_come_in_several_versions(world: World) -> None:
    versions = set()
    for delivery in newest(world.out, "icbc").values():
        text = delivery.path("statements").read_text(encoding="utf-8")
        version = text.split("camt.053.001.", 1)[1][:2]
        versions.add(version)
        assert ("<Sts><Cd>" in text) == ("<Pty>" in text) == (version in ("08", "12"))
        assert ("<AmtDtls>" in text) == (version == "02")
        assert text.count("<Btch>") > 0
        assert len(set(text.split("<Othr><Id>")[1:])) > 10
    assert versions == {"02", "04", "08", "12"}
    rows = [row for _, _, row in rows_in_force(world, "icbc", "statements")]
    assert {row["Sts"] for row in rows} == {"BOOK", "PDNG"}
    assert len({row["Ccy"] for row in rows}) > 2
    assert {(row["CdtDbtInd"], row["RvslInd"]) for row in rows} == {(a, b) for a in ("DBIT", "CRDT") for b in (0, 1)}


def test_trips_keep_away_from_every_limit(world: World) -> None:
    fates = {
        (str(r["business_date"]), r["revision"], r["line"]): r["disposition"]
        for r in world.truth("records")
        if r["institution"] == "hellobike" and r["feed"] == "trips"
    }
    starts: defaultdict[str, set[tuple[datetime, datetime]]] = defaultdict(set)
    quarantined = round_trips = 0
    for day, delivery in newest(world.out, "hellobike").items():
        for line, row in rows_of(delivery.path("trips")):
            start, end = (datetime.fromisoformat(row[name]) for name in ("started_at", "ended_at"))
            metres = great_circle(*(float(row[f"{e}_{axis}"]) for e in ("start", "end") for axis in ("lat", "lng")))
            seconds = (end - start).total_seconds()
            is_impossible = seconds < 0 or metres > 50_000 or metres > 40 / 3.6 * seconds
            assert (fates[day, delivery.revision, line] == "quarantined") == is_impossible
            quarantined += is_impossible
            if is_impossible:
                continue
            assert 60 <= seconds <= 45 * 60
            round_trips += metres == 0
            assert metres == 0 or (300 <= metres <= 8_000 and 5.5 < metres / seconds * 3.6 < 20.5)
            assert metres == 0 or abs(metres - round(metres)) > 1e-6
            starts[row["member_id"]].add((start, end))
    assert quarantined > 0 and round_trips > 0
    for trips in starts.values():
        for (_, end), (start, _) in pairwise(sorted(trips)):
            assert start - end >= timedelta(minutes=45)


def test_points_are_given_up_for_every_benefit(world: World) -> None:
    """Most within what people may have, some far beyond it, some reported a day late; what failed does not count."""
    fates = {
        (str(r["business_date"]), r["revision"], r["line"]): r["disposition"]
        for r in world.truth("records")
        if (r["institution"], r["feed"]) == ("unionpay", "redemptions")
    }
    rows = rows_in_force(world, "unionpay", "redemptions")
    revision = {day: delivery.revision for day, delivery in newest(world.out, "unionpay").items()}
    for day, line, row in rows:
        assert (fates[day, revision[day], line] == "ignored") == (row["状态"] != "成功")
    assert {row["状态"] for *_, row in rows} == {"成功", "失败", "关闭"}
    assert len({row["权益编码"] for *_, row in rows}) == 5
    points = [int(row["积分"]) for *_, row in rows]
    assert min(points) == 10 and sum(one <= 80 for one in points) > 0.9 * len(points) and max(points) >= 1_000
    late = {(date.fromisoformat(day) - date.fromisoformat(row["兑换时间"][:10])).days for day, _, row in rows}
    assert late == {0, 1}
    consents = {row["状态"] for *_, row in rows_in_force(world, "unionpay", "consents")}
    assert consents == {"开通", "关闭"}


def test_nothing_unfinished_follows_what_is_finished(world: World) -> None:
    """An order or case that is done stays done."""
    for institution, feed, key, status, done in (
        ("huge_recycling", "orders", ("orderNo", "category"), "status", "已完成"),
        ("zheliban", "cases", ("PROJID",), "HANDLESTATE", "办结"),
    ):
        states: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
        for _, _, row in rows_in_force(world, institution, feed):
            states[tuple(row[name] for name in key)].append(row[status])
        for found in states.values():
            first = found.index(done) if done in found else len(found)
            assert set(found[first:]) <= {done}
        assert any(len(set(found)) > 1 for found in states.values())
