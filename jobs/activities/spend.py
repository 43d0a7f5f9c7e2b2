"""Payments → what was spent, once; and what that emits.

A payment may be reported by the wallet that it went through, by the bank behind it and by whoever was paid: matching
has put them into one group. Its spend stands on the claim that leads the group, or, where nobody reports an act, on
the first of the payments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake


def spends(lake: Lake, claims: Frame, refunds: Frame) -> Frame:
    """What was spent in every group of claims of which a report states an amount.

    The best payment's amount counts – the gate's fare only where nobody tells what was paid –, less what the one report
    that tells of most has been given back: two reports of a refund are of the same money. Taken back whole, by whoever's
    report, it is nothing. The merchant's code is the one that was told best: by an export, by a number, by a name, by
    what was done.

    Args:
        claims: claim_id, group_id, slot, is_evidence, is_proven (the amount is what was asked), is_day, is_taken_back,
            amount_fen, refunded_fen, merchant_code, merchant_code_source, usual_code.
        refunds: original (the claim that it takes back, or null), is_full_refund, amount_fen.

    Returns:
        claim_id, spend_fen, merchant_code.
    """
    return lake.keep(
        """
        WITH back AS (
            SELECT original, CAST(sum(amount_fen) AS bigint) AS back_fen
            FROM refunds
            WHERE original IS NOT NULL AND NOT coalesce(is_full_refund, false)
            GROUP BY original
        ),
        ranked AS (
            SELECT c.claim_id, c.group_id, c.is_proven, c.is_taken_back, c.amount_fen, c.merchant_code, c.usual_code,
                greatest(coalesce(b.back_fen, 0), coalesce(c.refunded_fen, 0)) AS back_fen,
                row_number() OVER (
                    PARTITION BY c.group_id
                    ORDER BY c.is_evidence, c.slot, c.is_day, c.claim_id
                ) AS rank,
                CASE c.merchant_code_source
                    WHEN 'mcc' THEN 1
                    WHEN 'merchant_number' THEN 2
                    WHEN 'merchant_rule' THEN 3
                    ELSE 4
                END AS told
            FROM claims AS c
            LEFT JOIN back AS b ON c.claim_id = b.original
            WHERE c.group_id IS NOT NULL
        ),
        best AS (
            SELECT *,
                row_number() OVER (PARTITION BY group_id ORDER BY amount_fen IS NULL, is_proven, rank) AS for_amount,
                row_number() OVER (PARTITION BY group_id ORDER BY merchant_code IS NULL, told, rank) AS for_code
            FROM ranked
        ),
        payments AS (
            SELECT max(CASE WHEN rank = 1 THEN claim_id END) AS claim_id,
                max(CASE WHEN is_taken_back THEN 1 ELSE 0 END) = 1 AS is_taken_back,
                max(CASE WHEN for_amount = 1 THEN amount_fen END) AS amount_fen,
                max(back_fen) AS back_fen,
                coalesce(max(CASE WHEN for_code = 1 THEN merchant_code END), max(usual_code)) AS merchant_code
            FROM best
            GROUP BY group_id
        )
        SELECT claim_id,
            CASE WHEN is_taken_back THEN 0 ELSE greatest(amount_fen - back_fen, 0) END AS spend_fen,
            merchant_code
        FROM payments
        WHERE amount_fen IS NOT NULL
        """,
        claims=claims,
        refunds=refunds,
    )
