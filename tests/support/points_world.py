"""Points on small histories: the tables that `post` reads, written directly; what must come out is `points_due`'s."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

from jobs.lake import Lake
from jobs.lake.chain import Publication
from jobs.ledger.post import post
from jobs.runs.run import Run
from schemas import Registry, load_registry
from tests.support import libraries
from tests.support.exports import FIXTURES
from tests.support.points_due import (
    CUSTOMERS,
    PEOPLE,
    TRIAL_POINTS,
    Act,
    Consent,
    Entries,
    Fact,
    Member,
    Redemption,
    expected,
    id_of,
    in_force,
    people_of,
)

__all__ = [
    "CUSTOMERS", "DAYS", "PEOPLE", "REGION", "RUNS", "TRIAL", "TRIAL_POINTS", "WHOLE", "Account", "Act", "Consent", "Entries",
    "Fact", "Member", "Redemption", "eventful", "expected", "id_of", "trial_registry",
]  # fmt: skip

TRIAL = FIXTURES / "trial_points/trial.yaml"
UNITS = {"metro": 1_000_000, "walking": 1_000_000, "utility_payment": 1_000_000}
REGION = {"inside": "330106", "outside": "330100"}


def trial_registry(root: Path) -> Registry:
    """The shipped registry with the trial programme alone, and caps of a month and a year on the metro's kilograms."""
    libraries.copied(root)
    shutil.rmtree(root / "programmes")
    (root / "programmes").mkdir()
    shutil.copy(TRIAL, root / "programmes")
    metro = root / "scenarios/metro.yaml"
    source = {"document": "A list that a test makes up", "clause": "1"}
    for name in ("ant_forest", "citic_carbon", "lhozhag"):  # whose own amounts some figures are; they give nothing here
        words = {"name": name, "name_en": name, "operator": name, "reason": "a test leaves it out", "source": source}
        said = {"id": name, **words, "region": "000000", "valid_from": date(2022, 1, 1), "kept": "compared"}
        libraries.write(root / "programmes" / f"{name}.yaml", said)
    caps = [
        {"id": f"metro_{period}", "period": period, "limit": limit, "valid_from": date(2026, 1, 1), "source": source}
        for period, limit in (("month", "1000 g"), ("year", "2000 g"))
    ]
    libraries.edited(metro, caps=caps)
    # Some export places its acts in the one district that the programme rewards.
    libraries.edited(root / "sources/hellobike.yaml", region=REGION["inside"])
    # No contract maps a benefit of this programme: redemptions are written into their table.
    unionpay = root / "sources/unionpay.yaml"
    if unionpay.exists():
        unionpay.unlink()
    return load_registry(root)


@dataclass
class Account:
    """A lake whose ledger is kept by `post` alone."""

    lake: Lake
    registry: Registry
    seq: int = 0
    last: date | None = None
    known: dict[str, Fact] | None = None

    def run(self, facts: Sequence[Fact], on: date, *, full: bool = False) -> int:
        """Post what the facts change; returns how many rows that took."""
        before = self.known or {}
        after = in_force([*before.values(), *facts])
        self.seq += 1
        stamp = {"publication_seq": self.seq}
        for table, rows in _tables(before, after).items():
            if rows:
                self.lake.write(table, self.lake.rows(table, [{**row, **stamp} for row in rows]))
        given: dict[str, Any] = {
            "lake": self.lake, "registry": self.registry, "home": Path("/nowhere"), "business_date": on,
            "last": Publication(self.seq - 1, self.last, "published", "", {}), "full": full,
        }  # fmt: skip
        # All else that a run freezes is of files, and there are none.
        required = [one.name for one in fields(Run) if one.default is one.default_factory is MISSING]
        run = Run(**{name: [] for name in required} | given)
        new = post(run)["gold.ledger"]
        count = self.lake.count(new)
        if count:
            self.lake.write("gold.ledger", new)
        run.forget()
        self.known, self.last = after, on
        return count

    def entries(self) -> Entries:
        """What stands."""
        found: defaultdict[tuple[Any, ...], int] = defaultdict(int)
        for row in self.lake.to_arrow(self.lake.read("gold.ledger")).to_pylist():
            person = next(name for name in PEOPLE if id_of(name) == row["person_id"])
            found[person, row["measure"], row["position_kind"], row["act_date"], row["scenario"]] += row["amount"]
        return {key: amount for key, amount in found.items() if amount}


