"""A run that was killed at any of its commits, run again, ends where an undisturbed one ends."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import judged
from tests.support.lakes import PUBLICATIONS, check_chain, check_pin, contents, differences, pins
from tests.support.registries import shipped
from tests.support.runner import COMMITS, KILL_POINTS, died, run_killed
from tests.support.worlds import accounted, days, embedded_lake, run_days, usual_world

if TYPE_CHECKING:
    import pyarrow as pa

    from jobs.lake import Lake

REGISTRY = shipped()
FIRST, SECOND = days(2)


class Killed:
    """One lake per point, each a copy of the first day's, whose second day another process was killed in.

    They are made one after the other beside the test that looks at the ones before, by a fork server that
    imported and compiled everything and opened no engine.
    """

    def __init__(self, home: Path, points: Iterable[str]) -> None:
        self.home = home
        self.worker = ThreadPoolExecutor(1)
        self.lakes: dict[str, Future[str]] = {point: self.worker.submit(self._one, point) for point in points}

    def _one(self, point: str) -> str:
        folder = f"killed_{point.replace(':', '_').replace('.', '_')}"
        shutil.copytree(self.home / "first_day", self.home / folder)
        self.kill(folder, SECOND, point)
        return folder

    def kill(self, folder: str, day: date, point: str) -> None:
        """Run a date in a process, which dies at a commit."""
        died(run_killed, self.home, folder, day, point)

    def close(self) -> None:
        self.worker.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return usual_world(tmp_path_factory.mktemp("kill"))


@pytest.fixture(scope="module")
def undisturbed(home: Path) -> Lake:
    from jobs.lake import embedded

    for folder in ("first_day", "undisturbed"):
        accounted(home, 1, folder)
    lake = embedded_lake(home, REGISTRY, "undisturbed")
    queries: list[str] = []
    compiled = embedded.compiled
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded, "compiled", lambda query: (queries.append(query), compiled(query))[1])
        run_days(lake, home, [SECOND])
    known = {"queries": queries, "verdicts": judged.known()}
    (home / "known.json").write_text(json.dumps(known), encoding="utf-8")
    return lake


@pytest.fixture(scope="module")
def expected(undisturbed: Lake) -> dict[str, pa.Table]:
    return contents(undisturbed.path, REGISTRY)


@pytest.fixture(scope="module")
def killed(request: pytest.FixtureRequest, home: Path, undisturbed: Lake) -> Iterator[Killed]:
    """At every point that a test of this session asks for."""
    points = [item.callspec.params["point"] for item in request.session.items if "killed_and_run" in item.name]
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TANZHANG_TEST_KNOWN", str(home / "known.json"))
        made = Killed(home, points)
        yield made
        made.close()


def test_undisturbed(undisturbed: Lake) -> None:
    assert tuple(undisturbed.commits) == COMMITS, "each of these is killed before and after"
    assert set(COMMITS) == REGISTRY.tables.keys()


def is_nearly_the_next(point: str) -> bool:
    """After a commit the lake is as before the next one, which has half-written files as well: that is tried each time."""
    return point.startswith("after:") and point != f"after:{PUBLICATIONS}"


@pytest.mark.parametrize(
    "point", [pytest.param(one, marks=[pytest.mark.soak] * is_nearly_the_next(one)) for one in KILL_POINTS]
)
def test_killed_and_run_again(
    home: Path, undisturbed: Lake, expected: dict[str, pa.Table], killed: Killed, point: str
) -> None:
    folder = killed.lakes[point].result()
    path = home / folder
    published = max(pin.seq for pin in pins(path, REGISTRY))
    assert published == (2 if point == f"after:{PUBLICATIONS}" else 1)
    for pin in pins(path, REGISTRY):  # what readers see meanwhile
        check_pin(path, REGISTRY, pin)

    [outcome] = run_days(embedded_lake(home, REGISTRY, folder), home, [SECOND])
    assert outcome.seq == (None if published == 2 else 2)
    assert differences(contents(path, REGISTRY), expected) == {}
    assert check_chain(path, REGISTRY) == check_chain(undisturbed.path, REGISTRY)
    for pin in pins(path, REGISTRY):
        check_pin(path, REGISTRY, pin)


def test_killed_again_and_again(home: Path, expected: dict[str, pa.Table], killed: Killed) -> None:
    """Killed on its very first day, before anything was published, and killed again while it recovers."""
    for point in ("after:gold.ledger", "after:silver.claims"):
        killed.kill("again", FIRST, point)
    run_days(embedded_lake(home, REGISTRY, "again"), home, [FIRST, SECOND])
    assert differences(contents(home / "again", REGISTRY), expected) == {}
