"""The spend library: figures as published, brought to yuan of the year; merchants known by number and name or not at all."""

from __future__ import annotations

import re
import shutil
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from schemas.base import ROOT
from schemas.errors import RegistryError
from schemas.spending import Spending, load_spending, parts_of
from schemas.spending.merchants import Merchants, code_in_number, name_of
from schemas.units import UnitError, micrograms_per_fen, spend_year

SEEN = {"title": "made up", "url": "-", "licence": "-", "taken": "-"}
EXIOBASE, EPA = "exiobase_2019", "epa_2022"


@pytest.fixture(scope="module")
def spending() -> Spending:
    return load_spending()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A spend library of one's own to break."""
    ignored = shutil.ignore_patterns("*.py", "__pycache__")
    shutil.copytree(ROOT / "spending", tmp_path / "spending", ignore=ignored)
    return tmp_path


def refused(root: Path, name: str, old: str, new: str, *, expected: str) -> None:
    """One text of one file replaced, and what the loader says of it."""
    path = root / "spending" / name
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(RegistryError, match=expected) as error:
        load_spending(root)
    assert path.name in str(error.value)


# --- figures ------------------------------------------------------------------------------------------------


def test_a_restaurant_meal_as_published(spending: Spending) -> None:
    """0.3911 kgCO2e per euro of 2019 / (7.7355 × 1.025 × 1.009 × 1.02 × 1.002 × 1.002) = 0.047736 per yuan of 2024."""
    assert spending.sets[EXIOBASE].value("5812") == Fraction("0.3911")
    assert spending.money.prices.index(2024) == Fraction("1.059133357638")  # the five factors, multiplied out
    per_yuan = spending.sets[EXIOBASE].value("5812") * spending.money.micrograms_per_fen("EUR", 2019, 2024) / 10**7
    assert round(per_yuan, 6) == Fraction("0.047736")
    # per fen 477,363.03… micrograms, rounded up
    assert spending.micrograms_per_fen(EXIOBASE, "5812", 2024) == 477_364


def test_published_indices(spending: Spending) -> None:
    """2019 is 100; four decimals."""
    told = [100, 102.5, 103.4225, 105.4910, 105.7019, 105.9133, 105.9133]
    found = [float(100 * spending.money.prices.index(year)) for year in range(2019, 2026)]
    assert found == pytest.approx(told, abs=0.000051)


def test_the_last_index_is_carried_and_the_time_before_refused(spending: Spending) -> None:
    this_year = spending.micrograms_per_fen(EXIOBASE, "5812", 2026)
    assert this_year == spending.micrograms_per_fen(EXIOBASE, "5812", 2025)
    with pytest.raises(ValueError, match="reaches back to 2018"):
        spending.micrograms_per_fen(EXIOBASE, "5812", 2018)
    with pytest.raises(KeyError):
        spending.micrograms_per_fen(EXIOBASE, "9702", 2024)


def test_the_alternative_set_and_prices_before_its_own(spending: Spending) -> None:
    """0.194 kgCO2e per dollar of 2022 / 6.7347 is per yuan of 2022; a yuan of 2021 bought 1.02 times as much."""
    assert spending.micrograms_per_fen(EPA, "5812", 2022) == 288_061  # 288,060.34… rounded up
    assert spending.micrograms_per_fen(EPA, "5812", 2021) == 293_822  # 293,821.55…
    assert all(parts_of(rate.factor_id)[0] == EXIOBASE for rate in spending.rates)
    assert spending.sets[EPA].match_quality == "proxy" and spending.sets[EXIOBASE].match_quality == "parent"


def test_codes_keep_their_zeros_and_blank_figures_are_missing(spending: Spending) -> None:
    exiobase = spending.sets[EXIOBASE].figures
    assert exiobase["0742"].name == "Veterinary Services" and exiobase["0742"].value == "0.3976204536"
    assert "742" not in exiobase and not {"9702", "9950"} & set(exiobase)
    # 298 single codes and the airlines', car rentals' and hotels' thousand
    assert len(exiobase) == 298 + 1000 and len(spending.sets[EPA].figures) == 45
    assert all(re.fullmatch("[0-9]{4}", code) for one in spending.sets.values() for code in one.figures)
    # an airline, a car rental and a hotel within their ranges
    assert [exiobase[code].name for code in ("3261", "3351", "3999")] == ["Airlines", "Car rentals", "Hotels"]


def test_every_set_says_whose_it_is(spending: Spending) -> None:
    for one in spending.sets.values():
        quoted = re.findall(r"\d+\.\d+", one.source.seen)
        assert {figure.value for figure in one.figures.values()} & set(quoted), one.id
        assert one.licence.attribution and one.licence.changes
        assert one.licence.url.split("/")[-2] in (ROOT / "spending/NOTICE.md").read_text() or one.id == EPA
    assert spending.sets[EXIOBASE].licence.name == "CC BY-SA 4.0"


