"""Groups beside each other: figures worked out by hand, nobody given away, nothing that is not published."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jobs.errors import NoRanking, NotFound
from jobs.lake import Lake
from jobs.reading.rankings import Ranking, rank
from schemas import Registry, load_registry
from schemas.base import ROOT
from tanzhang.cli import app
from tests.support.libraries import edited
from tests.support.worlds import embedded_lake

DAY, LATER = date(2026, 11, 2), date(2026, 11, 3)
HERE, THERE, FAR = "330106", "330108", "330800"
TEAMS = [
    {"id": "first", "name": "甲", "institutions": ["citic_bank"]},
    {"id": "second", "name": "乙", "institutions": ["icbc"]},
]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    root = tmp_path_factory.mktemp("ranked") / "root"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    edited(
        root / "programmes/zhejiang_tanpuhui.yaml",
        teams={"teams": TEAMS, "assumption": "made up"},
        rankings={"by": ["region", "team"], "least": 6, "assumption": "made up"},
    )
    return load_registry(root)


def token(name: str) -> str:
    return hashlib.md5(name.encode()).hexdigest()


def acts(
    person: str, place: str, grams: int, *, month: str = "2026-11", seq: int = 1, scenario: str = "metro"
) -> list[dict[str, Any]]:
    """An act and its points, a point a gram; one position."""
    position = token(f"{person} {place} {grams} {month} {seq} {scenario}")
    amounts = {"reduction_mg": grams * 1000} | ({"points.zhejiang_tanpuhui": grams} if scenario != "own_bag" else {})
    return [
        {"entry_id": token(position + measure), "position": position, "position_kind": "activity", "measure": measure,
         "person_id": token(person), "entry_kind": "post", "amount": amount, "act_date": date.fromisoformat(f"{month}-01"),
         "act_month": month, "scenario": scenario, "region": place, "institution": "hangzhou_metro", "factor_id": "x",
         "match_quality": "exact", "quantity_micro": 1, "reason": "new", "publication_seq": seq}
        for measure, amount in amounts.items()
    ]  # fmt: skip


def limited(person: str, place: str) -> list[dict[str, Any]]:
    """20,000 steps: 400 g and as many points, of which the day's limit takes 104 g and no points; and a month's bonus of 30."""
    walk = acts(person, place, 400, scenario="walking")
    cap = {**walk[0], "entry_id": token(f"cap {person}"), "position": token(f"cap {person}"), "position_kind": "cap",
           "amount": -104_000, "factor_id": "walking_day", "institution": "*", "match_quality": "rule"}  # fmt: skip
    bonus = {**cap, "entry_id": token(f"tier {person}"), "position": token(f"tier {person}"), "position_kind": "tier",
             "measure": "points.zhejiang_tanpuhui", "amount": 30, "scenario": "*", "region": "330000"}  # fmt: skip
    return [*walk, cap, bonus]


def consent(person: str, institution: str, *, given: bool = True, at: int = 1, seq: int = 1) -> dict[str, Any]:
    return {"event_key": token(f"{person} {institution} {at}"), "event_kind": "consent", "institution": institution,
            "feed": "consents", "customer_key": token(f"{person} {institution}"), "scope": "all", "is_given": given,
            "at_unix": at, "is_live": True, "content_hash": "", "publication_seq": seq}  # fmt: skip


@pytest.fixture(scope="module")
def lake(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Seven people here with 100 to 700 g, six there with 1,000 g, one far away; six did 500 g more each in October.

    p7 walked beyond the limit, and has a bonus. Five firms here did 900 g each, for which the programme gives nothing.
    """
    lake = embedded_lake(tmp_path_factory.mktemp("home"), registry)
    ledger = [row for n in range(7) for row in acts(f"p{n}", HERE, 100 * (n + 1))]
    ledger += [row for n in range(7, 13) for row in acts(f"p{n}", THERE, 1000)]
    ledger += [
        *acts("p13", FAR, 9_000),
        *(row for n in range(6) for row in acts(f"p{n}", HERE, 500, month="2026-10")),
        *acts("p0", HERE, 50, scenario="own_bag"),
    ]
    ledger += [*limited("p7", THERE), *(acts(f"firm{n}", HERE, 900)[0] for n in range(5))]
    ledger += acts("p1", HERE, 100_000, seq=2)  # of the run of a later date
    banks = {"citic_bank": range(6), "icbc": range(4, 12)}
    consents = [consent(f"p{n}", bank) for bank, people in banks.items() for n in people]
    consents += [consent("p0", "citic_bank", given=False, at=2), consent("firm0", "icbc")]
    members = [
        {"customer_key": token(f"p{n} {bank}"), "person_id": token(f"p{n}"), "component_id": token(f"p{n}"),
         "subject_kind": "resident", "rule": "alone", "publication_seq": 1}
        for bank, people in banks.items() for n in people
    ]  # fmt: skip
    members.append({**members[0], "customer_key": token("firm0 icbc"), "person_id": token("firm0")})
    publish(lake, 1, DAY)
    for name, found in (("gold.ledger", ledger), ("silver.customer_events", consents), ("silver.membership", members)):
        lake.write(name, lake.rows(name, found))
    return lake


def publish(lake: Lake, seq: int, day: date) -> None:
    row = {"publication_seq": seq, "business_date": day, "publication_kind": "run", "schema_version": len(lake.registry.migrations),
           "publication_state": "published", "table_name": "gold.ledger", "table_version": 0, "row_count": 0, "checksum": 0,
           "registry_hash": "", "previous_hash": "", "publication_hash": ""}  # fmt: skip
    lake.write("gold.publications", lake.rows("gold.publications", [row]))


