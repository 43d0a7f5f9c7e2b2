"""Made-up identifiers with valid check digits, unique over the world without remembering any.

A number n is spread over its range by an affine bijection, so no two people share an identifier by accident
and any block can be made alone.
"""

from __future__ import annotations

from datetime import date, timedelta

from stdnum import luhn
from stdnum.cn import ric

REGIONS = ("330122", "330127", "340121", "350121", "360121", "430121", "430122", "510121", "510122", "610322")
"""Counties that existed all the years in which these people were born."""
PHONE_PREFIXES = (
    *("130", "131", "133", "136", "137", "138", "139", "150"),
    *("151", "158", "159", "182", "186", "187", "188", "189"),
)
CARD_PREFIXES = ("62177102", "62220212", "62122612", "60336712")
"""The first bank of this world, a bank that sends nothing, the second bank of this world, and the city's."""

_CUSTOMERS = (
    *(("did:alipay:", 16), ("", 12), ("HZ", 10), ("1202", 15)),
    *(("oWx5", 12), ("HG", 9), ("M", 11), ("zlb", 10)),
    *(("UP", 9), ("TL", 8), ("33", 14), ("1", 9), ("CC", 10), ("", 10), ("ZTO", 9), ("310", 13)),
    *(("DD", 8), ("P", 12), ("HZ", 10), ("GE", 9), ("LY", 9), ("ST", 8)),
)
"""By institution what a customer id starts with, and its digits."""

_MULTIPLIER = 2_654_435_761
_BIRTH_DAYS = 18_000
_FIRST_BIRTH = date(1957, 1, 1)


def _spread(number: int, seed: int, size: int) -> int:
    """A bijection of 0..size-1: the multiplier is a prime that divides none of the sizes used."""
    return (number * _MULTIPLIER + seed * 97_003 + 12_345) % size


def citizen_id(number: int, seed: int) -> str:
    """An 18-digit citizen id; the last place may be X."""
    rest, region = divmod(_spread(number, seed, len(REGIONS) * _BIRTH_DAYS * 1_000), len(REGIONS))
    sequence, born = divmod(rest, _BIRTH_DAYS)
    body = f"{REGIONS[region]}{_FIRST_BIRTH + timedelta(days=born):%Y%m%d}{sequence:03d}"
    return body + ric.calc_check_digit(body + "0")


def phone(number: int, seed: int) -> str:
    """An 11-digit mobile number without country code."""
    rest, prefix = divmod(_spread(number, seed, len(PHONE_PREFIXES) * 10**8), len(PHONE_PREFIXES))
    return f"{PHONE_PREFIXES[prefix]}{rest:08d}"


def is_phone(text: str) -> bool:
    """Whether a number is one of those that are made up here."""
    return len(text) == 11 and text[:3] in PHONE_PREFIXES


def card(number: int, seed: int, bank: int) -> str:
    """A 19-digit card number; `bank` is an index of `CARD_PREFIXES`."""
    body = f"{CARD_PREFIXES[bank]}{_spread(number, seed, 10**10):010d}"
    return body + luhn.calc_check_digit(body)


def customer_id(number: int, seed: int, institution: int) -> str:
    """The institution's own name for a customer; says nothing of the person."""
    prefix, digits = _CUSTOMERS[institution]
    return f"{prefix}{_spread(number, seed + 1 + institution, 10**digits):0{digits}d}"
