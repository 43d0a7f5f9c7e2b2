"""What reaches SQL or paths from outside is quoted, bounded or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from jobs.errors import SettingError
from jobs.settings import settings
from tanzhang.cli import app
from tests.support.registries import shipped
from tests.support.worlds import embedded_lake


def test_a_home_with_an_apostrophe_is_read_and_written(tmp_path: Path) -> None:
    home = tmp_path / "o'brien; DROP TABLE t0 --"
    lake = embedded_lake(home, shipped())
    assert lake.count(lake.read("gold.ledger", 0)) == 0
    done = CliRunner().invoke(app, ["status", "--home", str(home)])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("folder", ["../..", "..", "/tmp", "a/b", "landed", "", "-x", "a\nb"])
def test_a_lakes_folder_is_one_plain_name(tmp_path: Path, folder: str) -> None:
    home = tmp_path / "a/b/home"
    (home / "exports").mkdir(parents=True)
    for verb in (["publications"], ["maintain"], ["migrate"], ["run", "--date", "2026-11-01"]):
        done = CliRunner().invoke(app, [*verb, "--home", str(home), f"--lake={folder}"])
        assert done.exit_code == 2 and "is no name of a lake's folder" in " ".join(done.output.split()), done.output
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("value", ["8GB'; DROP TABLE t0; --", "9999999999GB", "8GB\n", "-1GB", "8"])
def test_memory_is_a_size_and_nothing_else(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TANZHANG_MEMORY", value)
    with pytest.raises(SettingError, match="expected a size with its unit"):
        settings()
