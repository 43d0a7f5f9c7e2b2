"""From what an export says of a merchant to its category code: its number, or the words in its name; else unknown."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator
from typing_extensions import Self

from schemas.base import ROOT, Strict, load_yaml
from schemas.errors import RegistryError
from schemas.scenarios.parts import Dated, Id, Text, overlapping
from schemas.spending.sets import Code

FOLDER = "spending"
NUMBER = re.compile(r"[0-9]{7}([0-9]{4})[0-9]{4}")
"""UnionPay's merchant number: acquirer 3, region 4, category 4, serial 4 digits."""
COLUMNS = ["word", "code", "reads", "source", "at", "valid_from", "valid_to"]
READING = 2
"""Of the way in which words are read: another one makes another digest, so that what has landed is landed again."""


def read_as(text: str) -> str:
    """A name, or a word of one, as it is compared: in NFKC, without capitals, without spaces at its ends."""
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _compared(text: str) -> str:
    if text != read_as(text) or len(text) < 2:
        raise ValueError(f"{text!r} is never found in a name; write {read_as(text)!r}, of two characters or more")
    return text


Word = Annotated[str, AfterValidator(_compared)]


class MerchantSource(Strict):
    """Where words and what their merchants sell were seen. licence: of the source; of facts alone none is needed."""

    title: Text
    url: Text
    licence: Text
    taken: Text


class MerchantWord(Dated):
    """Names in which `word` stands are of merchants of `code`.

    reads: how much it says. `name` is the whole of a name, `brand` whose shop it is, `trade` what is done there,
        `form` only that things are sold; `none` says nothing, and hides the words that lie within it.
    source: of which `at` is the place.
    """

    word: Word
    code: Code | None
    reads: Literal["name", "brand", "trade", "form", "none"]
    source: Id
    at: str = ""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if (self.code is None) != (self.reads == "none"):
            raise ValueError(f"{self.word}: a word that reads none has no code, every other has one")
        return self


class _Head(Strict):
    """What is said beside the words: `merchants.yaml`."""

    sources: dict[Id, MerchantSource]
    channels: list[Word]


class Merchants(_Head):
    """The words, and the channels of payment that stand before names and say nothing of a merchant.

    The order of neither matters.
    """

    words: list[MerchantWord] = Field(min_length=1)

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        alike: defaultdict[str, list[MerchantWord]] = defaultdict(list)
        for word in self.words:
            alike[word.word].append(word)
            if word.source not in self.sources:
                raise ValueError(f"{word.word}: source {word.source!r} is none of {', '.join(self.sources)}")
        for same in alike.values():
            for one, other in overlapping(same):
                on = max(one.valid_from, other.valid_from)
                raise ValueError(f"{one.word}: is in force twice on {on}; keep one, or end one with valid_to")
        if unused := self.sources.keys() - {word.source for word in self.words}:
            raise ValueError(f"sources: nothing is from {', '.join(sorted(unused))}; leave it out")
        return self

    @cached_property
    def digest(self) -> str:
        """SHA-256 over what decides a code: says under which words a file was landed."""
        told = sorted(
            (word.word, word.code or "", word.reads, str(word.valid_from), str(word.valid_to or ""))
            for word in self.words
        )
        content = json.dumps([READING, sorted(self.channels), told], ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()


def load_merchants(root: Path = ROOT) -> Merchants:
    """The words of a registry.

    Raises:
        RegistryError: a file breaks the model; one line per broken row.
    """
    head = load_yaml(root / FOLDER / "merchants.yaml", _Head)
    path = root / FOLDER / "merchants.csv"
    words = list(_words(path))
    try:
        return Merchants(sources=head.sources, channels=head.channels, words=words)
    except ValidationError as error:
        raise RegistryError("\n".join(f"{path}: {problem['msg']}" for problem in error.errors())) from error


def _words(path: Path) -> Iterator[MerchantWord]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if reader.fieldnames != COLUMNS:
                raise ValueError(f"line 1: expected the columns {', '.join(COLUMNS)}")
            for row in reader:
                yield _word(row, f"line {reader.line_num}")
    except (OSError, csv.Error, ValueError) as error:
        raise RegistryError(f"{path}: {error}") from error


def _word(row: dict[str, str | None], where: str) -> MerchantWord:
    said = {name: value or None for name, value in row.items() if name not in ("code", "at") and value}
    try:
        return MerchantWord.model_validate(said | {"code": row["code"] or None, "at": row["at"] or ""})
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'row'}: {one['msg']}" for one in error.errors())
        raise ValueError(f"{where}: {told}") from error


def code_in_number(number: str) -> str | None:
    """The category in a merchant number of 15 digits; None where it has another form or names no category."""
    found = NUMBER.fullmatch(number)
    return found[1] if found and name_of(found[1]) else None


@lru_cache(maxsize=4096)
def name_of(code: str) -> str | None:
    """What merchants of a code do, in English: by ISO 18245, else by a card scheme or wallet; None for no code."""
    # Not at the top: Airflow reads the registry too and does not have the list.
    from iso18245 import InvalidMCC, MCCNotFound, get_mcc

    if re.fullmatch(r"[0-9]{4}", code) is None:
        return None
    try:
        found = get_mcc(code)
    except (MCCNotFound, InvalidMCC):
        return None
    return (
        found.iso_description
        or found.mastercard_description
        or found.visa_description
        or found.amex_description
        or found.alipay_description
        or found.usda_description
        or found.stripe_description
    )
