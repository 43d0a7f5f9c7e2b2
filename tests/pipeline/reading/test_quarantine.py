"""The way back: what could not be used is listed and exported by shape, landed again once the contract is mended."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jobs.day import ingest, run_day
from jobs.lake import Lake
from jobs.landing.hold import let_pass
from jobs.landing.land import replay
from jobs.landing.manifests import load_manifests
from jobs.landing.tokens import Tokens
from jobs.reading import unpublished
from jobs.reading.explain import explain
from jobs.reading.quarantine import Kind, export, kinds
from jobs.reading.quarantine import rows as unusable
from schemas import Registry, load_registry
from schemas.base import ROOT
from tests.support.exports import CONSENTED, Part, alipay_acts, alipay_consents, deliver, lines, part, wallet
from tests.support.registries import shipped
from tests.support.worlds import embedded_lake, land_world, rows

DAY = date(2026, 11, 1)


def act(serial: int, code: str = "shenghuojiaofei", amount: str = "10.00") -> dict[str, Any]:
    return {
        "acquisition_item_no": f"{serial:020}",
        "project_no": "CARBON2026",
        "account_did": wallet(1),
        "occurrent_time": f"2026-11-01 {8 + serial:02}:00:00",
        "scenario_code": f"ENERGY_XUANJIAO_{code}",
        "active_data_list": [{"item_code": "PAY_AMOUNT", "item_amount": amount}],
    }


def deliver_acts(
    home: Path, *acts: dict[str, Any], total: str, revision: int = 0, stamp: str = "20261101T200000Z"
) -> None:
    sent = part("alipay", "acts", lines(*acts), total)
    deliver(home, "alipay", sent, alipay_consents((1, "ALL", "AUTHORIZED", CONSENTED)), stamp=stamp, revision=revision)


def mended(folder: Path, old: str, new: str) -> Registry:
    """The registry with the wallet's contract changed."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    contract = folder / "sources/alipay.yaml"
    text = contract.read_text(encoding="utf-8")
    assert old in text
    contract.write_text(text.replace(old, new), encoding="utf-8")
    return load_registry(folder)


def standing(lake: Lake) -> int:
    return sum(row["amount"] for row in rows(lake, "gold.ledger") if row["measure"] == "reduction_mg")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """One good payment, one under a name that nobody agreed, one whose amount is a formula."""
    deliver_acts(tmp_path, act(1), act(2, "dianfei"), act(3, amount="=1+1"), total="20.00")
    land_world(tmp_path)
    yield tmp_path


def test_what_could_not_be_used_is_said_to_its_sender(home: Path, tmp_path: Path) -> None:
    lake = embedded_lake(home)
    run_day(lake, lake.registry, home, DAY)
    assert kinds(lake) == [
        Kind("alipay", "acts", "bad_number", "active_data_list.PAY_AMOUNT", 1, 1),
        Kind("alipay", "acts", "unknown_code", "scenario_code", 1, 1),
    ]
    assert all(one.rule and one.mend for one in kinds(lake))
    found = unusable(lake, home, "alipay")
    assert [(row["file"], row["line"], row["shape"]) for row in found] == [
        ("acts_20261101_1.jsonl.gz", 2, "a{6}_a{8}_a{7}"), ("acts_20261101_1.jsonl.gz", 3, "=9+9")
    ]  # fmt: skip
    export(tmp_path / "sent.csv", found)
    with (tmp_path / "sent.csv").open(encoding="utf-8-sig", newline="") as file:
        sent = list(csv.DictReader(file))
    assert [row["shape"] for row in sent] == ["a{6}_a{8}_a{7}", "'=9+9"]
    assert "dianfei" not in (tmp_path / "sent.csv").read_text(encoding="utf-8")


