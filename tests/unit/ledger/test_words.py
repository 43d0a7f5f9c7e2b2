"""The words of the ledger in Python and in the rules of its tables are the same."""

from __future__ import annotations

import re

import pytest

from schemas.ledger import EMISSION, FEWEST, GIVEN_UP, POINTS, POSITION_KINDS, REDUCTION, SPANNING
from tests.support.registries import shipped

REGISTRY = shipped()


def condition(table: str, rule_id: str) -> str:
    found = next(rule for rule in REGISTRY.tables[table].rules if rule.id == rule_id).breaks_when
    assert found
    return found


def quoted(text: str) -> list[str]:
    return re.findall("'([^']*)'", text)


def test_an_entry_stands_for_one_of_the_kinds() -> None:
    assert quoted(condition("gold.ledger", "ledger_position_kind_known")) == list(POSITION_KINDS)


def test_what_is_given_up_is_of_points_alone() -> None:
    alone = quoted(condition("gold.ledger", "ledger_points_alone_are_given_away"))
    assert set(quoted(GIVEN_UP)) < set(alone) <= {*POSITION_KINDS, f"{POINTS}%"}


def test_an_entry_has_one_of_the_measures() -> None:
    reduction, emission, points = quoted(condition("gold.ledger", "ledger_measure_known"))
    assert (reduction, emission) == (REDUCTION, EMISSION)
    measures = [one.measure for one in REGISTRY.programmes.values()]
    assert measures and all(one.startswith(POINTS) and re.fullmatch(points, one) for one in measures)


@pytest.mark.parametrize("rule_id", ["balance_reduction_not_negative", "balance_cap_adds_nothing"])
def test_a_balance_that_spans_institutions_is_told_by_the_same_sign(rule_id: str) -> None:
    assert quoted(condition("gold.balances", rule_id)) == [REDUCTION, SPANNING]


def test_no_programme_shows_smaller_groups() -> None:
    shown = [one.rankings.least for one in REGISTRY.programmes.values() if one.rankings]
    assert shown and min(shown) >= FEWEST
