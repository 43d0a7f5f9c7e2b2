"""A run that was killed at any of its commits, run again, ends where an undisturbed one ends."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from schemas import load_registry
from tests.support.lakes import PUBLICATIONS, check_chain, check_pin, contents, differences, pins
from tests.support.runner import COMMITS, KILL_POINTS, ROOT, RunFailed, run_apart, run_killed
from tests.support.worlds import days, embedded_lake, make_world, run_days

if TYPE_CHECKING:
    import pyarrow as pa

    from jobs.lake import Lake

REGISTRY = load_registry()
FIRST, SECOND = days(2)


class Killed:
    """One lake per point, each a copy of the first day's, whose second day another process was killed in.

    They are made one after the other beside the test that looks at the ones before, by a fork server that
    imported and compiled everything and opened no engine.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.processes = multiprocessing.get_context("forkserver")
        self.processes.set_forkserver_preload(["tests.support.warm"])
        self.worker = ThreadPoolExecutor(1)
        self.lakes: dict[str, Future[str]] = {point: self.worker.submit(self._kill, point) for point in KILL_POINTS}

    def _kill(self, point: str) -> str:
        folder = f"killed_{point.replace(':', '_').replace('.', '_')}"
        shutil.copytree(self.home / "first_day", self.home / folder)
        process = self.processes.Process(target=run_killed, args=(self.home, folder, SECOND, point))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        return folder

    def close(self) -> None:
        self.worker.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("kill"), 120, 2, seed=5, late=0.2, corrected=0.2)


@pytest.fixture(scope="module")
def undisturbed(home: Path) -> Lake:
    from jobs.lake import embedded

    lake = embedded_lake(home, REGISTRY, "undisturbed")
    run_days(lake, home, [FIRST])
    shutil.copytree(lake.path, home / "first_day")
    lake.commits.clear()
    queries: list[str] = []
    compiled = embedded.compiled
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded, "compiled", lambda query: (queries.append(query), compiled(query))[1])
        run_days(lake, home, [SECOND])
    (home / "queries.json").write_text(json.dumps(queries), encoding="utf-8")
    return lake


@pytest.fixture(scope="module")
def expected(undisturbed: Lake) -> dict[str, pa.Table]:
    return contents(undisturbed.path, REGISTRY)


@pytest.fixture(scope="module")
def killed(home: Path, undisturbed: Lake) -> Iterator[Killed]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TANZHANG_TEST_QUERIES", str(home / "queries.json"))
        environment.setenv("PYTHONPATH", str(ROOT))
        made = Killed(home)
        yield made
        made.close()


def test_undisturbed(undisturbed: Lake) -> None:
    assert tuple(undisturbed.commits) == COMMITS, "each of these is killed before and after"
    assert set(COMMITS) == REGISTRY.tables.keys()


@pytest.mark.parametrize("point", KILL_POINTS)
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


def test_killed_again_and_again(home: Path, expected: dict[str, pa.Table]) -> None:
    """Killed on its very first day, before anything was published, and killed again while it recovers."""
    for kill in ("after:gold.ledger", "after:silver.claims"):
        with pytest.raises(RunFailed):
            run_apart(home, "again", "embedded", [FIRST], kill=kill)
    run_days(embedded_lake(home, REGISTRY, "again"), home, [FIRST, SECOND])
    assert differences(contents(home / "again", REGISTRY), expected) == {}
