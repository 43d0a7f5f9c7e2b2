"""The bills of a delivery are landed in one file, and each is a statement of its own all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.landing import lander, together
from jobs.landing.land import replay
from jobs.landing.manifests import (
    BILLS,
    LANDED,
    Manifest,
    landed_path,
    load_manifests,
    manifests_at,
    path_of,
)
from jobs.landing.parts import Read, read_into
from jobs.landing.receipts import ReceivedFile
from jobs.landing.tokens import Tokens
from tests.support.exports import deliver, fixture_folders, fixture_parts
from tests.support.landing import RECORD_KEY, SOURCES, TOKEN_KEY, rejects, rows, stations, take

PORTAL = "alipay"


def bring(home: Path, *, spoilt: int | None = None) -> list[Manifest]:
    """A delivery of the fixture's bills, of which one is no bill."""
    [folder] = [one for one in fixture_folders(PORTAL) if any(path.name.startswith("bills") for path in one.iterdir())]
    parts = [one for one in fixture_parts(PORTAL, folder) if one.feed == "bills"]
    if spoilt is not None:
        parts[spoilt].rows += 1
    business_date, _ = folder.name.rsplit("-r", 1)
    deliver(home, PORTAL, *parts, stamp="20261109T010000Z", business_date=business_date)
    return sorted((one for one in take(home, PORTAL) if one.feed == "bills"), key=lambda one: one.part)


def test_they_share_files_and_are_told_apart(tmp_path: Path) -> None:
    bills = bring(tmp_path)
    assert len(bills) == 5 and {one.state for one in bills} == {"accepted"}
    [folder] = (tmp_path / LANDED).glob("payment/alipay/bills/*")
    assert sorted("".join(path.suffixes) for path in folder.iterdir()) == [BILLS, ".parquet", ".rejects.parquet"]
    [table] = {landed_path(tmp_path, one) for one in bills}
    every = pq.read_table(table).to_pylist()
    assert len(every) == sum(one.accepted_rows for one in bills)
    for one in bills:
        assert len(rows(tmp_path, one)) == one.accepted_rows and len(rejects(tmp_path, one)) == one.rejected_rows
    [said] = {path_of(tmp_path, one) for one in bills}
    assert sorted(manifests_at(said), key=lambda one: one.part) == bills
    assert take(tmp_path, PORTAL) == []


def test_one_that_is_refused_takes_no_other_along(tmp_path: Path) -> None:
    bills = bring(tmp_path, spoilt=1)
    assert [one.state for one in bills] == ["accepted", "refused", "accepted", "accepted", "accepted"]
    assert not rows(tmp_path, bills[1]) and rows(tmp_path, bills[0]) and rows(tmp_path, bills[4])


@pytest.mark.parametrize("most", [0, 3, 1 << 17])
def test_of_a_long_one_that_is_refused_nothing_stays_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Its rows were written already when it shows."""
    monkeypatch.setattr(together, "MOST_ROWS", most)
    bills = bring(tmp_path, spoilt=2)
    every = pq.read_table(landed_path(tmp_path, bills[0])).column("file_id").to_pylist()
    assert {one: every.count(one) for one in every} == {
        one.file_id: one.accepted_rows for one in bills if one.state == "accepted" and one.accepted_rows
    }


def test_one_is_landed_again_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """We failed at it; the others stand as they are, and it stands in files of its own from then on."""

    def fails_at_the_second(*sinks: Any, file: ReceivedFile, **rest: Any) -> Read:
        return 1 // 0 if file.part == 2 else read_into(*sinks, file=file, **rest)  # type: ignore[return-value]

    with monkeypatch.context() as patch:
        patch.setattr(lander, "read_into", fails_at_the_second)
        bills = bring(tmp_path)
    assert [one.is_internal for one in bills] == [False, True, False, False, False]
    again = replay(SOURCES[PORTAL], tmp_path, Tokens(TOKEN_KEY, RECORD_KEY, key_version=3), stations(PORTAL))
    assert [(one.file_id, one.landing, one.state) for one in again] == [(bills[1].file_id, 1, "accepted")]
    assert len(rows(tmp_path, again[0])) == again[0].accepted_rows > 0
    assert path_of(tmp_path, again[0]) != path_of(tmp_path, bills[0])
    assert {one.landed_as for one in load_manifests(tmp_path) if one.feed == "bills"} == {
        *(one.landed_as for one in bills),
        (bills[1].file_id, 1),
    }
    assert take(tmp_path, PORTAL) == []


def test_those_of_a_customer_are_read_without_the_others(tmp_path: Path) -> None:
    """And the first, whoever it is of: it says that there was a delivery."""
    bills = bring(tmp_path)
    path = path_of(tmp_path, bills[0])
    wanted = bills[-1].customer_key
    assert wanted
    found = manifests_at(path, {wanted})
    assert [one for one in found if one.customer_key == wanted] == [one for one in bills if one.customer_key == wanted]
    assert len(found) <= 1 + sum(one.customer_key == wanted for one in bills) < len(bills)


def test_damaged_manifests_of_bills_are_made_again(tmp_path: Path) -> None:
    bills = bring(tmp_path)
    path = path_of(tmp_path, bills[0])
    content = path.read_bytes()
    for torn in (b"", content[:100], b"\0" * len(content)):
        path.write_bytes(torn)
        assert sorted(take(tmp_path, PORTAL), key=lambda one: one.part) == bills
        assert path.read_bytes() == content


def test_rows_of_files_wait_until_it_is_known_whether_they_count(tmp_path: Path) -> None:
    schema = pa.schema([("file_id", pa.string()), ("line", pa.int64())])
    sink = together.Together(tmp_path / "rows", schema, ["file_id"])
    for name, kept in (("a", True), ("b", False), ("c", True)):
        sink.write_batch(pa.record_batch([[name, name], [1, 2]], schema=schema))
        sink.keep() if kept else sink.drop(name)
    sink.close()
    assert pq.read_table(tmp_path / "rows").column("file_id").to_pylist() == ["a", "a", "c", "c"]
