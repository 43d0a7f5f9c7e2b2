"""Keyed tokens: what stands for a customer, an identifier or a record everywhere past `land`.

A token is the first 16 bytes of HMAC-SM3 (or HMAC-SHA-256) over length-prefixed parts, as 32 hexadecimal
characters. Two keys: one for people (it may rotate, hence its version), one for records (it never does).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import SecretBytes
from stdnum import luhn
from stdnum.cn import ric

from jobs.errors import SettingError
from jobs.landing.encoded import Column
from jobs.landing.key_check import KeyCheck
from jobs.settings import RECORD_KEY, TOKEN_KEY, Settings, settings

if TYPE_CHECKING:
    from pydantic import SecretStr

KEY_BYTES = 32
TOKEN_BYTES = 16
CHECKED = "tanzhang key check"
"""What a key's check is a digest of. Messages of tokens begin with a digit, so it is no token's."""


class IdentifierError(ValueError):
    """An identifier is not valid. `code` is in the catalogue of errors; the value is not kept."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


NORMAL_FORM = 2
"""Counts the ways in which identifiers were written before they became tokens: of landings before 2 as they were sent."""


def plain(text: str) -> str:
    """An identifier as everybody would type it: NFKC, without what cannot be seen and the space around it.

    What else is odd stays, for the rules of its kind to refuse.
    """
    if text.isascii():
        return text.strip()
    shown = "".join(one for one in unicodedata.normalize("NFKC", text) if unicodedata.category(one) not in _UNSEEN)
    return shown.strip()


_UNSEEN = ("Cf", "Mn")
"""Joiners, marks of direction and of byte order; marks that stand on another character, as no identifier has."""


_APART = re.compile(r"[\s-]")
"""What stands between the groups of a long number."""


class Tokens:
    """The keyed hash functions of one deployment."""

    def __init__(self, token_key: bytes, record_key: bytes, *, key_version: int = 1, algorithm: str = "sm3") -> None:
        self.algorithm = algorithm
        self.key_version = key_version
        self._keys = SecretBytes(token_key), SecretBytes(record_key)
        self._people = KeyedHash(token_key, algorithm)
        self._records = KeyedHash(record_key, algorithm)
        self.check = KeyCheck(
            algorithm=algorithm,
            record=_digest(record_key, algorithm),
            token={key_version: _digest(token_key, algorithm)},
        )

    def __repr__(self) -> str:
        return f"Tokens(algorithm={self.algorithm!r}, key_version={self.key_version})"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("keys stay in their process: Tokens cannot be pickled")

    def keys(self) -> tuple[Any, ...]:
        """What `of_keys` makes the same tokens of, in a process that this one starts and hands them to through a pipe."""
        return *(key.get_secret_value() for key in self._keys), self.key_version, self.algorithm

    @classmethod
    def of_keys(cls, keys: tuple[Any, ...]) -> Tokens:
        """The tokens of another process's `keys`."""
        token_key, record_key, key_version, algorithm = keys
        return cls(token_key, record_key, key_version=key_version, algorithm=algorithm)

    @classmethod
    def from_env(cls, said: Settings | None = None) -> Tokens:
        """The tokens of the environment's keys, or of settings that hold other ones.

        Raises:
            SettingError: a key is missing, no hexadecimal text, too short or used twice; the key
                version is no positive whole number; or the algorithm is not to be had.
        """
        said = said or settings()
        token_key, record_key = _key(TOKEN_KEY, said.token_key), _key(RECORD_KEY, said.record_key)
        if token_key == record_key:
            raise SettingError(f"{TOKEN_KEY} and {RECORD_KEY} are equal: make a key of its own for each")
        return cls(token_key, record_key, key_version=said.token_key_version, algorithm=said.token_algorithm)

    def customer_key(self, institution: str, customer: str) -> str:
        """The key of an institution's customer; the same however its name is written."""
        return self.customer_keys(institution)(customer)

    def customer_keys(self, institution: str) -> Callable[[str], str]:
        """`customer_key` of an institution's customers."""
        prefix, people = join_parts(("customer", institution)), self._people

        def key(customer: str) -> str:
            name = plain(customer)
            return people(f"{prefix}{len(name)}:{name}")

        return key

    def identifier(self, kind: str, value: str) -> str:
        """The token of an identifier's normal form; the same whichever institution knows it.

        Raises:
            IdentifierError: the value is no valid identifier of this kind.
        """
        return self._people(join_parts((kind, NORMAL_FORMS[kind](plain(value)))))

    def record_key(self, institution: str, feed: str, parts: Iterable[str]) -> str:
        """The key of one record: `parts` are its natural key's values."""
        return self._records(join_parts((institution, feed, *parts)))

    def merchant_key(self, institution: str, feed: str, customer: str, texts: Iterable[str]) -> str:
        """The key of what a feed's rows say of a customer's merchant; no institution has this name, so no record's."""
        return self._records(join_parts(("merchant of", institution, feed, plain(customer), *texts)))

    def object_key(self, text: str) -> str:
        """The key of what an act was done with; the same whichever institution names it, and however it is spaced."""
        return self._records(join_parts(("object of an act", _APART.sub("", plain(text)).upper())))

    def record_keys(self, prefix: Iterable[str], columns: Sequence[Sequence[str]]) -> pa.StringArray:
        """`record_key` of each row of a batch. prefix: institution and feed; of unkeyed feeds a date leads the columns."""
        parts = [join_parts(prefix), *(piece for column in columns for piece in _measured(column)), ""]
        return self._records.all(pc.binary_join_element_wise(*parts))


