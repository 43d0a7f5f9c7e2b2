"""Severity decides: what is critical holds back or blocks, a warning leaves its flag, information is only recorded."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

import expectations
from expectations import Measurement, RuleResult
from jobs.day import JOBS, run_day, run_job
from jobs.errors import NotFound, PublicationBlocked
from jobs.lake import Lake
from jobs.reading.data_docs import render
from jobs.reading.quality import declared, history, latest
from schemas import Registry, load_registry
from schemas.base import ROOT
from tests.support.exports import CONSENTED, alipay_acts, alipay_consents, deliver
from tests.support.worlds import accounted, embedded_lake, land_world, rows, run_days, usual_world

DAY, NEXT = date(2026, 11, 1), date(2026, 11, 2)
SMALL = {"id": "small_day", "text": "Few act on a day.", "measure": "rows", "at_most": 1}


def alone(folder: Path, **rule: Any) -> Registry:
    """The registry with the wallet, whose acts have one rule more, and the metro, whose network others lean on."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for path in (folder / "sources").glob("*.yaml"):
        if path.stem not in ("alipay", "hangzhou_metro"):
            path.unlink()
    path = folder / "sources/alipay.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["feeds"]["acts"]["rules"] = [SMALL | rule] if rule else []
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return load_registry(folder)


def stricter(folder: Path, severity: str) -> Registry:
    """The registry with a table's rule that no small world keeps."""
    registry = alone(folder)
    path = folder / "tables/gold_balances.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    [rule] = [rule for rule in content["rules"] if rule["id"] == "balance_anybody"]
    rule |= {"severity": severity, "min_rows": 1000}
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    assert registry.digest != load_registry(folder).digest
    return load_registry(folder)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two payments of one consenting customer of the wallet."""
    acts = [(k, 1, f"2026-11-01 1{k}:00:00", "shenghuojiaofei", "10") for k in (1, 2)]
    deliver(
        tmp_path,
        "alipay",
        alipay_acts(*acts),
        alipay_consents((1, "ALL", "AUTHORIZED", CONSENTED)),
        stamp="20261101T200000Z",
    )
    deliver(tmp_path, "hangzhou_metro", stamp="20261101T200000Z")
    land_world(tmp_path)
    return tmp_path


def of_rule(lake: Lake, rule_id: str) -> list[dict[str, Any]]:
    return [row for row in rows(lake, "gold.quality") if row["rule_id"] == rule_id]


# -- statements


def test_a_wrong_unit_holds_its_statement_back_and_the_rest_is_published(tmp_path: Path) -> None:
    """Fen for yuan on the sixth day: its rule stands in the table, beside the verdicts on everything else."""
    for day, yuan in {1: 100, 2: 100, 3: 100, 4: 100, 5: 100, 6: 10_000}.items():
        acts = [
            (day * 1000 + k, 1 + k % 5, f"2026-11-{day:02} 12:{k % 60:02}:00", "shenghuojiaofei", str(yuan + k % 9))
            for k in range(300)
        ]
        consents = alipay_consents((1, "ALL", "AUTHORIZED", CONSENTED))
        stamp, of = f"202611{day:02}T200000Z", f"2026-11-{day:02}"
        deliver(tmp_path, "alipay", alipay_acts(*acts), consents, stamp=stamp, business_date=of)
        deliver(tmp_path, "hangzhou_metro", stamp=stamp, business_date=of)
    registry = alone(tmp_path / "registry")
    land_world(tmp_path, registry)
    lake = embedded_lake(tmp_path, registry)
    outcomes = run_days(lake, tmp_path, [date(2026, 11, 5), date(2026, 11, 6)])
    assert [one.state for one in outcomes] == ["published", "degraded"]

    found = [row for row in rows(lake, "gold.quality") if not row["is_passed"]]
    assert [(row["rule_id"], row["institution"], row["feed"], row["business_date"]) for row in found] == [
        ("statement_numbers_not_too_high", "alipay", "acts", date(2026, 11, 6))
    ]
    [one] = found
    assert (one["table_name"], one["column_name"]) == ("*", "amount_fen/utility_payment")
    assert (one["severity"], one["bound"], one["threshold"], one["checked"]) == ("critical", "at_most", 5000, 300)
    assert 90_000 < one["observed"] < 110_000
    said = {(row["feed"], row["business_date"].day, row["file_state"]) for row in rows(lake, "gold.coverage")}
    assert {
        ("acts", 6, "refused"),
        ("consents", 6, "consumed"),
        ("taps", 6, "consumed"),
        ("acts", 5, "consumed"),
    } <= said

    assert run_day(lake, registry, tmp_path, date(2026, 11, 7)).seq == 3
    assert [row["publication_seq"] for row in rows(lake, "gold.quality") if not row["is_passed"]] == [2]
    assert history(lake, "statement_numbers_not_too_high")[0]["observed"] == one["observed"]


@pytest.mark.parametrize(("severity", "state"), [(None, "published"), ("info", "published"), ("warning", "degraded")])
def test_a_statement_that_breaks_a_rule_is_used_and_flagged_by_severity(
    home: Path, severity: str | None, state: str
) -> None:
    registry = alone(home / "registry", **({"severity": severity} if severity else {}))
    lake = embedded_lake(home, registry)
    outcome = run_day(lake, registry, home, DAY)
    assert outcome.state == state
    assert outcome.appended["gold.ledger"] > 0
    assert [(row["is_passed"], row["observed"], row["severity"]) for row in of_rule(lake, "small_day")] == (
        [(False, 2, severity)] if severity else []
    )


def test_a_critical_rule_of_a_contract_holds_back(home: Path) -> None:
    registry = alone(home / "registry", severity="critical")
    lake = embedded_lake(home, registry)
    outcome = run_day(lake, registry, home, DAY)
    assert (outcome.state, outcome.appended["gold.ledger"]) == ("degraded", 0)
    assert [row["code"] for row in rows(lake, "gold.coverage") if row["file_state"] == "refused"] == ["wrong_volume"]
    assert run_day(lake, registry, home, DAY).seq is None


def test_jobs_of_a_run_ask_for_its_verdicts_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the first and the last job of a run need the library, which takes seconds to import."""
    registry = alone(home / "registry", severity="critical")
    lake = embedded_lake(home, registry)
    judge, calls = expectations.judge, []

    def counted(asked: Sequence[Measurement], session: Any = None) -> list[RuleResult]:
        calls.append(len(asked))
        return judge(asked, session)

    monkeypatch.setattr(expectations, "judge", counted)
    asked = {}
    for name in [*JOBS, "publish"]:
        calls.clear()
        run_job(lake, registry, home, DAY, name)
        asked[name] = sum(calls)
    assert asked["conform"] > 0 and asked["publish"] > 50
    assert {asked[name] for name in JOBS if name != "conform"} == {0}
    assert [row["is_passed"] for row in of_rule(lake, "small_day")] == [False]
    calls.clear()
    assert run_day(lake, registry, home, DAY).seq is None
    assert sum(calls) == 0, "nor does a date without news"


