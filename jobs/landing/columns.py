"""The landed schemas: one for each kind of feed. No column of them can hold text of the source.

`*_unix` are seconds UTC, `*_micro` millionths, tokens and keys 32 hexadecimal characters. A row with an
`error_code` is to be quarantined, one with an `ignore_rule` to be ignored. A registration counts without the
identifier that its `refused_code` is of.
"""

from __future__ import annotations

import pyarrow as pa

_COMMON = [
    ("file_id", pa.string()),
    ("line", pa.int64()),
    ("record_key", pa.string()),
    ("customer_key", pa.string()),
    ("error_code", pa.string()),
    ("error_column", pa.string()),
    ("error_shape", pa.string()),
    ("ignore_rule", pa.string()),
]

SCHEMAS: dict[str, pa.Schema] = {
    "act": pa.schema(
        _COMMON
        + [
            ("scenario", pa.string()),
            ("claim_kind", pa.string()),
            ("occurred_at_unix", pa.int64()),
            ("ended_at_unix", pa.int64()),
            ("time_precision", pa.string()),
            ("act_date", pa.date32()),
            ("quantity_micro", pa.int64()),
            ("amount_fen", pa.int64()),
            ("object_key", pa.string()),
            ("region", pa.string()),
        ]
    ),
    "tap": pa.schema(
        _COMMON
        + [
            ("direction", pa.string()),
            ("station", pa.string()),
            ("occurred_at_unix", pa.int64()),
            ("act_date", pa.date32()),
            ("amount_fen", pa.int64()),
            ("region", pa.string()),
        ]
    ),
    "payment": pa.schema(
        _COMMON
        + [
            ("scenario", pa.string()),
            ("claim_kind", pa.string()),
            ("is_full_refund", pa.bool_()),
            ("refers_to_key", pa.string()),
            ("merchant_key", pa.string()),
            ("occurred_at_unix", pa.int64()),
            ("time_precision", pa.string()),
            ("act_date", pa.date32()),
            ("quantity_micro", pa.int64()),
            ("amount_fen", pa.int64()),
            ("refunded_fen", pa.int64()),
            ("wallet", pa.string()),
            ("merchant_code", pa.string()),
            ("merchant_code_source", pa.string()),
            ("object_key", pa.string()),
            ("region", pa.string()),
        ]
    ),
    "registration": pa.schema(
        _COMMON
        + [
            ("subject_kind", pa.string()),
            ("registered_at_unix", pa.int64()),
            ("key_version", pa.int32()),
            ("citizen_id_token", pa.string()),
            ("phone_token", pa.string()),
            ("card_tokens", pa.string()),  # every card's, with spaces between
            ("refused_code", pa.string()),
            ("refused_column", pa.string()),
            ("refused_shape", pa.string()),
            # of landings that took two cards at most; they are in card_tokens since
            ("card_token", pa.string()),
            ("card2_token", pa.string()),
        ]
    ),
    "consent": pa.schema(_COMMON + [("scope", pa.string()), ("is_given", pa.bool_()), ("at_unix", pa.int64())]),
    "redemption": pa.schema(
        _COMMON
        + [
            ("programme", pa.string()),
            ("benefit", pa.string()),
            ("points", pa.int64()),
            ("redeemed_at_unix", pa.int64()),
            ("act_date", pa.date32()),
        ]
    ),
}

REJECTS = pa.schema(
    [
        ("file_id", pa.string()),
        ("line", pa.int64()),
        ("error_code", pa.string()),
        ("error_column", pa.string()),
        ("error_shape", pa.string()),
    ]
)
"""Rows that could not be split into columns."""
