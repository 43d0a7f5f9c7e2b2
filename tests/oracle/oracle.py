"""What everybody's account must say, computed from the exports by brute force.

Who is who is taken from the truth; consents, pairing, matching, refunds, factors and caps are worked out
here, person by person, from the policy's text: what is paid in `oracle_payments.py`, everything else below.
Nothing of `jobs`, `schemas` or the simulator is imported.
"""

from __future__ import annotations

import csv
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq

from tests.oracle.oracle_payments import BANK, Told, add_bank, add_bills, add_cards, join_wallet
from tests.oracle.oracle_terms import DAY, WASTE, WINDOW, Act, Acts, Consents, Credit, Paid, Who, date_of, seconds
from tests.support.reader import records

__all__ = [
    "BANK",
    "GRAMS",
    "KILOGRAMS",
    "POINT_MG",
    "WALKING_CAP_MG",
    "WALLET",
    "WASTE",
    "Account",
    "Credit",
    "accounts",
    "credited",
    "energy",
    "great_circle",
    "network",
]

NETWORK = Path(__file__).parents[2] / "simulator/network.csv"
WALLET = {"ditiechuxing": "metro", "xingzou": "walking", "shenghuojiaofei": "utility_payment",
          "dianzizhangdan": "e_statement", "lvsezhengwu": "online_government",
          "gongxiangdanche": "shared_bike"}  # fmt: skip
KILOGRAMS = {"kg": Decimal(1), "斤": Decimal("0.5"), "g": Decimal("0.001")}
GRAMS = {
    "metro": Decimal("46.7"),
    "walking": Decimal("0.02"),
    "utility_payment": Decimal("89"),
    "e_statement": Decimal("24"),
    "e_card": Decimal("89"),
    "shared_bike": Decimal("39.6"),
    "e_bike": Decimal(43),
    "recycling_textile": Decimal(1280),
}
"""Per kilometre, step, payment, statement, card and kilogram. Online government services and electrical waste have no
factor, other waste but textiles foreign ones, which nobody credits unasked; of buses there is only evidence."""
EARTH_M = 6_371_008.8
MOST_KMH, MOST_M = 40, 50_000
"""Trips beyond are impossible."""
WALKING_CAP_MG = 296_000
POINT_MG = 1_000

Account = dict[tuple[Who, str, date], tuple[int, int]]
"""(person number, scenario, act date) → (milligrams, points)."""


def accounts(credits: Counter[Credit]) -> Account:
    """Credits times factor, rounded once per act, the day's walking capped; points of those in the programme's province."""
    found: defaultdict[tuple[Who, str, date], list[tuple[int, bool]]] = defaultdict(list)
    for (who, scenario, day, quantity, is_placed), times in credits.items():
        found[who, scenario, day] += [(int(quantity * GRAMS[scenario] * 1_000), is_placed)] * times
    return {key: _capped(key[1], amounts) for key, amounts in found.items()}


