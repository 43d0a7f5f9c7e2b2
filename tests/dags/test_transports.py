"""Deliveries come from every kind of remote place whole or not at all, once, whatever breaks in between."""

from __future__ import annotations

import hashlib
import http.server
import json
import logging
import multiprocessing
import os
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from dags.transports import Fetched, Unreachable, Unusable, fetch
from schemas.deliveries import CONTROL_BYTES, received_at
from tests.dags.remotes import (
    CONNECTION,
    ENVIRONMENT,
    INSTITUTION,
    PASSWORD,
    FolderRemote,
    Loop,
    Remote,
    S3Remote,
    SFTPRemote,
    control_of,
    fetch_in_child,
    peak_growth,
)

FIRST, SECOND = "20261101T200000Z", "20261102T200000Z"
NOW = datetime(2026, 11, 3, 1, 2, 3, tzinfo=timezone.utc)
SMALL = {"taps_1.csv": b"one\n", "taps_2.csv": b"", "consents.csv": b"three\n"}
MIB = 1 << 20
KINDS = ["fs", "sftp", "aws"]
CHILDREN = multiprocessing.get_context("forkserver")
CHILDREN.set_forkserver_preload(
    ["tests.dags.remotes", "dags.transports.folder", "dags.transports.sftp", "dags.transports.s3"]
)


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.stop()


@contextmanager
def running(kind: str, root: Path, loop: Loop) -> Iterator[Remote]:
    root.mkdir(exist_ok=True)
    if kind == "fs":
        yield FolderRemote(root)
        return
    remote = SFTPRemote(root, loop) if kind == "sftp" else S3Remote(loop)
    yield remote
    remote.stop()


@pytest.fixture(params=KINDS)
def remote(request: pytest.FixtureRequest, tmp_path: Path, loop: Loop) -> Iterator[Remote]:
    with running(request.param, tmp_path / "remote", loop) as remote:
        yield remote


@pytest.fixture
def sftp(tmp_path: Path, loop: Loop) -> Iterator[SFTPRemote]:
    with running("sftp", tmp_path / "remote", loop) as remote:
        assert isinstance(remote, SFTPRemote)
        yield remote


@pytest.fixture
def s3(tmp_path: Path, loop: Loop) -> Iterator[S3Remote]:
    with running("aws", tmp_path / "remote", loop) as remote:
        assert isinstance(remote, S3Remote)
        yield remote


Fetch = Callable[..., list[Fetched]]


@pytest.fixture
def bring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fetch:
    """Fetch over a connection as Airflow finds it; what it says of the place may be changed by name."""

    def bring(remote: Remote, clock: Callable[[], datetime] = lambda: NOW, **extra: Any) -> list[Fetched]:
        monkeypatch.setenv(ENVIRONMENT, remote.connection(**extra))
        return fetch(INSTITUTION, CONNECTION, tmp_path, clock=clock)

    return bring