def shown(found: Ranking) -> list[tuple[str, int, int, int | None]]:
    return [(one.key, one.people, one.reduction_mg // 1000, one.points) for one in found.groups]


def test_by_region(lake: Lake) -> None:
    """Here 100 + … + 700, a bag of 50 g and the firms' 4,500 are 7,350 g, of twelve, who are told as ten.

    Who is alone far away takes the smaller group along.
    """
    found = rank(lake, lake.registry, DAY, "region", "2026-11")
    assert (shown(found), found.withheld) == ([(HERE, 10, 7_350, None)], 2)
    assert found.groups[0].each_mg == 7_350_000 // 10


def test_by_region_of_a_programme_counts_its_acts_alone(lake: Lake) -> None:
    """It asks for six people, and gives nothing for bags; in a year October's 3,000 g count too."""
    month = rank(lake, lake.registry, DAY, "region", "2026-11", "zhejiang_tanpuhui")
    assert (shown(month), month.withheld) == ([(HERE, 5, 2_800, None)], 2)
    year = rank(lake, lake.registry, DAY, "region", "2026", "zhejiang_tanpuhui")
    assert shown(year) == [(HERE, 5, 5_800, None)]


def test_by_programme(lake: Lake) -> None:
    found = rank(lake, lake.registry, DAY, "programme", "2026-11")
    grams = 2_800 + 6_000 + 9_000 + 400
    assert (shown(found), found.withheld) == ([("zhejiang_tanpuhui", 15, grams - 104, grams + 30)], 0)


def test_by_team(lake: Lake) -> None:
    """p0 withdrew; p4 and p5 consented to both and are in the first.

    Its p1–p5 are fewer than six; of the other p6 is the only one here, whom the programme's region would tell.
    """
    found = rank(lake, lake.registry, DAY, "team", "2026-11", "zhejiang_tanpuhui")
    assert (shown(found), found.withheld) == ([], 2)


def test_a_team_of_enough_people(registry: Registry, tmp_path: Path) -> None:
    """Six of each place are in a team, the first and the second, and six are in none; p6 walked and has a bonus."""
    root = tmp_path / "root"
    shutil.copytree(registry.root, root)
    edited(root / "programmes/zhejiang_tanpuhui.yaml", rankings={"by": ["team"], "assumption": "made up"})
    lake = embedded_lake(tmp_path, load_registry(root))
    publish(lake, 1, DAY)
    banks = {"citic_bank": range(6), "icbc": range(4, 12)}
    ledger = [row for n in range(12) for row in acts(f"p{n}", HERE if n < 6 else THERE, 100 * (n + 1))]
    ledger += [row for n in range(12, 24) for row in acts(f"p{n}", HERE if n < 18 else THERE, 50)]
    ledger += limited("p6", THERE)
    consents = [consent(f"p{n}", bank) for bank, people in banks.items() for n in people]
    members = [
        {"customer_key": token(f"p{n} {bank}"), "person_id": token(f"p{n}"), "component_id": token(f"p{n}"),
         "subject_kind": "resident", "rule": "alone", "publication_seq": 1}
        for bank, people in banks.items() for n in people
    ]  # fmt: skip
    for name, found in (("gold.ledger", ledger), ("silver.customer_events", consents), ("silver.membership", members)):
        lake.write(name, lake.rows(name, found))
    second = 700 + 800 + 900 + 1_000 + 1_100 + 1_200 + 400
    ranked = rank(lake, lake.registry, DAY, "team", "2026-11", "zhejiang_tanpuhui")
    assert shown(ranked) == [("second", 5, second - 104, second + 30), ("first", 5, 2_100, 2_100)]


def test_what_is_not_published_does_not_count(lake: Lake) -> None:
    before = rank(lake, lake.registry, DAY, "region", "2026-11")
    with pytest.raises(NotFound, match="2026-11-03 was not published"):
        rank(lake, lake.registry, LATER, "region", "2026-11")
    publish(lake, 2, LATER)
    assert rank(lake, lake.registry, DAY, "region", "2026-11") == before
    assert shown(rank(lake, lake.registry, LATER, "region", "2026-11")) == [(HERE, 10, 107_350, None)]


@pytest.mark.parametrize(
    ("by", "period", "programme", "said"),
    [
        ("region", "2026-13", None, "no month or year"),
        ("region", "November", None, "no month or year"),
        ("team", "2026", None, "say which"),
        ("team", "2026", "jintanxing", "does not rank by team"),
        ("region", "2026", "citic_carbon", "only compared"),
        ("region", "2026", "nobody", "no programme; there are"),
        ("programme", "2026", "quzhou", "say none"),
    ],
)
def test_what_is_not_ranked_is_said(lake: Lake, by: Any, period: str, programme: str | None, said: str) -> None:
    with pytest.raises(NoRanking, match=said):
        rank(lake, lake.registry, DAY, by, period, programme)


def test_the_command(lake: Lake) -> None:
    call = ["programmes", "rank", "--by", "region", "--period", "2026-11", "--home", str(lake.path.parent)]
    told = CliRunner().invoke(app, [*call, "--date", f"{DAY}"])
    assert told.exit_code == 0, told.stderr
    assert "7.350" in told.output and "2 more groups" in told.output
    found = json.loads(CliRunner().invoke(app, [*call, "--date", f"{DAY}", "--json"]).output)
    assert [group["key"] for group in found["groups"]] == [HERE] and found["withheld"] == 2
    assert CliRunner().invoke(app, [*call, "--date", "2026-12-01"]).exit_code == 5
    assert CliRunner().invoke(app, [*call[:5], "someday", *call[6:]]).exit_code == 2
