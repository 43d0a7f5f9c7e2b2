"""What all tests of the embedded engine share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import judged


@pytest.fixture(scope="session", autouse=True)
def judged_once() -> Iterator[None]:
    """No verdict is asked of Great Expectations twice; unit tests and those on Spark ask for each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("expectations.judge", judged.remembered)
        yield
