"""No other key goes on with what a key began: wrong, swapped, missing or made anew, it is refused with its name and mend."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jobs import files
from jobs.errors import SettingError
from jobs.landing import key_check
from jobs.landing.land import land, replay
from jobs.landing.tokens import Tokens, join_parts
from jobs.settings import KEYS
from tanzhang import keys
from tanzhang.cli import app
from tanzhang.keys import tokens_of
from tests.support.exports import CONSENTED, alipay_acts, alipay_consents, deliver
from tests.support.landing import SOURCES

ROOT = Path(__file__).parents[3]
SOURCE = SOURCES["alipay"]
PEOPLE, RECORDS, OTHER = ("5a" * 32, "a5" * 32, "77" * 32)
NAMES = ("TANZHANG_TOKEN_KEY", "TANZHANG_RECORD_KEY", "TANZHANG_TOKEN_KEY_VERSION", "TANZHANG_TOKEN_ALGORITHM")
Said = tuple[str, str, int, str]
RIGHT: Said = (PEOPLE, RECORDS, 1, "sm3")


def tokens(token_key: str, record_key: str, version: int, algorithm: str) -> Tokens:
    return Tokens(bytes.fromhex(token_key), bytes.fromhex(record_key), key_version=version, algorithm=algorithm)


def a_day(home: Path, day: int) -> None:
    acts = alipay_acts((day, 1, f"2026-11-0{day} 11:00:00", "shenghuojiaofei", "10"))
    consents = alipay_consents((1, "ALL", "AUTHORIZED", CONSENTED))
    deliver(home, "alipay", acts, consents, stamp=f"2026110{day}T200000Z", business_date=f"2026-11-0{day}")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """One delivery was landed with the right keys, another one waits."""
    a_day(tmp_path, 1)
    assert CliRunner().invoke(app, ["job", "pull", "--date", "2026-11-01", "--home", str(tmp_path)]).exit_code == 0
    assert land(SOURCE, tmp_path, tokens(*RIGHT))
    a_day(tmp_path, 2)
    return tmp_path


WRONG: dict[str, tuple[Said, str]] = {
    "token_key": ((OTHER, RECORDS, 1, "sm3"), "TANZHANG_TOKEN_KEY is another key than version 1"),
    "record_key": ((PEOPLE, OTHER, 1, "sm3"), "TANZHANG_RECORD_KEY is another key .* never changes"),
    "swapped": ((RECORDS, PEOPLE, 1, "sm3"), "TANZHANG_TOKEN_KEY and TANZHANG_RECORD_KEY are swapped"),
    "algorithm": ((PEOPLE, RECORDS, 1, "sha256"), "TANZHANG_TOKEN_ALGORITHM says sha256, .* set it to sm3"),
    "same_key_under_the_next_version": ((PEOPLE, RECORDS, 2, "sm3"), "a key of before: a rotation needs a new one"),
    "a_version_left_out": ((OTHER, RECORDS, 3, "sm3"), "TANZHANG_TOKEN_KEY_VERSION is 3, and version 1 is in use"),
}


@pytest.mark.parametrize("name", WRONG)
def test_keys_that_are_not_the_homes_are_refused(home: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    said, text = WRONG[name]
    before = sorted(home.rglob("*"))
    for verb in (land, replay):
        with pytest.raises(SettingError, match=text) as raised:
            verb(SOURCE, home, tokens(*said))
        assert not any(key in str(raised.value) for key in (PEOPLE, RECORDS, OTHER))
    for variable, value in zip(NAMES, said):
        monkeypatch.setenv(variable, str(value))
    for arguments in (["job", "pull"], ["job", "land"], ["quarantine", "replay"]):
        dated = ["--date", "2026-11-02"] if arguments[0] == "job" else []
        done = CliRunner().invoke(app, [*arguments, *dated, "--home", str(home)])
        assert done.exit_code == 2 and re.search(text, done.output.replace("\n", " ")), done.output
    assert sorted(home.rglob("*")) == before, "nothing was pulled or landed"


def test_the_next_version_is_the_one_way_to_another_token_key(home: Path) -> None:
    CliRunner().invoke(app, ["job", "pull", "--date", "2026-11-02", "--home", str(home)])
    assert land(SOURCE, home, tokens(OTHER, RECORDS, 2, "sm3"))
    stands = key_check.load(home / "landed")
    assert stands is not None and sorted(stands.token) == [1, 2]
    key_check.hold(home, tokens(OTHER, RECORDS, 2, "sm3").check)
    with pytest.raises(SettingError, match="VERSION is 1, and version 2 is in use: set it to 2"):
        key_check.hold(home, tokens(*RIGHT).check)
    with pytest.raises(SettingError, match="TANZHANG_TOKEN_KEY is another key than version 2"):
        key_check.hold(home, tokens("88" * 32, RECORDS, 2, "sm3").check)


def test_a_version_that_landed_nothing_binds_nothing(home: Path) -> None:
    assert land(SOURCE, home, tokens(OTHER, RECORDS, 2, "sm3")) == []
    key_check.hold(home, tokens(*RIGHT).check)


def test_a_check_is_no_token_and_tells_no_key() -> None:
    made = tokens(*RIGHT).check
    digests = [made.record, *made.token.values()]
    assert all(re.fullmatch("[0-9a-f]{64}", one) for one in digests) and len(set(digests)) == 2
    assert not {PEOPLE, RECORDS} & set(digests)
    assert all(join_parts(parts)[0].isdigit() for parts in (["customer", "a", "b"], [""], ["phone", "x"]))
    assert made != tokens(PEOPLE, RECORDS, 1, "sha256").check


# -- the file of a home's own keys


@pytest.fixture
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES[:2]:
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("no_keys")
def test_a_homes_own_keys_are_made_once_whole_and_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    check = tokens_of(home).check
    assert tokens_of(home).check == check
    assert [(path.name, stat.S_IMODE(path.stat().st_mode)) for path in home.iterdir()] == [("keys.env", 0o600)]
    assert not set(NAMES[:2]) & os.environ.keys(), "children would inherit them"

    def full(_path: Path) -> None:
        raise OSError(28, "No space left on device")

    shutil.rmtree(home)
    monkeypatch.setattr(files, "sync", full)
    with pytest.raises(OSError, match="No space"):
        tokens_of(home)
    assert list(home.iterdir()) == [], "whole or not at all"


@pytest.mark.usefixtures("no_keys")
@pytest.mark.parametrize("keep", [0, 1, 2])
def test_keys_that_are_lost_or_cut_are_never_made_anew(home: Path, keep: int) -> None:
    path = home / keys.FILE
    if keep:
        path.write_text("".join([f"{NAMES[0]}={PEOPLE}\n", f"{NAMES[1]}="][:keep]))
    before = sorted(home.rglob("*"))
    with pytest.raises(SettingError, match="put the file back from the backup"):
        tokens_of(home)
    assert sorted(home.rglob("*")) == before


# -- who sees them


def test_landing_and_landed_are_their_owners_alone(home: Path) -> None:
    modes = {
        path.relative_to(home): stat.S_IMODE(path.stat().st_mode)
        for top in ("landing", "landed")
        for path in [home / top, *(home / top).rglob("*")]
    }
    assert len(modes) > 12
    assert {path: mode for path, mode in modes.items() if mode != (0o700 if (home / path).is_dir() else 0o600)} == {}


def test_folders_of_before_are_closed(tmp_path: Path) -> None:
    for name in ("landing", "landed"):
        (tmp_path / name).mkdir(mode=0o755)
    land(SOURCE, tmp_path, tokens(*RIGHT))
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("landing", "landed")} == {0o700}


def test_no_jvm_is_given_the_keys(tmp_path: Path) -> None:
    """A Java that writes down the environment it was given; in a process of its own, since an engine is chosen once."""
    told, java = tmp_path / "environment", tmp_path / "bin/java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\nenv >> {told}\necho 'openjdk version \"17.0.1\"' >&2\n")
    java.chmod(0o755)
    code = """if True:
        import contextlib, os
        from jobs.lake import session
        session.delta_jars = list
        with contextlib.suppress(Exception):
            session.start_session()
        assert os.environ["TANZHANG_TOKEN_KEY"], "it is back for who makes tokens"
    """
    environment = os.environ | {"JAVA_HOME": str(tmp_path), "SPARK_REMOTE": ""}
    subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, check=True, capture_output=True)
    assert told.read_text().count("JAVA_HOME=") == 2, "asked for its version, then started"
    assert not {name for name in KEYS if name in told.read_text()} and PEOPLE not in told.read_text()
