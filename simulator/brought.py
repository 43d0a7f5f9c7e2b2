"""The bills of a block as files, and what becomes of each of their rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from simulator.bills import BACKS, NO_BILL, Bills
from simulator.deliveries import Bill, Outbox
from simulator.formats.alipay_bill import alipay_bill
from simulator.formats.bill import CLOSED, EXPENSE, NO_REFUND, Entry, File, Head
from simulator.formats.feed import yuan
from simulator.formats.wechat_bill import wechat_bill
from simulator.formats.zheliban import made_up_name
from simulator.people import Block
from simulator.rows import (
    ALIPAY,
    DAY,
    EVIDENCE,
    IGNORED,
    PENDING,
    RECORD,
    REPEAT,
    SUPERSEDED,
    UNKNOWN,
    WECHAT,
    Calendar,
    Column,
    Rows,
    rows,
)
from simulator.truth import Truth

WRITERS: dict[int, tuple[Callable[[Head, Sequence[Entry]], File], str]] = {
    ALIPAY: (alipay_bill, "金额"),
    WECHAT: (wechat_bill, "金额(元)"),
}
"""What writes a wallet's bill, and the column whose sum is stated."""


@dataclass(frozen=True)
class _Listed:
    """The rows of one bill, newest first: places of payments in the wallet's, and which refund each row is."""

    place: Column
    refund: Column
    at: Column
    fen: Column


def known_payments(bills: Bills, wallet: int, payments: Rows) -> Rows:
    """Payments that some bill lists or whose refund it lists; the latter alone tell of no act."""
    kept = payments["is_known"].copy()
    for k in range(BACKS):
        at = payments[f"back_at_{k}"]
        kept |= (payments[f"back_fen_{k}"] > 0) & (bills.whole(wallet, payments["person"], at // DAY) != NO_BILL)
    payments.columns["act"] = np.where(payments["is_known"], payments["act"], -1)
    return payments.take(kept)


def write_bills(
    outbox: Outbox,
    truth: Truth,
    block: Block,
    bills: Bills,
    payments: dict[int, Rows],
    act_numbers: Column,
    calendar: Calendar,
) -> None:
    """Make the bills of a block; `payments` by wallet, `act` in them counts within the block."""
    sorted_ = {wallet: found.take(np.lexsort((found["at"], found["person"]))) for wallet, found in payments.items()}
    for number in range(len(bills)):
        wallet, person = int(bills.wallet[number]), int(bills.person[number])
        all_ = sorted_[wallet]
        mine = all_.take(np.arange(*np.searchsorted(all_["person"], (person, person + 1))))
        listed = _listed(bills, number, mine)
        write, sum_column = WRITERS[wallet]
        file = write(_head(bills, number, block, calendar), _entries(bills, number, mine, listed, calendar))
        bill = Bill(
            customer=str(block.customer_ids[wallet, person]),
            suffix=file.suffix,
            data=file.data,
            rows=len(listed.place),
            sums={sum_column: yuan(int(listed.fen.sum()))},
        )
        found = _fates(bills, number, mine, listed)
        act_no = act_numbers[found["act"]]
        day = int(bills.last[number]) + 1
        part, revision = outbox.bring(wallet, day, bill)
        for former in range(revision):
            gone = found.take(np.arange(len(found)))
            gone.columns["disposition"] = np.full(len(gone), SUPERSEDED)
            gone.columns["outcome"] = np.full(len(gone), UNKNOWN)
            truth.add_records(wallet, "bills", day, former, file.first_line, gone, act_no, part)
        truth.add_records(wallet, "bills", day, revision, file.first_line, found, act_no, part)


def _listed(bills: Bills, number: int, mine: Rows) -> _Listed:
    """Payments of the period, and refunds in it where the layout has rows for them."""
    first, last = bills.first[number], bills.last[number]
    is_filtered, is_old = bills.is_filtered[number], bills.is_old[number]
    chosen = (first <= mine["at"] // DAY) & (mine["at"] // DAY <= last)
    if is_filtered:
        chosen &= mine["flow"] == EXPENSE
    if is_old:
        chosen &= mine["state"] != CLOSED
    places = [np.flatnonzero(chosen)]
    refunds, times, amounts = [np.full(len(places[0]), NO_REFUND)], [mine["at"][chosen]], [mine["fen"][chosen]]
    for k in range(BACKS if not (is_filtered or is_old) else 0):
        at, fen = mine[f"back_at_{k}"], mine[f"back_fen_{k}"]
        back = (fen > 0) & (first <= at // DAY) & (at // DAY <= last)
        places.append(np.flatnonzero(back))
        refunds.append(np.full(int(back.sum()), k + 1))
        times.append(at[back])
        amounts.append(fen[back])
    listed = _Listed(*map(np.concatenate, (places, refunds, times, amounts)))
    order = np.lexsort((listed.place, listed.refund, -listed.at))
    return _Listed(listed.place[order], listed.refund[order], listed.at[order], listed.fen[order])


def _head(bills: Bills, number: int, block: Block, calendar: Calendar) -> Head:
    first, last = calendar.dates(np.array([bills.first[number], bills.last[number]]))
    person = block.first + int(bills.person[number])
    return Head(
        name=made_up_name(person),
        first=first,
        last=last,
        exported_at=calendar.moments(bills.exported_at[number : number + 1])[0],
        is_filtered=bool(bills.is_filtered[number]),
        is_old=bool(bills.is_old[number]),
        number=person,
        form=tuple(bills.form[number].tolist()),
    )


def _entries(bills: Bills, number: int, mine: Rows, listed: _Listed, calendar: Calendar) -> list[Entry]:
    last = bills.last[number]
    given_back = np.zeros(len(mine), dtype=np.int64)
    for k in range(BACKS):
        given_back += np.where(mine[f"back_at_{k}"] // DAY <= last, mine[f"back_fen_{k}"], 0)
    place = listed.place
    return [
        Entry(*values)
        for values in zip(
            calendar.moments(listed.at),
            mine["party"][place].tolist(),
            listed.fen.tolist(),
            mine["flow"][place].tolist(),
            mine["state"][place].tolist(),
            mine["serial"][place].tolist(),
            listed.refund.tolist(),
            given_back[place].tolist(),
            strict=True,
        )
    ]


def _fates(bills: Bills, number: int, mine: Rows, listed: _Listed) -> Rows:
    """Act, disposition and outcome of every row."""
    wallet, place = int(bills.wallet[number]), listed.place
    person, day = mine["person"][place], listed.at // DAY
    is_refund = listed.refund != NO_REFUND
    is_known = mine["is_known"][place]
    in_force = bills.is_filtered[number] | (bills.whole(wallet, person, day) == number)
    is_ignored = (mine["disposition"][place] == IGNORED) | (is_refund & (wallet == WECHAT))
    is_record = is_refund | (bills.latest(wallet, person, day) == number)
    disposition = np.select([~in_force, is_ignored, is_record], [SUPERSEDED, IGNORED, RECORD], REPEAT)
    outcome = np.where(is_refund, np.where(is_known, EVIDENCE, PENDING), mine["outcome"][place])
    return rows(
        len(place),
        day=day,
        act=np.where(is_refund & is_ignored, -1, mine["act"][place]),
        disposition=disposition,
        outcome=np.where(disposition == RECORD, outcome, UNKNOWN),
    )
