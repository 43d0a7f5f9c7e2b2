#!/usr/bin/env python
"""Pictures of pages for the documentation: files or addresses, at a given width, dark or light, behind a log-in form.

    tools/screenshots.py home/demo/reports/2026-11-03-3.html docs/images/report.png --width 1280 --full
    tools/screenshots.py http://localhost:8080/dags/account_daily grid.png --login admin:password --wait '[role=grid]'

Run it with .venv/bin/python. The machine's Chromium is used (tools/chromium.sh finds or installs it).
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, TimeoutError, sync_playwright

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Chromium in a container, asking nobody anything of its own accord."""
PASSWORD = "input[type=password]"
NAME = "input[name=username], input[type=email], input[type=text]"


class NoChromium(Exception):
    """The machine has none; the text says what to install."""


def chromium() -> str:
    """Path of the machine's Chromium, installed where that is allowed.

    Raises:
        NoChromium: there is none, and it may not be installed.
    """
    found = subprocess.run([Path(__file__).with_name("chromium.sh")], capture_output=True, text=True)
    if found.returncode:
        raise NoChromium(found.stderr.strip())
    return found.stdout.strip()


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium, closed in the end.

    Raises:
        NoChromium: there is none.
    """
    path = chromium()
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=path, headless=True, args=list(FLAGS))
        try:
            yield running
        finally:
            running.close()


def address(page: str) -> str:
    """A file's name or an address as an address."""
    return page if "://" in page else Path(page).resolve().as_uri()


def log_in(page: Page, name: str, password: str) -> None:
    """Fill the log-in form that the page shows, and wait until it is gone; nothing where it shows none."""
    field = page.locator(PASSWORD).first
    try:
        field.wait_for(timeout=15_000)
    except TimeoutError:  # logged in already
        return
    page.locator(NAME).first.fill(name)
    field.fill(password)
    field.press("Enter")
    field.wait_for(state="detached")


def picture(
    running: Browser,
    url: str,
    out: Path,
    *,
    width: int = 1280,
    height: int = 900,
    full: bool = False,
    dark: bool = False,
    language: str | None = None,
    login: tuple[str, str] | None = None,
    wait: str | None = None,
) -> None:
    """One page as PNG.

    Args:
        width, height: the window, in CSS pixels.
        full: the whole page, however long.
        dark: as somebody sees it who prefers dark pages.
        language: what the browser asks for, such as `zh-CN`.
        login: name and password for the form that stands before the page.
        wait: CSS selector that must be visible first.
    """
    scheme = "dark" if dark else "light"
    window = running.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, locale=language, reduced_motion="reduce"
    )
    page = window.new_page()
    page.goto(address(url))
    if login:
        log_in(page, *login)
        page.goto(address(url))  # not every form leads back
    if wait:  # a page that asks its server again and again is never idle
        page.locator(wait).first.wait_for()
    else:
        page.wait_for_load_state("networkidle")
    out.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=out, full_page=full)
    window.close()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="a file or an address")
    parser.add_argument("out", type=Path, help="the PNG to write")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--full", action="store_true", help="the whole page, however long")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--language", help="what the browser asks for, such as zh-CN")
    parser.add_argument("--login", help="user:password for the form before the page")
    parser.add_argument("--wait", metavar="SELECTOR", help="what must be visible first")
    given = parser.parse_args()
    login = tuple(given.login.split(":", 1)) if given.login else None
    with browser() as running:
        picture(running, given.url, given.out, width=given.width, height=given.height, full=given.full,
                dark=given.dark, language=given.language, login=login, wait=given.wait)  # fmt: skip


if __name__ == "__main__":
    main()
