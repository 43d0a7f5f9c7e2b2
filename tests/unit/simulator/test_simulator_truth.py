"""The simulator's truth is true: it tells every row once, and follows the policy.

The exports are read by a small reader of the tests' own, and the acts that they tell of are credited again by
brute force (`tests/oracle/oracle.py`), so a truth that does not follow the policy fails.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal

from simulator.linking import Known, decidable_people
from tests.oracle.oracle import credited
from tests.support.reader import newest, payments, rows_of
from tests.support.simulated import CITIZEN_ID, CUSTOMER, PEOPLE, PHONE, SINCE, World, cards_of, first_of


def test_every_row_is_in_the_truth_once(world: World) -> None:
    told = Counter(
        (r["institution"], r["feed"], str(r["business_date"]), r["revision"], r["part"], r["line"])
        for r in world.truth("records")
    )
    sent = {
        (control["institution"], listed["feed"], control["business_date"], control["revision"], listed["part"], line)
        for folder, control in world.deliveries()
        for listed in control["files"]
        for line, _ in rows_of(folder / listed["name"])
    }
    assert set(told) == sent and set(told.values()) == {1}
    assert len(sent) == world.summary.rows
    assert {r["disposition"] for r in world.truth("records")} == {
        "record", "supporting", "repeat", "superseded", "ignored", "quarantined"
    }  # fmt: skip
    corrected = {(c["institution"], c["business_date"]) for _, c in world.deliveries() if c["revision"]}
    for r in world.truth("records"):
        is_former = (r["institution"], str(r["business_date"])) in corrected and r["revision"] == 0
        if r["feed"] != "bills" or is_former:
            assert (r["disposition"] == "superseded") == is_former


def test_enough_rides_are_reported_by_metro_wallet_and_bank(world: World) -> None:
    reporters: defaultdict[int, set[str]] = defaultdict(set)
    for record in world.truth("records"):
        if record["act_no"] is not None and record["disposition"] != "superseded":
            reporters[record["act_no"]].add(record["institution"])
    rides = [act["act_no"] for act in world.truth("acts") if act["scenario"] == "metro"]
    triple = sum(
        {"alipay", "hangzhou_metro"} <= reporters[ride] and not reporters[ride].isdisjoint({"citic_bank", "icbc"})
        for ride in rides
    )
    assert len(rides) == world.summary.rides > 1_000
    assert triple == world.summary.rides_reported_by_all
    assert triple / len(rides) >= 0.3


def test_few_acts_are_undecidable(world: World) -> None:
    outcomes = Counter(act["outcome"] for act in world.truth("acts"))
    assert 0 < outcomes["undecidable"] < 0.1 * sum(outcomes.values())
    assert set(outcomes) == {
        "credited", "no_consent", "no_factor", "refunded", "unpaired", "evidence", "withheld", "undecidable"
    }  # fmt: skip
    for act in world.truth("acts"):
        assert (act["credited_quantity"] is not None) == (act["outcome"] == "credited")


def test_the_truth_follows_the_policy(world: World) -> None:
    acts = world.truth("acts")
    open_ = {(act["person_no"], act["scenario"]) for act in acts if act["outcome"] == "undecidable"}
    told = Counter(
        (act["person_no"], act["scenario"], act["act_date"], Decimal(act["credited_quantity"]))
        for act in acts
        if act["outcome"] == "credited" and (act["person_no"], act["scenario"]) not in open_
    )
    again: Counter[tuple[object, ...]] = Counter()
    for (*key, _), times in credited(world.out).items():
        again[tuple(key)] += times if tuple(key[:2]) not in open_ else 0
    again = +again
    assert told.total() > 0.7 * len(acts)  # of a ride that only a wallet saw nobody knows where it was
    assert again - told == Counter()
    assert told - again == Counter()


def test_one_record_leads_every_credited_act(world: World) -> None:
    outcomes: defaultdict[int, list[str | None]] = defaultdict(list)
    for record in world.truth("records"):
        if record["disposition"] == "record" and record["act_no"] is not None:
            outcomes[record["act_no"]].append(record["outcome"])
    led = Counter[int]()
    for act in world.truth("acts"):
        found = outcomes[act["act_no"]]
        if act["outcome"] == "credited" and None not in found:
            led[found.count("credited")] += 1
        if act["outcome"] in ("no_consent", "refunded", "no_factor", "unpaired", "withheld"):
            assert {act["outcome"], None} & set(found) and "credited" not in found
        if act["outcome"] == "evidence":  # a card row alone, perhaps taken for that of a ride at the same fare
            assert set(found) <= {"evidence", "absorbed", "refunded", "no_consent", None}
    assert set(led) == {1} and led[1] > 1_000


def test_decidable_people_are_found_by_their_identifiers(world: World) -> None:
    """By the latest registrations nobody else has their citizen id or card, and evidence connects them."""
    kinds = {row["person_no"]: row["subject_kind"] for row in world.truth("people")}
    person = {row["customer_id"]: row["person_no"] for row in world.truth("customers")}
    latest: dict[str, tuple[str, set[str]]] = {}
    for path in sorted(world.out.glob("exports/*/*/registrations_*")):
        for _, row in rows_of(path):
            customer, at = first_of(row, CUSTOMER), first_of(row, SINCE)
            citizen, phone = first_of(row, CITIZEN_ID).upper(), first_of(row, PHONE).replace("-", "")[-11:]
            known = {citizen, phone, *cards_of(row)} - {""}
            latest[customer] = max(latest.get(customer, ("", known)), (at, known), key=lambda item: item[0])
    assert set(latest) == set(person)
    holders: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for customer, (_, known) in latest.items():
        for value in known:
            holders[kinds[person[customer]], value].add(customer)
    customers: defaultdict[int, set[str]] = defaultdict(set)
    for customer, who in person.items():
        customers[who].add(customer)
    undecidable = 0
    for row in world.truth("people"):
        mine = customers[row["person_no"]]
        undecidable += not row["is_decidable"]
        if not row["is_decidable"]:
            continue
        reached, todo = set(), [min(mine)]
        while todo:
            customer = todo.pop()
            reached.add(customer)
            for value in latest[customer][1]:
                others = holders[row["subject_kind"], value]
                assert others <= mine or len(value) == 11  # only a shared phone may lead to somebody else
                todo += (others & mine) - reached
        assert reached == mine
    assert 0 < undecidable < 0.1 * PEOPLE


def test_conflicting_links_prove_nothing() -> None:
    first = Known(0, 0, "A", "p", ())
    unnamed, named = Known(1, 0, "", "p", ("k",)), Known(1, 0, "B", "q", ("k",))
    assert decidable_people([first, unnamed, named]) == {0, 1}  # the phone would join the citizens A and B
    assert decidable_people([first, unnamed]) == set()  # nothing contradicts the shared phone
    assert decidable_people([first, Known(1, 1, "A", "p", ())]) == {0, 1}  # kinds never join
    assert decidable_people([Known(0, 0, "A", "p", ("k",)), Known(1, 0, "B", "q", ("k",))]) == {0, 1}
    assert decidable_people([first, Known(0, 0, "", "r", ())]) == set()  # nothing joins the two


def test_the_truth_tells_bills_in_force(world: World) -> None:
    """As many records as the reader finds payments in force; every other row repeats or is superseded."""
    fates = {
        (r["institution"], str(r["business_date"]), r["revision"], r["part"], r["line"]): r["disposition"]
        for r in world.truth("records")
        if r["feed"] == "bills"
    }
    seen = Counter[str]()
    for institution, number in (("alipay", "交易订单号"), ("wechat_pay", "交易单号")):
        told: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for day, delivery in newest(world.out, institution).items():
            for file in delivery.files("bills"):
                for line, row in rows_of(delivery.folder / file["name"]):
                    fate = fates[institution, day, delivery.revision, file["part"], line]
                    told[row.get(number, row.get("交易号")).strip()][fate] += 1
                    seen[fate] += 1
        found = {payment.number: payment for payment in payments(world.out, institution)}
        for key, counts in told.items():
            assert counts["record"] == (key in found and counts["ignored"] == 0)
            if key in found:
                payment = found[key]
                is_claim = "*" not in payment.party and payment.state != "交易关闭"  # friends are no merchants
                is_claim &= payment.flow == "支出" or payment.state == "退款成功"
                assert bool(counts["record"]) == is_claim
            else:
                assert set(counts) == {"superseded"}
        assert set(found) <= set(told)
    assert set(seen) == {"record", "repeat", "superseded", "ignored"}
