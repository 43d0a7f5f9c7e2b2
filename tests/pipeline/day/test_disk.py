"""A disk that is full or read-only, at whatever step of a day, also the first: a sentence, nothing lost, and the next run goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jobs.upkeep.verify import verify
from tanzhang.cli import app
from tests.support.lakes import check_chain, contents, differences
from tests.support.registries import shipped
from tests.support.runner import command_killed, died
from tests.support.worlds import days, embedded_lake, make_world

REGISTRY = shipped()
FIRST, SECOND = days(2)
MEGABYTES = 60


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days by the command, from the exports on."""
    home = tmp_path_factory.mktemp("undisturbed")
    shutil.copytree(make_world(tmp_path_factory.mktemp("world"), 40, 2, seed=5) / "exports", home / "exports")
    for day in (FIRST, SECOND):
        run(home, day)
        shutil.copytree(home / "lake", home / f"after_{day.day}")
    return home


def run(home: Path, day: object = FIRST) -> str:
    """Run a date that is not to fail; what it said."""
    done = CliRunner().invoke(app, ["run", "--date", str(day), "--home", str(home)])
    assert done.exit_code in (0, 3), done.output
    return done.output


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own; only root may have one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mounting, capture_output=True).returncode:
        warnings.warn("NO DISK WAS FILLED: this user may not mount one", stacklevel=1)
        pytest.skip("may not mount a small disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def filled(disk: Path, free: int) -> Path:
    """Fill a disk but for some kilobytes."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        left = shutil.disk_usage(disk).free - free * 1024
        os.posix_fallocate(file.fileno(), 0, max(left, 1))
    return ballast


def is_as_undisturbed(home: Path, undisturbed: Path, day: int) -> None:
    whole = undisturbed / f"after_{day}"
    assert differences(contents(home / "lake", REGISTRY), contents(whole, REGISTRY)) == {}
    assert check_chain(home / "lake", REGISTRY) == check_chain(whole, REGISTRY)
    verify(embedded_lake(home, REGISTRY), home)


def fails_and_goes_on(home: Path, disk: Path, undisturbed: Path, day: object, free: int) -> bool:
    """Run on a full disk, then with room again; whether the first run failed, as it should."""
    ballast = filled(disk, free)
    done = CliRunner().invoke(app, ["run", "--date", str(day), "--home", str(home)])
    ballast.unlink()
    if failed := done.exit_code not in (0, 3):
        assert isinstance(done.exception, SystemExit), done.exception
        assert done.exit_code == 1 and "the disk is full" in done.output, done.output
    run(home, day)
    is_as_undisturbed(home, undisturbed, getattr(day, "day", 1))
    return failed


SOAK = pytest.mark.soak


@pytest.mark.parametrize("free", [0, 700, *(pytest.param(free, marks=SOAK) for free in range(50, 2400, 75))])
def test_the_first_day_on_a_full_disk(small: Path, undisturbed: Path, free: int) -> None:
    home = small / "home"
    shutil.copytree(undisturbed / "exports", home / "exports")
    assert fails_and_goes_on(home, small, undisturbed, FIRST, free) or free > 1300


@pytest.mark.parametrize("free", [60, *(pytest.param(free, marks=SOAK) for free in range(0, 400, 25))])
def test_a_later_day_on_a_full_disk(small: Path, undisturbed: Path, free: int) -> None:
    home = small / "home"
    for folder in ("exports", "landing", "landed"):
        shutil.copytree(undisturbed / folder, home / folder)
    shutil.copytree(undisturbed / "after_1", home / "lake")
    assert fails_and_goes_on(home, small, undisturbed, SECOND, free) or free > 100


def test_a_disk_that_is_read_only(small: Path, undisturbed: Path) -> None:
    home = small / "home"
    shutil.copytree(undisturbed / "exports", home / "exports")
    for folder, day in (("nothing", FIRST), ("after_1", SECOND)):
        if (undisturbed / folder).exists():
            shutil.copytree(undisturbed / folder, home / "lake", dirs_exist_ok=True)
        subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
        done = CliRunner().invoke(app, ["run", "--date", str(day), "--home", str(home)])
        subprocess.run(["mount", "-o", "remount,rw", str(small)], check=True)
        assert done.exit_code == 1 and "mounted read-only" in done.output, done.output
    run(home, SECOND)
    is_as_undisturbed(home, undisturbed, 2)


@pytest.mark.parametrize("left", ["folder", "empty_commit", "stray"])
def test_a_table_whose_first_commit_failed_is_made_again(undisturbed: Path, tmp_path: Path, left: str) -> None:
    shutil.copytree(undisturbed / "exports", tmp_path / "exports")
    log = tmp_path / "lake/gold/ledger/_delta_log"
    log.mkdir(parents=True)
    if left != "folder":
        (log / ("00000000000000000000.json" if left == "empty_commit" else "_commit_1.json.tmp")).touch()
    run(tmp_path)
    is_as_undisturbed(tmp_path, undisturbed, 1)


def test_killed_between_the_commit_and_its_seal(undisturbed: Path, tmp_path: Path) -> None:
    shutil.copytree(undisturbed / "exports", tmp_path / "exports")
    died(command_killed, ["run", "--date", str(FIRST), "--home", str(tmp_path)], "after:gold.publications")
    assert [path.suffix for path in (tmp_path / "lake/_seals").iterdir()] == [".pending"]
    run(tmp_path, SECOND)
    is_as_undisturbed(tmp_path, undisturbed, 2)
