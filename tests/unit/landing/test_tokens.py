"""Tokens are HMAC over unambiguous parts; identifiers have one normal form; keys never show."""

from __future__ import annotations

import hashlib
import hmac
import os
import pickle
import random
from collections.abc import Mapping
from unittest import mock

import phonenumbers
import pytest
from stdnum import luhn
from stdnum.cn import ric

from jobs.errors import SettingError
from jobs.landing import tokens
from jobs.landing.encoded import Column
from jobs.landing.formats.originals import Objects
from jobs.landing.formats.values import RowErrors
from jobs.landing.tokens import IdentifierError, KeyedHash, Tokens, join_parts
from schemas.sources.originals import FieldText

ENVIRON = {"TANZHANG_TOKEN_KEY": "ab" * 32, "TANZHANG_RECORD_KEY": "cd" * 40}


def tokens_of(change: Mapping[str, str] = {}) -> Tokens:
    """The tokens of an environment that holds nothing else."""
    with mock.patch.dict(os.environ, ENVIRON | change, clear=True):
        return Tokens.from_env()


@pytest.mark.parametrize("algorithm", ["sm3", "sha256"])
@pytest.mark.parametrize("size", [32, 64, 65, 200])
def test_the_keyed_hash_is_hmac(algorithm: str, size: int) -> None:
    key = random.Random(size).randbytes(size)
    make = KeyedHash(key, algorithm)
    for message in ("", "客户", "x" * 1000):
        assert make(message) == hmac.digest(key, message.encode(), algorithm).hex()[:32]


def test_sm3_is_the_standards_sm3() -> None:
    """GB/T 32905-2016, example 1."""
    assert hashlib.new("sm3", b"abc").hexdigest() == (
        "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    )


def test_tokens_are_hmac_over_length_prefixed_parts() -> None:
    made = tokens_of()
    token_key, record_key = b"\xab" * 32, b"\xcd" * 40
    assert (
        made.customer_key("alipay", "did:1") == (hmac.digest(token_key, b"8:customer6:alipay5:did:1", "sm3").hex()[:32])
    )
    assert (
        made.identifier("phone", "13812345678")
        == (hmac.digest(token_key, b"5:phone14:+8613812345678", "sm3").hex()[:32])
    )
    assert (
        made.record_key("citic_bank", "acts", ["a", "水"])
        == (hmac.digest(record_key, "10:citic_bank4:acts1:a1:水".encode(), "sm3").hex()[:32])
    )


def test_parts_that_differ_never_join_to_the_same() -> None:
    parts = [
        ("a", "bc"),
        ("ab", "c"),
        ("abc",),
        ("abc", ""),
        ("", "abc"),
        ("1:a", "b"),
        ("1:a1:b",),
        ("a", "b"),
    ]
    assert len({join_parts(some) for some in parts}) == len(parts)


def test_a_batch_has_the_keys_of_its_rows() -> None:
    made = tokens_of()
    columns = [["1", "2", ""], ["水", "b", "c"]]
    for chosen in (columns, columns[:1]):
        keys = made.record_keys(("m", "taps"), chosen).to_pylist()
        assert keys == [made.record_key("m", "taps", row) for row in zip(*chosen)]


def test_an_object_is_the_same_whichever_institution_names_it_and_however_it_is_written() -> None:
    made = tokens_of()
    key = made.object_key("od2026a110042")
    assert key == hmac.digest(b"\xcd" * 40, b"16:object of an act13:OD2026A110042", "sm3").hex()[:32]
    for other in ("OD2026A110042", " od2026a-110042 ", "OD2026A 110042", "ＯＤ２０２６Ａ１１００４２"):
        assert made.object_key(other) == key
    assert made.object_key("OD2026A110043") != key


def test_a_row_names_its_object_or_none() -> None:
    made = tokens_of()
    errors = RowErrors()
    objects = Objects(FieldText(column="note", pattern="订单([0-9]+)"), made.object_key)
    keys = objects({"note": Column.of(["订单12", "订单１２ 已取", "", "没有", 12])}, errors)
    assert list(keys) == [made.object_key("12"), made.object_key("12"), None, None, None]
    assert {row: code for row, (code, _, _) in errors.found.items()} == {4: "wrong_type"}


def test_an_identifier_is_the_same_whoever_knows_it_and_a_customer_is_not() -> None:
    made = tokens_of()
    assert made.identifier("citizen_id", "33010219780923452x") == made.identifier("citizen_id", "33010219780923452X")
    assert made.customer_key("alipay", "1") != made.customer_key("citic_bank", "1")
    assert made.identifier("card", "6217001234567890122") != made.customer_key("card", "6217001234567890122")


# -- normal forms


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("citizen_id", "330106790101123", "old_citizen_id"),
        ("citizen_id", "330106199003072838", "bad_citizen_id"),
        ("citizen_id", "330106199002312835", "bad_citizen_id"),
        ("citizen_id", "33010619900307283", "bad_citizen_id"),
        ("citizen_id", "330106\x00199003072837", "bad_citizen_id"),
        ("citizen_id", "٣٣0106199003072837", "bad_citizen_id"),
        ("phone", "12345", "bad_phone"),
        ("phone", "1380013800", "bad_phone"),
        ("phone", "23800138000", "bad_phone"),
        ("phone", "", "bad_phone"),
        ("phone", "did:1", "bad_phone"),
        ("card", "6217001234567890123", "bad_card"),
        ("card", "42", "bad_card"),
        ("card", "", "bad_card"),
    ],
)
def test_an_invalid_identifier_has_no_token(kind: str, value: str, code: str) -> None:
    with pytest.raises(IdentifierError) as raised:
        tokens_of().identifier(kind, value)
    assert raised.value.code == code
    assert not value or value not in str(raised.value)


