"""Points as they are told: the sums of the entries, and what is said to expire next does."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings

from jobs.lake import Lake, open_lake
from jobs.reading.points import KINDS, Due, next_due, tallies
from tests.pipeline.ledger.test_points import FACTS, SOME, registry, told_once
from tests.support.points_world import DAYS, PEOPLE, RUNS, TRIAL_POINTS, Account, Fact, Member, eventful, id_of

ON, LATER = DAYS[3], RUNS[1]
"""October's points end with the first date, November's with the second; no other lies between."""


@settings(SOME, max_examples=12)
@given(FACTS)
def test_what_is_said_to_expire_next_expires(facts: list[Fact]) -> None:
    told = [fact for fact in told_once(facts) if isinstance(fact, Member) or fact.day <= ON]
    with TemporaryDirectory() as folder:
        lake = open_lake("embedded", Path(folder), registry())
        account = Account(lake, registry())
        account.run(told, ON)
        due = {
            person: next_due(lake, registry().programmes.values(), id_of(person), account.seq, ON) for person in PEOPLE
        }
        account.run([], LATER)
        expired = {
            person: -amount
            for (person, _, kind, day, _), amount in account.entries().items()
            if (kind, day) == ("expiry", LATER)
        }
        lake.close()
    assert due == {person: [Due("trial", LATER, expired[person])] if person in expired else [] for person in PEOPLE}


def rewarded(lake: Lake) -> int:
    """Milligrams of the acts at whose position points stand, and of the caps of a period with such an act."""
    length = {"walking_day": 10, "metro_month": 7, "metro_year": 4}  # so much of a date says its period
    points, milligrams = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    caps = Counter[tuple[str, str, str, str]]()
    acts: dict[tuple[str, str], tuple[str, str, str]] = {}
    for row in lake.to_arrow(lake.read("gold.ledger")).to_pylist():
        at = (row["position"], row["person_id"])
        whose = (row["person_id"], row["scenario"], str(row["act_date"]))
        if row["measure"] == TRIAL_POINTS and row["position_kind"] == "activity":
            points[at] += row["amount"]
        if row["measure"] == "reduction_mg" and row["position_kind"] == "activity":
            milligrams[at] += row["amount"]
            acts[at] = whose
        if row["measure"] == "reduction_mg" and row["position_kind"] == "cap":
            caps[(*whose, row["factor_id"])] += row["amount"]
    ours = {acts[position] for position, amount in points.items() if amount}
    taken = sum(
        amount
        for (person, scenario, day, rule), amount in caps.items()
        if any(one[:2] == (person, scenario) and one[2][: length[rule]] == day[: length[rule]] for one in ours)
    )
    return sum(milligrams[position] for position, amount in points.items() if amount) + taken


def test_the_sums_are_those_of_the_entries(tmp_path: Path) -> None:
    lake = open_lake("embedded", tmp_path, registry())
    account = Account(lake, registry())
    balances: list[tuple[int, int]] = []
    for facts, on in zip(eventful(), RUNS, strict=True):
        account.run(facts, on)
        sums, of_people = Counter[str](), defaultdict[str, Counter[str]](Counter)
        for (person, measure, kind, *_), amount in account.entries().items():
            if measure == TRIAL_POINTS:
                sums[KINDS[kind]] += amount
                of_people[person][KINDS[kind]] += amount
        [told] = tallies(lake)
        assert {name: getattr(told, name) for name in KINDS.values()} == {name: sums[name] for name in KINDS.values()}
        assert told.rewarded_mg == rewarded(lake)
        below = [min(mine.total(), 0) for mine in of_people.values()]
        assert (told.balance, told.people) == (sums.total(), len(of_people))
        assert (told.overdrawn, told.owed) == (sum(owed < 0 for owed in below), sum(below))
        for person, mine in of_people.items():
            [own] = tallies(lake, person=id_of(person))
            assert (own.balance, own.people) == (mine.total(), 1)
        balances.append((told.balance, told.owed))
    # As it was said after the first and the second run.
    assert [(one.balance, one.owed) for seq in (1, 2, 3) for one in tallies(lake, seq)] == balances
    assert balances[-1][1] < 0, "somebody gave up more than there was, and that is carried forward"
    lake.close()
