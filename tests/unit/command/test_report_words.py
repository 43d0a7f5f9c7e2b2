"""The report's words stand in both languages, and its figures read as people write them."""

from __future__ import annotations

import re
import string
from datetime import date
from pathlib import Path

import pytest

from jobs.activities.outcomes import OUTCOMES
from jobs.reading.points import KINDS
from schemas import load_registry
from schemas.spending import CATEGORIES
from tanzhang.report import page, proof, sections
from tanzhang.report.words import Both, Words, kilograms, number, share, signed, signed_kilograms

WORDS = Words()
FOLDER = Path(page.__file__).parent
DISPOSITIONS = ("record", "supporting", "repeat", "superseded", "ignored", "quarantined", "rejected")


def parts(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", WORDS.texts)
def test_a_text_takes_the_same_parts_in_both_languages(key: str) -> None:
    text = WORDS.texts[key]
    assert text.zh and text.en
    if not key.startswith("day."):  # a month is a number in one and a name in the other
        assert parts(text.zh) == parts(text.en)


def test_english_is_english() -> None:
    chinese = {key for key, text in WORDS.texts.items() if re.search(r"[\u4e00-\u9fff]", text.en)}
    assert chinese == {"brand"}
    left = {key: re.sub(r"\{.*?\}|CO₂e?|Delta", "", text.zh) for key, text in WORDS.texts.items()}
    assert not {key for key, text in left.items() if re.search(r"[A-Za-z]", text)}


def test_every_outcome_disposition_and_reason_has_its_words() -> None:
    outcomes = {outcome for _, outcome, _ in OUTCOMES} | {"credited", "pending"}
    for group, keys in {
        "outcome": outcomes,
        "disposition": set(DISPOSITIONS),
        "reason": outcomes | {"new", "restated", "person_changed", "withdrawn"},
        "arrival": {*proof.STATES, "unknown"},
        "category": set(CATEGORIES),
        "tally": set(KINDS.values()),
        "kind": set(sections.KINDS),
    }.items():
        assert {key.split(".")[1] for key in WORDS.texts if key.startswith(f"{group}.")} == keys, group
        if group not in ("arrival", "category", "tally", "kind"):
            assert {key.split(".")[1] for key in WORDS.texts if key.startswith(f"{group}_means.")} == keys, group


def test_regions_of_the_registry_are_named() -> None:
    for region in load_registry().regions:  # of a place without a name of its own at least the province is told
        assert re.search(r"\D", WORDS.region(region).zh)
    assert WORDS.region("330999") == Both("浙江 330999", "Zhejiang 330999")
    assert WORDS.region("990000") == Both("990000", "990000")


def test_registry_names_are_in_both_languages() -> None:
    registry = load_registry()
    for one in (*registry.sources.values(), *registry.scenarios.values()):
        assert re.search(r"[\u4e00-\u9fff]", one.name) and not re.search(r"[\u4e00-\u9fff]", one.name_en), one.id


def test_a_leaf_without_a_language_is_refused(tmp_path: Path) -> None:
    for content, key in {"a: {zh: 甲}": "a", "a: {b: {zh: 甲, en: ''}}": "a.b", "a: {}": "a", "a: 甲": "a"}.items():
        path = tmp_path / "words.yaml"
        path.write_text(content, encoding="utf-8")
        with pytest.raises(ValueError, match=rf"words.yaml: {key}: say it"):
            Words(path)


def test_a_key_that_is_not_there_is_no_empty_text() -> None:
    with pytest.raises(KeyError):
        WORDS("no.such.key")


@pytest.mark.parametrize(
    ("milligrams", "table", "zh", "en"),
    [
        (0, "0.000", "0.0 克", "0.0 g"),
        (499, "0.000", "0.5 克", "0.5 g"),
        (500, "0.001", "0.5 克", "0.5 g"),
        (-499, "0.000", "−0.5 克", "−0.5 g"),
        (999_999, "1.000", "1,000.0 克", "1,000.0 g"),
        (1_584_180_152, "1,584.180", "1,584.2 千克", "1,584.2 kg"),
        (-28_940_000, "−28.940", "−28.9 千克", "−28.9 kg"),
        (12_345_678_900_000, "12,345,678.900", "12,345.7 吨", "12,345.7 t"),
    ],
)  # fmt: skip
def test_masses(milligrams: int, table: str, zh: str, en: str) -> None:
    assert kilograms(milligrams) == table
    assert WORDS.mass(milligrams) == Both(zh, en)


def test_signs_days_and_shares() -> None:
    assert (number(-1234), signed(1234), signed(0), signed(-5)) == ("−1,234", "+1,234", "0", "−5")
    assert (signed_kilograms(1_500_000), signed_kilograms(499), signed_kilograms(-500)) == ("+1.500", "0.000", "−0.001")
    assert WORDS.long_day(date(2026, 11, 3)) == Both("2026年11月3日", "3 November 2026")
    assert WORDS.short_day(date(2026, 1, 31)) == Both("1月31日", "31 Jan")
    assert [share(*one) for one in ((1, 3), (1, 1_000_000), (999_999, 1_000_000), (5, 5), (0, 5), (0, 0))] == [
        "33.3%", "0.1%", "99.9%", "100.0%", "0.0%", "–"
    ]  # fmt: skip


def test_texts_are_escaped() -> None:
    assert str(page.both(Both("<甲>", "<a>"))) == (
        '<span class="zh" lang="zh">&lt;甲&gt;</span><span class="en" lang="en">&lt;a&gt;</span>'
    )
    assert str(page.both("<script>")) == "&lt;script&gt;"


def test_an_unknown_code_has_no_rule() -> None:
    assert sections.rule_of("too_fast") and sections.rule_of("no_such_code") == ""
