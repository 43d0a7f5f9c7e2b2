"""What took back the payments behind an entry, as refunds in force tell it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.lake.frames import listed
from jobs.lake.log import Log

if TYPE_CHECKING:
    from jobs.lake import Lake


@dataclass(frozen=True)
class Refund:
    """A refund of a claim: when, how much, on which line, and whether it was matched to the claim or names it."""

    refers_to_key: str
    act_date: date
    amount_fen: int | None
    is_matched: bool
    institution: str
    feed: str
    file_id: str
    line: int


def refunds_of(lake: Lake, claim_ids: Collection[str]) -> dict[str, list[Refund]]:
    """Claim → the refunds in force that take it back, in order of time; claims without any are left out."""
    claims = Log(lake, lake.tables["silver.claims"], lake.read("silver.claims"), 0)
    asked = lake.from_arrow(pa.table({"refers_to_key": pa.array(sorted(claim_ids), pa.string())}))
    columns = ("institution", "feed", "file_id", "line")
    found: defaultdict[str, list[Refund]] = defaultdict(list)
    for one in lake.ask(
        Refund,
        f"""
        SELECT refers_to_key, act_date, amount_fen, merchant_key IS NOT NULL AS is_matched, {listed(columns)}
        FROM refunds
        ORDER BY act_date, claim_id
        """,
        refunds=claims.in_force_of(asked, "refers_to_key"),
    ):
        found[one.refers_to_key].append(one)
    return dict(found)
