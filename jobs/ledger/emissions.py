"""Payments → entries of what they emit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.ledger import EMISSION, MICRO_YUAN

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake


def emissions(lake: Lake, activities: Frame, rates: Frame) -> Frame:
    """The entries of what was spent at merchants of a known code, rounded up once.

    Args:
        activities: outcomes in force.
        rates: merchant_code, valid_from, valid_to, factor_id, micrograms_per_fen, match_quality.
    """
    return lake.sql(
        f"""
        SELECT a.claim_id AS position, '{EMISSION}' AS measure, a.person_id,
            (a.spend_fen * r.micrograms_per_fen + 999) div 1000 AS amount,
            'payment' AS position_kind, a.act_date, a.scenario, a.region, a.institution, r.factor_id, r.match_quality,
            a.spend_fen * {MICRO_YUAN} AS quantity_micro
        FROM activities AS a
        JOIN rates AS r ON a.merchant_code = r.merchant_code AND a.act_date >= r.valid_from AND a.act_date < r.valid_to
        WHERE a.spend_fen > 0
        """,
        activities=activities,
        rates=rates,
    )
