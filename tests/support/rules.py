"""Every rule that a contract holds its rows to, as (error code, column): derived from the contract alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from schemas.sources import ActFeed, ConsentFeed, Feed, PaymentFeed, RedemptionFeed, RegistrationFeed, TapFeed
from schemas.sources.columns import REFUNDS, Codes, Distance, Lookup, Number, RowRule, Saving, Scenario, Time
from schemas.sources.kinds import PaymentColumns
from schemas.sources.layouts import Json, JsonLines, Mt940

Rule = tuple[str, str]
STRANGE = "～"
"""A value that nobody agreed on."""


MT940 = {
    "account": ["missing_value"],
    "value_date": ["missing_value", "bad_time"],
    "mark": ["missing_value", "unknown_code"],
    "amount": ["missing_value", "wrong_sign"],
    "currency": ["missing_value", "unknown_code"],
}
"""What its reader leaves no row with: a message, or a line, without them is none."""


def rules_of(feed: Feed) -> set[Rule]:
    """What a row of the feed can be quarantined for.

    What does not say whose it is in another's file is that one's.
    """
    others = {(code, name) for name in feed.only for code in ("missing_value", "unknown_code") if feed.in_files_of}
    return set(_rules_of(feed)) - set(_kept_by_reader(feed)) - others


def _kept_by_reader(feed: Feed) -> Iterator[Rule]:
    for layout in feed.formats:
        if isinstance(layout, Mt940):
            for field, names in layout.values.items():
                yield from ((code, field) for name in names for code in MT940.get(name, ()))


def _rules_of(feed: Feed) -> Iterator[Rule]:
    columns: Any = feed.columns
    yield from (("missing_value", name) for name in feed.required)
    if feed.natural_key and feed.kind in ("act", "tap", "payment", "redemption"):
        yield "rounded_number", feed.natural_key[0]
    if isinstance(feed.formats[0], Json | JsonLines):
        yield "wrong_type", columns.customer
    for name in type(columns).model_fields:
        value = getattr(columns, name)
        if isinstance(value, Time):
            yield from _of_time(value, feed)
        elif isinstance(value, Codes):
            yield from (("unknown_code", value.column), ("missing_value", value.column))
        elif isinstance(value, Scenario):
            yield from _of_scenario(value, feed)
    if isinstance(feed, ActFeed | PaymentFeed | RedemptionFeed):
        yield from _of_row_rules(feed.columns.rows)
    if isinstance(feed, PaymentFeed):
        yield from _of_payments(feed)
    if isinstance(feed, TapFeed):
        yield from _of_number(feed.columns.amount, feed)
        yield from (("unknown_code", feed.columns.station), ("missing_value", feed.columns.station))
    if isinstance(feed, RedemptionFeed):
        yield from _of_number(feed.columns.points, feed)
    if isinstance(feed, RegistrationFeed):
        yield from _of_identifiers(feed)
    if isinstance(feed, ActFeed) and feed.items:
        yield from ((code, feed.items.column) for code in ("unknown_code", "wrong_type"))
        yield from (("repeated_item", f"{feed.items.column}.{item}") for item in _counted_items(feed)[:1])
    assert isinstance(feed, ActFeed | TapFeed | PaymentFeed | RegistrationFeed | ConsentFeed | RedemptionFeed)


def _of_payments(feed: PaymentFeed) -> Iterator[Rule]:
    columns = feed.columns
    for place, number in enumerate(columns.amounts):
        for code, name in _of_number(number, feed):
            # Where all are empty the first is missing; a sign by which rows are told apart is never wrong.
            if not (code == "missing_value" and place) and (
                code != "wrong_sign" or _may_have_wrong_sign(columns, name)
            ):
                yield code, name
    if columns.currency:
        yield from ((code, columns.currency.column) for code in ("unknown_code", "missing_value"))
    if columns.refunded:
        yield from _of_number(columns.refunded, feed)
    if columns.original:
        first = columns.original.matched_by[0] if columns.original.matched_by else columns.original
        yield "missing_value", str(first.column)
        if first.pattern and not re.search(first.pattern, STRANGE):
            yield "pattern_unmatched", str(first.column)


def _may_have_wrong_sign(columns: PaymentColumns, name: str) -> bool:
    """Whether some rule that means something takes a row whose amount has the other sign."""
    for rule in columns.rows:
        sign = columns.refund_sign if rule.means in REFUNDS else columns.purchase_sign
        wrong = "-1" if sign == "positive" else "1"
        if rule.means and (name not in rule.when or re.fullmatch(rule.when[name], wrong)):
            return True
    return False


def _of_time(time: Time, feed: Feed) -> Iterator[Rule]:
    late = ["too_old", "future_time"] if "period" in feed.bill_from("rows") or not feed.is_bill else ["outside_period"]
    if "future_time" in late and not any("%Y" in form for form in time.formats):
        late.remove("future_time")  # without a year it is the last such day
    yield from ((code, time.column) for code in ("bad_time", "missing_value", *late))


def _of_scenario(scenario: Scenario, feed: Feed) -> Iterator[Rule]:
    if not scenario.ignore_others:
        yield "missing_value", scenario.column
        if not any(case.pattern and re.search(case.pattern, STRANGE) for case in scenario.cases):
            yield "unknown_code", scenario.column
    if any(case.is_dated for case in scenario.cases):
        yield "expired_code", scenario.column
    for case in scenario.cases:
        if isinstance(case.quantity, Distance):
            yield from _of_distance(case.quantity, feed)
        if isinstance(case.quantity, Saving):
            yield from _of_saving(case.quantity, feed)
        if isinstance(case.quantity, Lookup):
            yield from _of_lookup(case.quantity)
        for number in (case.quantity, case.amount):
            if isinstance(number, Number):
                yield from _of_number(number, feed)


def _of_number(number: Number, feed: Feed) -> Iterator[Rule]:
    if number.constant is not None:
        return
    name = number.column or f"{feed.items.column if feed.items else ''}.{number.item}"
    yield from ((code, name) for code in ("bad_number", "wrong_sign"))
    if not number.is_optional:
        yield "missing_value", name
    if number.at_most is not None:
        yield "too_much", name
    if number.units:
        yield from ((code, number.units.column) for code in ("unknown_code", "missing_value"))


def _of_distance(distance: Distance, feed: Feed) -> Iterator[Rule]:
    for place in (distance.start, distance.end):
        for name in (place.latitude, place.longitude):
            yield from (("bad_coordinate", name), ("missing_value", name))
    assert isinstance(feed, ActFeed) and feed.columns.ended_at
    yield "too_much", distance.start.latitude
    yield from ((code, feed.columns.ended_at.column) for code in ("too_fast", "ends_before_start"))


def _of_saving(saving: Saving, feed: Feed) -> Iterator[Rule]:
    assert isinstance(feed, ActFeed)
    ignored = [rule.when for rule in feed.columns.rows if rule.ignore]
    for name in (saving.own_baseline, saving.metered):
        yield from ((code, name) for code in ("bad_number", "wrong_sign", "too_much"))
        if not any(name in when and re.fullmatch(when[name], "") for when in ignored):
            yield "missing_value", name


def _of_lookup(lookup: Lookup) -> Iterator[Rule]:
    yield "unknown_code", lookup.columns[0]
    yield from (("missing_value", name) for name in lookup.columns)
    yield from (("bad_number", name) for name in lookup.numbers)


def _of_row_rules(rules: list[RowRule]) -> Iterator[Rule]:
    # A field that only rules to ignore look at is odd in no way, nor one without which another rule holds.
    telling = [rule for rule in rules if rule.means] or rules
    for name in {name for rule in telling for name in rule.when if not _holds_without(name, rule, rules)}:
        patterns = [rule.when[name] for rule in rules if name in rule.when]
        alone = [rule.when[name] for rule in rules if set(rule.when) == {name}]
        if not any(re.fullmatch(pattern, STRANGE) for pattern in alone):
            yield "unknown_code", name
        if not any(re.fullmatch(pattern, "") for pattern in patterns):
            yield "missing_value", name


def _holds_without(name: str, rule: RowRule, rules: list[RowRule]) -> bool:
    """Whether a row of which only this field keeps the rule from holding is what another rule says."""
    rest = {other: value for other, value in rule.when.items() if other != name}
    return any(
        one.when.keys() <= rest.keys()
        and all(pattern == rest[other] or re.fullmatch(pattern, rest[other]) for other, pattern in one.when.items())
        for one in rules
    )


def _of_identifiers(feed: RegistrationFeed) -> Iterator[Rule]:
    names = feed.columns.identifiers
    if names.citizen_id:
        yield from ((code, names.citizen_id) for code in ("bad_citizen_id", "old_citizen_id"))
    if names.phone:
        yield "bad_phone", names.phone
    if names.card:
        yield "bad_card", names.card
        if isinstance(feed.formats[0], JsonLines):
            yield from ((code, names.card) for code in ("wrong_type",))


def _counted_items(feed: ActFeed) -> list[str]:
    cases = feed.columns.scenario.cases
    numbers = [number for case in cases for number in (case.quantity, case.amount) if isinstance(number, Number)]
    return [number.item for number in numbers if number.item]