# -- tables


@pytest.mark.parametrize(("severity", "state"), [("info", "published"), ("warning", "degraded")])
def test_a_tables_rule_flags_by_severity(home: Path, severity: str, state: str) -> None:
    registry = stricter(home / "registry", severity)
    lake = embedded_lake(home, registry)
    assert run_day(lake, registry, home, DAY).state == state
    [row] = of_rule(lake, "balance_anybody")
    assert not row["is_passed"] and row["observed"] == 1000 - row["checked"] > 0
    assert (row["institution"], row["feed"], row["business_date"]) == ("*", "*", DAY)


def test_a_blocked_day_is_looked_up_before_and_after_it_is_mended(home: Path) -> None:
    lenient, strict = alone(home / "lenient"), stricter(home / "strict", "critical")
    lake = embedded_lake(home, strict)
    with pytest.raises(PublicationBlocked, match=r"balance_anybody \(gold.balances\): 99\d of \d"):
        run_day(lake, strict, home, DAY)
    assert rows(lake, "gold.quality") == rows(lake, "gold.publications") == []

    [told] = history(lake, "balance_anybody")
    assert (told["publication_seq"], told["is_blocked"], told["is_passed"]) == (1, True, False)
    assert told["business_date"] == DAY
    assert {row["is_blocked"] for found in latest(lake).values() for row in found} == {True}

    lake = embedded_lake(home, lenient)
    assert run_day(lake, lenient, home, DAY).state == "published"
    assert [(row["is_blocked"], row["is_passed"]) for row in history(lake, "balance_anybody")] == [
        (True, False), (False, True)
    ]  # fmt: skip
    assert {row["is_blocked"] for found in latest(lake).values() for row in found} == {False}


# -- looked up


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Lake]]:
    home = usual_world(tmp_path_factory.mktemp("gates"))
    accounted(home, 2)
    yield home, embedded_lake(home)


