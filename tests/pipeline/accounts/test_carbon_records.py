"""The carbon record, counted a second time from the logs that it rests on, person by person."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, QueryBuilder

from jobs.lake import Lake
from jobs.reading.carbon_record import carbon_record
from tests.support.registries import shipped
from tests.support.worlds import accounted, days, embedded_lake, rich_world, rows, run_days

Row = dict[str, Any]
REGISTRY = shipped()
LOCAL = timezone(timedelta(hours=8))
DATES = days(5)
BILLS = {("alipay", "bills"), ("wechat_pay", "bills")}
PAYERS = {"citic_bank", "icbc"}
"""Whose daily files have payments; both under the scope of finance."""
SCOPES = ("travel", "living", "finance")
STEPS = ((950, "A"), (800, "B"), (500, "C"), (0, "D"))
SPEND_STEPS = ((900, "A"), (700, "B"), (500, "C"), (0, "D"))
MEASURED = ("acts", "scenarios", "reduction_mg", "excluded_mg", "capped_mg", "emission_mg", "spend_fen",
            "known_spend_fen", "institutions", "reporting_grade", "reporting_reason", "spend_grade", "spend_reason")  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rich_world(tmp_path_factory.mktemp("records"))


@pytest.fixture(scope="module")
def lake(home: Path) -> Lake:
    accounted(home, len(DATES))
    return embedded_lake(home, REGISTRY)


def newest(log: list[Row], *key: str) -> list[Row]:
    found: dict[tuple[Any, ...], Row] = {}
    for row in sorted(log, key=lambda row: int(row["publication_seq"])):
        found[tuple(row[name] for name in key)] = row
    return [row for row in found.values() if row.get("is_live", True)]


def grade(part: int, whole: int, steps: tuple[tuple[int, str], ...]) -> str:
    return next(name for least, name in steps if part * 1000 >= least * whole)


def month_spans(month: str) -> tuple[int, int]:
    """Its first second, and that of the next one, by the local clock."""
    year, number = int(month[:4]), int(month[5:])
    begins = datetime(year, number, 1, tzinfo=LOCAL)
    ends = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=LOCAL)
    return int(begins.timestamp()), int(ends.timestamp())


def consented(events: list[Row], month: str) -> set[tuple[str, str]]:
    """(institution, scope) that one customer had consented to at some second of the month."""
    begins, ends = month_spans(month)
    found = set()
    for scope in SCOPES:
        at: dict[int, bool] = {}
        for event in events:
            if event["scope"] in (scope, "all"):
                at[event["at_unix"]] = at.get(event["at_unix"], True) and event["is_given"]
        for (since, is_given), until in pairwise([*sorted(at.items()), (2**60, False)]):
            if is_given and since < ends and until[0] > begins:
                found.add((events[0]["institution"], scope))
    return found


def reporting(coverage: list[Row], until: date) -> dict[tuple[str, str], str]:
    """(institution, month) → grade by the statements that came of those that it owes."""
    feeds = {(source.id, name) for source in REGISTRY.sources.values() for name in source.feeds} - BILLS
    come = {
        (row["institution"], row["feed"], row["business_date"])
        for row in coverage
        if row["file_state"] == "consumed"
        and (row["institution"], row["feed"]) in feeds
        and row["business_date"] <= until
    }
    found = {}
    for institution in {one for one, *_ in come}:
        first = min(day for one, _, day in come if one == institution)
        mine = [feed for one, feed in feeds if one == institution]
        owed: defaultdict[str, int] = defaultdict(int)
        there: defaultdict[str, int] = defaultdict(int)
        for number in range((until - first).days + 1):
            day = first + timedelta(days=number)
            owed[f"{day:%Y-%m}"] += len(mine)
            there[f"{day:%Y-%m}"] += sum((institution, feed, day) in come for feed in mine)
        found |= {(institution, month): grade(there[month], owed[month], STEPS) for month in owed}
    return found


def recounted(lake: Lake, seq: int, until: date) -> dict[tuple[str, str], dict[str, Any]]:
    """(person, month) → what its record must say in a publication."""
    log = {
        name: [row for row in rows(lake, name) if row["publication_seq"] <= seq]
        for name in ("silver.activities", "silver.membership", "silver.customer_events", "gold.ledger", "gold.coverage")
    }
    customers, events = defaultdict(list), defaultdict(list)
    for row in newest(log["silver.membership"], "customer_key"):
        customers[row["person_id"]].append(row["customer_key"])
    for row in newest(log["silver.customer_events"], "event_key"):
        if row["event_kind"] == "consent":
            events[row["customer_key"]].append(row)
    graded = reporting(log["gold.coverage"], until)
    acts, entries = defaultdict(list), defaultdict(list)
    for row in newest(log["silver.activities"], "claim_id", "act_date"):
        acts[row["person_id"], row["act_month"]].append(row)
    for row in log["gold.ledger"]:
        if not row["measure"].startswith("points."):
            entries[row["person_id"], row["act_month"]].append(row)
    found = {}
    for person, month in acts.keys() | entries.keys():
        mine, posted = acts[person, month], entries[person, month]
        done = [row["scenario"] for row in mine if row["outcome"] == "credited" and row["is_lead"]]
        reduced = [row for row in posted if row["measure"] == "reduction_mg"]
        paid = [row for row in posted if row["measure"] == "emission_mg"]
        spent = sum(row["spend_fen"] or 0 for row in mine)
        known = sum(row["quantity_micro"] * (1 if row["amount"] > 0 else -1) for row in paid) // 10_000
        excluded = -sum(row["amount"] for row in reduced if row["position_kind"] == "exclusion")
        capped = -sum(row["amount"] for row in reduced if row["position_kind"] == "cap")
        if not (done or spent or excluded or capped):
            continue
        places = set().union(*(consented(events[one], month) for one in customers[person] if events[one]), set())
        brought = {row["institution"] for row in mine if (row["institution"], row["feed"]) in BILLS}
        letters = [graded[place, month] for place, _ in places if (place, month) in graded]
        worst = max(letters, default="none")
        shows = bool(brought) or any(place in PAYERS and scope == "finance" for place, scope in places)
        spend_grade = "none" if not shows or not spent else grade(known, spent, SPEND_STEPS)
        reasons = {"A": "categories_known", "none": "nothing_spent"}
        found[person, month] = {
            "acts": len(done),
            "scenarios": len(set(done)),
            "reduction_mg": sum(row["amount"] for row in reduced),
            "excluded_mg": excluded,
            "capped_mg": capped,
            "emission_mg": sum(row["amount"] for row in paid),
            "spend_fen": spent,
            "known_spend_fen": known,
            "institutions": len({place for place, _ in places} | brought),
            "reporting_grade": worst,
            "reporting_reason": {"A": "reported", "none": "nothing_owed"}.get(worst, "statements_missing"),
            "spend_grade": spend_grade,
            "spend_reason": reasons.get(spend_grade, "categories_unknown") if shows else "no_payments_reported",
        }
    return found


def recorded(lake: Lake, seq: int) -> dict[tuple[str, str], dict[str, Any]]:
    log = [row for row in rows(lake, "gold.carbon_records") if row["publication_seq"] <= seq]
    return {
        (row["person_id"], row["act_month"]): {name: row[name] for name in MEASURED}
        for row in newest(log, "person_id", "act_month")
    }


@pytest.mark.parametrize("seq", [1, 3, len(DATES)])
def test_every_record_is_what_the_logs_say(lake: Lake, seq: int) -> None:
    assert recorded(lake, seq) == recounted(lake, seq, DATES[seq - 1])


def test_the_world_has_what_records_must_tell(lake: Lake) -> None:
    found = [row for row in rows(lake, "gold.carbon_records") if row["is_live"]]
    assert {row["reporting_grade"] for row in found} >= {"A", "C"}
    assert {row["spend_reason"] for row in found} == {
        "categories_known", "categories_unknown", "no_payments_reported", "nothing_spent",
    }  # fmt: skip
    assert any(row["capped_mg"] for row in found)
    assert any(not row["is_live"] for row in rows(lake, "gold.carbon_records")), "somebody was found to be another"


def test_who_did_nothing_new_has_no_new_record(lake: Lake) -> None:
    """But for a change of grade: a late statement, or one that did not come."""
    log = sorted(rows(lake, "gold.carbon_records"), key=lambda row: int(row["publication_seq"]))
    members = rows(lake, "silver.membership")
    touched: defaultdict[int, set[str]] = defaultdict(set)
    for name in ("gold.ledger", "silver.activities", "silver.membership"):
        for row in rows(lake, name):
            touched[row["publication_seq"]].add(row["person_id"])
    of = defaultdict(set)
    for row in members:
        of[row["customer_key"]].add(row["person_id"])
    for row in rows(lake, "silver.customer_events"):
        touched[row["publication_seq"]] |= of[row["customer_key"]]
    holders = defaultdict(set)
    for row in rows(lake, "silver.activities"):
        holders[row["claim_id"]].add(row["person_id"])
    for row in rows(lake, "silver.activities"):  # whoever had the claim before has it no more
        touched[row["publication_seq"]] |= holders[row["claim_id"]]
    before: dict[tuple[str, str], Row] = {}
    idle = 0
    for row in log:
        key = row["person_id"], row["act_month"]
        if row["person_id"] not in touched[row["publication_seq"]]:
            idle += 1
            assert (before[key]["reporting_grade"], before[key]["is_live"]) != (row["reporting_grade"], row["is_live"])
        before[key] = row
    assert idle, "some grade changed for somebody who did nothing"
    assert len({row["person_id"] for row in log if row["publication_seq"] == len(DATES)}) < len(before)


def test_computing_everything_again_writes_nothing(home: Path, lake: Lake) -> None:
    [outcome] = run_days(lake, home, DATES[-1:], full=True)
    assert outcome.state == "unchanged" and not any(outcome.appended.values())


def test_one_run_for_all_days_says_the_same(home: Path, lake: Lake) -> None:
    """By customers: who joins whom decides about an id."""
    at_once = embedded_lake(home, REGISTRY, folder="at_once")
    run_days(at_once, home, DATES[-1:])

    def by_customers(of: Lake) -> dict[tuple[frozenset[str], str], dict[str, Any]]:
        customers = defaultdict(set)
        for row in newest(rows(of, "silver.membership"), "customer_key"):
            customers[row["person_id"]].add(row["customer_key"])
        last = max(row["publication_seq"] for row in rows(of, "gold.carbon_records"))
        return {(frozenset(customers[who]), month): told for (who, month), told in recorded(of, last).items()}

    assert by_customers(at_once) == by_customers(lake)


def test_the_published_query_says_what_the_statement_says(lake: Lake) -> None:
    """The query of docs/publication.md, run by another engine, for everybody with a record."""
    text = (REGISTRY.root.parent / "docs/publication.md").read_text(encoding="utf-8")
    query = text.split("## A carbon record")[1].split("```sql\n")[1].split("```")[0]
    table = DeltaTable(lake.path / REGISTRY.tables["gold.carbon_records"].path)
    people = sorted({person for person, _ in recorded(lake, 3)})
    months = 0
    for person in people[:40]:
        builder = QueryBuilder().register("carbon_records", table)
        [row] = pa.table(builder.execute(query.replace("PERSON", person))).to_pylist()
        told = carbon_record(lake, REGISTRY, person, 3, date(2026, 11, 3), [])
        last = told.months[-1]
        assert row == {
            "months": len(told.months), "first_month": told.months[0].act_month, "reduction_mg": told.reduction_mg,
            "emission_mg": told.emission_mg, "tier": told.tier, "reporting_grade": last.reporting_grade,
            "spend_grade": last.spend_grade,
        }  # fmt: skip
        months += len(told.months)
    assert months >= 40


def test_a_tier_goes_by_the_last_twelve_months(tmp_path: Path) -> None:
    """50 kg a year ago, and 60 and 40 kg within it: 100 kg; the first month counts as history alone."""
    lake = embedded_lake(tmp_path, REGISTRY)
    person = "ab" * 16
    kilograms = {"2025-11": 50, "2025-12": 60, "2026-11": 40}
    found = [
        {"person_id": person, "act_month": month, "acts": 1, "scenarios": 1, "reduction_mg": mass * 10**6,
         "excluded_mg": 0, "capped_mg": 0,
         "emission_mg": 7, "spend_fen": 0, "known_spend_fen": 0, "institutions": 1, "reporting_grade": "B",
         "reporting_reason": "statements_missing", "spend_grade": "none", "spend_reason": "nothing_spent",
         "content_hash": "", "is_live": True, "publication_seq": 1}
        for month, mass in kilograms.items()
    ]  # fmt: skip
    lake.write("gold.carbon_records", lake.rows("gold.carbon_records", found))
    quzhou = REGISTRY.programmes["quzhou"]
    on = date(2026, 11, 30)
    told = carbon_record(lake, REGISTRY, person, 1, on, [quzhou])
    assert ([one.act_month for one in told.months], told.reduction_mg, told.emission_mg) == ([*kilograms], 10**8, 14)
    assert (told.tier, [(one.programme, one.level) for one in told.levels]) == ("深绿", [("quzhou", "深绿")])
    assert "have not come" in told.reasons[0] and "none was made" in told.reasons[1]
    before = carbon_record(lake, REGISTRY, person, 1, date(2026, 10, 31), [])
    assert (len(before.months), before.tier, before.reasons) == (2, "深绿", []), "50 and 60 kg within twelve months"
    assert carbon_record(lake, REGISTRY, person, 0, on, []).months == []
