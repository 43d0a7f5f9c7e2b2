"""A lake goes on with the keys that made its rows: landed rows of other keys are refused before anything is computed."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from jobs.errors import RunError
from jobs.landing.land import land
from jobs.landing.pull import pull
from jobs.landing.tokens import Tokens
from jobs.runs.opening import begin
from tests.support.exports import CONSENTED, alipay_acts, alipay_consents, deliver
from tests.support.worlds import embedded_lake

DAY = date(2026, 11, 1)
PEOPLE, RECORDS, OTHER = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))


def test_landed_rows_of_other_keys_are_refused(tmp_path: Path) -> None:
    acts = alipay_acts((1, 1, "2026-11-01 11:00:00", "shenghuojiaofei", "10"))
    deliver(tmp_path, "alipay", acts, alipay_consents((1, "ALL", "AUTHORIZED", CONSENTED)), stamp="20261101T200000Z")
    lake = embedded_lake(tmp_path)
    source = lake.registry.sources["alipay"]

    def landed_again(tokens: Tokens) -> None:
        """As in another home: landing itself would refuse here."""
        other = tmp_path / "other"
        shutil.copytree(tmp_path / "exports", other / "exports")
        pull(source, other / "exports", other / "landing")
        assert land(source, other, tokens)
        shutil.rmtree(tmp_path / "landed", ignore_errors=True)
        (other / "landed").rename(tmp_path / "landed")
        shutil.rmtree(other)

    def fresh() -> int:
        return len(begin(lake, lake.registry, tmp_path, DAY).fresh)

    landed_again(Tokens(PEOPLE, RECORDS))
    assert fresh() == 3
    for others in (Tokens(OTHER, RECORDS), Tokens(PEOPLE, OTHER), Tokens(PEOPLE, RECORDS, algorithm="sha256")):
        landed_again(others)
        with pytest.raises(RunError, match="landed with other keys than the tables"):
            fresh()
    landed_again(Tokens(PEOPLE, RECORDS))
    assert fresh() == 3
