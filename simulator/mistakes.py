"""What institutions are told wrong of their customers: cards that alone join accounts, phones that are none, mergers."""

from __future__ import annotations

import numpy as np

from simulator.hostile import Hostile
from simulator.registrations import Identities
from simulator.rows import ALIPAY, CITIC, DAY, ICBC, Column, Rows, stack

Told = tuple[Rows, ...]
"""Registrations by institution."""


def mistaken(
    told: Told, who: Identities, is_micro: Column, days: int, rng: np.random.Generator, hostile: Hostile
) -> Told:
    """The registrations as they are made hostile; each mishap draws for all people at once."""
    size = len(is_micro)
    chosen = rng.random((3, size)) < np.array([[hostile.bound_cards], [hostile.bad_phones], [hostile.mergers]])
    may = ~is_micro & (who.change_day == -1)
    with_cards = _by_cards_alone(told, who, chosen[0] & may)
    spoiled = tuple(_without_phone(rows, chosen[1]) for rows in with_cards)
    return _merged(spoiled, np.flatnonzero(chosen[2] & may & ~chosen[1]), is_micro, days, rng)


def _by_cards_alone(told: Told, who: Identities, chosen: Column) -> Told:
    """The wallet's customers with accounts at both banks: it knows neither citizen id nor phone of theirs, but all cards."""
    both = np.isin(np.arange(len(chosen)), np.intersect1d(told[CITIC]["person"], told[ICBC]["person"]))
    person = told[ALIPAY]["person"]
    of = (chosen & both)[person]
    is_ = {
        "citizen_id": np.full(len(person), "", dtype=object),
        "phone": who.new_phone[person],
        "card": who.bank_card[person],
        "card2": who.second_card[person],
        "card3": who.other_card[person],
    }
    whole = {**told[ALIPAY].columns, **{name: np.where(of, is_[name], told[ALIPAY][name]) for name in is_}}
    return (*told[:ALIPAY], Rows(whole), *told[ALIPAY + 1 :])


def _without_phone(told: Rows, chosen: Column) -> Rows:
    """A digit too few, or a number of no plan, beside a citizen id that is one."""
    phones = [phone[:-1] if number % 2 else f"12{phone[2:]}" for number, phone in enumerate(told["phone"])]
    is_bad = chosen[told["person"]] & (told["citizen_id"] != "")
    return Rows({**told.columns, "phone": np.where(is_bad, np.array(phones, dtype=object), told["phone"])})


def _merged(told: Told, people: Column, is_micro: Column, days: int, rng: np.random.Generator) -> Told:
    """For some days another resident's citizen id stands where the only one of a person does, and then the right one.

    What else is known of the person hangs on the phone, and goes along: two people are one until it is corrected.
    """
    if days < 3 or not len(people):
        return told
    residents = {
        rows_of["person"][k]: str(rows_of["citizen_id"][k]) for rows_of in told for k in _named(rows_of, is_micro)
    }
    added: list[list[Rows]] = [[rows_of] for rows_of in told]
    for person in people.tolist():
        mine = [rows_of.take(rows_of["person"] == person) for rows_of in told]
        knows = [k for k, rows_of in enumerate(mine) if (rows_of["citizen_id"] != "").any()]
        others = [citizen for one, citizen in residents.items() if one != person]
        if len(knows) != 1 or len(mine[knows[0]]) != 1 or sum(map(len, mine)) < 2 or not others:
            continue
        [institution] = knows
        wrong, right = np.sort(rng.permutation(np.arange(1, days))[:2]).tolist()
        anothers = np.array([others[int(rng.integers(len(others)))]], dtype=object)
        for day, citizen in ((wrong, anothers), (right, mine[institution]["citizen_id"])):
            at = day * DAY + rng.integers(1, DAY, 1)
            again = {**mine[institution].columns, "day": at // DAY, "at": at, "citizen_id": citizen}
            added[institution].append(Rows(again))
    return tuple(stack(parts) for parts in added)


def _named(told: Rows, is_micro: Column) -> Column:
    """Places of residents whose citizen id is known."""
    return np.flatnonzero((told["citizen_id"] != "") & ~is_micro[told["person"]])
