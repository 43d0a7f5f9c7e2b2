"""A deployment that credits other figures than before: what is posted by a release, and told where it is missing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from jobs.upkeep.release import foretell_release, post_release
from schemas.deployment import FILE
from tests.oracle.grades import grade_of
from tests.pipeline.day.test_order import RUN_DAYS
from tests.pipeline.upkeep.test_release import FIRST, SECOND, receive
from tests.support.registries import shipped
from tests.support.worlds import embedded_lake, rows, run_days

DEPLOYMENT = """
institutions: {alipay: {from: 2026-11-01}, citic_bank: {from: 2026-11-01}, hangzhou_metro: {from: 2026-11-01}}
credits:
  - {from: 2026-11-01, grades: [national, programme]}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Published under what is credited where nobody says anything, of days before figures had grades."""
    home = tmp_path_factory.mktemp("credits")
    receive(home, RUN_DAYS[0], FIRST)
    run_days(embedded_lake(home, shipped()), home, RUN_DAYS[:1])
    return home


def standing(home: Path) -> Counter[tuple[str, str]]:
    """Grade and scenario of what stands → milligrams."""
    found: Counter[tuple[str, str]] = Counter()
    for row in rows(embedded_lake(home, shipped()), "gold.ledger"):
        if row["measure"] == "reduction_mg":
            grade = grade_of(row["scenario"], row["factor_id"], row["match_quality"])
            found[grade, row["scenario"]] += row["amount"]
    return +found


def test_a_deployment_says_what_is_credited_and_a_release_posts_it(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = standing(home)
    assert {"proxied"} <= {grade for grade, _ in before}
    (home / FILE).write_text(DEPLOYMENT)
    lake = embedded_lake(home, shipped())
    foretold = foretell_release(lake, shipped(), home)
    outcome, posted = post_release(lake, shipped(), home)
    assert (posted, outcome.seq) == (foretold, 2)
    assert "credited_otherwise" in caplog.text
    after = standing(home)
    assert {grade for grade, _ in after} <= {"national", "programme"}
    lost = sum(amount for (grade, _), amount in before.items() if grade not in ("national", "programme"))
    assert posted.amounts["reduction_mg"] == sum(after.values()) - sum(before.values()) <= -lost < 0

    # What comes late is credited by the same line, and no run says again that something is other than before.
    receive(home, RUN_DAYS[1], SECOND)
    caplog.clear()
    run_days(embedded_lake(home, shipped()), home, [RUN_DAYS[1]])
    assert "credited_otherwise" not in caplog.text
    assert {grade for grade, _ in standing(home)} <= {"national", "programme"}
    outcomes = Counter(
        row["outcome"]
        for row in rows(embedded_lake(home, shipped()), "silver.activities")
        if row["scenario"] == "metro"
    )
    assert outcomes["no_factor"]
