"""The registry in the shape that the jobs join with: small tables, computed once a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import pyarrow as pa

from jobs.policy.arrow import VALIDITY, table
from jobs.policy.periods import END_OF_TIME
from jobs.policy.programmes import Rewards
from schemas import Registry
from schemas.library import RateRow
from schemas.scenarios import MissingQuantity, Recognition
from schemas.scenarios.parts import spans
from schemas.sources import UNPLACED, Feed, PaymentFeed, Source, load_distances

_FEEDS = {
    **{"family": str, "institution": str, "feed": str, "slot": pa.int32(), "is_evidence": bool, "is_proven": bool},
    **{
        "is_spend": bool,
        "usual_code": str,
        "is_wallet": bool,
        "is_brought": bool,
        "lag_days": pa.int32(),
        "window_seconds": int,
    },
    **{
        "matches_amount": bool,
        "proof": str,
        "scope": str,
        "missing_quantity_micro": int,
        "has_meals": bool,
        **VALIDITY,
    },
}
BOOKED_SPAN = 6
"""Days that an island of day-precise claims may last: lunches at one price on every day of a working week, booked a day
later each."""
_FACTOR = {**VALIDITY, "factor_id": str}
_RATES = {
    **{"scenario": str, "region": str, "reporter": str},
    **_FACTOR,
    **{"micrograms_per_unit": int, "match_quality": str},
}
ANYBODY = ""
"""In place of a reporter: an institution whose acts are no programme's own."""
_SPEND_RATES = {"merchant_code": str, **_FACTOR, "micrograms_per_fen": int, "match_quality": str}
_REFUNDS = {"institution": str, "feed": str, "within_days": pa.int32()}
_PAIRING = {"institution": str, "feed": str, "scenario": str, "max_ride_seconds": int, "duplicate_seconds": int}
_DISTANCES = {"institution": str, "from_station": str, "to_station": str, "quantity_micro": int}

