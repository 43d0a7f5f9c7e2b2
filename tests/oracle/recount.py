"""The figures of a publication's report, counted a second time: row by row, from the tables as deltalake reads them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from schemas import Registry
from tests.oracle.grades import grade_of
from tests.support.lakes import rows

Row = dict[str, Any]
Figures = set[tuple[str, str]]
"""(name, value) as text; an empty value is a number of people that is not counted out."""


def recount(lake: Path, registry: Registry, seq: int) -> Figures:
    """Every figure that the report of a publication must show, and no other."""
    tables = {name: rows(lake, table).to_pylist() for name, table in registry.tables.items()}
    day = next(row["business_date"] for row in tables["gold.publications"] if row["publication_seq"] == seq)
    log = {name: [row for row in found if row.get("publication_seq", 0) <= seq] for name, found in tables.items()}
    brought = {
        (source.id, name) for source in registry.sources.values() for name, feed in source.feeds.items() if feed.is_bill
    }
    ledger = [row for row in log["gold.ledger"] if row["measure"] == "reduction_mg"]
    coverage, activities = log["gold.coverage"], log["silver.activities"]
    found = [
        *kilograms(ledger, seq, day),
        *emissions(log["gold.ledger"], activities, day),
        *points(log["gold.ledger"]),
        *accounts(ledger, seq),
        *restated(ledger, seq, day),
        *dispositions(log["silver.rows"], coverage, seq),
        *outcomes(activities, seq),
        *arrivals(coverage, brought, day),
        *used(coverage, brought, seq),
        *rules([row for row in log["gold.quality"] if row["publication_seq"] == seq]),
    ]  # fmt: skip
    if seq > 1:
        found += changes(ledger, activities, seq, day)
    else:
        found = [one for one in found if one[0] != "accounts.before" and one[0] != "accounts.change"]
    return {(name, "" if value is None else str(value)) for name, value in found}


def kilograms(ledger: list[Row], seq: int, day: date) -> Iterable[tuple[str, int]]:
    """Sums by scenario, region, grade of the figure and act date: now, before, and what this publication changed."""
    first = day - timedelta(days=30)
    before, now = Counter[str](), Counter[str]()
    for row in ledger:
        names = [
            "kg.total",
            f"kg.kind.{row['position_kind']}",
            f"kg.scenario.{row['scenario']}",
            f"kg.region.{row['region']}",
        ]
        names.append(f"kg.grade.{grade_of(row['scenario'], row['factor_id'], row['match_quality'])}")
        names.append(f"kg.day.{row['act_date']}" if row["act_date"] >= first else "kg.day.older")
        for name in names:
            now[name] += row["amount"]
            before[name] += row["amount"] if row["publication_seq"] < seq else 0
    on = min((row["act_date"] for row in ledger if row["act_date"] >= first), default=day)
    while on <= day:  # also days without any act
        now[f"kg.day.{on}"] += 0
        on += timedelta(days=1)
    for name, amount in now.items():
        yield from ((name, amount), (f"{name}.before", before[name]), (f"{name}.change", amount - before[name]))


CATEGORIES = {
    "4111": "行",
    "4900": "住",
    "5311": "用",
    "5411": "食",
    "5541": "行",
    "5651": "衣",
    "5812": "食",
    "5814": "食",
}
"""Merchants of the simulated world."""


def emissions(ledger: list[Row], activities: list[Row], day: date) -> Iterable[tuple[str, int]]:
    """What payments of the last 31 days emit, by category; what was spent, and of it what that is of."""
    first = day - timedelta(days=30)
    by_category, known = Counter[str](), 0
    for row in ledger:
        if row["measure"] == "emission_mg" and row["act_date"] >= first:
            by_category[CATEGORIES[row["factor_id"].split(":")[1]]] += row["amount"]
            known += row["quantity_micro"] // 10_000 * (1 if row["entry_kind"] == "post" else -1)
    yield from ((f"emission.category.{name}", amount) for name, amount in by_category.items() if amount)
    yield "emission.total", sum(by_category.values())
    yield "emission.known", known
    now = standing(activities).values()
    yield "emission.spent", sum(row["spend_fen"] or 0 for row in now if row["act_date"] >= first)


SUMS = {
    "activity": "earned",
    "tier": "bonus",
    "exclusion": "excluded",
    "cap": "capped",
    "expiry": "expired",
    "redemption": "redeemed",
    "donation": "donated",
}


def points(ledger: list[Row]) -> Iterable[tuple[str, int | None]]:
    """What every programme gave, took and has left, and how many people that is of."""
    by_kind, by_person = defaultdict[str, Counter[str]](Counter), defaultdict[str, Counter[str]](Counter)
    moved = defaultdict[str, Counter[tuple[str, str]]](Counter)
    for row in ledger:
        if row["measure"].startswith("points."):
            by_kind[row["measure"]][SUMS[row["position_kind"]]] += row["amount"]
            by_person[row["measure"]][row["person_id"]] += row["amount"]
            moved[row["measure"]][row["person_id"], row["position_kind"]] += row["amount"]
    for name, sums in by_kind.items():
        yield from ((f"{name}.{kind}", sums[kind]) for kind in SUMS.values())
        balances = by_person[name].values()
        below = [balance for balance in balances if balance < 0]
        yield from ((f"{name}.left", sum(balances)), (f"{name}.owed", sum(below)))
        holders = {person for (person, _), amount in moved[name].items() if amount}
        for what, count in (("people", len(holders)), ("overdrawn", len(below))):
            yield f"{name}.{what}", None if 1 <= count <= 4 else count


def accounts(ledger: list[Row], seq: int) -> Iterable[tuple[str, int | None]]:
    before, now = Counter[str](), Counter[str]()
    for row in ledger:
        now[row["person_id"]] += row["amount"]
        before[row["person_id"]] += row["amount"] if row["publication_seq"] < seq else 0
    stood, stands = (sum(amount > 0 for amount in sums.values()) for sums in (before, now))
    few = 1 <= abs(stands - stood) <= 4
    yield "accounts", None if 1 <= stands <= 4 else stands
    yield "accounts.before", None if few else stood
    yield "accounts.change", None if few else stands - stood


def restated(ledger: list[Row], seq: int, day: date) -> Iterable[tuple[str, int]]:
    """Entries of this publication for earlier days, or instead of what stood: by reason, and by day."""
    mine = [row for row in ledger if row["publication_seq"] == seq]
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in mine:
        if row["act_date"] < day or row["reason"] != "new":
            side = "posted" if row["entry_kind"] == "post" else "reversed"
            names = [f"restated.{row['reason']}"]
            if row["act_date"] < day:
                names.append(f"restated.day.{row['act_date']}")
            for name in names:
                sums[name].update({side: row["amount"], "net": row["amount"], "entries": 1})
    for name, counts in sums.items():
        yield from ((f"{name}.{side}", counts[side]) for side in ("posted", "reversed", "net", "entries"))


def split(name: str, group: str, counts: Counter[tuple[str, str]], known: Iterable[str]) -> Iterable[tuple[str, int]]:
    """A whole, its parts, and the matrix of institutions by part."""
    parts = Counter[str]()
    for (_, part), count in counts.items():
        parts[part] += count
    for total in (name, f"{name}.all"):
        yield total, sum(counts.values())
    for part, count in parts.items():
        yield from ((f"{name}.{group}.{part}", count), (f"{name}.all.{part}", count))
    for institution in known:
        yield f"{name}.{institution}", sum(count for (who, _), count in counts.items() if who == institution)
        yield from ((f"{name}.{institution}.{part}", counts[institution, part]) for part in parts)


def dispositions(log: list[Row], coverage: list[Row], seq: int) -> Iterable[tuple[str, int]]:
    fresh = [row for row in coverage if row["publication_seq"] == seq and row["file_state"] == "consumed"]
    files = {row["file_id"] for row in fresh}
    newest: dict[tuple[str, int], Row] = {}
    for row in sorted(log, key=lambda row: row["publication_seq"]):
        newest[row["file_id"], row["line"]] = row
    mine = [row for row in newest.values() if row["file_id"] in files]
    counts = Counter((row["institution"], row["disposition"]) for row in mine)
    yield from split("rows", "disposition", counts, {row["institution"] for row in fresh})
    yield "rows.stated", sum(row["row_count"] for row in fresh)
    others = [row for row in newest.values() if row["file_id"] not in files and row["publication_seq"] == seq]
    for disposition, count in Counter(row["disposition"] for row in others).items():
        yield f"rows.changed.{disposition}", count
    wrong = Counter(
        (row["institution"], row["code"]) for row in mine if row["disposition"] in ("quarantined", "rejected")
    )
    for (institution, code), count in wrong.items():
        yield f"rows.code.{institution}.{code}", count


def standing(log: list[Row]) -> dict[tuple[str, date], Row]:
    newest: dict[tuple[str, date], Row] = {}
    for row in sorted(log, key=lambda row: row["publication_seq"]):
        newest[row["claim_id"], row["act_date"]] = row
    return {key: row for key, row in newest.items() if row["is_live"]}


def decided(log: list[Row], seq: int) -> list[tuple[Row, str | None, str | None]]:
    """Claims with a row of this publication: the row, and the outcomes before and now."""
    now, before = standing(log), standing([row for row in log if row["publication_seq"] < seq])
    outcome = lambda side, key: side[key]["outcome"] if key in side else None  # noqa: E731
    mine = {(row["claim_id"], row["act_date"]): row for row in log if row["publication_seq"] == seq}
    return [(row, outcome(before, key), outcome(now, key)) for key, row in mine.items()]


def outcomes(log: list[Row], seq: int) -> Iterable[tuple[str, int]]:
    told = decided(log, seq)
    counts = Counter((row["institution"], now or "withdrawn") for row, before, now in told if before is None)
    yield from split("claims", "outcome", counts, {institution for institution, _ in counts})
    moved = Counter((before, now or "withdrawn") for _, before, now in told if before is not None and before != now)
    yield "claims.changed", sum(moved.values())
    yield from ((f"claims.moved.{before}.{now}", count) for (before, now), count in moved.items())
    yield "claims.same", sum(before is not None and before == now for _, before, now in told)
    leader = {row["claim_id"]: row["institution"] for row in log}
    pairs = Counter(
        (row["institution"], leader[row["activity_id"]])
        for row, before, now in told
        if now == "absorbed" and before != "absorbed"
    )
    yield "duplicates", sum(pairs.values())
    yield from ((f"duplicates.{one}.{other}", count) for (one, other), count in pairs.items())


def arrivals(coverage: list[Row], brought: set[tuple[str, str]], day: date) -> Iterable[tuple[str, str]]:
    """The grid: what became of an institution's statement of a day, its worst feed deciding."""
    days: defaultdict[tuple[str, date], list[Row]] = defaultdict(list)
    for row in coverage:
        if (row["institution"], row["feed"]) not in brought:
            days[row["institution"], row["business_date"]].append(row)
    first = max(day - timedelta(days=13), min(on for _, on in days))
    for institution in {institution for institution, _ in days}:
        for on in (first + timedelta(days=n) for n in range((day - first).days + 1)):
            here = days.get((institution, on), [])
            taken = [row for row in here if row["file_state"] == "consumed"]
            owing = {row["feed"] for row in here} - {"*"} - {row["feed"] for row in taken}
            turned_away = any(row["file_state"] == "refused" and row["feed"] in {*owing, "*"} for row in here)
            late = any(
                all(row["is_late"] for row in taken if row["feed"] == feed) for feed in {row["feed"] for row in taken}
            )
            state = "unknown" if not here else "on_time"
            if here and (owing or not taken):
                state = "refused" if turned_away else "missing"
            elif late:
                state = "late"
            yield f"arrival.{institution}.{on}", state


