"""A statement that was held back is judged again by every run, beside all that has come since."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.support.exports import Part, deliver, lines, part
from tests.support.worlds import embedded_lake, land_world, rows, run_days


def orders(day: int, count: int) -> Part:
    """So many orders of a November day."""
    text = lines(
        *(
            {
                "orderNo": f"{day:02}{number:05}",
                "userId": "HG1",
                "category": "纸",
                "estimatedWeight": "1",
                "settledWeight": "1",
                "unit": "kg",
                "status": "已完成",
                "appointTime": f"2026-11-{day:02} 08:00:00",
                "settleTime": f"2026-11-{day:02} 09:00:00",
            }
            for number in range(count)
        )
    )
    return part("huge_recycling", "orders", text, str(count))


def test_what_was_held_is_used_when_the_days_before_it_have_come(tmp_path: Path) -> None:
    """1100 rows are too many after five days of 200, and not after five more of 900 that come late."""
    arrivals = [(11, dict.fromkeys((1, 2, 3, 4, 5), 200) | {11: 1100}), (12, dict.fromkeys((6, 7, 8, 9, 10), 900))]
    for arrived, sizes in arrivals:
        for day, count in sizes.items():
            stamp = f"202611{arrived}T20{day:02}00Z"
            deliver(tmp_path, "huge_recycling", orders(day, count), stamp=stamp, business_date=f"2026-11-{day:02}")
    land_world(tmp_path)
    lake = embedded_lake(tmp_path)
    run_days(lake, tmp_path, [date(2026, 11, arrived) for arrived, _ in arrivals])
    told = [
        (row["publication_seq"], row["file_state"], row["code"])
        for row in rows(lake, "gold.coverage")
        if (row["feed"], row["business_date"]) == ("orders", date(2026, 11, 11)) and row["file_state"] != "missing"
    ]
    assert sorted(told) == [(1, "refused", "wrong_volume"), (2, "consumed", None)]