PAYERS = ("payment_app", "bank")
"""Institution kinds that see the money and not the act."""


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
        """(family, institution, feed) → slot, and the scenario's rules that a claim of a date needs.

        A feed has one row for each local date, on [valid_from, valid_to). `slot` is the feed's place in the family's
        precedence, mere payments last; null where the scenario does not accept reports of that kind of institution.
        `is_proven`: by something else than a payment. `is_brought`: by the person, which is consent. `is_spend`: the
        family is of mere payments, of which no two institutions of one kind report the same; there a payment is the
        thing itself and no evidence. `usual_code`: the merchant's where no report names one. `is_wallet`: its payments
        go through the institution itself. `has_meals`: some rule asks at which meal of a day its acts are.
        """
        return table(_FEEDS, (row for family in self.registry.scenarios for row in self._reports(family)))

    def _reports(self, family: str) -> Iterator[dict[str, Any]]:
        """A row of `feeds` for each that can report the family, and each span of days on which the rules are the same."""
        scenario, reporters = self.registry.scenarios[family], self._reporters(family)
        changes = [*scenario.changes, *(change for *_, feed in reporters for change in feed.changes)]
        ruled = [(span, scenario.recognised_on(span[0])) for span in spans(changes)]
        slotted = [(span, rules, self._slots(family, rules)) for span, rules in ruled]
        for (source, name, feed), ((first, after), rules, slots) in product(reporters, slotted):
            yield {
                "family": family,
                "institution": source.id,
                "feed": name,
                "slot": slots.get((source.id, name)),
                "is_evidence": is_evidence(feed, family) and not scenario.is_spend,
                "is_proven": scenario.proof != "payment" and source.kind not in PAYERS,
                "is_spend": scenario.is_spend,
                "usual_code": scenario.merchant_code,
                "is_wallet": source.kind == "payment_app",
                "is_brought": feed.is_bill,
                "lag_days": feed.lag_days(first),
                "window_seconds": rules.window_seconds,
                "matches_amount": rules.match_amount,
                "proof": scenario.proof,
                "scope": scenario.scope,
                "missing_quantity_micro": self._missing_quantity(rules.missing_quantity),
                "has_meals": family in self.rewards.excluded_by("meal"),
                "valid_from": first,
                "valid_to": after or END_OF_TIME,
            }

    def _slots(self, family: str, rules: Recognition) -> dict[tuple[str, str], int]:
        """(institution, feed) → slot, of feeds whose reports the scenario accepts."""
        scenario = self.registry.scenarios[family]
        ranked = sorted(
            (rules.precedence.index(source.kind), is_evidence(feed, family), source.id, name)
            for source, name, feed in self._reporters(family)
            if source.kind in rules.precedence
        )
        if scenario.reported_by == "issuer":
            # Every report of an issuer is an act of its own: one slot assigns nothing to another.
            return {(institution, name): 0 for _, _, institution, name in ranked}
        if scenario.is_spend:
            return {(institution, name): kind for kind, _, institution, name in ranked}
        # Behind a payment lies one card, whichever bank's: mere payments of one kind of institution share a slot.
        sharing = [
            (kind, card) if card else (kind, card, institution, name) for kind, card, institution, name in ranked
        ]
        places = {one: place for place, one in enumerate(dict.fromkeys(sharing))}
        return {(institution, name): places[one] for one, (_, _, institution, name) in zip(sharing, ranked)}

    @cached_property
    def payers(self) -> pa.Table:
        """(institution, scope) that report what people spend day by day, once they consent to that scope."""
        found = {
            (source.id, self.registry.scenarios[name].scope)
            for source, _, feed in self._feeds()
            for name in feed.scenarios
            if self.registry.scenarios[name].is_spend and not feed.is_bill
        }
        return table({"institution": str, "scope": str}, _pairs(("institution", "scope"), found))

    @cached_property
    def bills(self) -> pa.Table:
        """(institution, feed) that people bring."""
        found = {(source.id, name) for source, name, feed in self._feeds() if feed.is_bill}
        return table({"institution": str, "feed": str}, _pairs(("institution", "feed"), found))

    @cached_property
    def reach(self) -> dict[str, int]:
        """Family → how many days away a claim can change what becomes of another.

        A report over midnight reaches one day. What is booked late is assigned by islands, of BOOKED_SPAN days at most;
        whether one is longer is seen from a lag beyond, and so is who else wanted its ends. Slots are assigned one after
        the other, so they add up.
        """
        lags: dict[str, dict[int, int]] = defaultdict(dict)
        for row in self.feeds.to_pylist():
            if row["lag_days"] and row["slot"] is not None:
                slots = lags[row["family"]]
                slots[row["slot"]] = max(slots.get(row["slot"], 0), row["lag_days"])
        return {
            family: 0
            if scenario.reported_by == "issuer"
            else sum(BOOKED_SPAN + 2 * lag for lag in lags[family].values()) + self._reaches_over_midnight(family)
            for family, scenario in self.registry.scenarios.items()
        }

    @cached_property
    def rates(self) -> pa.Table:
        """Factor by scenario, region, reporter (see `reporter`) and local date [valid_from, valid_to)."""
        library, regions = self.registry.library, self._placed
        owned = {name for name in self.registry.scenarios if library.owned(name)}
        shared = library.rate_table(self.registry.scenarios.keys() - owned, regions)
        rows = [
            _rate_row(reporter, rate)
            for reporter in (ANYBODY, *library.insiders)
            for rate in (*shared, *library.rate_table(owned, regions, reporter or None))
        ]
        return table(_RATES, rows)

    @property
    def _placed(self) -> set[str]:
        """Regions that acts are placed in."""
        return self.registry.regions | {UNPLACED, *self.places.column("region").to_pylist()}

    def reporter(self, institution: str) -> str:
        """SQL: by whom `rates` know an institution: by itself where its acts are a programme's own."""
        insiders = ", ".join(f"'{name}'" for name in self.registry.library.insiders)
        anybody = f"'{ANYBODY}'"
        return f"CASE WHEN {institution} IN ({insiders}) THEN {institution} ELSE {anybody} END" if insiders else anybody

    @cached_property
    def spend_rates(self) -> pa.Table:
        """What a fen spent emits, by merchant category code and local date [valid_from, valid_to)."""
        rates = self.registry.spending.rates
        rows = (vars(one) | {"merchant_code": one.code, "valid_to": one.valid_to or END_OF_TIME} for one in rates)
        return table(_SPEND_RATES, rows)

    @cached_property
    def places(self) -> pa.Table:
        """Where an act counts whose export does not tell: scenario, region, local dates [valid_from, valid_to).

        Where its factor is the lowest of the country and all places inside it; it stays unplaced where one has none.
        """
        found = []
        for scenario in self.registry.scenarios.values():
            ruled = [span for span in spans(scenario.changes) if scenario.recognised_on(span[0]).unplaced]
            for row, (first, after) in product(self.registry.library.lowest(scenario.id) if ruled else [], ruled):
                since = max(row.valid_from, first)
                until = min(row.valid_to or END_OF_TIME, after or END_OF_TIME)
                if since < until:
                    place = {"scenario": scenario.id, "region": row.region}
                    found.append({**place, "valid_from": since, "valid_to": until})
        return table({"scenario": str, "region": str, **VALIDITY}, found)

    @cached_property
    def pairing(self) -> pa.Table:
        """Rules by which an institution's taps become rides."""
        rows = (
            {
                "institution": source.id,
                "feed": name,
                "scenario": feed.pairing.scenario,
                "max_ride_seconds": feed.pairing.max_ride_minutes * 60,
                "duplicate_seconds": feed.pairing.duplicate_seconds,
            }
            for source, name, feed in self._feeds()
            if feed.kind == "tap"
        )
        return table(_PAIRING, rows)

    @cached_property
    def matched_refunds(self) -> pa.Table:
        """(institution, feed) whose refunds name no original → how many days before a refund its original may lie."""
        rows = (
            {"institution": source.id, "feed": name, "within_days": feed.columns.original.within_days}
            for source, name, feed in self._feeds()
            if isinstance(feed, PaymentFeed) and feed.columns.original and feed.columns.original.matched_by
        )
        return table(_REFUNDS, rows)

    @cached_property
    def distances(self) -> pa.Table:
        """Kilometres × 10⁶ between stations of an institution, both ways; from a station to itself nothing."""
        rows = []
        for source in self.registry.sources.values():
            metres = load_distances(source, self.registry.root)
            rows += [(source.id, start, end, length * 1000) for (start, end), length in metres.items()]
            rows += [(source.id, station, station, 0) for station in {start for start, _ in metres}]
        return table(_DISTANCES, (dict(zip(_DISTANCES, row)) for row in rows))

    def _reaches_over_midnight(self, family: str) -> bool:
        """Whether on any date two reports of one act may lie apart."""
        return any(row["window_seconds"] for row in self.feeds.to_pylist() if row["family"] == family)

    def _missing_quantity(self, rule: MissingQuantity | None) -> int | None:
        """What a rule credits where no quantity is reported."""
        if rule is None:
            return None
        metres = load_distances(self.registry.sources[rule.network], self.registry.root)
        return min(metres.values()) * 1000

    def _reporters(self, family: str) -> list[tuple[Source, str, Feed]]:
        """Feeds that can report the family by their contract."""
        return [one for one in self._feeds() if family in one[2].scenarios]

    def _feeds(self) -> list[tuple[Source, str, Feed]]:
        """Every institution's feeds by their names."""
        return [
            (source, name, feed) for source in self.registry.sources.values() for name, feed in source.feeds.items()
        ]


def _rate_row(reporter: str, rate: RateRow) -> dict[str, Any]:
    said = {name: value for name, value in vars(rate).items() if name in _RATES}
    return said | {"reporter": reporter, "valid_to": rate.valid_to or END_OF_TIME}


def _pairs(names: tuple[str, str], found: Collection[tuple[str, str]]) -> list[dict[str, str]]:
    return [dict(zip(names, pair)) for pair in sorted(found)]


def is_evidence(feed: Feed, family: str) -> bool:
    """Whether all that a feed says of a family are payments, which prove no act by themselves."""
    kinds = {case.claim_kind for case in feed.cases if case.scenario == family}
    return kinds == {"payment"}