def test_one_rate_a_code_and_day(spending: Spending) -> None:
    """Years follow each other without gap or overlap, the last one open."""
    spans = sorted((rate.valid_from, rate.valid_to) for rate in spending.rates if rate.code == "5812")
    assert [first for first, _ in spans] == [date(year, 1, 1) for year in range(2019, 2026)]
    assert [after for _, after in spans] == [*(date(year, 1, 1) for year in range(2020, 2026)), None]
    found = next(rate for rate in spending.rates if rate.factor_id == f"{EXIOBASE}:5812:2024")
    assert found.micrograms_per_fen == 477_364


# --- units --------------------------------------------------------------------------------------------------


def test_money_of_another_year_or_currency_is_another_dimension() -> None:
    rate, index = (Fraction("7.7355"), "CNY_2019/EUR_2019"), (Fraction("1.059"), "CNY_2024/CNY_2019")
    assert micrograms_per_fen("kgCO2e/EUR_2019", 2024, rate, index) == Fraction(10**7) / (rate[0] * index[0])
    for steps in ([], [rate], [index], [(rate[0], "CNY_2022/EUR_2022"), index]):
        with pytest.raises(UnitError, match="does not lead"):
            micrograms_per_fen("kgCO2e/EUR_2019", 2024, *steps)
    with pytest.raises(UnitError, match="does not lead"):  # CO2 is not CO2e
        micrograms_per_fen("kgCO2/EUR_2019", 2024, rate, index)
    # a hundred fen are a yuan
    assert micrograms_per_fen("kgCO2e/CNY_2024", 2024) == micrograms_per_fen("gCO2e/fen_2024", 2024) * 10


@pytest.mark.parametrize("unit", ["kgCO2e/EUR", "kgCO2/EUR_2019", "kgCO2e/act", "gCO2e/EUR_2019", "kgCO2e/JPY_2019"])
def test_what_is_no_emission_per_money_of_a_year(unit: str) -> None:
    with pytest.raises(UnitError, match="EUR_2019"):
        spend_year(unit)


# --- what is refused ----------------------------------------------------------------------------------------


def test_sets_are_not_mixed(root: Path) -> None:
    refused(root, "sets/exiobase_2019.yaml", "gas_basis: CO2e", "gas_basis: CO2", expected="gas_basis")


def test_a_set_in_money_without_a_year(root: Path) -> None:
    old, new = "unit: kgCO2e/EUR_2019\nregion", "unit: kgCO2e/EUR\nregion"
    refused(root, "sets/exiobase_2019.yaml", old, new, expected="unit")


def test_a_set_in_money_that_no_rate_leads_to_yuan(root: Path) -> None:
    path = root / "spending/sets/exiobase_2019.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("EUR_2019", "EUR_2020"), encoding="utf-8")
    with pytest.raises(RegistryError, match="no rate of EUR in 2020"):
        load_spending(root)


def test_a_figure_in_another_unit(root: Path) -> None:
    refused(root, "sets/exiobase_2019.csv", "(85),0.3976204536\n0763", "(85),397.6\n0763", expected="0742: 397.6")


def test_a_figure_of_zero_is_missing(root: Path) -> None:
    refused(root, "sets/exiobase_2019.csv", "(85),0.3976204536\n0763", "(85),0.00\n0763", expected="never zero")


def test_a_code_without_its_zero(root: Path) -> None:
    refused(root, "sets/exiobase_2019.csv", "0742,", "742,", expected="code")


def test_a_code_with_two_figures(root: Path) -> None:
    refused(root, "sets/exiobase_2019.csv", "3351,3499,", "3350,3499,", expected="3350: has two figures")


def test_a_set_that_is_not_there(root: Path) -> None:
    refused(root, "spending.yaml", "set: exiobase_2019", "set: ceda", expected="'ceda' is none of")


def test_two_sets_at_a_time(root: Path) -> None:
    old = "valid_from: 2019-01-01}\n"
    new = f"{old}  - {{set: epa_2022, valid_from: 2024-01-01}}\n"
    refused(root, "spending.yaml", old, new, expected="same dates")


def test_a_year_without_prices(root: Path) -> None:
    refused(root, "money.yaml", "{<<: *change, year: 2023,", "{<<: *change, year: 2030,", expected="every year")


def test_a_word_of_a_code_without_figure(root: Path) -> None:
    refused(root, "merchants.csv", "\n书店,5942,", "\n书店,9702,", expected="书店: no set has a figure for 9702")


