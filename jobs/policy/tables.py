"""The registry in the shape that the jobs join with: small tables, computed once a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import pyarrow as pa

from jobs.policy.periods import END_OF_TIME
from jobs.policy.programmes import Rewards
from schemas import Registry
from schemas.sources import UNPLACED, Feed, Source, load_distances


@dataclass(frozen=True)
class Policy:
    """What scenarios, contracts, factors and programmes say, joined."""

    registry: Registry

    @cached_property
    def scopes(self) -> list[str]:
        """Consent scopes that scenarios have."""
        return sorted({scenario.scope for scenario in self.registry.scenarios.values()})

    @cached_property
    def rewards(self) -> Rewards:
        """Caps and the rules of programmes."""
        return Rewards(self.registry)

    @cached_property
    def feeds(self) -> pa.Table:
        """(family, institution, feed) → slot, and the scenario's rules that a claim needs.

        `slot` is the feed's place in the family's precedence, mere payments last; null where the scenario does
        not accept reports of that kind of institution. `is_brought`: by the person, which is consent. `is_spend`:
        the family is of mere payments, of which no two institutions of one kind report the same; there a payment
        is the thing itself and no evidence. `usual_code`: the merchant's where no report names one. `is_wallet`:
        its payments go through the institution itself.
        """
        rows = []
        for family, scenario in self.registry.scenarios.items():
            reporters = list(self._reporters(family))
            ranked = sorted(
                (scenario.precedence.index(source.kind), is_evidence(feed, family), source.id, name)
                for source, name, feed in reporters
                if source.kind in scenario.precedence
            )
            for source, name, feed in reporters:
                place = next((number for number, key in enumerate(ranked) if key[2:] == (source.id, name)), None)
                if scenario.is_spend and place is not None:
                    place = scenario.precedence.index(source.kind)
                is_issuer = scenario.reported_by == "issuer"
                rows.append(
                    {
                        "family": family,
                        "institution": source.id,
                        "feed": name,
                        # Every report of an issuer is an act of its own: one slot assigns nothing to another.
                        "slot": 0 if is_issuer and place is not None else place,
                        "is_evidence": is_evidence(feed, family) and not scenario.is_spend,
                        "is_spend": scenario.is_spend,
                        "usual_code": scenario.merchant_code,
                        "is_wallet": source.kind == "payment_app",
                        "is_brought": feed.is_bill,
                        "lag_days": feed.booking_lag_days,
                        "window_seconds": scenario.window_seconds,
                        "matches_amount": scenario.match_amount,
                        "proof": scenario.proof,
                        "scope": scenario.scope,
                        "missing_quantity_micro": self._missing_quantity(family),
                    }
                )
        return pa.Table.from_pylist(
            rows,
            schema=pa.schema(
                [
                    ("family", pa.string()),
                    ("institution", pa.string()),
                    ("feed", pa.string()),
                    ("slot", pa.int32()),
                    ("is_evidence", pa.bool_()),
                    ("is_spend", pa.bool_()),
                    ("usual_code", pa.string()),
                    ("is_wallet", pa.bool_()),
                    ("is_brought", pa.bool_()),
                    ("lag_days", pa.int32()),
                    ("window_seconds", pa.int64()),
                    ("matches_amount", pa.bool_()),
                    ("proof", pa.string()),
                    ("scope", pa.string()),
                    ("missing_quantity_micro", pa.int64()),
                ]
            ),
        )

    @cached_property
    def payers(self) -> pa.Table:
        """(institution, scope) that report what people spend day by day, once they consent to that scope."""
        found = {
            (source.id, self.registry.scenarios[name].scope)
            for source in self.registry.sources.values()
            for feed in source.feeds.values()
            for name in feed.scenarios
            if self.registry.scenarios[name].is_spend and not feed.is_bill
        }
        return _places(("institution", "scope"), found)

    @cached_property
    def bills(self) -> pa.Table:
        """(institution, feed) that people bring."""
        found = {
            (source.id, name)
            for source in self.registry.sources.values()
            for name, feed in source.feeds.items()
            if feed.is_bill
        }
        return _places(("institution", "feed"), found)

    @cached_property
    def reach(self) -> dict[str, int]:
        """Family → how many days away a claim can change what becomes of another.

        A report over midnight reaches one day. A booking lag of L days is assigned smallest lag first; the
        pairs of lag k depend on what the smaller lags left, so it reaches 1 + … + L days. Feeds add up.
        """
        days: dict[str, int] = {}
        lags: dict[str, int] = defaultdict(int)
        for row in self.feeds.to_pylist():
            lags[row["family"]] += row["lag_days"] * (row["lag_days"] + 1) // 2
        for family, scenario in self.registry.scenarios.items():
            alone = scenario.reported_by == "issuer"
            days[family] = 0 if alone else lags[family] + (1 if scenario.window_seconds else 0)
        return days

    @cached_property
    def rates(self) -> pa.Table:
        """Factor by scenario, region and local date [valid_from, valid_to)."""
        regions = self.registry.regions | {UNPLACED}
        rows = self.registry.library.rate_table(self.registry.scenarios, regions)
        return pa.table(
            {
                "scenario": pa.array([row.scenario for row in rows], pa.string()),
                "region": pa.array([row.region for row in rows], pa.string()),
                "valid_from": pa.array([row.valid_from for row in rows], pa.date32()),
                "valid_to": pa.array([row.valid_to or END_OF_TIME for row in rows], pa.date32()),
                "factor_id": pa.array([row.factor_id for row in rows], pa.string()),
                "micrograms_per_unit": pa.array([row.micrograms_per_unit for row in rows], pa.int64()),
                "match_quality": pa.array([row.match_quality for row in rows], pa.string()),
            }
        )

    @cached_property
    def spend_rates(self) -> pa.Table:
        """What a fen spent emits, by merchant category code and local date [valid_from, valid_to)."""
        rows = self.registry.spending.rates
        return pa.table(
            {
                "merchant_code": pa.array([row.code for row in rows], pa.string()),
                "valid_from": pa.array([row.valid_from for row in rows], pa.date32()),
                "valid_to": pa.array([row.valid_to or END_OF_TIME for row in rows], pa.date32()),
                "factor_id": pa.array([row.factor_id for row in rows], pa.string()),
                "micrograms_per_fen": pa.array([row.micrograms_per_fen for row in rows], pa.int64()),
                "match_quality": pa.array([row.match_quality for row in rows], pa.string()),
            }
        )

    @cached_property
    def places(self) -> pa.Table:
        """Where an act counts whose export does not tell: scenario, region, local dates [valid_from, valid_to).

        Of the regions that institutions report from the one whose factor is lowest; of equal ones the first.
        """
        found = []
        for scenario in self.registry.scenarios.values():
            if scenario.unplaced is None:
                continue
            rows = self.registry.library.rate_table([scenario.id], self.registry.regions)
            days = sorted({day for row in rows for day in (row.valid_from, row.valid_to or END_OF_TIME)})
            for first, after in pairwise(days):
                there = [row for row in rows if row.valid_from <= first < (row.valid_to or END_OF_TIME)]
                if there:
                    lowest = min(there, key=lambda row: (row.micrograms_per_unit, row.region))
                    found.append((scenario.id, lowest.region, first, after))
        return pa.table(
            {
                "scenario": pa.array([row[0] for row in found], pa.string()),
                "region": pa.array([row[1] for row in found], pa.string()),
                "valid_from": pa.array([row[2] for row in found], pa.date32()),
                "valid_to": pa.array([row[3] for row in found], pa.date32()),
            }
        )

    @cached_property
    def pairing(self) -> pa.Table:
        """Rules by which an institution's taps become rides."""
        found = [
            (source.id, name, feed.pairing)
            for source in self.registry.sources.values()
            for name, feed in source.feeds.items()
            if feed.kind == "tap"
        ]
        return pa.table(
            {
                "institution": pa.array([institution for institution, _, _ in found], pa.string()),
                "feed": pa.array([name for _, name, _ in found], pa.string()),
                "scenario": pa.array([pairing.scenario for _, _, pairing in found], pa.string()),
                "max_ride_seconds": pa.array([pairing.max_ride_minutes * 60 for _, _, pairing in found], pa.int64()),
                "duplicate_seconds": pa.array([pairing.duplicate_seconds for _, _, pairing in found], pa.int64()),
            }
        )

    @cached_property
    def distances(self) -> pa.Table:
        """Kilometres × 10⁶ between stations of an institution, both ways; from a station to itself nothing."""
        rows = []
        for source in self.registry.sources.values():
            metres = load_distances(source, self.registry.root)
            rows += [(source.id, start, end, length * 1000) for (start, end), length in metres.items()]
            rows += [(source.id, station, station, 0) for station in {start for start, _ in metres}]
        return pa.table(
            {
                "institution": pa.array([row[0] for row in rows], pa.string()),
                "from_station": pa.array([row[1] for row in rows], pa.string()),
                "to_station": pa.array([row[2] for row in rows], pa.string()),
                "quantity_micro": pa.array([row[3] for row in rows], pa.int64()),
            }
        )

    def _missing_quantity(self, scenario: str) -> int | None:
        """What the scenario's rule credits where no quantity is reported."""
        rule = self.registry.scenarios[scenario].missing_quantity
        if rule is None:
            return None
        metres = load_distances(self.registry.sources[rule.network], self.registry.root)
        return min(metres.values()) * 1000

    def _reporters(self, family: str) -> list[tuple[Source, str, Feed]]:
        """Feeds that can report the family by their contract."""
        return [
            (source, name, feed)
            for source in self.registry.sources.values()
            for name, feed in source.feeds.items()
            if family in feed.scenarios
        ]


def _places(names: tuple[str, str], found: Collection[tuple[str, str]]) -> pa.Table:
    return pa.table([pa.array([pair[place] for pair in sorted(found)], pa.string()) for place in (0, 1)], names=names)


def is_evidence(feed: Feed, family: str) -> bool:
    """Whether all that a feed says of a family are payments, which prove no act by themselves."""
    kinds = {case.claim_kind for case in feed.cases if case.scenario == family}
    return kinds == {"payment"}
