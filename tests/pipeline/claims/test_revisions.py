"""A revision that cannot be used leaves the former in force."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.support.exports import CITIZEN, CONSENTED, REGISTERED, Part, deliver, table
from tests.support.worlds import embedded_lake, land_world, rows, run_days


def taps(*stations: str) -> Part:
    """A ride through these two stations."""
    return table(
        "hangzhou_metro",
        "taps",
        f"2026-11-01 08:00:00,1,{stations[0]},D1,1,H1,3,0",
        f"2026-11-01 08:25:00,1,{stations[1]},D1,0,H1,3,300",
        total="300",
    )


def test_a_statement_without_a_row_that_can_be_used_replaces_none(tmp_path: Path) -> None:
    """No station of the first correction exists; the second one has a shorter ride."""
    customers = (
        table("hangzhou_metro", "registrations", f"H1,{CITIZEN[0]},,P,{REGISTERED}"),
        table("hangzhou_metro", "consents", f"H1,all,grant,{CONSENTED}"),
    )
    for revision, ride in enumerate((taps("S01", "S05"), taps("S91", "S95"), taps("S01", "S02"))):
        stamp = f"2026110{revision + 1}T200000Z"
        deliver(tmp_path, "hangzhou_metro", *customers, ride, stamp=stamp, revision=revision)
    land_world(tmp_path)
    lake = embedded_lake(tmp_path)
    standing = []
    for day in (1, 2, 3):
        run_days(lake, tmp_path, [date(2026, 11, day)])
        entries = [row["amount"] for row in rows(lake, "gold.ledger") if row["measure"] == "reduction_mg"]
        standing.append((len(entries), sum(entries)))
    assert standing[0] == standing[1] and standing[0][1] > standing[2][1] > 0
    refused = [row for row in rows(lake, "gold.coverage") if row["file_state"] == "refused"]
    assert [(row["feed"], row["revision"], row["code"]) for row in refused] == [("taps", 1, "no_usable_row")]
    used = [row for row in rows(lake, "silver.rows") if row["feed"] == "taps" and row["publication_seq"] == 2]
    assert used == [], "what was refused has no rows"
