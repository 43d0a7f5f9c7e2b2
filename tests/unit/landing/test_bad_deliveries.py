"""Deliveries that cannot be taken as they are, for every institution: refused by name, the others unaffected."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from jobs.landing.receipts import load_receipts
from schemas.sources.errors import ERRORS
from tests.support.damage import ALL, over, packed, plain
from tests.support.exports import FORMS, Part, deliver, deliver_fixture, fixture_folders
from tests.support.landing import SOURCES, rows, samples, take
from tests.support.targets import Target, send

INSTITUTIONS = sorted(FORMS)
SAMPLES = list(samples())


def control_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "control.json").read_text())
    return content


def write_control(folder: Path, control: object) -> None:
    (folder / "control.json").write_text(json.dumps(control, ensure_ascii=False))


def receipts(home: Path, institution: str) -> list[tuple[str, list[str]]]:
    found = load_receipts(SOURCES[institution], home / "landing")
    assert all((error.rule, error.mend) == ERRORS[error.code] for receipt in found for error in receipt.errors)
    return [(receipt.state, [error.code for error in receipt.errors]) for receipt in found]


@pytest.mark.parametrize("institution", INSTITUTIONS)
@pytest.mark.parametrize(
    ("code", "key", "value"),
    [
        ("wrong_name", "name", "../../../etc/passwd"),
        ("wrong_name", "name", "/etc/passwd"),
        ("wrong_name", "name", "..\\passwd"),
        ("wrong_name", "name", "新建文件.csv"),
        ("unknown_feed", "feed", "../consents"),
        ("wrong_parts", "parts", 3),
        ("wrong_sha256", "sha256", "0" * 64),
        ("wrong_sums", "sums", {"../sum": "1"}),
        ("bad_control", "sums", {"sum": "NaN"}),
        ("bad_control", "rows", "two"),
        ("bad_control", "rows", 2.5),
        ("bad_control", "rows", None),
    ],
)
def test_a_control_file_with_a_wrong_entry(tmp_path: Path, institution: str, code: str, key: str, value: Any) -> None:
    folder = deliver(tmp_path, institution)
    control = control_of(folder)
    control["files"][0][key] = value
    write_control(folder, control)
    assert take(tmp_path, institution) == []
    ((state, codes),) = receipts(tmp_path, institution)
    assert state == "refused" and code in codes
    kept = [path for path in (tmp_path / "landing").rglob("[!.]*") if path.is_file()]
    assert [path.parent.parent.name for path in kept] == ["receipts"]


@pytest.mark.parametrize("institution", INSTITUTIONS)
def test_a_control_file_that_is_missing_of_another_day_or_of_another_institution(
    tmp_path: Path, institution: str
) -> None:
    missing = deliver(tmp_path, institution, stamp="20261102T010000Z")
    (missing / "control.json").unlink()
    of_another_day = deliver(tmp_path, institution, stamp="20261102T020000Z")
    control = control_of(of_another_day)
    write_control(of_another_day, {**control, "business_date": "2026-10-31"})
    other = INSTITUTIONS[INSTITUTIONS.index(institution) - 1]
    deliver(tmp_path, other, stamp="20261102T030000Z").rename(tmp_path / "exports" / institution / "20261102T030000Z")
    deliver(tmp_path, institution, stamp="20261102T040000Z", change={"business_date": "2026-11-03"})
    take(tmp_path, institution)
    assert [(state, codes[0]) for state, codes in receipts(tmp_path, institution)] == [
        ("refused", "wrong_name"),
        ("refused", "wrong_institution"),
        ("refused", "future_statement"),
    ]
    assert not list((tmp_path / "landing").glob("[!r]*"))


@pytest.mark.parametrize("institution", INSTITUTIONS)
def test_one_institution_does_not_hold_back_another(tmp_path: Path, institution: str) -> None:
    folder = deliver(tmp_path, institution)
    (folder / "control.json").write_text("{")
    for other in INSTITUTIONS:
        if other != institution:
            deliver(tmp_path, other)
    for one in INSTITUTIONS:
        assert bool(take(tmp_path, one)) == (one != institution)
        assert receipts(tmp_path, one)[0][0] == ("refused" if one == institution else "accepted")


@pytest.mark.parametrize("institution", INSTITUTIONS)
def test_the_same_delivery_again_is_a_duplicate(tmp_path: Path, institution: str) -> None:
    deliver_fixture(tmp_path, institution)
    landed = take(tmp_path, institution)
    for folder in sorted((tmp_path / "exports" / institution).iterdir()):
        shutil.copytree(folder, folder.with_name(f"20261120T{folder.name[9:]}"), dirs_exist_ok=True)
    assert landed and take(tmp_path, institution) == []
    states = [state for state, _ in receipts(tmp_path, institution)]
    count = len(fixture_folders(institution))
    assert states[:count] == ["accepted"] * count
    assert set(states[count:]) == {"duplicate"}


@over(ALL)
def test_the_same_file_under_another_name(tmp_path: Path, target: Target) -> None:
    """Under a name of one's own it is refused; as another part or day its rows carry the same keys."""
    data = target.pack(target.text({}, {}))
    total = f"{2 * float(target.amount):.2f}"
    parts = [
        Part(target.feed, data, 2, total, part=number, parts=2, customer=target.customer, suffix=target.suffix)
        for number in (1, 2)
    ]
    deliver(tmp_path, target.institution, *parts)
    twice = [manifest for manifest in take(tmp_path, target.institution) if manifest.feed == target.feed]
    assert [manifest.state for manifest in twice] == ["accepted"] * 2
    keys = [[row["record_key"] for row in rows(tmp_path, manifest).values()] for manifest in twice]
    assert keys[0] == keys[1] and len(set(keys[0])) == 2
    assert len({manifest.sha256 for manifest in twice}) == 1

    renamed = deliver(tmp_path / "renamed", target.institution, parts[0])
    control = control_of(renamed)
    name = control["files"][0]["name"]
    (renamed / name).rename(renamed / f"copy_{name}")
    write_control(renamed, {**control, "files": [{**control["files"][0], "name": f"copy_{name}", "parts": 1}, *control["files"][1:]]})  # fmt: skip  # noqa: E501
    take(tmp_path / "renamed", target.institution)
    assert receipts(tmp_path / "renamed", target.institution) == [("refused", ["wrong_name"])]