WRITTEN = [
    ("citizen_id", "330106199003072837", ["３３0106199003072837", "330106199003072837 ", "\ufeff330106199003072837"]),
    ("card", "6217001234567890122", ["６217001234567890122", "6217\u00a00012\u00a03456\u00a07890\u00a0122"]),
    (
        "phone",
        "13800138000",
        ["１３８００１３８０００", "138\u200b00138000", "\u202a13800138000\u202c", "　13800138000"],
    ),
]


@pytest.mark.parametrize(("kind", "value", "written"), WRITTEN)
def test_an_identifier_has_one_token_however_it_is_written(kind: str, value: str, written: list[str]) -> None:
    made = tokens_of()
    assert {made.identifier(kind, one) for one in written} == {made.identifier(kind, value)}


def test_a_customer_has_one_key_however_its_name_is_written() -> None:
    made = tokens_of()
    written = [
        "HM0000000001",
        "ＨＭ０００００００００１",
        " HM0000000001\t",
        "HM00000\u200b00001",
        "HM0000000001\u00a0",
    ]
    assert len({made.customer_key("hangzhou_metro", one) for one in written}) == 1


def test_citizen_ids_are_judged_as_by_the_library_but_for_the_place() -> None:
    rng = random.Random(1)
    for _ in range(2000):
        digits = f"330106{rng.randrange(1990, 2020)}{rng.randrange(1, 14):02d}{rng.randrange(1, 33):02d}"
        number = f"{digits}{rng.randrange(1000):03d}{rng.choice('0123456789X')}"
        try:
            normal: str | None = tokens.normal_citizen_id(number.lower())
        except IdentifierError:
            normal = None
        assert (normal == number) == ric.is_valid(number)
    old_place = "330199" + "19900307283"
    number = old_place + next(c for c in "0123456789X" if ric.calc_check_digit(f"{old_place}{c}") == c)
    assert tokens.normal_citizen_id(number) == number