def listed(home: Path, *verb: str) -> str:
    """What the command says, on one line."""
    from tanzhang.cli import app

    done = CliRunner().invoke(app, ["quarantine", *(verb or ("list",)), "--home", str(home)], env={"COLUMNS": "300"})
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def test_what_land_found_is_told_before_any_publication(home: Path, tmp_path: Path) -> None:
    """Without a lake, which is not made for it; of refused files and deliveries too, and of rows that cannot be split."""
    broken = Part("acts", b"no gzip", 1, "1.00")
    deliver(home, "alipay", broken, stamp="20261102T200000Z", business_date="2026-11-02")
    deliver(home, "icbc", stamp="20261101T190000Z", change={"institution": "citic_bank"})
    text = lines(act(1)) + "{half a line\n"
    deliver(home, "alipay", part("alipay", "acts", text, "10.00", rows=2), stamp="20261103T200000Z",
            business_date="2026-11-03")  # fmt: skip
    land_world(home)
    sources = shipped().sources.values()
    found = unpublished.kinds(home, sources, None)
    assert found == [
        Kind("alipay", "acts", "bad_json", None, 1, 1),
        Kind("alipay", "acts", "bad_number", "active_data_list.PAY_AMOUNT", 1, 1),
        Kind("alipay", "acts", "unknown_code", "scenario_code", 1, 1),
        Kind("alipay", "acts", "bad_compression", None, 0, 1),
        Kind("icbc", "*", "wrong_institution", None, 0, 1),
    ]
    said = listed(home)
    assert "not yet in a publication" in said and "unknown_code" in said and "In quarantine" not in said
    assert "wrong_institution" not in listed(home, "list", "--institution", "alipay")
    assert "a{6}_a{8}_a{7}" in listed(home, "show", "alipay", "--code", "unknown_code")
    assert "3 rows in" in listed(home, "export", "alipay", "--to", str(tmp_path / "sent.csv"))
    assert not (home / "lake").exists()


def test_once_it_is_published_it_is_told_as_published_alone(home: Path) -> None:
    lake = embedded_lake(home)
    sources = [*lake.registry.sources.values()]
    before = unpublished.kinds(home, sources, unpublished.since_of(lake, home))
    run_day(lake, lake.registry, home, DAY)
    assert before == kinds(lake) != [] and unpublished.kinds(home, sources, unpublished.since_of(lake, home)) == []
    said = listed(home)
    assert "In quarantine" in said and "not yet in a publication" not in said

    deliver_acts(home, act(4), act(5, "dianfei"), total="20.00", revision=1, stamp="20261102T100000Z")
    land_world(home)
    told = unpublished.since_of(lake, home)
    assert unpublished.kinds(home, sources, told) == [Kind("alipay", "acts", "unknown_code", "scenario_code", 1, 1)]
    assert [row["line"] for row in unpublished.rows(home, lake.registry.sources["alipay"], told)] == [2]
    said = listed(home)
    assert said.index("In quarantine") < said.index("bad_number") < said.index("not yet in a publication")


def test_what_a_later_revision_replaces_before_anybody_used_it_is_not_told(home: Path) -> None:
    deliver_acts(home, act(1), total="10.00", revision=1, stamp="20261102T100000Z")
    land_world(home)
    assert unpublished.kinds(home, shipped().sources.values(), None) == []


def test_a_killed_run_has_told_of_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: Any) -> Any:
        raise RuntimeError("the process was killed")

    monkeypatch.setattr("jobs.publications.publish.sealed_rows", dies)
    lake = embedded_lake(home)
    with pytest.raises(RuntimeError):
        run_day(lake, lake.registry, home, DAY)
    assert lake.count(lake.read("gold.coverage")) > 0 and not unpublished.since_of(lake, home).reported.consumed


def test_after_the_contract_is_mended_a_replay_credits(home: Path) -> None:
    lake = embedded_lake(home)
    run_day(lake, lake.registry, home, DAY)
    before = standing(lake)
    registry = mended(
        home / "registry",
        "codes: [ENERGY_XUANJIAO_shenghuojiaofei]",
        "codes: [ENERGY_XUANJIAO_shenghuojiaofei, ENERGY_XUANJIAO_dianfei]",
    )
    tokens = Tokens.from_env()
    again = replay(registry.sources["alipay"], home, tokens)
    assert [(file.feed, file.landing, file.quarantined_rows) for file in again] == [("acts", 1, 1)]
    assert replay(registry.sources["alipay"], home, tokens) == []

    lake = embedded_lake(home, registry)
    outcome = run_day(lake, registry, home, DAY)
    assert (outcome.seq, outcome.state) == (2, "published")
    assert standing(lake) == before + 89_000
    assert outcome.appended["silver.rows"] == 1, "only the row that changed is written again"
    assert [one.code for one in kinds(lake)] == ["bad_number"]
    assert run_day(lake, registry, home, DAY).seq is None, "a replay is taken in once"
    assert not any(run_day(lake, registry, home, DAY, full=True).appended.values())
    entry = next(
        row["entry_id"]
        for row in rows(lake, "gold.ledger")
        if row["publication_seq"] == 2 and row["measure"] == "reduction_mg"
    )
    [told] = explain(lake, registry, home, [entry])
    assert [line.line for claim in told.claims for line in claim.lines] == [2]


