"""What is said of a mistake: where it stands, what is expected and found there, and – where it may be ours – the contract's side."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jobs.landing.pull import pull
from schemas.sources.errors import ERRORS
from schemas.sources.faults import Fault
from tanzhang.cli import app
from tests.support.exports import deliver, part
from tests.support.landing import SOURCES, TAP
from tests.support.targets import TARGETS, send

METRO = "hangzhou_metro"
Change = Callable[[dict[str, Any]], object]


def refused(home: Path, change: Change) -> list[Fault]:
    """What is said of a delivery with a changed control file."""
    folder = deliver(home, METRO, part(METRO, "taps", TAP))
    path = folder / "control.json"
    control = json.loads(path.read_text())
    change(control)
    path.write_text(json.dumps(control))
    (receipt,) = pull(SOURCES[METRO], home / "exports", home / "landing")
    return receipt.errors


CONTROLS: dict[str, tuple[Change, str | None, str]] = {
    "a number as text": (lambda it: it["files"][2].update(rows="3"), "files[2].rows", "valid integer"),
    "less than nothing": (lambda it: it["files"][0].update(rows=-1), "files[0].rows", "greater than or equal to 0"),
    "a key that is missing": (lambda it: it["files"][1].pop("sha256"), "files[1].sha256", "Field required"),
    "a key that is not agreed": (lambda it: it.update(王小明=1), "字{3}", "not permitted"),
    "a sum": (lambda it: it["files"][0]["sums"].update(fare="1e3"), "files[0].sums.a{4}", "match pattern"),
    "a date": (lambda it: it.update(business_date="2026-02-30"), "business_date", "valid date"),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_the_wrong_key_of_a_control_file_is_named_by_its_path(tmp_path: Path, name: str) -> None:
    change, path, expected = CONTROLS[name]
    (told,) = refused(tmp_path, change)
    assert (told.code, told.file, told.column) == ("bad_control", "control.json", path)
    assert told.expected and expected in told.expected
    line = str(told)
    assert line.startswith(f"bad_control (control.json, {path}): {ERRORS['bad_control'].rule} Expected: ")
    assert line.endswith(ERRORS["bad_control"].mend)
    assert "王小明" not in line


def test_what_is_no_json_says_where(tmp_path: Path) -> None:
    (deliver(tmp_path, METRO, part(METRO, "taps", TAP)) / "control.json").write_text('{"institution": 13812345678')
    (receipt,) = pull(SOURCES[METRO], tmp_path / "exports", tmp_path / "landing")
    (told,) = receipt.errors
    assert told.column is None and told.expected and "line 1 column" in told.expected
    assert "13812345678" not in str(told)


def test_the_command_says_every_wrong_key(tmp_path: Path) -> None:
    folder = deliver(tmp_path, METRO, part(METRO, "taps", TAP))
    control = json.loads((folder / "control.json").read_text())
    control["files"][0]["rows"] = control["files"][1]["part"] = -1
    (folder / "control.json").write_text(json.dumps(control))
    result = CliRunner().invoke(
        app, ["job", "pull", "--date", "2026-11-01", "--home", str(tmp_path), "--institution", METRO]
    )
    assert result.exit_code == 3
    for path in ("files[0].rows", "files[1].part"):
        assert f"bad_control (control.json, {path}): {ERRORS['bad_control'].rule} Expected: " in result.output
    assert ERRORS["bad_control"].mend in result.output


def test_a_wrong_name_says_which_was_expected_and_the_shape_of_the_one_found(tmp_path: Path) -> None:
    (told,) = refused(tmp_path, lambda it: it["files"][0].update(name="王小明_13812345678.csv"))
    assert (told.code, told.column) == ("wrong_name", "files[0].name")
    assert (told.expected, told.shape) == ("taps_20261101_1.csv.gz", "字{3}_9{11}.a{3}")
    assert " Expected: taps_20261101_1.csv.gz. Found: 字{3}_9{11}.a{3}." in str(told)


@pytest.mark.parametrize(
    ("old", "new", "expected", "found"),
    [
        ("起始时间：[2026-10-25 00:00:00]", "", "what the contract's period finds", None),
        ("导出", "进口", "what the contract's exported_at, selection finds", None),
        ("2026-10-25 00:00:00", "2026-10-25", "the period in the contract's form, %Y-%m-%d %H:%M:%S", "9{4}-9{2}-9{2}"),
        (
            "2026-11-01 10:12:01",
            "2026-10-24 10:12:01",
            "days of which the first had begun when the bill was exported",
            None,
        ),
    ],
)
def test_a_preamble_says_which_key_of_the_contract_it_does_not_fit(
    tmp_path: Path, old: str, new: str, expected: str, found: str | None
) -> None:
    target = next(
        one for one in TARGETS.values() if one.institution == "alipay" and one.feed == "bills" and old in one.above
    )
    manifest = send(tmp_path, target, target.pack(target.text({}, {}).replace(old, new))).manifest
    assert manifest
    (told,) = manifest.errors
    assert (told.code, told.expected, told.shape) == ("bad_preamble", expected, found)


@pytest.mark.parametrize("code", ["bad_preamble", "wrong_sign", "pattern_unmatched"])
def test_what_may_be_the_contracts_fault_says_both(code: str) -> None:
    assert "the contract's `" in ERRORS[code].mend and "`tanzhang contract try`" in ERRORS[code].mend