def test_the_short_way_for_mobiles_agrees_with_the_library() -> None:
    rng = random.Random(2)
    valid = 0
    for _ in range(3000):
        national = f"1{rng.randrange(10**10):010d}"
        shape = rng.choice(["{0}", "+86{0}", "+86 {0}", "+86-{1}-{2}-{3}", "{1} {2} {3}"])
        value = shape.format(national, national[:3], national[3:7], national[7:])
        try:
            number = phonenumbers.parse(value, "CN")
        except phonenumbers.NumberParseException:
            number = None
        if number is not None and phonenumbers.is_valid_number(number):
            valid += 1
            e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            assert tokens.normal_phone(value) == e164
        else:
            with pytest.raises(IdentifierError):
                tokens.normal_phone(value)
    assert 500 < valid < 3000


def test_other_phones_go_through_the_library() -> None:
    assert tokens.normal_phone("0571-87654321") == "+8657187654321"
    assert tokens.normal_phone("+44 20 7946 0958") == "+442079460958"


def test_cards_are_judged_by_their_check_digit() -> None:
    rng = random.Random(3)
    for _ in range(500):
        number = f"62{rng.randrange(10**16):016d}"
        assert tokens.normal_card(number + luhn.calc_check_digit(number)) == number + luhn.calc_check_digit(number)
    assert tokens.normal_card("6217 0012 3456 7890 122") == "6217001234567890122"


# -- keys


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"TANZHANG_TOKEN_KEY": ""}, "TANZHANG_TOKEN_KEY is not set"),
        ({"TANZHANG_RECORD_KEY": ""}, "TANZHANG_RECORD_KEY is not set"),
        ({"TANZHANG_TOKEN_KEY": "ab" * 31}, "has 31 bytes"),
        ({"TANZHANG_TOKEN_KEY": "opensesame"}, "not hexadecimal"),
        ({"TANZHANG_RECORD_KEY": "ab" * 32}, "are equal"),
        ({"TANZHANG_TOKEN_KEY_VERSION": "0"}, "TANZHANG_TOKEN_KEY_VERSION is '0'"),
        ({"TANZHANG_TOKEN_KEY_VERSION": "two"}, "TANZHANG_TOKEN_KEY_VERSION is 'two'"),
        ({"TANZHANG_TOKEN_ALGORITHM": "md5"}, "use one of sm3, sha256"),
    ],
)
def test_unusable_keys_are_explained_and_not_shown(change: dict[str, str], text: str) -> None:
    with pytest.raises(SettingError, match=text) as raised:
        tokens_of(change)
    assert "abab" not in str(raised.value) and "sesame" not in str(raised.value)


def test_without_sm3_in_openssl_the_mend_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = hashlib.new

    def new(algorithm: str, data: bytes = b"") -> object:
        if algorithm == "sm3":
            raise ValueError("unsupported hash type sm3")
        return whole(algorithm, data)

    monkeypatch.setattr(tokens.hashlib, "new", new)
    with pytest.raises(SettingError, match="TANZHANG_TOKEN_ALGORITHM=sha256"):
        tokens_of()
    assert tokens_of({"TANZHANG_TOKEN_ALGORITHM": "sha256"}).algorithm == "sha256"


def test_keys_version_and_algorithm_change_tokens_only_where_they_should() -> None:
    first = tokens_of()
    other = tokens_of({"TANZHANG_TOKEN_KEY": "12" * 32, "TANZHANG_TOKEN_KEY_VERSION": "2"})
    sha = tokens_of({"TANZHANG_TOKEN_ALGORITHM": "sha256"})
    assert (first.key_version, other.key_version) == (1, 2)
    assert first.record_key("a", "b", "c") == other.record_key("a", "b", "c") != sha.record_key("a", "b", "c")
    assert len({made.customer_key("a", "b") for made in (first, other, sha)}) == 3


def test_keys_neither_show_nor_leave_the_process() -> None:
    made = tokens_of()
    assert repr(made) == "Tokens(algorithm='sm3', key_version=1)"
    assert "abab" not in str(vars(made))
    with pytest.raises(TypeError, match="keys stay in their process"):
        pickle.dumps(made)
