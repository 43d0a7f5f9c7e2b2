"""One writer at a time in a bucket: others are turned away while it lives, and go on when it does no more."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import obstore
import pytest

from jobs.bucket import BucketPath
from jobs.errors import Busy, SetupError
from jobs.files import one_writer
from jobs.lease import Lease
from tests.support.buckets import BUCKET


@pytest.fixture
def lock(bucket: dict[str, str], request: pytest.FixtureRequest) -> BucketPath:
    return BucketPath.of(f"s3://{BUCKET}/{request.node.name}/.writer")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setenv("TANZHANG_LEASE_SECONDS", "1.5")
    return 1.5


def test_others_are_turned_away_while_one_lives(lock: BucketPath) -> None:
    with one_writer(lock, "the run of 2026-11-01") as hold:
        with (
            pytest.raises(Busy, match=r"the run of 2026-11-01 \(process \d+ on .*\) is at work"),
            one_writer(lock, "maintain"),
        ):
            pytest.fail("two at once")
        hold()
        with one_writer(lock.with_name("other"), "maintain"):
            pass
    began = time.monotonic()
    with one_writer(lock, "maintain"):
        pass
    assert time.monotonic() - began < 2, "what was let go is taken at once"


def test_it_is_let_go_where_its_holder_fails(lock: BucketPath) -> None:
    with pytest.raises(KeyError), one_writer(lock, "a run"):
        raise KeyError
    with one_writer(lock, "the next"):
        pass


def test_one_that_gives_no_sign_of_life_is_succeeded_and_stops(
    lock: BucketPath, short: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as paused:
        paused.setattr(Lease, "_live", lambda self: None)
        former = Lease(lock, "a run that hangs")
        former.take()
    former.hold()
    with one_writer(lock, "the next") as hold:
        with pytest.raises(Busy, match="was lost"):
            former.hold()
        former.end()  # must not let go what is another's
        hold()
        with pytest.raises(Busy, match="the next"), one_writer(lock, "a third"):
            pytest.fail("two at once")


def test_one_that_wakes_finds_that_it_was_succeeded(lock: BucketPath, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may take the answer of its next sign for its lock still being there: the lock says whose it is."""
    monkeypatch.setattr(Lease, "_live", lambda self: None)
    former, other = Lease(lock, "a run"), Lease(lock, "the next")
    former.take()
    other.tag = former.tag
    assert other._put({"e_tag": former.tag}, other.owner), "taken over"
    assert not former._put({"e_tag": former.tag}, former.owner)
    monkeypatch.undo()
    monkeypatch.setattr(former.ended, "wait", lambda seconds: False)
    former._live()
    with pytest.raises(Busy):
        former.hold()


def test_a_sign_whose_answer_was_lost_is_no_loss(
    lock: BucketPath, short: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store took it, the answer did not come: the library asks again, and is told that the condition is not met."""
    put, lost = obstore.put, list[str]()

    def answer_lost(*given: Any, **options: Any) -> Any:
        done = put(*given, **options)
        if isinstance(options["mode"], dict) and not lost:
            lost.append("once")
            return put(*given, **options)
        return done

    monkeypatch.setattr(obstore, "put", answer_lost)
    with one_writer(lock, "a run") as hold:
        time.sleep(2 * short)
        assert lost
        hold()


def test_a_store_that_keeps_no_conditions_is_refused(lock: BucketPath, monkeypatch: pytest.MonkeyPatch) -> None:
    put = obstore.put
    careless: Callable[..., Any] = lambda store, key, said, **_: put(store, key, said)  # noqa: E731
    monkeypatch.setattr(obstore, "put", careless)
    with pytest.raises(SetupError, match="If-None-Match"), one_writer(lock, "a run"):
        pytest.fail("it would be anybody's")
