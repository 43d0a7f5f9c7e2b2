"""Running totals of a day: counted within consent, and once for each person."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.support.exports import (
    CITIZEN,
    CONSENTED,
    PHONE,
    REGISTERED,
    Part,
    alipay_acts,
    alipay_consents,
    alipay_registrations,
)
from tests.support.one_person import D1, D2, STEP, World, again, stands, wallet_customers
from tests.support.worlds import rows

# -- cumulative readings ------------------------------------------------------------------------------


def steps(*readings: tuple[int, str, str]) -> Part:
    """(customer, time, steps)."""
    return alipay_acts(*((number, who, at, "xingzou", count) for number, (who, at, count) in enumerate(readings, 1)))


Readings = tuple[tuple[int, str, str], ...]


@pytest.mark.parametrize(
    ("consents", "readings", "counted"),
    [
        pytest.param(
            [("AUTHORIZED", f"{D1} 19:59:00")],
            [(1, f"{D1} 12:00:00", "8900"), (1, f"{D1} 20:10:00", "9000"), (1, f"{D1} 22:00:00", "9400")],
            400,
            id="consent in the evening",
        ),
        pytest.param(
            [("AUTHORIZED", f"{D1} 19:59:00")],
            [(1, f"{D1} 12:00:00", "8900"), (1, f"{D1} 20:10:00", "9000")],
            0,
            id="one reading since consent",
        ),
        pytest.param(
            [("AUTHORIZED", CONSENTED), ("CANCELLED", f"{D1} 21:00:00")],
            [(1, f"{D1} 20:00:00", "9000")],
            9_000,
            id="withdrawn later",
        ),
        pytest.param(
            [("AUTHORIZED", CONSENTED), ("CANCELLED", f"{D1} 21:00:00")],
            [(1, f"{D1} 20:00:00", "9000"), (1, f"{D1} 23:00:00", "9500")],
            9_000,
            id="a reading after the withdrawal",
        ),
        pytest.param(
            [("AUTHORIZED", CONSENTED), ("CANCELLED", f"{D1} 10:00:00"), ("AUTHORIZED", f"{D1} 15:00:00")],
            [
                (1, f"{D1} 09:00:00", "2000"),
                (1, f"{D1} 12:00:00", "5000"),
                (1, f"{D1} 16:00:00", "6000"),
                (1, f"{D1} 22:00:00", "8000"),
            ],
            4_000,
            id="two intervals",
        ),
        pytest.param(
            [("AUTHORIZED", f"{D1} 12:00:00")],
            [(1, f"{D1} 12:00:00", "8900"), (1, f"{D1} 20:10:00", "9000")],
            100,
            id="consent in the second of a reading",
        ),
        pytest.param(
            [("AUTHORIZED", f"{D1} 00:00:00")],
            [(1, f"{D1} 20:10:00", "9000")],
            9_000,
            id="consent in the first second of the day",
        ),
    ],
)
def test_steps_are_counted_within_consent(
    tmp_path: Path, consents: list[tuple[str, str]], readings: Readings, counted: int
) -> None:
    world = World(tmp_path)
    known = alipay_registrations((1, CITIZEN[0], PHONE[0], [], REGISTERED))
    given = alipay_consents(*((1, "ALL", status, at) for status, at in consents))
    world.send("alipay", D1, known, given, steps(*readings))
    assert stands(world.run(D1)) == Counter({"walking": counted * STEP} if counted else {})


def test_a_late_reading_takes_no_credit_away(tmp_path: Path) -> None:
    world = World(tmp_path)
    known = alipay_registrations((1, CITIZEN[0], PHONE[0], [], REGISTERED))
    given = alipay_consents((1, "ALL", "AUTHORIZED", CONSENTED), (1, "ALL", "CANCELLED", f"{D1} 21:00:00"))
    world.send("alipay", D1, known, given, steps((1, f"{D1} 20:00:00", "9000")))
    assert stands(world.run(D1)) == {"walking": 9_000 * STEP}
    late = alipay_acts((7, 1, f"{D1} 23:00:00", "xingzou", "9500"))
    world.send("alipay", D2, late)
    assert stands(world.run(D2)) == {"walking": 9_000 * STEP}
    again(world, D2)


def test_two_accounts_of_one_phone_count_its_steps_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.send(
        "alipay", D1, *wallet_customers(1, 2), steps((1, f"{D1} 21:00:00", "6000"), (2, f"{D1} 22:00:00", "6500"))
    )
    assert stands(world.run(D1)) == {"walking": 6_500 * STEP}


def test_each_persons_steps_of_each_day_are_their_own(tmp_path: Path) -> None:
    """Several people and days beside each other: nothing of one is another's."""
    world = World(tmp_path)
    people = range(1, 7)
    known = alipay_registrations(*((who, "", f"1380000000{who}", [], REGISTERED) for who in people))
    given = alipay_consents(*((who, "ALL", "AUTHORIZED", CONSENTED) for who in people))
    of_day = {
        day: [(who, f"{day} 21:0{who}:00", str(1000 * who + 100 * day.day)) for who in people] for day in (D1, D2)
    }
    more = [(who, f"{D2} 08:0{who}:00", "50") for who in people]
    world.send("alipay", D1, known, given, steps(*of_day[D1]))
    late = alipay_acts(
        *((20 + n, who, at, "xingzou", count) for n, (who, at, count) in enumerate([*of_day[D2], *more]))
    )
    world.send("alipay", D2, late)
    lake = world.run(D1, D2)
    persons = {row["customer_key"]: row["person_id"] for row in rows(lake, "silver.membership")}
    assert len(set(persons.values())) == len(people)
    counted = Counter(
        (row["person_id"], row["act_date"]) for row in rows(lake, "gold.ledger") if row["measure"] == "reduction_mg"
    )
    assert set(counted.values()) == {1}
    found = sorted(row["amount"] for row in rows(lake, "gold.ledger") if row["measure"] == "reduction_mg")
    assert found == sorted(int(count) * STEP for day in (D1, D2) for _, _, count in of_day[day])