def test_every_rule_is_listed_and_every_result_is_of_a_listed_one(world: tuple[Path, Lake]) -> None:
    _, lake = world
    known, found = declared(lake.registry), latest(lake)
    never = {"gold.publications", "gold.quality"}  # written after the gate
    rules = {one.id for one in known.values() if not {place.name for place in one.places} & never}
    judged = {rule_id for rule_id, results in found.items() if results}
    assert judged <= rules
    assert {one for one in rules - judged if known[one].kind != "statement"} == set()
    # What a statement has too little of to say anything is judged when one has enough.
    of_tables = {rule for rule in rules if known[rule].kind != "statement"}
    assert all(row["publication_seq"] == 2 for rule in of_tables for row in found.get(rule, []))


def test_a_rule_is_looked_up_with_its_last_results(world: tuple[Path, Lake]) -> None:
    _, lake = world
    assert [row["publication_seq"] for row in history(lake, "ledger_factor_named")] == [2, 1]
    found = history(lake, "statement_rows_possible")
    assert len(found) == 30, "of all that there are"
    assert [row["publication_seq"] for row in found] == sorted((row["publication_seq"] for row in found), reverse=True)
    with pytest.raises(NotFound, match="no rule 'ledger_is_nice'"):
        history(lake, "ledger_is_nice")


def test_the_command_tells_rules(world: tuple[Path, Lake]) -> None:
    from tanzhang.cli import app

    def call(*arguments: str) -> Any:
        return CliRunner().invoke(app, [*arguments, "--home", str(world[0])])

    listed = call("rules")
    assert listed.exit_code == 0 and "one_act_one_credit" in listed.output and "held, publication 2" in listed.output
    every = json.loads(call("rules", "--json").stdout)
    assert len(every) > 100 and all(one["text"] and one["asks"] and one["places"] for one in every)
    one = call("rules", "statement_not_too_small")
    assert "at least 200" in one.output and "alipay.acts" in one.output
    told = json.loads(call("rules", "balances_equal_ledger", "--json").stdout)
    assert [(row["publication_seq"], row["is_passed"]) for row in told["results"]] == [(2, True), (1, True)]
    assert call("rules", "ledger_is_nice").exit_code == 5
    assert call("data-docs", "--publication", "9").exit_code == 5
    made = call("data-docs")
    assert made.exit_code == 0 and "docs/quality/index.html" in made.output.replace("\n", "")


# -- Data Docs


def values_of_people(home: Path, lake: Lake) -> set[str]:
    """Every token, pseudonym and hash of the lake, and every longer value of the exports."""
    found = set()
    for table in lake.tables.values():
        names = [name for name, kind in table.types.items() if kind == "string"]
        for row in rows(lake, table.name):
            found |= {row[name] for name in names if row[name] and re.fullmatch("[0-9a-f]{16,64}", row[name])}
    for path in (home / "exports").rglob("*"):
        if path.suffix in (".jsonl", ".csv", ".json"):
            text = path.read_bytes().decode("utf-8", errors="replace")
            found |= {word for word in re.findall(r"\w{8,}", text) if re.search(r"\d{6}", word)}
    return found


def test_data_docs_show_counts_and_nothing_of_anybody(
    world: tuple[Path, Lake], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, lake = world
    seq, index = render(lake, home)
    assert (seq, index) == (2, home / "docs/quality/index.html")
    pages = {path: path.read_text(encoding="utf-8") for path in index.parent.rglob("*.html")}
    everything = "\n".join(pages.values())
    secrets = values_of_people(home, lake)
    assert len(secrets) > 2000
    words = set(re.findall(r"\w+", everything + " ".join(map(str, index.parent.rglob("*")))))
    assert words & secrets == set()

    stored = [row for row in rows(lake, "gold.quality") if row["publication_seq"] == 2]
    places = {
        row["table_name"] if row["institution"] == "*" else f"{row['institution']}.{row['feed']}" for row in stored
    }
    for place in places:
        [page] = [text for path, text in pages.items() if path.name == f"publication-2-{place}.html"]
        told = {row["rule_id"] for row in stored if place in (row["table_name"], f"{row['institution']}.{row['feed']}")}
        assert all(rule in page for rule in told)
    assert not re.search(
        r"""(src|<link[^>]*href)\s*=\s*["']?(https?:)?//|url\(["']?(https?:)?//|@import[^;]*//""", everything
    )
    assert all("Content-Security-Policy" in page for page in pages.values()), "nor may a browser"
    monkeypatch.chdir(home.parent)
    assert render(lake, Path(home.name), 1) == (1, Path(home.name) / "docs/quality/index.html"), "a relative home, too"
    assert not any("publication-2" in path.name for path in index.parent.rglob("*")), "a site is of one publication"
