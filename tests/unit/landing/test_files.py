"""What has its name is on the disk: a file is synced before it is named, and the folder that lists it after."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from jobs import files
from jobs.files import NotPlain, open_plain, put_in_place, write_whole
from tests.support.exports import deliver, part
from tests.support.landing import TAP, take


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What was synced and what was named, in order."""
    done: list[tuple[str, str]] = []
    replace = os.replace

    def named(old: Any, new: Any) -> None:
        done.append(("named", Path(new).name))
        replace(old, new)

    monkeypatch.setattr(files, "sync", lambda path: done.append(("synced", Path(path).name)))
    monkeypatch.setattr(os, "replace", named)
    return done


def test_a_file_is_synced_before_it_is_named_and_its_folder_after(tmp_path: Path, steps: list[tuple[str, str]]) -> None:
    write_whole(tmp_path / "in/a.json", b"{}")
    assert steps == [("synced", ".a.json.tmp"), ("named", "a.json"), ("synced", "in")]


def test_of_a_folder_every_file_is_synced(tmp_path: Path, steps: list[tuple[str, str]]) -> None:
    made = tmp_path / ".r0.tmp"
    made.mkdir()
    for name in ("a", "b"):
        (made / name).write_text(name)
    put_in_place({made: tmp_path / "r0"})
    assert set(steps[:2]) == {("synced", "a"), ("synced", "b")}
    assert steps[2:] == [("synced", ".r0.tmp"), ("named", "r0"), ("synced", tmp_path.name)]


def test_a_statement_is_on_the_disk_before_its_manifest_has_its_name(
    tmp_path: Path, steps: list[tuple[str, str]]
) -> None:
    deliver(tmp_path, "hangzhou_metro", part("hangzhou_metro", "taps", TAP))
    take(tmp_path, "hangzhou_metro")
    named = [place for place, (what, _) in enumerate(steps) if what == "named"]
    read = [place for place, (_, name) in enumerate(steps) if name.endswith(".parquet.tmp")]
    manifests = [place for place in named if steps[place][1].endswith(".json") and steps[place][1] != "_keys.json"]
    assert len(read) == 6 and len(manifests) == 4, "of three feeds, and the receipt"
    for place in manifests[1:]:
        assert steps[place - 2][1].endswith(".parquet") and steps[place + 1] == ("synced", "2026-11-01")


@pytest.mark.parametrize("kind", ["link", "hard link", "pipe", "folder"])
def test_what_is_no_plain_file_is_not_opened(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a").write_text("a")
    path = tmp_path / "b"
    {
        "link": lambda: path.symlink_to(tmp_path / "a"),
        "hard link": lambda: os.link(tmp_path / "a", path),
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
    }[kind]()
    with pytest.raises(NotPlain):
        open_plain(path)
