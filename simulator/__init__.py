"""The world simulator: made-up people, what they do, what their institutions send, and the truth about it.

It shares no definition with the readers of the exports: a writer and a parser that share a definition share
its mistakes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from simulator.acts import Done, Scene
from simulator.bills import make_bills
from simulator.brought import known_payments, write_bills
from simulator.cards import batch
from simulator.cases import use_government
from simulator.deliveries import Outbox, make_plan
from simulator.formats import Feed, all_feeds
from simulator.habits import read_statements, use_bank_services, walk
from simulator.hostile import Hostile
from simulator.network import Network
from simulator.orders import recycle
from simulator.payments import pay_utilities
from simulator.people import make_block
from simulator.redemptions import redeem
from simulator.rides import ride
from simulator.rows import (
    ALIPAY,
    CITIC,
    ICBC,
    INSTITUTIONS,
    METRO,
    OUTCOMES,
    RIDE,
    SERVICES,
    UNIONPAY,
    WECHAT,
    Calendar,
    Rows,
    Serials,
    stack,
)
from simulator.services import LIVED
from simulator.shopping import spend_by_wallet
from simulator.spending import shop_by_card, take_buses, use_second_bank
from simulator.statements import write_feed
from simulator.trips import cycle
from simulator.truth import Truth

__all__ = ["Summary", "simulate"]

Progress = Callable[[str, int, int], None]

PERSON_DAYS = 60_000
"""A block of people is made as a whole; it holds about this many person-days, at most 2,000 people."""


@dataclass(frozen=True)
class Summary:
    """Counts of a simulated world.

    Attributes:
        rows: data rows of all files, all revisions; deliveries sent again are not counted twice.
        files: data files, deliveries sent again counted.
        late, corrected, repeating, resent: (institution, day)s with that fate.
        bills: bills that people brought themselves, all revisions counted once.
        rides_reported_by_all: metro rides with rows of the metro, the first wallet and a bank.
        outcomes: acts by outcome.
    """

    people: int
    customers: int
    days: int
    deliveries: int
    files: int
    rows: int
    late: int
    corrected: int
    repeating: int
    resent: int
    bills: int
    acts: int
    rides: int
    rides_reported_by_all: int
    outcomes: dict[str, int]

    @property
    def undecidable(self) -> float:
        """Share of the acts of which nobody could say from the exports what becomes of them."""
        return self.outcomes.get("undecidable", 0) / self.acts if self.acts else 0.0


def simulate(
    out: Path,
    people: int,
    days: int,
    seed: int,
    start: date = date(2026, 11, 1),
    late: float = 0.02,
    corrected: float = 0.02,
    duplicated: float = 0.01,
    shared_phones: float = 0.03,
    bills: float = 0.03,
    services: float = 0.0,
    progress: Progress | None = None,
    **hostile: float,
) -> Summary:
    """Write a world: `<out>/exports/<institution>/<arrival>/…` and `<out>/truth/*.parquet`.

    The same arguments give the same bytes. People are made in blocks, so memory does not grow with their
    number. A run of the last business date with its cut-off at 06:00 the next morning has seen everything.

    Args:
        out: folder; `exports` and `truth` in it must not exist.
        people: number of people.
        days: number of business dates.
        seed: of all random numbers.
        start: the first business date.
        late: share of (institution, day)s delivered one to four days late.
        corrected: share of (institution, day)s that a second revision corrects.
        duplicated: share of days that repeat rows of the day before, and of deliveries sent again.
        shared_phones: share of people who share a phone with another person.
        bills: share of people who bring bills of their wallets.
        services: share of people who use what a world is without by default: cars' makers, chargers and tolls, ride
            operators, buses, gas, waste stations, used things, parcels, canteens, an insurer and the city's bank.
        progress: called with a stage ("people", "files"), the number done and the number to do.
        hostile: shares of `simulator.hostile.Hostile`.

    Raises:
        ValueError: people or days below one, or a share of services beyond 0 … 1.
        FileExistsError: `out` already holds exports or truth.
    """
    if people < 1 or days < 1:
        raise ValueError(f"a world needs people and days, got {people} people and {days} days")
    if not 0 <= services <= 1:
        raise ValueError(f"services is a share of people, between 0 and 1, got {services}")
    if (out / "exports").exists():
        raise FileExistsError(f"{out / 'exports'} exists: simulate into a fresh folder")
    say = progress or (lambda _stage, _done, _total: None)
    shares = Hostile(**hostile)
    calendar, network = Calendar(start, days), Network()
    feeds = all_feeds(calendar, network, services > 0)
    plan = make_plan(seed, calendar, late, corrected, duplicated, services > 0)
    spool = out / "spool"
    outbox = Outbox(out / "exports", spool, calendar, plan, feeds)
    tally = _Tally()
    size = max(100, min(2_000, PERSON_DAYS // days))
    with Truth(out / "truth", calendar) as truth:
        for number, first in enumerate(range(0, people, size)):
            block = make_block(
                seed, number, first, min(size, people - first), days, shared_phones, bills, services, shares
            )
            brought = make_bills(block, days, np.random.default_rng((seed, number, 2)))
            rng = np.random.default_rng((seed, number, 1))
            redeeming = np.random.default_rng((seed, number, 4))
            mishaps = np.random.default_rng((seed, number, 5))
            serving = np.random.default_rng((seed, number, 8))
            scene = Scene(block, days, network, brought, shares, rng, redeeming, mishaps, serving, Serials(number))
            _write_block(scene, outbox, truth, feeds, calendar, tally)
            say("people", first + len(block), people)
    files = 0
    for done, delivery in enumerate(plan.deliveries, start=1):
        files += outbox.send(delivery) * len(delivery.arrivals)
        say("files", done, len(plan.deliveries))
    spool.rmdir()
    return Summary(
        people=people,
        customers=tally.customers,
        days=days,
        deliveries=sum(len(delivery.arrivals) for delivery in plan.deliveries),
        files=files,
        rows=outbox.rows,
        late=len(plan.late),
        corrected=len(plan.corrected),
        repeating=len(plan.repeating),
        resent=plan.resent,
        bills=tally.bills,
        acts=tally.acts,
        rides=tally.rides,
        rides_reported_by_all=tally.rides_reported_by_all,
        outcomes={name: int(count) for name, count in zip(OUTCOMES, tally.outcomes, strict=True) if count},
    )


class _Tally:
    """Running counts over the blocks."""

    def __init__(self) -> None:
        self.customers = self.bills = self.acts = self.rides = self.rides_reported_by_all = 0
        self.outcomes = np.zeros(len(OUTCOMES), dtype=np.int64)


def _write_block(
    scene: Scene, outbox: Outbox, truth: Truth, feeds: tuple[Feed, ...], calendar: Calendar, tally: _Tally
) -> None:
    """Everything that a block of people does and is said to have done."""
    block = scene.block
    acts, reports = _live(scene, any(feed.institution in SERVICES for feed in feeds))
    reporters = np.zeros((len(INSTITUTIONS), len(acts["person"])), dtype=bool)
    for (institution, _), rows in reports.items():
        reporters[institution, rows["act"][rows["act"] >= 0]] = True
    is_reported = np.asarray(reporters.any(axis=0))
    # rows of no act say -1, which finds the last place
    act_numbers = np.append(tally.acts + np.cumsum(is_reported) - 1, -1)
    acts, reporters = acts.take(is_reported), reporters[:, is_reported]

    truth.add_people(block)
    truth.add_acts(block, tally.acts, acts)
    for feed in feeds:
        write_feed(outbox, truth, feed, scene, reports[feed.institution, feed.name], act_numbers)
    paid = {wallet: reports[wallet, "bills"] for wallet in (ALIPAY, WECHAT)}
    write_bills(outbox, truth, block, scene.bills, paid, act_numbers, calendar)
    truth.flush()

    is_ride = acts["scenario"] == RIDE
    by_all = reporters[METRO] & reporters[ALIPAY] & (reporters[CITIC] | reporters[ICBC])
    tally.customers += int(block.holds.sum())
    tally.bills += len(scene.bills)
    tally.acts += len(acts["person"])
    tally.rides += int(is_ride.sum())
    tally.rides_reported_by_all += int((is_ride & by_all).sum())
    tally.outcomes += np.bincount(acts["outcome"], minlength=len(OUTCOMES))


def _live(scene: Scene, has_services: bool) -> tuple[Rows, dict[tuple[int, str], Rows]]:
    """All acts of a block, and the rows of every feed with acts counted over all scenarios."""
    pieces: dict[tuple[int, str], list[Rows]] = {}
    acts: list[Rows] = []

    def add(done: Done) -> None:
        offset = sum(len(part["person"]) for part in acts)
        acts.append(done.acts)
        for feed, parts in done.reports.items():
            for rows in parts:
                rows.columns["act"] = np.where(rows["act"] < 0, -1, rows["act"] + offset)
                pieces.setdefault(feed, []).append(rows)

    for do in (
        *(ride, walk, pay_utilities, read_statements, use_bank_services),
        *(use_government, cycle, recycle, take_buses),
    ):
        add(do(scene))
    for spend in (shop_by_card, use_second_bank, spend_by_wallet):
        for feed, parts in spend(scene).items():
            pieces[feed] += parts
    pieces[ICBC, "statements"] = [batch(scene, stack(pieces[ICBC, "statements"]))]
    pieces[UNIONPAY, "redemptions"] = [redeem(scene)]
    # last, so that the others' rows have the numbers that they would have without
    for live in LIVED if has_services else ():
        add(live(replace(scene, rng=scene.serving)))
    reports = {feed: stack(parts) for feed, parts in pieces.items()}
    for wallet in (ALIPAY, WECHAT):
        reports[wallet, "bills"] = known_payments(scene.bills, wallet, reports[wallet, "bills"])
    for institution in range(len(INSTITUTIONS)):
        reports[institution, "registrations"] = scene.block.registrations[institution]
        reports[institution, "consents"] = scene.block.consents[institution]
    return stack(acts), reports
