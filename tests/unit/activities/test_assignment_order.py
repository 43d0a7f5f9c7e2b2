"""Assignment and consent: the rows' order never matters, and both do what one would do by hand."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.oracle.oracle_pairs import best_pairs

if TYPE_CHECKING:
    from jobs.lake import Lake

FIRST = date(2026, 11, 1)
MIDNIGHT = 1_793_462_400
"""Unix time of FIRST, 00:00 in Shanghai."""
SLOTS = 4
"""As for rides: gate, wallet, bank acts, bank cards."""
INSTITUTIONS = ("gate", "wallet", "bank", "bank")
WINDOW = 600
MOST_OPEN = 8
"""Groups among which an exact assignment chooses."""
AFTER_EVERY_ACT = 10**9
"""What evidence that waits alone is farther than any activity."""
MANY = settings(max_examples=50, deadline=None)
Row = dict[str, Any]

CLAIMS = pa.schema(
    [
        ("claim_id", pa.string()),
        ("person_id", pa.string()),
        ("family", pa.string()),
        ("institution", pa.string()),
        ("slot", pa.int32()),
        ("is_evidence", pa.bool_()),
        ("is_spend", pa.bool_()),
        ("is_proven", pa.bool_()),
        ("wallet", pa.string()),
        ("start_unix", pa.int64()),
        ("end_unix", pa.int64()),
        ("act_date", pa.date32()),
        ("amount_fen", pa.int64()),
        ("lag_days", pa.int32()),
        ("window_seconds", pa.int32()),
        ("matches_amount", pa.bool_()),
        ("is_day", pa.bool_()),
    ]
)


@st.composite
def reports(draw: st.DrawFn) -> list[Row]:
    """A person's claims of three days, so crowded that nearly all have a choice."""
    found = []
    for number in range(draw(st.integers(1, 14))):
        slot = draw(st.integers(0, SLOTS - 1))
        is_day = slot >= 2 or (slot == 1 and draw(st.booleans()))
        day = draw(st.integers(0, 2))
        start = MIDNIGHT + 86_400 * day + (0 if is_day else draw(st.integers(0, 20)) * 300)
        found.append(
            {
                "claim_id": f"{number:032x}",
                "person_id": draw(st.sampled_from(["p", "q"])),
                "family": "metro",
                "institution": INSTITUTIONS[slot],
                "slot": slot,
                # Of the wallet some rows are mere payments, as those of its bills are; the card's all are.
                "is_evidence": slot == 3 or (slot == 1 and draw(st.booleans())),
                "is_spend": False,
                "is_proven": slot == 0,
                "wallet": (None, "wallet", *[draw(st.sampled_from([None, "wallet", "another"]))] * 2)[slot],
                "start_unix": start,
                "end_unix": start + (draw(st.integers(0, 8)) * 300 if slot == 0 else 0),
                "act_date": FIRST + timedelta(days=day),
                "amount_fen": draw(st.sampled_from([None, 300, 400])) if slot < 2 else 400,
                "lag_days": 1 if slot >= 2 else 0,
                "window_seconds": WINDOW,
                "matches_amount": True,
                "is_day": is_day,
            }
        )
    return found


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    from jobs.lake import open_lake
    from schemas import load_registry

    opened = open_lake("embedded", tmp_path_factory.mktemp("lake"), load_registry())
    yield opened
    opened.close()


def assigned(lake: Lake, claims: list[Row]) -> dict[str, str]:
    """claim_id → group_id, by the engine."""
    from jobs.activities.assignment import groups_of

    frame = lake.from_arrow(pa.Table.from_pylist(claims, schema=CLAIMS))
    found = lake.to_arrow(groups_of(lake, frame)).to_pylist()
    lake.forget()
    groups = {row["claim_id"]: row["group_id"] for row in found}
    assert len(groups) == len(found), "a claim belongs to one activity"
    return groups


def by_hand(claims: list[Row]) -> dict[str, str]:
    """The same, feed by feed: of all ways to assign its claims the best.

    Evidence that stays over waits as a group of its own, which an act that joins it makes an activity. What a ride cost
    is known from the first payment that joins it.
    """
    anchors: list[Row] = []
    groups: dict[str, str] = {}
    for is_day in (False, True):
        for slot in range(SLOTS):
            arriving = {
                claim["claim_id"]: claim for claim in claims if (claim["slot"], claim["is_day"]) == (slot, is_day)
            }
            taken = {
                groups[claim["claim_id"]] for claim in claims if claim["slot"] == slot and claim["claim_id"] in groups
            }
            free = [anchor for anchor in anchors if anchor["claim_id"] not in taken]
            places = place(free, "is_evidence") | place(list(arriving.values()))
            at = "act_date" if is_day else "start_unix"
            pairs = [
                {
                    "claim_id": claim["claim_id"],
                    "group_id": anchor["claim_id"],
                    "distance": distance,
                    "claim_at": claim[at],
                    "group_at": anchor[at],
                }
                for claim in arriving.values()
                for anchor in free
                if (distance := apart(claim, anchor, places)) is not None
            ]
            assume(len({pair["group_id"] for pair in pairs}) <= MOST_OPEN)
            joined = best_pairs(pairs)
            groups |= dict(joined)
            by_group = {group: arriving[claim] for claim, group in joined}
            anchors = [and_joined(one, by_group.get(one["claim_id"])) for one in anchors]
            for claim_id in arriving.keys() - groups.keys():
                groups[claim_id] = claim_id
                anchors.append(arriving[claim_id])
    return groups