# -- the tables --------------------------------------------------------------------------------------


def _tables(before: dict[str, Fact], after: dict[str, Fact]) -> dict[str, list[dict[str, Any]]]:
    """The rows that resolve, match and conform would have appended."""
    rows: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("silver.membership", "silver.customer_events", "silver.redemptions", "silver.activities")
    }
    was, now = people_of(before), people_of(after)
    for customer, person in now.items():
        if was.get(customer) != person:
            rows["silver.membership"].append(
                {"customer_key": id_of(customer), "person_id": id_of(person), "component_id": id_of(customer),
                 "subject_kind": "resident", "rule": "alone"}
            )  # fmt: skip
    for key, fact in after.items():
        is_new = before.get(key) != fact
        if isinstance(fact, Consent) and is_new:
            at = int((fact.day - date(1970, 1, 1)).total_seconds()) - 8 * 3600
            rows["silver.customer_events"].append(
                {"event_key": id_of(key), "event_kind": "consent", "institution": CUSTOMERS[fact.customer], "feed": "consents",
                 "customer_key": id_of(fact.customer), "scope": "all", "is_given": fact.is_given, "at_unix": at,
                 "is_live": True, "content_hash": ""}
            )  # fmt: skip
        if isinstance(fact, Redemption) and is_new:
            rows["silver.redemptions"].append(
                {"redemption_id": id_of(key), "institution": "alipay", "feed": "redemptions", "programme": "trial",
                 "customer_key": id_of(fact.customer), "benefit": fact.benefit, "points": max(fact.points, 1),
                 "act_date": fact.day, "act_month": f"{fact.day:%Y-%m}", "is_live": fact.points > 0, "content_hash": ""}
            )  # fmt: skip
        if isinstance(fact, Act) and (is_new or was.get(fact.customer) != now.get(fact.customer)):
            rows["silver.activities"].append(
                {"claim_id": id_of(key), "activity_id": id_of(key), "person_id": id_of(now[fact.customer]),
                 "institution": CUSTOMERS[fact.customer], "feed": "acts", "scenario": fact.scenario,
                 "family": fact.scenario, "act_date": fact.day, "act_month": f"{fact.day:%Y-%m}",
                 "outcome": "credited", "reason": "", "is_lead": True,
                 "quantity_micro": fact.quantity * UNITS[fact.scenario], "region": REGION[fact.place],
                 "meal": fact.meal, "object_key": fact.object and id_of(fact.object),
                 "is_live": fact.quantity > 0, "content_hash": ""}
            )  # fmt: skip
    return rows


# -- a history ---------------------------------------------------------------------------------------

DAYS = [
    date(2026, 10, 31),
    date(2026, 11, 1),
    date(2026, 11, 2),
    date(2026, 11, 30),
    date(2026, 12, 31),
    date(2027, 1, 1),
]
RUNS = [date(2026, 12, 1), date(2026, 12, 31), date(2027, 2, 28)]
"""After the first run October's points are gone, after the last November's and December's too."""
WHOLE: list[Fact] = [Consent(customer, date(2026, 1, 1), True) for customer in CUSTOMERS]
"""Everybody consents, at both institutions."""


def eventful() -> list[list[Fact]]:
    """Three runs' facts that reach every rule: a merge and its undoing, a late withdrawal, more given up than there was."""
    rides = [Act(f"ride {n}", "m1", DAYS[n % 6], "metro", 20, "inside" if n else "outside") for n in range(12)]
    payments = [Act(f"pay {n}", "a1", DAYS[1], "utility_payment", 1) for n in range(3)]
    walks = [Act(f"walk {n}", customer, DAYS[n], "walking", 20_000) for n, customer in enumerate(("a1", "a2", "m2"))]
    gifts = [Redemption("red 1", "a1", DAYS[2], "voucher", 40), Redemption("red 2", "a2", DAYS[3], "tree", 300)]
    return [
        [*WHOLE, *rides[:8], *payments, *walks, *gifts],
        [*rides[8:], Member("m2", "p1", 1), Redemption("red 1", "a1", DAYS[2], "voucher", 20, 1)],
        [Member("m2", "p2", 2), Consent("a1", DAYS[5], False), rides[3]._replace(quantity=5, revision=1)],
    ]
