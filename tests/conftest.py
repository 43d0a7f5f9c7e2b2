"""Shared by all tests: keys that exist only here, the machine's browser, and which tests an environment runs."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

os.environ["TANZHANG_TOKEN_KEY"] = "5a" * 32
os.environ["TANZHANG_RECORD_KEY"] = "a5" * 32

# A JVM of a test lives for a few minutes: its first compiler and its plainest collector do, on one core. Spark fills the
# 48 MB of code that the first compiler has alone, and grows by many full collections: a third of its time went there.
os.environ.setdefault(
    "JDK_JAVA_OPTIONS",
    "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:MetaspaceSize=400m -XX:+UseSerialGC -Xmn600m",
)

# Airflow and the jobs have an environment each; either collects what it can import.
collect_ignore_glob = ["pipeline/*", "spark/*", "unit/*"] if find_spec("airflow") else ["dags/*"]

if find_spec("hypothesis"):
    from hypothesis import settings

    # Where a generated test fails, it also says what makes it fail again.
    settings.register_profile("suite", print_blob=True, deadline=None)  # a busy machine is no failure
    settings.load_profile("suite")


@pytest.fixture(scope="session", autouse=True)
def _without_waiting_for_the_disk() -> Iterator[None]:
    """No power goes while tests run: tests/unit/landing/test_files.py looks at what is synced, and when."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jobs.files.sync", lambda path: None)
        yield


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium; where none can be had, what needs one is skipped, and says so loudly."""
    from tools.screenshots import NoChromium, browser

    try:
        with browser() as running:
            yield running
    except NoChromium as reason:
        warnings.warn(f"NOTHING WAS LOOKED AT IN A BROWSER: {reason}", stacklevel=1)
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def bucket() -> Iterator[dict[str, str]]:
    """An object store, and the environment that lets in."""
    from tests.support.buckets import served

    with served() as let_in:
        yield let_in