def and_joined(anchor: Row, claim: Row | None) -> Row:
    """A group as it stands after a claim has joined it."""
    if claim is None:
        return anchor
    amounts = [claim["amount_fen"], anchor["amount_fen"]]
    first, second = amounts if anchor["is_proven"] else amounts[::-1]
    return {
        **anchor,
        "is_evidence": anchor["is_evidence"] and claim["is_evidence"],
        "is_proven": anchor["is_proven"] and claim["amount_fen"] is None,
        "wallet": anchor["wallet"] or claim["wallet"],
        "amount_fen": second if first is None else first,
    }


def place(claims: list[Row], *beside: str) -> dict[str, int]:
    """claim_id → place among the equal acts of a person's date."""
    places = {}
    for claim in claims:
        same = [
            (other["start_unix"], other["claim_id"])
            for other in claims
            if all(other[name] == claim[name] for name in ("person_id", "act_date", "amount_fen", *beside))
        ]
        places[claim["claim_id"]] = sorted(same).index((claim["start_unix"], claim["claim_id"]))
    return places


def apart(claim: Row, anchor: Row, places: dict[str, int]) -> int | None:
    """Distance of a pair; None where it cannot be one act."""
    amounts = {claim["amount_fen"], anchor["amount_fen"]} - {None}
    wallets = {claim["wallet"], anchor["wallet"]} - {None}
    if claim["person_id"] != anchor["person_id"] or len(wallets) > 1:
        return None
    if len(amounts) > 1 and (claim["is_day"] or not anchor["is_proven"]):
        return None
    if anchor["is_evidence"] and claim["wallet"] != anchor["institution"]:
        return None
    waits = AFTER_EVERY_ACT if anchor["is_evidence"] else 0
    if claim["is_day"]:
        lag = (claim["act_date"] - anchor["act_date"]).days
        if not 0 <= lag <= claim["lag_days"]:
            return None
        apart_by_place = min(abs(places[claim["claim_id"]] - places[anchor["claim_id"]]), 999)
        return waits + lag * 2000 + (1000 if claim["wallet"] != anchor["wallet"] else 0) + apart_by_place
    if not anchor["start_unix"] - WINDOW <= claim["start_unix"] <= anchor["end_unix"] + WINDOW:
        return None
    waits += 1_000_000 if len(amounts) > 1 else 0
    return waits + min(abs(claim["start_unix"] - anchor["start_unix"]), abs(claim["start_unix"] - anchor["end_unix"]))


@MANY
@given(claims=reports(), chance=st.randoms(use_true_random=False))
def test_assignment_is_that_by_hand_in_any_order(lake: Lake, claims: list[Row], chance: random.Random) -> None:
    expected = by_hand(claims)
    chance.shuffle(claims)
    assert assigned(lake, claims) == expected


@MANY
@given(claims=reports())
def test_an_activity_takes_a_feed_once_and_one_person(lake: Lake, claims: list[Row]) -> None:
    known = {claim["claim_id"]: claim for claim in claims}
    groups = assigned(lake, claims)
    seen = {(group, known[claim]["slot"]) for claim, group in groups.items()}
    assert len(seen) == len(groups)
    assert all(known[claim]["person_id"] == known[group]["person_id"] for claim, group in groups.items())
    assert {claim["claim_id"] for claim in claims} == groups.keys()


# --- consent ------------------------------------------------------------------------------------------------

SCOPES = ("travel", "living")
EVENT = st.tuples(st.sampled_from(["c", "d"]), st.sampled_from(["all", *SCOPES]), st.booleans(), st.integers(0, 12))
NEED = st.tuples(st.sampled_from(["c", "d"]), st.sampled_from(SCOPES), st.integers(0, 12), st.integers(0, 4))


@MANY
@given(events=st.lists(EVENT, max_size=12), needs=st.lists(NEED, min_size=1, max_size=8), chance=st.randoms())
def test_consent_is_decided_second_by_second(
    lake: Lake,
    events: list[tuple[str, str, bool, int]],
    needs: list[tuple[str, str, int, int]],
    chance: random.Random,
) -> None:
    """Events: customer, scope, given, second. Needs: customer, scope, first second, seconds more."""
    from jobs.claims.consents import given_intervals, with_consent

    def is_given(customer: str, scope: str, second: int) -> bool:
        about = [
            (at, not given)
            for who, of, given, at in events
            if who == customer and of in ("all", scope) and at <= second
        ]
        return bool(about) and not max(about)[1]  # at equal times the withdrawal is the later

    expected = {
        f"n{number}"
        for number, (customer, scope, first, more) in enumerate(needs)
        if all(is_given(customer, scope, second) for second in range(first, first + more + 1))
    }
    chance.shuffle(events)
    names = ("customer_key", "scope", "is_given", "at_unix")
    types = pa.schema(zip(names, (pa.string(), pa.string(), pa.bool_(), pa.int64())))
    frame = lake.from_arrow(pa.Table.from_pylist([dict(zip(names, event)) for event in events], schema=types))
    intervals = given_intervals(lake, frame, lake.from_arrow(pa.table({"scope": list(SCOPES)})))
    claims = pa.table(
        {
            "claim_id": [f"n{number}" for number in range(len(needs))],
            "customer_key": [need[0] for need in needs],
            "scope": [need[1] for need in needs],
            "needs_from_unix": [need[2] for need in needs],
            "needs_until_unix": [need[2] + need[3] for need in needs],
        }
    )
    found = lake.to_arrow(with_consent(lake, lake.from_arrow(claims), intervals)).column("claim_id").to_pylist()
    lake.forget()
    assert set(found) == expected
    assert len(found) == len(set(found))