def _measured(column: Sequence[str]) -> tuple[Any, ...]:
    """What `join_parts` makes of every row's part, in pieces."""
    texts = column.array(pa.string()) if isinstance(column, Column) else pa.array(column, pa.string())
    return pc.utf8_length(texts).cast(pa.string()), ":", texts


def join_parts(parts: Iterable[str]) -> str:
    """The parts as one text that no other parts give: each after its length."""
    return "".join([f"{len(part)}:{part}" for part in parts])


class KeyedHash:
    """HMAC (RFC 2104) of texts, shortened to tokens.

    The key is taken in once, in both of its forms, and copied for each message: half again as fast as copies of an `hmac`.

    Raises:
        SettingError: this Python's OpenSSL is built without the algorithm.
    """

    def __init__(self, key: bytes, algorithm: str) -> None:
        try:
            inner, outer = hashlib.new(algorithm), hashlib.new(algorithm)
        except ValueError as error:
            raise SettingError(
                f"this Python's OpenSSL has no {algorithm}: use a build that has it, or set TANZHANG_TOKEN_ALGORITHM=sha256 "
                "before the first run (tokens of the two never compare)"
            ) from error
        if len(key) > inner.block_size:
            key = hashlib.new(algorithm, key).digest()
        padded = key.ljust(inner.block_size, b"\0")
        inner.update(bytes(byte ^ 0x36 for byte in padded))
        outer.update(bytes(byte ^ 0x5C for byte in padded))
        self._inner, self._outer = inner.copy, outer.copy

    def __call__(self, message: str) -> str:
        inner, outer = self._inner(), self._outer()
        inner.update(message.encode())
        outer.update(inner.digest())
        return outer.digest()[:TOKEN_BYTES].hex()

    def all(self, messages: pa.StringArray) -> pa.StringArray:
        """The tokens of many messages."""
        take_in, give_out = self._inner, self._outer
        digests = []
        for message in messages.cast(pa.binary()).to_pylist():  # half of landing's time: no call that need not be
            inner, outer = take_in(), give_out()
            inner.update(message)
            outer.update(inner.digest())
            digests.append(outer.digest()[:TOKEN_BYTES])
        text = pa.py_buffer(b"".join(digests).hex().encode())
        ends = np.arange(len(messages) + 1, dtype=np.int32) * (2 * TOKEN_BYTES)
        return pa.StringArray.from_buffers(len(messages), pa.py_buffer(ends), text)


def _digest(key: bytes, algorithm: str) -> str:
    """The whole HMAC of the constant: what tells a key from another and gives none away."""
    return hmac.digest(key, f"{CHECKED} {algorithm}".encode(), algorithm).hex()


def normal_citizen_id(value: str) -> str:
    """18 characters, upper case, with a date of birth and a valid check digit (GB 11643).

    The place code is not looked up: codes of abolished counties stay in old ids.
    """
    number = value.upper()
    if re.fullmatch(r"[0-9]{15}", number):
        raise IdentifierError("old_citizen_id")
    if not re.fullmatch(r"[0-9]{17}[0-9X]", number) or number[-1] != ric.calc_check_digit(number):
        raise IdentifierError("bad_citizen_id")
    try:
        ric.get_birth_date(number)
    except ric.InvalidComponent as error:
        raise IdentifierError("bad_citizen_id") from error
    return number


_DIALLED = re.compile(r"[+(]?[0-9][0-9 ()./-]{4,24}")
_MAINLAND = re.compile(r"(?:\+86[- ]?)?(1[0-9]{2})[- ]?([0-9]{4})[- ]?([0-9]{4})", re.ASCII)


@lru_cache(maxsize=1)
def _mainland_mobile() -> re.Pattern[str]:
    """The library's own pattern of mainland mobile numbers, without the cost of its parser."""
    metadata: Any = phonenumbers.PhoneMetadata.metadata_for_region("CN")
    return re.compile(metadata.mobile.national_number_pattern)


def normal_phone(value: str) -> str:
    """E.164; a number without country code is a mainland one."""
    mainland = _MAINLAND.fullmatch(value)
    if mainland:
        national = "".join(mainland.groups())
        if _mainland_mobile().fullmatch(national):
            return f"+86{national}"
    if not _DIALLED.fullmatch(value):  # the library would look for a number within any text
        raise IdentifierError("bad_phone")
    try:
        number = phonenumbers.parse(value, "CN")
    except phonenumbers.NumberParseException as error:
        raise IdentifierError("bad_phone") from error
    if not phonenumbers.is_valid_number(number):
        raise IdentifierError("bad_phone")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def normal_card(value: str) -> str:
    """12 to 19 digits with a valid check digit (ISO/IEC 7812); spaces between groups are dropped."""
    number = value.replace(" ", "")
    if not re.fullmatch(r"[0-9]{12,19}", number) or not luhn.is_valid(number):
        raise IdentifierError("bad_card")
    return number


NORMAL_FORMS: dict[str, Callable[[str], str]] = {
    "citizen_id": normal_citizen_id,
    "phone": normal_phone,
    "card": normal_card,
}
"""Identifier type → its normal form, on which all institutions agree."""


def _key(name: str, secret: SecretStr | None) -> bytes:
    if secret is None:
        raise SettingError(
            f"{name} is not set: expected at least {KEY_BYTES} random bytes in hexadecimal, "
            "from the secrets backend or, for a first try, from `openssl rand -hex 32`"
        )
    try:
        key = bytes.fromhex(secret.get_secret_value())
    except ValueError:
        raise SettingError(f"{name} is not hexadecimal text") from None
    if len(key) < KEY_BYTES:
        raise SettingError(f"{name} has {len(key)} bytes: at least {KEY_BYTES} are needed")
    return key