@pytest.mark.parametrize(("institution", "name"), [(one.institution, one.name) for one in SAMPLES])
def test_a_fixture_is_refused_with_a_row_more_or_less(tmp_path: Path, institution: str, name: str) -> None:
    """And with another sum, where one is stated and can be checked."""
    sample = next(one for one in SAMPLES if (one.institution, one.name) == (institution, name))
    form, part = FORMS[institution][sample.part.feed], sample.part
    cases = [("wrong_row_count", part.rows + 1, part.total), ("wrong_row_count", part.rows - 1, part.total)]
    if form.total and not sample.told.get("is_sum_unchecked"):
        cases.append(("wrong_sum", part.rows, f"{float(part.total) + 0.01:.3f}"))
    for number, (code, stated, total) in enumerate(cases):
        if stated < 0:
            continue
        home = tmp_path / str(number)
        changed = Part(part.feed, part.data, stated, total, customer=part.customer, suffix=part.suffix)
        day = sample.business_date.isoformat()
        deliver(home, institution, changed, business_date=day, stamp="20261120T010000Z")
        manifests = take(home, institution)
        of_it = {part.feed, *SOURCES[institution].guests(part.feed)}
        mine = [manifest for manifest in manifests if manifest.feed in of_it]
        assert {manifest.feed for manifest in mine} == of_it
        assert {(one.state, one.errors[0].code, one.accepted_rows) for one in mine} == {("refused", code, 0)}
        assert all(manifest.state == "accepted" for manifest in manifests if manifest not in mine)


@over([target for target in ALL if target.customer])
def test_one_refused_bill_does_not_hold_back_another(tmp_path: Path, target: Target) -> None:
    good = target.pack(target.text({}, {}))
    total = f"{2 * float(target.amount):.2f}"
    parts = [
        Part(target.feed, data, 2, total, part=number, parts=2, customer=f"c{number}", suffix=target.suffix)
        for number, data in enumerate((good[: len(good) // 2], good), 1)
    ]
    deliver(tmp_path, target.institution, *parts)
    bills = [manifest for manifest in take(tmp_path, target.institution) if manifest.bill or manifest.feed == "bills"]
    assert [(manifest.part, manifest.state) for manifest in bills] == [(1, "refused"), (2, "accepted")]


def test_more_rows_than_stated_are_not_read_to_their_end(tmp_path: Path) -> None:
    """So that a file without end is soon done with."""
    target = next(one for one in ALL if one.name == "jsonl.gz")
    outcome = send(tmp_path, target, packed(target, plain(target) + b"{}\n" * 200_000))
    assert outcome.manifest and outcome.codes[0] == "wrong_row_count"
    assert 2 < outcome.manifest.rows < 60_000