def came(exports: Path) -> dict[str, dict[str, bytes]]:
    """Stamp → the files of every delivery that pull would see."""
    folders = sorted(path for path in (exports / INSTITUTION).iterdir() if not path.name.startswith("."))
    return {folder.name: {path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders}


def whole(files: dict[str, bytes], control: bytes | None = None) -> dict[str, bytes]:
    return {**files, "control.json": control_of(files) if control is None else control}


def leftovers(exports: Path) -> list[str]:
    return [path.name for path in (exports / INSTITUTION).glob(".partial-*")]


def in_child(*args: Any, run: Callable[..., None] = fetch_in_child) -> int:
    child = CHILDREN.Process(target=run, args=args)
    child.start()
    child.join(120)
    assert child.exitcode is not None
    return child.exitcode


# -- complete or not, and which


def test_a_complete_delivery_comes_whole_and_once(remote: Remote, bring: Fetch, tmp_path: Path) -> None:
    remote.deliver(FIRST, SMALL)
    before = remote.listing()
    [fetched] = bring(remote)
    size = sum(map(len, whole(SMALL).values()))
    assert fetched == Fetched(fetched.stamp, 4, size, size)
    assert came(tmp_path) == {fetched.stamp: whole(SMALL)}
    assert bring(remote) == []
    assert came(tmp_path) == {fetched.stamp: whole(SMALL)}
    assert leftovers(tmp_path) == []
    assert remote.listing() == before


def test_what_is_being_written_waits(remote: Remote, bring: Fetch, tmp_path: Path) -> None:
    for name, data in SMALL.items():
        remote.put(f"{FIRST}/{name}", data)
    remote.deliver(f".{SECOND}", SMALL)  # hidden: somebody's unfinished work
    assert bring(remote) == [] and came(tmp_path) == {}
    remote.put(f"{FIRST}/control.json", control_of(SMALL))
    assert [one.files for one in bring(remote)] == [4]


@pytest.mark.parametrize("marker", [f"{FIRST}/.done", f"{FIRST}.done"])
def test_a_marker_is_waited_for_where_one_is_agreed(remote: Remote, bring: Fetch, tmp_path: Path, marker: str) -> None:
    remote.deliver(FIRST, SMALL)
    assert bring(remote, marker=".done") == []
    remote.put(marker, b"")
    [fetched] = bring(remote, marker=".done")
    assert came(tmp_path) == {fetched.stamp: whole(SMALL)}
    assert bring(remote, marker=".done") == []


def test_marked_without_control_file_is_told(remote: Remote, bring: Fetch, tmp_path: Path) -> None:
    remote.put(f"{FIRST}/taps_1.csv", b"one\n")
    remote.put(f"{FIRST}.done", b"")
    remote.deliver(SECOND, SMALL)
    remote.put(f"{SECOND}.done", b"")
    with pytest.raises(Unusable, match="marked as done"):
        bring(remote, marker=".done")
    assert list(came(tmp_path).values()) == [whole(SMALL)]


def test_only_what_the_control_file_names_is_fetched(remote: Remote, bring: Fetch, tmp_path: Path) -> None:
    remote.deliver(FIRST, SMALL)
    remote.put(f"{FIRST}/notes.txt", b"not yours")
    remote.put(f"{FIRST}/below/taps_1.csv", b"deeper")
    bring(remote)
    assert list(came(tmp_path).values()) == [whole(SMALL)]


def test_a_missing_file_is_left_to_pull(remote: Remote, bring: Fetch, tmp_path: Path) -> None:
    control = control_of(SMALL)
    rest = {name: data for name, data in SMALL.items() if name != "taps_1.csv"}
    remote.deliver(FIRST, rest, control=control)
    bring(remote)
    assert list(came(tmp_path).values()) == [whole(rest, control)]
    remote.put(f"{FIRST}/taps_1.csv", SMALL["taps_1.csv"])  # the sender mends it
    bring(remote)
    assert sorted(map(len, came(tmp_path).values())) == [3, 4]


# -- arrival


def test_the_stamp_that_a_gateway_gave_is_kept(remote: Remote, bring: Fetch, tmp_path: Path) -> None:
    for name in (FIRST, SECOND):
        remote.deliver(name, SMALL)
    assert [one.stamp for one in bring(remote, arrival="named")] == [FIRST, SECOND]


@pytest.mark.parametrize("name", ["tuesday", "2026111T1:1:1Z", "20261301T000000Z", "2026111T200000Z"])
def test_a_name_that_is_no_stamp_is_told(remote: Remote, bring: Fetch, tmp_path: Path, name: str) -> None:
    remote.deliver(name, SMALL)
    remote.deliver(SECOND, SMALL)
    with pytest.raises(Unusable, match="not named by its arrival") as told:
        bring(remote, arrival="named")
    assert name not in str(told.value)
    assert list(came(tmp_path)) == [SECOND]


def test_seen_is_the_first_sight_and_no_two_are_equal(sftp: SFTPRemote, bring: Fetch, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        sftp.deliver(name, SMALL)
    assert [one.stamp for one in bring(sftp)] == ["20261103T010203Z", "20261103T010204Z", "20261103T010205Z"]
    sftp.deliver("d", {"taps_1.csv": os.urandom(2 * MIB)})
    sftp.wire.cut_after(MIB)
    with pytest.raises(Unreachable):
        bring(sftp, clock=lambda: NOW + timedelta(hours=1))
    [retried] = bring(sftp, clock=lambda: NOW + timedelta(hours=9))
    assert retried.stamp == "20261103T020203Z"


def test_stored_is_the_time_of_the_store(s3: S3Remote, bring: Fetch, tmp_path: Path) -> None:
    s3.deliver("a", SMALL)
    modified = s3.store.head_object(Bucket="exports", Key="to/metro/a/control.json")["LastModified"]
    [fetched] = bring(s3)
    assert received_at(fetched.stamp) == modified.replace(microsecond=0)


# -- again


def test_other_content_is_another_delivery_and_the_same_is_none(remote: Remote, bring: Fetch, tmp_path: Path) -> None:
    remote.deliver(FIRST, SMALL)
    [first] = bring(remote, arrival="named")
    remote.deliver(FIRST, SMALL)  # the same, stored anew
    if isinstance(remote, FolderRemote):
        os.utime(remote.root / FIRST / "taps_1.csv", (1, 1))
    assert bring(remote, arrival="named") == []
    other = {**SMALL, "taps_1.csv": b"ONE and more\n"}
    remote.deliver(FIRST, other)
    [second] = bring(remote, arrival="named")
    assert second.stamp > first.stamp
    assert came(tmp_path) == {first.stamp: whole(SMALL), second.stamp: whole(other)}
    remote.deliver(FIRST, SMALL)  # as it was at first
    assert bring(remote, arrival="named") == []


def test_what_pull_has_cleared_away_is_not_fetched_again(remote: Remote, bring: Fetch, tmp_path: Path) -> None:
    remote.deliver(FIRST, SMALL)
    [fetched] = bring(remote)
    for path in (tmp_path / INSTITUTION / fetched.stamp).iterdir():
        path.unlink()
    (tmp_path / INSTITUTION / fetched.stamp).rmdir()
    assert bring(remote) == []


# -- cut off, killed, filled up


@pytest.mark.parametrize("remote", ["sftp", "aws"], indirect=True)
def test_a_cut_transfer_goes_on_where_it_broke(remote: Remote, bring: Fetch, tmp_path: Path) -> None:
    assert remote.wire
    data = os.urandom(8 * MIB)
    remote.deliver("large", {"taps_1.csv": data})
    remote.deliver("later", SMALL)
    remote.wire.cut_after(11 * MIB // 2)
    with pytest.raises(Unreachable) as told:
        bring(remote)
    assert CONNECTION in str(told.value) and "taps_1" not in str(told.value) and "large" not in str(told.value)
    assert list(came(tmp_path).values()) == [whole(SMALL)], "the other delivery came all the same"
    [partial] = leftovers(tmp_path)
    there = (tmp_path / INSTITUTION / partial / "taps_1.csv").stat().st_size
    assert 4 * MIB <= there < 6 * MIB

    sent = remote.wire.sent
    [fetched] = bring(remote)
    assert fetched.transferred_bytes == fetched.size_bytes - there
    assert remote.wire.sent - sent < len(data) - there + MIB // 4, "what was there is not sent again"
    assert came(tmp_path)[fetched.stamp] == whole({"taps_1.csv": data})
    assert leftovers(tmp_path) == []


def test_a_full_disk_is_gone_on_from(remote: Remote, bring: Fetch, tmp_path: Path) -> None:
    data = os.urandom(4 * MIB)
    remote.deliver(FIRST, {"taps_1.csv": data})
    assert in_child(remote.connection(), tmp_path, 0, 5 * MIB // 2) == 1
    assert came(tmp_path) == {}
    [fetched] = bring(remote)
    assert fetched.transferred_bytes == fetched.size_bytes - 5 * MIB // 2
    assert came(tmp_path) == {fetched.stamp: whole({"taps_1.csv": data})}


def test_a_beginning_of_other_bytes_starts_anew(remote: Remote, bring: Fetch, tmp_path: Path) -> None:
    data = os.urandom(4 * MIB)
    remote.deliver(FIRST, {"taps_1.csv": data})
    assert in_child(remote.connection(), tmp_path, 0, 5 * MIB // 2) == 1
    [partial] = leftovers(tmp_path)
    (tmp_path / INSTITUTION / partial / "taps_1.csv").write_bytes(bytes(5 * MIB // 2))
    [fetched] = bring(remote)
    assert came(tmp_path) == {fetched.stamp: whole({"taps_1.csv": data})}


def test_a_delivery_that_changed_while_it_was_cut_starts_anew(remote: Remote, bring: Fetch, tmp_path: Path) -> None:
    remote.deliver(FIRST, {"taps_1.csv": os.urandom(4 * MIB)})
    assert in_child(remote.connection(), tmp_path, 0, 5 * MIB // 2) == 1
    data = os.urandom(3 * MIB)
    remote.deliver(FIRST, {"taps_1.csv": data})
    [fetched] = bring(remote)
    assert fetched.transferred_bytes == fetched.size_bytes
    assert came(tmp_path) == {fetched.stamp: whole({"taps_1.csv": data})}
    assert bring(remote) == [] and leftovers(tmp_path) == []


def test_killed_at_any_step_and_called_again(remote: Remote, bring: Fetch, tmp_path: Path) -> None:
    """A process is killed at its n-th change below the exports folder; the next one ends its work.

    On the folder for every n, on the slower places for every third.
    """
    remote.deliver(FIRST, SMALL)
    steps = 0
    for step in range(1, 200, 1 if remote.conn_type == "fs" else 3):
        exports = tmp_path / f"killed-{step}"
        exports.mkdir()
        code = in_child(remote.connection(), exports, step)
        if code == 0:
            break
        assert code == -9
        assert all(files == whole(SMALL) for files in came_if_any(exports)), f"half a delivery at step {step}"
        assert in_child(remote.connection(), exports) == 0
        assert list(came(exports).values()) == [whole(SMALL)], f"after step {step}"
        assert leftovers(exports) == []
        steps = step
    assert steps >= 15


def came_if_any(exports: Path) -> list[dict[str, bytes]]:
    return list(came(exports).values()) if (exports / INSTITUTION).exists() else []


@pytest.mark.parametrize("remote", ["sftp", "aws"], indirect=True)
def test_a_server_that_is_down_and_comes_back(remote: Remote, bring: Fetch, tmp_path: Path) -> None:
    assert remote.wire
    remote.deliver(FIRST, SMALL)
    remote.wire.down()
    with pytest.raises(Unreachable, match=CONNECTION):
        bring(remote)
    remote.wire.up()
    assert len(bring(remote)) == 1


def test_one_fetch_of_an_institution_at_a_time(remote: Remote, bring: Fetch, tmp_path: Path) -> None:
    from dags.transports.memory import alone

    remote.deliver(FIRST, SMALL)
    with alone(tmp_path / INSTITUTION), pytest.raises(Unreachable, match="another fetch"):
        bring(remote)
    assert len(bring(remote)) == 1


# -- what is not to be trusted

BAD_NAMES = ["../../../taps_1.csv", "/etc/passwd", "below/taps_1.csv", "..", ".hidden", "control.json", "a\x00b", "",
             "x" * 300, "back\\slash"]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_of_a_delivery_with_bad_names_only_the_control_file_comes(
    remote: Remote, bring: Fetch, tmp_path: Path, name: str
) -> None:
    remote.put("secret.txt", b"outside")
    control = control_of({name: b"outside", "taps_1.csv": b"one\n"})
    remote.deliver(FIRST, {"taps_1.csv": b"one\n"}, control=control)
    bring(remote)
    assert list(came(tmp_path).values()) == [{"control.json": control}]
    assert {path.name for path in tmp_path.iterdir()} == {"remote", INSTITUTION}


@pytest.mark.parametrize("remote", ["fs", "sftp"], indirect=True)
def test_links_and_folders_are_left_out(remote: Remote, bring: Fetch, tmp_path: Path) -> None:
    assert isinstance(remote, FolderRemote)
    files = {"taps_1.csv": b"one\n", "link.csv": b"outside", "folder.csv": b""}
    remote.put("secret.txt", b"outside")
    (remote.root / FIRST / "folder.csv").mkdir(parents=True)
    (remote.root / FIRST / "link.csv").symlink_to(remote.root / "secret.txt")
    remote.deliver(FIRST, {"taps_1.csv": b"one\n"}, control=control_of(files))
    (remote.root / SECOND).symlink_to(remote.root / FIRST)
    bring(remote)
    assert list(came(tmp_path).values()) == [whole({"taps_1.csv": b"one\n"}, control_of(files))]


@pytest.mark.parametrize("control", [b"", b"not json", b'{"institution": "metro"}', b"\xff\xfe"])
def test_an_unreadable_control_file_comes_alone(remote: Remote, bring: Fetch, tmp_path: Path, control: bytes) -> None:
    remote.deliver(FIRST, SMALL, control=control)
    bring(remote)
    assert list(came(tmp_path).values()) == [{"control.json": control}]


def test_of_an_endless_control_file_no_more_comes_than_shows_it(remote: Remote, bring: Fetch, tmp_path: Path) -> None:
    remote.deliver(FIRST, {}, control=bytes(CONTROL_BYTES + 5 * MIB))
    [fetched] = bring(remote)
    assert (tmp_path / INSTITUTION / fetched.stamp / "control.json").stat().st_size == CONTROL_BYTES + 1


def test_a_delivery_larger_than_agreed_waits_for_somebody(remote: Remote, bring: Fetch, tmp_path: Path) -> None:
    remote.deliver(FIRST, {"taps_1.csv": bytes(MIB)})
    remote.deliver(SECOND, SMALL)
    with pytest.raises(Unusable, match="most_bytes"):
        bring(remote, most_bytes=MIB)
    assert list(came(tmp_path).values()) == [whole(SMALL)]
    assert len(bring(remote, most_bytes=2 * MIB)) == 1


def test_bytes_that_the_control_file_does_not_state_are_left_to_pull(
    remote: Remote, bring: Fetch, tmp_path: Path
) -> None:
    remote.deliver(FIRST, {"taps_1.csv": b"one\n"}, control=control_of({"taps_1.csv": b"two\n"}))
    bring(remote)
    assert len(came(tmp_path)) == 1
    remote.put(f"{FIRST}/taps_1.csv", b"two\n")
    if isinstance(remote, FolderRemote):
        os.utime(remote.root / FIRST / "taps_1.csv", (1, 1))  # not in the same second, as it would be really
    [mended] = bring(remote)
    assert came(tmp_path)[mended.stamp] == whole({"taps_1.csv": b"two\n"})


# -- settings and rights


def test_without_a_connection_nothing_is_to_do(tmp_path: Path) -> None:
    assert fetch(INSTITUTION, "tanzhang_unheard_of", tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("connection", "said"),
    [
        ({"conn_type": "http", "host": "example.org"}, "type fs, sftp or aws"),
        ({"conn_type": "fs"}, "path"),
        ({"conn_type": "fs", "extra": {"path": "relative"}}, "path"),
        ({"conn_type": "fs", "extra": {"path": "/nowhere/at/all"}}, "no folder"),
        ({"conn_type": "fs", "extra": {"path": "/", "arrival": "stored"}}, "arrival"),
        ({"conn_type": "fs", "extra": {"path": "/", "marker": "ready"}}, "marker"),
        ({"conn_type": "aws", "extra": {"prefix": "x"}}, "bucket"),
        ({"conn_type": "sftp", "extra": {"path": "/"}}, "host"),
        ({"conn_type": "sftp", "host": "h", "extra": {"path": "/", "host_key": "ssh-dss AAAA"}}, "host_key"),
        ({"conn_type": "sftp", "host": "h", "extra": {"path": "/", "no_host_key_check": True}}, "host_key"),
        ({"conn_type": "sftp", "extra": {"path": "/", "key_file": "/nowhere"}}, "key_file"),
    ],
)
def test_wrong_settings_fail_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loop: Loop, connection: dict[str, Any], said: str
) -> None:
    with running("sftp", tmp_path / "remote", loop) as answering:
        if "key_file" in connection.get("extra", {}):
            connection = {**connection, **answering.fields, "extra": {**answering.extra, **connection["extra"]}}
        monkeypatch.setenv(ENVIRONMENT, json.dumps(connection))
        with pytest.raises(Unusable, match=said):
            fetch(INSTITUTION, CONNECTION, tmp_path)


def test_a_path_that_is_not_there_fails_at_once(sftp: SFTPRemote, s3: S3Remote, bring: Fetch) -> None:
    with pytest.raises(Unusable, match="no folder"):
        bring(sftp, path="/elsewhere")
    with pytest.raises(Unusable, match="NoSuchBucket"):
        bring(s3, bucket="elsewhere")


def test_the_exports_folder_itself_is_no_remote_place(bring: Fetch, tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="exports folder"):
        bring(FolderRemote(tmp_path / INSTITUTION))


def test_a_name_that_is_no_utf_8_does_not_stop_the_others(sftp: SFTPRemote, bring: Fetch, tmp_path: Path) -> None:
    sftp.deliver(FIRST, SMALL)
    sftp.deliver(SECOND, SMALL)
    (sftp.root / FIRST / os.fsdecode("账单.csv".encode("gb18030"))).write_bytes(b"")
    with pytest.raises(Unusable, match="UTF-8"):
        bring(sftp)
    assert len(came(tmp_path)) == 1


def test_the_key_of_the_host_is_checked(sftp: SFTPRemote, bring: Fetch, tmp_path: Path) -> None:
    sftp.deliver(FIRST, SMALL)
    with pytest.raises(Unusable, match="another key"):
        bring(sftp, host_key=sftp.public(asyncssh.generate_private_key("ssh-ed25519")))
    with pytest.raises(Unusable, match="not known"):
        bring(sftp, host_key=None)
    assert came(tmp_path) == {}
    assert len(bring(sftp)) == 1


def test_a_wrong_password_fails_at_once_and_is_not_told(
    sftp: SFTPRemote, s3: S3Remote, bring: Fetch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(Unusable, match="refuses the login") as refused:
        bring(sftp, password="swordfish-1")
    s3.demand_keys()
    with pytest.raises(Unusable, match="InvalidAccessKeyId") as unknown:
        bring(s3, password="swordfish-2")
    told = [*traceback.format_exception(refused.value), *traceback.format_exception(unknown.value), caplog.text]
    said = [line for text in told for line in text.splitlines() if "bring(" not in line]
    assert not [line for line in said if "swordfish" in line]


def test_a_key_opens_the_door_too(sftp: SFTPRemote, bring: Fetch) -> None:
    sftp.deliver(FIRST, SMALL)
    with pytest.raises(Unusable, match="neither password nor key"):
        bring(sftp, password=None)
    key = sftp.key.export_private_key("pkcs1-pem").decode()
    assert len(bring(sftp, password=None, private_key=key)) == 1


def test_a_store_that_is_out_of_order_is_tried_again(s3: S3Remote, bring: Fetch) -> None:
    class Broken(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = http.server.HTTPServer(("127.0.0.1", 0), Broken)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.raises(Unreachable, match="503"):
        bring(s3, endpoint_url=f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


def test_a_host_that_says_nothing_is_not_waited_for_ever(
    sftp: SFTPRemote, bring: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sftp.fields = {**sftp.fields, "port": silent.getsockname()[1]}
        monkeypatch.setattr("dags.transports.sftp.PATIENCE", 1)
        with pytest.raises(Unreachable):
            bring(sftp)


# -- what is written down, and how much is held


def test_neither_logs_nor_memories_hold_a_name(
    remote: Remote, bring: Fetch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    remote.deliver("zhangsan", {"zhangsan_1.csv": b"one\n"})
    remote.deliver("lisi", {"lisi_1.csv": b""}, control=b"")
    [first, second] = bring(remote, arrival="seen")
    written = caplog.text + "".join(
        f"{path.name} {path.read_text()}" for path in (tmp_path / INSTITUTION / ".fetched").iterdir()
    )
    assert first.stamp in written and second.stamp in written
    assert [word for word in ("zhangsan", "lisi", PASSWORD) if word in written] == []


def test_a_large_file_is_never_held_whole(remote: Remote, tmp_path: Path) -> None:
    data = os.urandom(MIB) * 64
    remote.deliver("0-small", SMALL)
    remote.deliver("1-large", {"taps_1.csv": data})
    exports, warm_up = tmp_path / "exports", tmp_path / "warm-up"
    exports.mkdir()
    assert in_child(remote.connection(arrival="seen"), exports, warm_up, run=peak_growth) == 0
    [_, large] = came(exports).values()
    assert hashlib.sha256(large["taps_1.csv"]).digest() == hashlib.sha256(data).digest()
    grown = int((exports / "peak").read_text())
    print(f"{remote.conn_type}: peak memory grew by {grown / MIB:.1f} MiB")
    assert grown < 16 * MIB
