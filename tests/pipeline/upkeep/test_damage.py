"""Every file of a small deployment, emptied, cut, swapped, changed or deleted: found by name, and never built upon."""

from __future__ import annotations

import shutil
from datetime import datetime, timezone
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from typer.testing import CliRunner

from jobs.errors import NotAsPublished
from jobs.lake import open_lake, told
from jobs.lake.chain import last_publication
from jobs.upkeep.maintain import maintain
from jobs.upkeep.verify import check_pins, verify
from tanzhang.cli import app
from tests.support.damaged import WAYS, damaged, published_files
from tests.support.lakes import check_chain, pins
from tests.support.registries import shipped
from tests.support.worlds import days, embedded_lake, make_world, run_days

REGISTRY = shipped()
DAYS = days(4)
NOW = datetime(2026, 11, 6, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days, maintenance, a third day: commits and checkpoints, files old and new. A fourth day waits."""
    home = make_world(tmp_path_factory.mktemp("damage"), 40, 4, seed=3)
    lake = embedded_lake(home, REGISTRY)
    run_days(lake, home, DAYS[:2])
    maintain(lake, home, raw_days=1000, at=NOW)
    run_days(lake, home, DAYS[2:3])
    return home


@pytest.fixture(scope="module")
def home(backup: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy to damage."""
    return shutil.copytree(backup, tmp_path_factory.mktemp("damaged") / "home")


def checked(home: Path) -> str:
    """What `publications --check` would say of a damaged deployment."""
    with pytest.raises(NotAsPublished) as found, told(str(home)):
        verify(open_lake("embedded", home / "lake", REGISTRY, as_it_is=True), home)
    return str(found.value)


def is_unsealed(lake: Path, path: Path) -> bool:
    """Of the commit that made the newest publication visible: nothing was sealed after it."""
    newest = max((lake / "gold/publications/_delta_log").glob("*.json"))
    return path == newest or (path.parent.name == "publications" and path.name in newest.read_text())


def examine(home: Path, paths: list[Path], every: list[Path]) -> dict[str, int]:
    """Damage files one by one in every way; way → how many were told by name."""
    found = dict.fromkeys(WAYS, 0)
    for path in paths:
        for way in WAYS:
            is_hint = path.name == "_last_checkpoint" and way in ("deleted", "swapped", "changed")
            is_tail = is_unsealed(home / "lake", path)
            with damaged(path, way, every) as is_other:
                if not is_other or is_hint or (is_tail and path.suffix == ".json" and way == "changed"):
                    continue  # a hint less, or another remark beside rows that a hash tells
                name = "gold.publications" if is_tail else path.name
                said = checked(home)
                assert name in said, (way, path, said)
                found[way] += 1
    verify(embedded_lake(home, REGISTRY), home)
    return found


def test_files_of_every_kind_are_found_by_name(home: Path) -> None:
    """One of each folder of the lake and of each kind of landed file; all of them in the soak."""
    every = published_files(home)
    lake = home / "lake"
    of_kind = {(path.parent, path.suffix, "checkpoint" in path.name): path for path in every}
    few = [path for path in of_kind.values() if {lake / "gold/ledger", lake / "gold/publications"} & {*path.parents}]
    landed = [next(path for path in every if path.name.endswith(end)) for end in (".json", ".rejects.parquet")]
    found = examine(home, [*few, *landed, home / "lake/_seals/00000002.json"], every)
    assert all(count > 5 for count in found.values()), found


@pytest.mark.soak
def test_every_file_is_found_by_name(home: Path) -> None:
    every = published_files(home)
    found = examine(home, every, every)
    assert len(every) > 300 and all(count > 200 for count in found.values()), found


def test_the_command_says_it_and_ends_with_4(home: Path) -> None:
    [path, *_] = (home / "lake/gold/ledger").rglob("*.parquet")
    arguments = ["publications", "--check", "--home", str(home)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    for way in ("changed", "deleted"):
        with damaged(path, way, []):
            done = CliRunner().invoke(app, arguments)
            assert done.exit_code == 4 and not isinstance(done.exception, NotAsPublished)
            assert path.name in done.output.replace("\n", ""), done.output


def ends_alike(home: Path, backup: Path) -> None:
    """The fourth day on a restored deployment is the one that an undisturbed one has."""
    for one in (home, backup):
        run_days(embedded_lake(one, REGISTRY), one, DAYS[3:])
    assert check_chain(home / "lake", REGISTRY) == check_chain(backup / "lake", REGISTRY)


def test_no_day_is_published_on_damage_and_a_restore_ends_alike(backup: Path, tmp_path: Path) -> None:
    """As docs/operations.md says: what is damaged is put back from a copy, the lake or landed whole."""
    home, kept = (Path(shutil.copytree(backup, tmp_path / name)) for name in ("home", "kept"))
    before = pins(home / "lake", REGISTRY)
    lake = home / "lake"
    newest = {folder: max((lake / folder / "_delta_log").glob("*.json")) for folder in ("gold/ledger", "silver/claims")}
    last_rows = max((lake / "silver/claims").rglob("*.parquet"), key=lambda path: path.stat().st_mtime_ns)
    used = max(
        path
        for path in (home / "landed/tap").rglob("*.parquet")
        if "2026-11-03" in str(path) and "rejects" not in str(path)
    )
    for path, way in [
        (newest["gold/ledger"], "changed"), (newest["silver/claims"], "emptied"), (last_rows, "cut"), (last_rows, "deleted"),
        (lake / "_seals/00000004.json", "deleted"), (lake / "_seals/00000004.json", "changed"), (used, "changed"),
    ]:  # fmt: skip
        with damaged(path, way, []), pytest.raises(NotAsPublished) as found, told(str(home)):
            run_days(embedded_lake(home, REGISTRY), home, DAYS[3:], full=path == used)
        assert path.name in str(found.value), (path, way, found.value)
        assert pins(lake, REGISTRY) == before, "nothing was published"
    shutil.rmtree(lake)
    shutil.copytree(kept / "lake", lake)
    ends_alike(home, kept)


def test_a_chain_that_was_cut_short_is_found(backup: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(backup, tmp_path / "home"))
    lake = home / "lake"
    *_, known = check_chain(lake, REGISTRY)
    assert verify(embedded_lake(home, REGISTRY), home, expect=known).chained == 4
    commits = sorted((lake / "gold/publications/_delta_log").glob("*.json"))
    commits[-1].unlink()
    with pytest.raises(NotAsPublished, match="ends with publication 3, and publication 4 was sealed"):
        run_days(embedded_lake(home, REGISTRY), home, DAYS[3:])
    (lake / "_seals/00000004.json").unlink()  # by who cuts with care; what is kept elsewhere still tells
    arguments = ["publications", "--home", str(home), "--check"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    done = CliRunner().invoke(app, [*arguments, "--expect", known])
    assert done.exit_code == 4 and f"no publication has the hash or seal {known}" in done.output.replace("\n", "")


@pytest.mark.parametrize("seals", [True, False])
def test_a_lost_record_of_publications_does_not_begin_again_at_1(backup: Path, tmp_path: Path, seals: bool) -> None:
    home = Path(shutil.copytree(backup, tmp_path / "home"))
    shutil.rmtree(home / "lake/gold/publications")
    if not seals:
        shutil.rmtree(home / "lake/_seals")
    with pytest.raises(NotAsPublished, match=r"gold\.publications is gone from"):
        embedded_lake(home, REGISTRY)


def test_rows_that_cancel_in_the_sum_are_found(backup: Path, tmp_path: Path) -> None:
    """The sum of 32-bit numbers is for equality of engines; forged rows of one sum are other bytes."""
    home = Path(shutil.copytree(backup, tmp_path / "home"))
    lake = embedded_lake(home, REGISTRY)
    path = DeltaTable(lake.uri("gold.coverage")).file_uris()[0]
    table = pq.read_table(path)
    pq.write_table(table.take(list(range(table.num_rows - 1, -1, -1))), path)  # the same rows, and so the same sum
    check_pins(lake, last_publication(lake).pins)
    with pytest.raises(NotAsPublished, match=Path(path).name):
        verify(lake, home)