def _capped(scenario: str, amounts: list[tuple[int, bool]]) -> tuple[int, int]:
    """What the cap takes, it takes of no points: steps are counted nowhere in particular."""
    total = sum(amount for amount, _ in amounts)
    points = sum(amount // POINT_MG for amount, is_placed in amounts if is_placed)
    return min(total, WALKING_CAP_MG) if scenario == "walking" else total, points


def energy(credits: Counter[Credit]) -> Counter[tuple[Who, str, date]]:
    """Ant Forest's points: 262 a bill, 80 a ride, 2 for a hundred steps, each act rounded down; of steps 296 a day at most."""
    found: Counter[tuple[Who, str, date]] = Counter()
    for (who, scenario, day, quantity, _), times in credits.items():
        points = {"utility_payment": 262, "metro": 80, "walking": int(quantity * 2) // 100}.get(scenario, 0)
        found[who, scenario, day] += points * times
    return Counter(
        {key: min(points, 296) if key[1] == "walking" else points for key, points in found.items() if points}
    )


def credited(home: Path) -> Counter[Credit]:
    """Every act that must be credited."""
    return told(home)[0]


def told(home: Path) -> tuple[Counter[Credit], list[Paid]]:
    """Every act that must be credited, and every payment once."""
    customers = pq.read_table(home / "truth/customers.parquet").to_pylist()
    person = {row["customer_id"]: row["person_no"] for row in customers}
    consents = Consents(home)
    acts: Acts = defaultdict(list)
    result: Counter[Credit] = Counter()
    shortest = _add_rides(home, person, consents, acts)
    alone: list[Paid] = []
    paid = _add_wallet(home, person, consents, acts, result)
    join_wallet(paid, False, acts, shortest, alone)
    add_bills(home, person, acts, alone)
    join_wallet(paid, True, acts, shortest, alone)
    add_bank(home, person, consents, acts, result)
    add_cards(home, person, consents, acts, alone)
    _add_trips(home, person, consents, result)
    _add_waste(home, person, consents, result)
    for (who, scenario), found in acts.items():
        for act in found:
            # The distance of a ride somewhere in the country is not known.
            if not act.is_refunded and (act.is_placed or scenario != "metro"):
                result[who, scenario, date_of(act.day), act.quantity, act.is_placed] += 1
    return result, [*alone, *(act.payment(*key) for key, found in acts.items() for act in found)]


def network() -> dict[frozenset[str], int]:
    """Metres of the shortest trip between every two stations."""
    with NETWORK.open(encoding="utf-8") as file:
        return {frozenset((one, other)): int(metres) for one, other, metres in list(csv.reader(file))[1:]}


def _add_rides(
    home: Path,
    person: dict[str, Who],
    consents: Consents,
    acts: Acts,
) -> Decimal:
    """Entry and next exit within four hours; the kilometres of the network's shortest trip."""
    metres = network()
    taps: defaultdict[str, list[tuple[int, str, str, int]]] = defaultdict(list)
    for row in records(home, "hangzhou_metro", "taps"):
        taps[row["userID"]].append((seconds(row["time"]), row["stationID"], row["status"], int(row["fare"])))
    for user, passages in taps.items():
        for entry, leave in pairwise(_without_double(sorted(passages))):
            is_ride = (entry[2], leave[2]) == ("1", "0") and leave[0] - entry[0] <= 4 * 3_600
            if is_ride and consents.at(user, "metro", entry[0]):
                kilometres = Decimal(metres[frozenset((entry[1], leave[1]))]) / 1_000
                span = (entry[0] - WINDOW, leave[0] + WINDOW)
                acts[person[user], "metro"].append(
                    Act(entry[0] // DAY, leave[3], kilometres, {"taps"}, span, is_placed=True)
                )
    return Decimal(min(metres.values())) / 1_000


def _without_double(passages: Iterable[tuple[int, str, str, int]]) -> Iterator[tuple[int, str, str, int]]:
    last: tuple[int, str, str, int] | None = None
    for passage in passages:
        is_double = last is not None and last[1:3] == passage[1:3] and passage[0] - last[0] <= 60
        if not is_double:
            yield passage
            last = passage


def _add_wallet(
    home: Path,
    person: dict[str, Who],
    consents: Consents,
    acts: Acts,
    result: Counter[Credit],
) -> dict[bool, list[Told]]:
    """Steps: what was counted within consent. Payments are returned, by whether they state the day alone."""
    readings: defaultdict[tuple[str, int], list[tuple[int, Decimal]]] = defaultdict(list)
    paid: dict[bool, list[Told]] = {False: [], True: []}
    for row in records(home, "alipay", "acts"):
        customer, at = row["account_did"], row["occurrent_time"]
        scenario, is_day = WALLET[row["scenario_code"].rsplit("_", 1)[1]], len(at) == 10
        when, amount = seconds(at), Decimal(row["active_data_list"][0]["item_amount"])
        if not (consents.all_day(customer, scenario, when // DAY) if is_day else consents.at(customer, scenario, when)):
            continue
        who = person[customer]
        if scenario == "walking":
            readings[customer, when // DAY].append((when, amount))
        elif scenario in ("metro", "utility_payment"):  # of the others a wallet's claim is never credited
            paid[is_day].append(Told(when, who, scenario, int(amount * 100)))
    steps: defaultdict[tuple[Who, int], list[Decimal]] = defaultdict(list)
    for (customer, day), counts in readings.items():
        steps[person[customer], day].append(_counted(consents, customer, day, counts))
    for (who, day), accounts_ in steps.items():  # a phone shows every account the same count
        if max(accounts_):
            result[who, "walking", date_of(day), max(accounts_), False] += 1
    return paid


def _counted(consents: Consents, customer: str, day: int, readings: list[tuple[int, Decimal]]) -> Decimal:
    """What of a day's running total was counted within consent: of each span of it the last reading less what came before.

    Before the day's first reading that is nothing where consent holds since midnight, else unknown and so all of it.
    """
    sum_, last = Decimal(0), Decimal(0) if consents.at(customer, "walking", day * DAY) else None
    ends = consents.changes(customer, "walking", day)
    for at, count in sorted(readings):
        if any(end <= at for end in ends):  # consent was asked for anew since the reading before
            last, ends = None, [end for end in ends if end > at]
        if last is not None:
            sum_ += count - last
        last = count
    return sum_


def _add_trips(home: Path, person: dict[str, Who], consents: Consents, result: Counter[Credit]) -> None:
    """Bikes with and without motor, by the great circle between the ends; those that are impossible tell of nothing."""
    for row in records(home, "hellobike", "trips"):
        start, end = seconds(row["started_at"]), seconds(row["ended_at"])
        metres = great_circle(*(float(row[f"{end_}_{axis}"]) for end_ in ("start", "end") for axis in ("lat", "lng")))
        is_impossible = end < start or metres > MOST_M or metres > MOST_KMH / 3.6 * (end - start)
        if is_impossible or metres < 1:
            continue
        scenario = {"bike": "shared_bike", "ebike": "e_bike"}[row["rideable_type"]]
        if consents.at(row["member_id"], scenario, start):
            kilometres = Decimal(int(metres)) / 1_000
            earns = scenario == "shared_bike"  # the province's programme names no e-bikes
            result[person[row["member_id"]], scenario, date_of(start // DAY), kilometres, earns] += 1


def great_circle(lat: float, lng: float, end_lat: float, end_lng: float) -> float:
    """Metres, by the angle between the ends as vectors: another formula than the haversine."""
    lat, lng, end_lat, end_lng = map(math.radians, (lat, lng, end_lat, end_lng))
    east = math.cos(end_lat) * math.sin(end_lng - lng)
    north = math.cos(lat) * math.sin(end_lat) - math.sin(lat) * math.cos(end_lat) * math.cos(end_lng - lng)
    along = math.sin(lat) * math.sin(end_lat) + math.cos(lat) * math.cos(end_lat) * math.cos(end_lng - lng)
    return EARTH_M * math.atan2(math.hypot(east, north), along)


def _add_waste(home: Path, person: dict[str, Who], consents: Consents, result: Counter[Credit]) -> None:
    """Settled classes of waste by their settled weight, on the day they were settled."""
    for row in records(home, "huge_recycling", "orders"):
        scenario = WASTE.get(row["category"])
        if row["status"] != "已完成" or scenario not in GRAMS:
            continue
        when = seconds(row["settleTime"])
        if consents.at(row["userId"], scenario, when):
            kilograms = Decimal(row["settledWeight"]) * KILOGRAMS[row["unit"]]
            result[person[row["userId"]], scenario, date_of(when // DAY), kilograms, True] += 1
