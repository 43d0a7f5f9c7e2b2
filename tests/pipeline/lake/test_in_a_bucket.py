"""A lake in a bucket is the lake in a folder: the same publications, whoever dies meanwhile, and nobody writes beside another."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from deltalake.exceptions import CommitFailedError
from typer.testing import CliRunner

from jobs.bucket import BucketPath
from jobs.errors import Busy, NotAsPublished
from jobs.lake import told
from jobs.lake.chain import last_publication, restore_pins
from jobs.lease import Lease
from jobs.upkeep.maintain import maintain
from jobs.upkeep.verify import verify
from tanzhang.cli import app
from tests.support import judged
from tests.support.buckets import BUCKET, SECRET, upload
from tests.support.lakes import PUBLICATIONS, check_chain, check_pin, contents, differences, pins
from tests.support.registries import shipped
from tests.support.runner import KILL_POINTS, died, run_killed_in_a_bucket
from tests.support.worlds import accounted, days, embedded_lake, make_world, run_days

if TYPE_CHECKING:
    import pyarrow as pa

    from jobs.lake import Lake

REGISTRY = shipped()
FIRST, SECOND, THIRD = days(3)
NOW = datetime(2026, 11, 6, tzinfo=timezone.utc)
FEW = (f"before:{PUBLICATIONS}", f"after:{PUBLICATIONS}")
"""Where a run is killed for every change; everywhere in the soak."""


class World(NamedTuple):
    """A landed world, whose lake in a folder has two days, and what is in it."""

    home: Path
    contents: dict[str, pa.Table]
    chain: list[str]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, bucket: dict[str, str]) -> Iterator[World]:
    home = make_world(tmp_path_factory.mktemp("bucket"), 40, 3, seed=11, late=0.3, corrected=0.3)
    accounted(home, 1, "first_day")
    accounted(home, 2)
    (home / "known.json").write_text(json.dumps({"queries": [], "verdicts": judged.known()}), encoding="utf-8")
    upload(home / "first_day", f"s3://{BUCKET}/first_day")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TANZHANG_TEST_KNOWN", str(home / "known.json"))
        yield World(home, contents(home / "lake", REGISTRY), check_chain(home / "lake", REGISTRY))


@pytest.fixture(scope="module")
def two_days(world: World) -> Lake:
    """Run in the bucket from the beginning."""
    lake = embedded_lake(world.home, REGISTRY, f"s3://{BUCKET}/deep/down/two_days")
    assert [outcome.seq for outcome in run_days(lake, world.home, [FIRST, SECOND])] == [1, 2]
    return lake


def copy(lake: Path, name: str) -> str:
    """A copy of a lake in the bucket; its URI."""
    target = BucketPath.of(f"s3://{BUCKET}/{name}")
    for path in lake.sizes() if isinstance(lake, BucketPath) else ():
        (target / path).write_bytes((lake / path).read_bytes())
    (target / ".writer").unlink(missing_ok=True)
    return str(target)


def command(world: World, *arguments: str, lake: object) -> str:
    """What the command says of a lake in the bucket; it must end well."""
    done = CliRunner().invoke(app, [*arguments, "--home", str(world.home)], env={"TANZHANG_LAKE": str(lake)})
    assert done.exit_code in (0, 3), done.output
    return done.output


def test_the_same_is_published_as_in_a_folder(world: World, two_days: Lake) -> None:
    assert differences(contents(two_days.path, REGISTRY), world.contents) == {}
    assert check_chain(two_days.path, REGISTRY) == world.chain
    for pin in pins(two_days.path, REGISTRY):
        check_pin(two_days.path, REGISTRY, pin)
    assert verify(two_days, world.home).chained == 2
    assert not Path("s3:").exists() and not list(world.home.glob("s3*")), "nothing of it is on the disk"


def test_a_lake_moves_from_a_folder_into_a_bucket_by_a_copy(world: World) -> None:
    lake = embedded_lake(world.home, REGISTRY, copy(BucketPath.of(f"s3://{BUCKET}/first_day"), "moved"))
    assert [outcome.seq for outcome in run_days(lake, world.home, [SECOND])] == [2]
    assert differences(contents(lake.path, REGISTRY), world.contents) == {}
    assert check_chain(lake.path, REGISTRY) == world.chain


def test_verbs_read_it_as_one_in_a_folder(world: World, two_days: Lake) -> None:
    person = world.contents["gold.balances"].column("person_id")[0].as_py()
    for asked in (["publications"], ["statement", person, "--date", str(SECOND)], ["rules"]):
        assert command(world, *asked, lake=two_days.path) == command(world, *asked, lake="lake")
    assert "2 publications" in command(world, "publications", "--check", lake=two_days.path)
    assert json.loads(command(world, "status", "--date", str(SECOND), "--json", lake=two_days.path))


def test_no_secret_is_said(world: World, two_days: Lake, tmp_path: Path) -> None:
    logged = tmp_path / "log"
    asked: list[str] = []
    two_days.watch = asked.append
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TANZHANG_LOG", "json")
        environment.setenv("TANZHANG_LOG_FILE", str(logged))
        command(world, "publications", "--check", lake=two_days.path)
        missing = CliRunner().invoke(app, ["status", "--home", str(world.home)], env={"TANZHANG_LAKE": "s3://none/x"})
    assert missing.exit_code == 1 and "no such bucket" in missing.output, missing.output
    two_days.count(two_days.sql("SELECT * FROM ledger", ledger=two_days.read("gold.ledger")))
    two_days.watch = None
    plan = two_days.connection.execute(  # type: ignore[attr-defined]
        f"EXPLAIN SELECT * FROM delta_scan('{two_days.uri('gold.ledger')}')"
    ).fetchall()
    known = two_days.connection.execute("SELECT * FROM duckdb_secrets()").fetchall()  # type: ignore[attr-defined]
    said = [missing.output, str(asked), str(plan), str(known), repr(vars(two_days)), repr(two_days.path.store)]  # type: ignore[attr-defined]
    said += [path.read_text(errors="replace") for path in (logged, *(world.home / "runs").glob("*")) if path.is_file()]
    assert not [text for text in said if SECRET in text]


# -- who dies meanwhile


@pytest.mark.parametrize(
    "point", [pytest.param(one, marks=[pytest.mark.soak] * (one not in FEW)) for one in KILL_POINTS]
)
def test_killed_and_run_again(world: World, bucket: dict[str, str], point: str) -> None:
    folder = copy(BucketPath.of(f"s3://{BUCKET}/first_day"), f"killed_{point.replace(':', '_')}")
    died(run_killed_in_a_bucket, bucket, world.home, folder, SECOND, point)
    path = BucketPath.of(folder)
    published = max(pin.seq for pin in pins(path, REGISTRY))
    assert published == (2 if point == f"after:{PUBLICATIONS}" else 1)
    for pin in pins(path, REGISTRY):  # what readers see meanwhile
        if pin.table in ("gold.ledger", "gold.balances"):
            check_pin(path, REGISTRY, pin)

    lake = embedded_lake(world.home, REGISTRY, folder)
    [outcome] = run_days(lake, world.home, [SECOND])
    assert outcome.seq == (None if published == 2 else 2)
    assert differences(contents(path, REGISTRY), world.contents) == {}
    assert check_chain(path, REGISTRY) == world.chain
    assert verify(lake, world.home).chained == 2


# -- who writes beside another


def test_two_writers_at_once(world: World, two_days: Lake) -> None:
    other = embedded_lake(world.home, REGISTRY, str(two_days.path))
    with two_days.writing("the run of a date"):
        with pytest.raises(Busy, match="the run of a date"):
            run_days(other, world.home, [THIRD])
        done = CliRunner().invoke(
            app, ["run", "--home", str(world.home), "--lake", str(two_days.path), "--date", str(THIRD)]
        )
        assert done.exit_code == 6 and "the run of a date" in done.output
    assert last_publication(two_days).seq == 2


@contextmanager
def hanging(lake: Lake) -> Iterator[None]:
    """A writer that gives no sign of life any more."""
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Lease, "_live", lambda self: None)
            stack.enter_context(lake.writing("a run that hangs"))
        yield


def wakes(lake: Lake) -> None:
    """It believes in its lock whatever became of it, as one that slept between asking and writing."""
    lake.hold = lambda: None


def one_row(lake: Lake) -> pa.Table:
    return lake.to_arrow(lake.read("gold.ledger", lake.version("gold.ledger"))).slice(0, 1)


def test_a_writer_that_was_succeeded_commits_no_more(world: World, two_days: Lake) -> None:
    folder = copy(two_days.path, "succeeded")
    former, other = (embedded_lake(world.home, REGISTRY, folder) for _ in range(2))
    with hanging(former):
        row = former.from_arrow(one_row(former))
        with other.writing("the next"):
            stood = other.version("gold.ledger")
            with pytest.raises(Busy, match="was lost"):
                former.write("gold.ledger", row)
            with pytest.raises(Busy, match="was lost"):
                former.restore("gold.ledger", stood - 1)
            other.write("gold.ledger", other.from_arrow(one_row(other)))
            wakes(former)
            for late in (
                lambda: former.write("gold.ledger", row),
                lambda: former.restore("gold.ledger", stood - 1),
                lambda: former.rewrite("gold.ledger", row),
            ):
                with pytest.raises(CommitFailedError):
                    late()
            assert other.version("gold.ledger") == stood + 1


def test_a_commit_that_comes_late_is_neither_read_nor_built_upon(world: World, two_days: Lake) -> None:
    folder = copy(two_days.path, "late")
    former, other = (embedded_lake(world.home, REGISTRY, folder) for _ in range(2))
    with hanging(former):
        row = former.from_arrow(one_row(former))
        with pytest.raises(Busy, match="another process wrote to the tables"), other.writing("the next"):
            stood, rows = other.version("gold.ledger"), other.count(other.read("gold.ledger"))
            wakes(former)
            former.write("gold.ledger", row)
            assert (other.version("gold.ledger"), other.count(other.read("gold.ledger"))) == (stood, rows)
            other.write("gold.ledger", other.from_arrow(one_row(other)))
    assert other.version("gold.ledger") == stood + 1, "it stands there until the next run"
    with other.writing("the next run"):
        restore_pins(other, last_publication(other))
    assert other.count(other.read("gold.ledger")) == rows


# -- what is damaged, and kept up


def test_damage_is_found_as_in_a_folder(world: World, two_days: Lake) -> None:
    folder = BucketPath.of(copy(two_days.path, "damaged"))
    lake = embedded_lake(world.home, REGISTRY, str(folder))
    [data, *_] = sorted(
        name for name in folder.sizes() if name.startswith("gold/ledger/") and name.endswith(".parquet")
    )
    for name in (data, "gold/ledger/_delta_log/00000000000000000001.json", "_seals/00000002.json"):
        content = (folder / name).read_bytes()
        for damaged in (None, content[:-1] + b"\0"):
            (folder / name).unlink()
            if damaged:
                (folder / name).write_bytes(damaged)
            with pytest.raises(NotAsPublished, match=Path(name).name), told(str(folder)):
                verify(lake, world.home)
            (folder / name).write_bytes(content)
    (folder / data).unlink()
    with pytest.raises(NotAsPublished, match="is gone"):
        run_days(lake, world.home, [THIRD])


def test_it_is_kept_up(world: World, two_days: Lake) -> None:
    folder = copy(two_days.path, "kept_up")
    lake = embedded_lake(world.home, REGISTRY, folder)
    orphan = lake.folder("gold.balances") / "part-of-a-killed-write.parquet"
    orphan.write_bytes(b"nobody's")
    done = maintain(lake, world.home, raw_days=1000, at=NOW, trust_clock=True)
    assert done.seq == 3 and {folder, "gold.ledger"} <= done.after.keys()
    assert verify(lake, world.home).chained == 3
    assert (lake.folder("gold.ledger") / "_delta_log/_last_checkpoint").is_file()
    [third] = run_days(lake, world.home, [THIRD])
    assert third.seq == 4 and verify(lake, world.home).chained == 4
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == SECRET
