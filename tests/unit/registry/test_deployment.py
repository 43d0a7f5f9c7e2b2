"""deployment.yaml: who is expected from when to when, and what is said of a file that cannot be used."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from schemas.deployment import FILE, Deployment, credits_of, load_deployment, since_first, written
from schemas.errors import RegistryError
from schemas.grades import USUAL

KNOWN = ("alipay", "huge_recycling", "hangzhou_metro")
COMES_BACK = """
institutions:
  alipay: {from: 2026-11-01}
  huge_recycling:
    - {from: 2026-11-01, to: 2026-11-02}
    - {from: "2026-11-04"}
"""


def load(home: Path, text: str) -> Deployment | None:
    (home / FILE).write_text(text, encoding="utf-8")
    return load_deployment(home, KNOWN)


def test_who_comes_back_owes_both_spans_and_not_what_lies_between(tmp_path: Path) -> None:
    found = load(tmp_path, COMES_BACK)
    assert found is not None
    owed = [[found.expects(name, date(2026, 11, day)) for day in range(1, 6)] for name in KNOWN]
    assert owed == [[True] * 5, [True, True, False, True, True], [False] * 5]
    assert not found.expects("alipay", date(2026, 10, 31))
    assert [day.day for day in found.days("huge_recycling", date(2026, 11, 5))] == [1, 2, 4, 5]
    assert list(found.days("hangzhou_metro", date(2026, 11, 5))) == []


def test_it_comes_back_from_a_note_as_it_was(tmp_path: Path) -> None:
    found = load(tmp_path, COMES_BACK)
    assert found is not None and Deployment.model_validate_json(found.model_dump_json()) == found


def test_two_files_owe_the_same_until_a_date() -> None:
    one, other = (
        Deployment.model_validate({"institutions": {"alipay": {"from": date(2026, 11, 1), **end}}})
        for end in ({}, {"to": date(2026, 11, 9)})
    )
    assert one.until(date(2026, 11, 9)) == other.until(date(2026, 11, 9))
    assert one.until(date(2026, 11, 10)) != other.until(date(2026, 11, 10))


def test_without_a_file_whoever_delivered_is_expected_since_then() -> None:
    found = since_first([("alipay", date(2026, 11, 3)), ("alipay", date(2026, 11, 2))])
    assert [found.expects("alipay", date(2026, 11, day)) for day in (1, 2, 3, 4)] == [False, True, True, True]
    assert not found.expects("hangzhou_metro", date(2026, 11, 3))


@pytest.mark.parametrize("text", [None, "", "# institutions:\n#   alipay: {from: 2026-11-01}\n"])
def test_a_file_of_comments_says_nothing_yet(tmp_path: Path, text: str | None) -> None:
    assert (load_deployment(tmp_path, KNOWN) if text is None else load(tmp_path, text)) is None


def test_what_is_written_is_read(tmp_path: Path) -> None:
    found = load(tmp_path, written({"hangzhou_metro": date(2026, 11, 2), "alipay": date(2026, 11, 1)}))
    since = since_first([("alipay", date(2026, 11, 1)), ("hangzhou_metro", date(2026, 11, 2))])
    assert found.institutions == since.institutions
    assert credits_of(found).on(date(2026, 11, 1)) == USUAL


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("institutions: {alipy: {from: 2026-11-01}}", "institutions.alipy: no such institution; did you mean alipay?"),
        ("institutions: {xyz: {from: 2026-11-01}}", "institutions.xyz: no such institution; There are alipay, h"),
        ("institutions: {alipay: {to: 2026-11-01}}", "institutions.alipay.0.from: Field required"),
        ("institutions: {alipay: {from: 2026-11-01, until: 2026-11-02}}", "institutions.alipay.0.until: Extra inputs"),
        ("institutions: {alipay: {from: 20261101}}", "from: Value error, 20261101 is no date; write it as 2026-11-01"),
        ("institutions: {alipay: {from: 1.11.2026}}", "'1.11.2026' is no date; write it as 2026-11-01"),
        ("institutions: {alipay: {from: 2026-11-31}}", "not valid YAML: day is out of range"),
        ("institutions: {alipay: {from: 2026-11-02, to: 2026-11-01}}", "to: 2026-11-01 lies before from: 2026-11-02"),
        ("institutions: {alipay: []}", "institutions.alipay: List should have at least 1 item"),
        (
            "institutions: {alipay: [{from: 2026-11-01}, {from: 2026-12-01}]}",
            "has no end, and another follows: say its to",
        ),
        (
            "institutions: {alipay: [{from: 2026-11-01, to: 2026-12-01}, {from: 2026-12-01}]}",
            "begins before the one to 2026-12-01 is over",
        ),
        (
            "institutions:\n  alipay: {from: 2026-11-01, to: 2026-11-02}\n  alipay: {from: 2026-12-01}\n",
            "institutions.alipay: stands twice; give several spans of one as a list",
        ),
        ("institution: {}", "institution: Extra inputs are not permitted"),
        ("[alipay]", "expected a mapping at the top"),
        ("institutions: {alipay: {from", "not valid YAML"),
    ],
)
def test_what_cannot_be_used_is_refused_with_file_key_and_mend(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(RegistryError) as raised:
        load(tmp_path, text)
    assert said in str(raised.value) and str(tmp_path / FILE) in str(raised.value)
