"""Pictures of pages, also of one behind a log-in form."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, TimeoutError

from tools import screenshots
from tools.screenshots import NoChromium, picture

FORM = "<form method=post><input name=username type=text><input name=password type=password><button>in</button></form>"


class Door(BaseHTTPRequestHandler):
    """Whoever knows the password gets a cookie, and with it the page."""

    def do_GET(self) -> None:
        is_in = "who=ada" in self.headers.get("Cookie", "")
        self.answer(200, "<h1 id=grid>grid</h1>" if is_in else FORM)

    def do_POST(self) -> None:
        sent = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        knows = sent == {"username": ["ada"], "password": ["a:b"]}
        self.answer(302, "", {"Location": "/home", **({"Set-Cookie": "who=ada"} if knows else {})})

    def answer(self, status: int, body: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "text/html", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def door() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/grid"
    server.shutdown()


def size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG."""
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    return struct.unpack(">II", content[16:24])


def test_a_page_behind_a_form(chromium: Browser, door: str, tmp_path: Path) -> None:
    out = tmp_path / "new" / "grid.png"
    picture(chromium, door, out, width=400, height=300, login=("ada", "a:b"), wait="#grid")
    assert size(out) == (400, 300)


def test_what_must_be_visible_is_waited_for(chromium: Browser, door: str, tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        picture(chromium, door, tmp_path / "no.png", wait="#grid", patience=500)


def test_a_file_in_whole(chromium: Browser, tmp_path: Path) -> None:
    page = tmp_path / "long.html"
    page.write_text("<body style='margin:0'><p style='height:2000px;margin:0'>long", encoding="utf-8")
    picture(chromium, str(page), tmp_path / "long.png", width=360, height=500, full=True)
    assert size(tmp_path / "long.png") == (360, 2000)


def test_a_wrong_path_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/no/such/chromium")
    with pytest.raises(NoChromium, match="CHROMIUM=/no/such/chromium is no program"):
        screenshots.chromium()
