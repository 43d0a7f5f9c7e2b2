"""A bank that has no numbers for its rows exports the rows of the day before once more."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from tests.support.exports import CARD, CITIZEN, CONSENTED, PHONE, REGISTERED, deliver, table
from tests.support.worlds import embedded_lake, land_world, rows, run_days

FIRST = ["C1|电子账单|20261101|2||", "C1|电子账单|20261101|2||", "C1|电子账单|20261101|1||"]
"""Two rows that are equal, and are two acts."""
NEXT = ["C1|电子账单|20261102|1||"]
SHEETS = 2 + 2 + 1


@pytest.mark.parametrize("order", [(1, 2), (2, 1)], ids=["as the days go", "the later export first"])
def test_a_row_that_the_next_export_repeats_counts_once(tmp_path: Path, order: tuple[int, int]) -> None:
    """The bank repeats one of two equal rows and changes the remark, which nobody keeps."""
    repeated = [FIRST[0] + "补记", FIRST[2]]
    acts = {1: FIRST, 2: [*repeated, *NEXT]}
    customers = (
        table("citic_bank", "registrations", f"C1|{CITIZEN[0]}|{PHONE[0]}|{CARD[0]}|个人|{REGISTERED}"),
        table("citic_bank", "consents", f"C1|全部|授权|{CONSENTED}"),
    )
    for arrived, day in enumerate(order, start=3):
        sent = (*customers, table("citic_bank", "acts", *acts[day]))
        deliver(tmp_path, "citic_bank", *sent, stamp=f"2026110{arrived}T200000Z", business_date=f"2026-11-0{day}")
    land_world(tmp_path)
    lake = embedded_lake(tmp_path)
    run_days(lake, tmp_path, [date(2026, 11, day) for day in (3, 4)])
    credited = Counter[date]()
    for row in rows(lake, "gold.ledger"):
        if row["measure"] == "reduction_mg":
            credited[row["act_date"]] += row["amount"]
    one_sheet = credited[date(2026, 11, 2)]
    assert credited == {date(2026, 11, 1): SHEETS * one_sheet, date(2026, 11, 2): one_sheet} and one_sheet > 0
    newest = {}
    for row in sorted(rows(lake, "silver.rows"), key=lambda row: row["publication_seq"]):
        newest[row["file_id"], row["line"]] = row
    dispositions = Counter(row["disposition"] for row in newest.values() if row["feed"] == "acts")
    assert dispositions == {"record": 4, "repeat": 2}