def test_a_replay_under_a_stricter_contract_takes_back(home: Path) -> None:
    """A meaning that was agreed by mistake: the former landing's claims go, whatever the new one makes of the rows."""
    lake = embedded_lake(home)
    run_day(lake, lake.registry, home, DAY)
    assert standing(lake) == 89_000
    registry = mended(home / "registry", "codes: [ENERGY_XUANJIAO_shenghuojiaofei]", "codes: [ENERGY_XUANJIAO_dianfei]")
    replay(registry.sources["alipay"], home, Tokens.from_env())
    lake = embedded_lake(home, registry)
    run_day(lake, registry, home, DAY)
    assert standing(lake) == 89_000
    stands = {
        row["claim_id"]: row for row in sorted(rows(lake, "silver.claims"), key=lambda row: row["publication_seq"])
    }
    assert {row["line"]: row["is_live"] for row in stands.values()} == {1: False, 2: True}


def test_a_corrected_file_empties_the_quarantine(home: Path) -> None:
    deliver_acts(home, act(1), act(2), act(3, amount="2.00"), total="22.00", revision=1, stamp="20261102T100000Z")
    land_world(home)
    lake = embedded_lake(home)
    run_day(lake, lake.registry, home, DAY)
    assert kinds(lake) and standing(lake) == 89_000
    run_day(lake, lake.registry, home, date(2026, 11, 2))
    assert [one for one in kinds(lake) if one.rows] == []
    assert standing(lake) == 3 * 89_000


def test_a_refused_delivery_stands_in_coverage_once(tmp_path: Path) -> None:
    deliver(tmp_path, "alipay", stamp="20261101T190000Z", change={"institution": "citic_bank"})
    deliver_acts(tmp_path, act(1), total="10.00")
    land_world(tmp_path)
    lake = embedded_lake(tmp_path)
    assert run_day(lake, lake.registry, tmp_path, DAY).state == "degraded"
    assert run_day(lake, lake.registry, tmp_path, DAY).seq is None
    refused = [row for row in rows(lake, "gold.coverage") if row["file_state"] == "refused"]
    assert [(row["institution"], row["feed"], row["code"]) for row in refused] == [("alipay", "*", "wrong_institution")]
    assert [(one.code, one.rows) for one in kinds(lake)] == [("wrong_institution", 0)]


def wallet_days(home: Path, amounts: dict[int, int]) -> None:
    """300 payments a day, of about so many yuan."""
    for day, yuan in amounts.items():
        acts = [
            (day * 1000 + k, 1 + k % 5, f"2026-11-{day:02} 12:{k % 60:02}:00", "shenghuojiaofei", str(yuan + k))
            for k in range(300)
        ]
        deliver(home, "alipay", alipay_acts(*acts), stamp=f"202611{day:02}T200000Z", business_date=f"2026-11-{day:02}")


def test_fen_sent_as_yuan_are_held_back_until_somebody_answers(tmp_path: Path) -> None:
    wallet_days(tmp_path, {1: 100, 2: 100, 3: 100, 4: 100, 5: 100, 6: 10_000})
    registry = shipped()
    ingest(registry, tmp_path, Tokens.from_env())
    lake = embedded_lake(tmp_path, registry)
    outcomes = [run_day(lake, registry, tmp_path, date(2026, 11, day)) for day in (5, 6)]
    assert [outcome.appended["silver.rows"] for outcome in outcomes] == [1500, 0]
    assert [(one.feed, one.code) for one in kinds(lake)] == [("acts", "wrong_distribution")]
    let_pass(
        tmp_path,
        [file for file in load_manifests(tmp_path) if file.business_date.day == 6 and file.feed == "acts"],
        "asked",
    )
    assert run_day(lake, registry, tmp_path, date(2026, 11, 6)).appended["silver.rows"] == 300
    assert kinds(lake) == []


def test_the_command_says_it_all(home: Path) -> None:
    from tanzhang.cli import app

    lake = embedded_lake(home)
    run_day(lake, lake.registry, home, DAY)
    lake.close()
    call = CliRunner().invoke
    listed = call(app, ["quarantine", "list", "--home", str(home)])
    assert listed.exit_code == 0 and "unknown_code" in listed.output
    shown = call(app, ["quarantine", "show", "alipay", "--code", "bad_number", "--home", str(home)])
    assert "=9+9" in shown.output and "unknown_code" not in shown.output
    sent = call(app, ["quarantine", "export", "alipay", "--to", str(home / "x.csv"), "--home", str(home)])
    assert "2 rows" in sent.output
    assert call(app, ["quarantine", "replay", "--home", str(home)]).exit_code == 0
    gone = call(
        app, ["quarantine", "release", "alipay", "acts", "--date", "2026-11-09", "--reason", "x", "--home", str(home)]
    )
    assert gone.exit_code == 5
    assert call(app, ["quarantine", "show", "ali'pay", "--home", str(home)]).exit_code == 5
    assert "feeds compared" in call(app, ["drift", "--home", str(home)]).output