def test_another_set_from_a_date_on(root: Path) -> None:
    """The alternative applied: its rates begin on the day, those of the first end there."""
    path = root / "spending/spending.yaml"
    text = path.read_text(encoding="utf-8")
    old = "{set: exiobase_2019, valid_from: 2019-01-01}"
    new = f"{old[:-1]}, valid_to: 2024-07-01}}\n  - {{set: epa_2022, valid_from: 2024-07-01}}"
    path.write_text(text.replace(old, new), encoding="utf-8")
    spans = [
        (rate.factor_id, rate.valid_from, rate.valid_to)
        for rate in load_spending(root).rates
        if rate.code == "5812" and rate.valid_from >= date(2024, 1, 1)
    ]
    assert spans == [
        (f"{EXIOBASE}:5812:2024", date(2024, 1, 1), date(2024, 7, 1)),
        (f"{EPA}:5812:2024", date(2024, 7, 1), date(2025, 1, 1)),
        (f"{EPA}:5812:2025", date(2025, 1, 1), None),
    ]


# --- merchants ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("301331058120001", "5812"),
        ("898330107420012", "0742"),
        ("105331055520007", "5552"),  # of the card schemes, though not of the wallet's list
        ("301331000000001", None),  # 0000 is no category
        ("30133105812000", None),
        ("3013310581200012", None),
        ("30133105812000A", None),
        ("", None),
    ],
)
def test_the_category_in_a_merchant_number(number: str, code: str | None) -> None:
    assert code_in_number(number) == code


def test_codes_have_the_names_of_the_standard() -> None:
    assert name_of("5812") == "Eating places and restaurants" and name_of("0742") == "Veterinary services"
    assert name_of("742") is None and name_of("0000") is None and name_of("abcd") is None


def test_every_word_names_a_category_of_the_standard_and_where_it_was_seen(spending: Spending) -> None:
    told = spending.merchants
    assert all(name_of(word.code) for word in told.words if word.code)
    sold = [word for word in told.words if word.code]
    assert len(sold) > 1_400 and len([word for word in sold if word.reads in ("name", "brand")]) > 800
    assert {word.source for word in told.words} == set(told.sources)
    assert told.sources["nsi"].licence.split(",")[0] in (ROOT / "spending/NOTICE.md").read_text()


def with_words(spending: Spending, words: list[Any]) -> Merchants:
    """Its words others."""
    told = spending.merchants.model_dump() | {"words": words}
    return Merchants.model_validate(told | {"sources": {word["source"]: SEEN for word in words}})


def test_the_digest_is_of_what_decides_and_of_no_order(spending: Spending) -> None:
    words = spending.merchants.model_dump()["words"]
    before = spending.merchants.digest
    assert with_words(spending, words[::-1]).digest == before
    assert with_words(spending, [words[0] | {"at": "elsewhere"}, *words[1:]]).digest == before
    assert with_words(spending, [words[0] | {"code": "5999"}, *words[1:]]).digest != before
    assert with_words(spending, words[1:]).digest != before


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("书店,5942,trade", "书店,594,trade", r"line \d+: code: String should match"),
        ("书店,5942,trade", "书店,,trade", "书店: a word that reads none has no code"),
        ("书店,5942,trade", "书店,5942,none", "书店: a word that reads none has no code"),
        ("书店,5942,trade", "书店,5942,rule", "reads"),
        (
            "书店,5942,trade",
            "书店,5942,trade,plain,,2019-01-01,\n书店,5812,trade",
            "书店: is in force twice on 2019-01-01",
        ),
        ("书店,5942,trade", "书店 ,5942,trade", "is never found in a name; write '书店'"),
        ("书店,5942,trade", "ＫＦＣ,5942,trade", "is never found in a name; write 'kfc'"),
        ("书店,5942,trade", "书,5942,trade", "two characters or more"),
        ("书店,5942,trade,plain", "书店,5942,trade,hearsay", "书店: source 'hearsay' is none of"),
        ("书店,5942,trade,plain,,2019-01-01", "书店,5942,trade,plain,,2019-02-30", "valid_from"),
        ("word,code,", "name,code,", "line 1: expected the columns word, code, reads"),
    ],
)
def test_words_that_are_refused(root: Path, old: str, new: str, expected: str) -> None:
    refused(
        root,
        "merchants.csv",
        f"\n{old}" if old[0] == "书" else old,
        f"\n{new}" if old[0] == "书" else new,
        expected=expected,
    )


def test_a_source_that_nothing_is_from(root: Path) -> None:
    old = "# Wallets, acquirers"
    new = f"  hearsay: {{title: a, url: b, licence: c, taken: d}}\n{old}"
    path = root / "spending/merchants.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(RegistryError, match="nothing is from hearsay"):
        load_spending(root)


def test_categories_that_people_read(spending: Spending) -> None:
    told = {"5812": "食", "5651": "衣", "4111": "行", "3261": "行", "4900": "住", "3999": "住", "0742": "用"}
    assert {code: spending.category(code) for code in told} == told