def used(coverage: list[Row], brought: set[tuple[str, str]], seq: int) -> Iterable[tuple[str, int | None]]:
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in coverage:
        if row["publication_seq"] == seq and row["file_state"] != "missing":
            mine, is_bill = counts[row["institution"]], (row["institution"], row["feed"]) in brought
            if row["file_state"] == "consumed":
                mine.update({"bills" if is_bill else "files": 1, "rows": row["row_count"]})
                mine["late_rows"] += row["row_count"] if row["is_late"] and not is_bill else 0
            elif not is_bill:
                mine["refused"] += 1
    for institution, mine in counts.items():
        for column in ("files", "bills", "rows", "late_rows", "refused"):
            few = column == "bills" and 1 <= mine[column] <= 4
            yield f"coverage.{institution}.{column}", None if few else mine[column]


def rules(verdicts: list[Row]) -> Iterable[tuple[str, int]]:
    for severity in {row["severity"] for row in verdicts}:
        yield f"rules.{severity}.passed", sum(row["is_passed"] for row in verdicts if row["severity"] == severity)
    for row in verdicts:
        yield from ((f"rules.{row['rule_id']}.{column}", row[column]) for column in ("observed", "checked"))
        if not row["is_passed"]:
            yield f"rules.broken.{row['rule_id']}", row["observed"]


def changes(ledger: list[Row], activities: list[Row], seq: int, day: date) -> Iterable[tuple[str, int]]:
    mine = [row for row in ledger if row["publication_seq"] == seq]
    told = decided(activities, seq)
    yield "changes.entries_posted", sum(row["entry_kind"] == "post" for row in mine)
    yield "changes.entries_reversed", sum(row["entry_kind"] == "reverse" for row in mine)
    yield "changes.claims_new", sum(before is None for _, before, _ in told)
    yield "changes.claims_changed", sum(None not in (before, now) and before != now for _, before, now in told)
    yield "changes.claims_withdrawn", sum(before is not None and now is None for _, before, now in told)
    yield "changes.restated_days", len({row["act_date"] for row in mine if row["act_date"] < day})
