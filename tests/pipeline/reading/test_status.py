"""The summary adds up to the control files, for every institution."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from typer.testing import CliRunner

from jobs.lake import Lake
from jobs.landing.manifests import LANDING
from jobs.landing.receipts import Receipt
from jobs.reading.status import status
from tanzhang.cli import app
from tests.support.reader import deliveries
from tests.support.registries import shipped
from tests.support.worlds import days, embedded_lake, make_world, rows, run_days


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    home = make_world(tmp_path_factory.mktemp("status"), 150, 3, 5, late=0, corrected=0.2, duplicated=0.2)
    lake = embedded_lake(home)
    run_days(lake, home, days(3))
    return lake


def test_every_row_that_is_stated_has_its_disposition(lake: Lake) -> None:
    home = lake.path.parent
    state = status(lake, home)
    assert state.adds_up
    once = {(one.institution, one.business_date, one.revision): one.control for one in deliveries(home)}
    assert set(state.stated) == {institution for institution, *_ in once} <= set(shipped().sources)
    stated = {
        institution: sum(
            file["rows"] for key, control in once.items() if key[0] == institution for file in control["files"]
        )
        for institution in state.stated
    }
    assert state.stated == stated


def test_a_row_that_nobody_stated_is_noticed(lake: Lake) -> None:
    home = lake.path.parent
    path = next((home / LANDING / "receipts/hellobike").glob("*.json"))
    text = path.read_text(encoding="utf-8")
    receipt = Receipt.model_validate_json(text)
    fewer = [file.model_copy(update={"rows": file.rows - 1}) for file in receipt.files]
    path.write_text(receipt.model_copy(update={"files": fewer}).model_dump_json(), encoding="utf-8")
    try:
        assert not status(lake, home).adds_up
    finally:
        path.write_text(text, encoding="utf-8")


def test_the_summary_tells_points(lake: Lake) -> None:
    sums = Counter[str]()
    for row in rows(lake, "gold.ledger"):
        if row["measure"].startswith("points."):
            sums[row["measure"].removeprefix("points.")] += row["amount"]
    call = ["status", "--home", str(lake.path.parent)]
    told = json.loads(CliRunner().invoke(app, [*call, "--json"]).output)
    assert {one["programme"]: one["balance"] for one in told["points"]} == sums
    assert {"zhejiang_tanpuhui", "ant_forest", "unionpay_low_carbon"} == sums.keys() and told["beyond"] == []
    text = CliRunner().invoke(app, call).output
    for programme, balance in sums.items():
        [line] = [line for line in text.splitlines() if lake.registry.programmes[programme].name in line]
        assert f"{balance:,}" in line
