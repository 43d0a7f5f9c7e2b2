"""What is not to be trusted stays away, what is wrong is told with its mend, and nothing is told that should not be."""

from __future__ import annotations

import http.server
import json
import logging
import os
import socket
import threading
import traceback
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from dags.transports import Unreachable, Unusable, fetch
from schemas.deliveries import CONTROL_BYTES
from tests.dags.transports.conftest import FIRST, MIB, SECOND, SMALL, Fetch, came, whole
from tests.dags.transports.remotes import (
    CONNECTION,
    ENVIRONMENT,
    INSTITUTION,
    PASSWORD,
    FolderRemote,
    Remote,
    S3Remote,
    SFTPRemote,
    control_of,
)

# -- what is not to be trusted

BAD_NAMES = ["../../../taps_1.csv", "/etc/passwd", "below/taps_1.csv", "..", ".hidden", "control.json", "a\x00b", "",
             "x" * 300, "back\\slash"]  # fmt: skip


def test_of_a_delivery_with_bad_names_only_the_control_file_comes(remote: Remote, bring: Fetch, tmp_path: Path) -> None:
    remote.put("secret.txt", b"outside")
    controls = [control_of({name: b"outside", "taps_1.csv": b"one\n"}) for name in BAD_NAMES]
    for number, control in enumerate(controls):
        remote.deliver(f"{number:02}", {"taps_1.csv": b"one\n"}, control=control)
    bring(remote, arrival="seen")
    assert list(came(tmp_path).values()) == [{"control.json": control} for control in controls]
    assert {path.name for path in tmp_path.iterdir()} - {"remote"} == {INSTITUTION}


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


def test_an_unreadable_control_file_comes_alone(remote: Remote, bring: Fetch, tmp_path: Path) -> None:
    controls = [b"", b"not json", b'{"institution": "metro"}', b"\xff\xfe"]
    for number, control in enumerate(controls):
        remote.deliver(f"{number}", SMALL, control=control)
    bring(remote, arrival="seen")
    assert list(came(tmp_path).values()) == [{"control.json": control} for control in controls]


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
    sftp: SFTPRemote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any], said: str
) -> None:
    if "key_file" in connection.get("extra", {}):
        connection = {**connection, **sftp.fields, "extra": {**sftp.extra, **connection["extra"]}}
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


# -- what is written down


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
