"""From what an export says of a merchant to its category code: its number, or rules on its name; else unknown."""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path

from pydantic import Field, model_validator
from typing_extensions import Self

from schemas.base import ROOT, Pattern, Strict, load_yaml
from schemas.scenarios.parts import Dated, Id, overlapping
from schemas.spending.sets import Code

FOLDER = "spending"
NUMBER = re.compile(r"[0-9]{7}([0-9]{4})[0-9]{4}")
"""UnionPay's merchant number: acquirer 3, region 4, category 4, serial 4 digits."""


class MerchantRule(Dated):
    """Names in which `pattern` (searched in the NFKC form) occurs are merchants of `code`."""

    id: Id
    code: Code
    pattern: Pattern


class Merchants(Strict):
    """The rules in their order: the first in force decides."""

    rules: list[MerchantRule] = Field(min_length=1)

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        for one, other in overlapping(self.rules):
            if one.id == other.id:
                raise ValueError(f"{one.id}: is in force twice on {max(one.valid_from, other.valid_from)}; end one")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 over the rules: says under which a file was landed."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()


def load_merchants(root: Path = ROOT) -> Merchants:
    """The rules of a registry.

    Raises:
        RegistryError: the file breaks the model.
    """
    return load_yaml(root / FOLDER / "merchants.yaml", Merchants)


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
