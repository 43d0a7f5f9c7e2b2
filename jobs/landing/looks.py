"""What the values of a column look like: times, money, identifiers, codes, numbers of rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from jobs.landing.tokens import NORMAL_FORMS, IdentifierError, plain

Kind = Literal["empty", "time", "clock", "number", "citizen_id", "phone", "card", "code", "list", "text"]

FORMS = {
    "%Y-%m-%d %H:%M:%S": "second", "%Y/%m/%d %H:%M:%S": "second", "%Y-%m-%dT%H:%M:%S": "second", "%Y%m%d%H%M%S": "second",
    "%Y.%m.%d %H:%M:%S": "second", "%Y年%m月%d日 %H:%M:%S": "second", "%Y%m%d %H:%M:%S": "second",
    "%Y-%m-%d %H:%M": "minute", "%Y/%m/%d %H:%M": "minute", "%Y年%m月%d日 %H:%M": "minute",
    "%Y-%m-%d": "day", "%Y/%m/%d": "day", "%Y%m%d": "day", "%Y.%m.%d": "day", "%Y年%m月%d日": "day", "%d.%m.%Y": "day",
}  # fmt: skip
"""Forms of a time that exports use → how precise each is."""
CLOCKS = ("%H:%M:%S", "%H:%M", "%H%M%S")
_OFFSET = re.compile(r"(Z|[+-][0-9]{2}:?[0-9]{2})$")
_NUMBER = re.compile(
    r"(?P<prefix>[¥￥$])?(?P<sign>[+-])?(?P<digits>[0-9]{1,12}|[0-9]{1,3}(,[0-9]{3})+)(?P<rest>\.[0-9]{1,6})?"
)
MOST = 0.8
"""So much of a column must look alike; the rest are its errors."""
MOST_CODES, LONGEST_CODE, MOST_DIGITS = 12, 40, 5
SIX_DIGITS = range(1990, 2100)
"""Years that a date may be of: eight digits are else a number."""


@dataclass
class Looks:
    """What a column looks like.

    forms: of times, with their precision, the commonest first. codes: of a column with few different values, and how often
    each stands. is_unique: no value stands twice. filled: share of rows with a value.
    """

    kind: Kind
    filled: float = 0.0
    is_unique: bool = False
    forms: dict[str, str] = field(default_factory=dict)
    codes: Counter[str] = field(default_factory=Counter)
    prefix: str = ""
    thousands: str = ""
    has_minus: bool = False
    has_plus: bool = False
    has_decimals: bool = False
    most: int = 0


def look(values: Sequence[Any]) -> Looks:
    """What the values of a column look like, the empty ones left out."""
    if any(isinstance(value, list | dict) for value in values):
        return Looks("list", 1.0)
    texts = [text for value in values if value is not None and (text := str(value).strip())]
    if not texts:
        return Looks("empty")
    found = _time(texts) or _identifier(texts) or _number(texts) or _code(texts) or Looks("text")
    found.filled = len(texts) / len(values)
    found.is_unique = len(texts) > 1 and len(set(texts)) == len(texts)
    return found


def _share(texts: Sequence[str], holds: Callable[[str], object]) -> float:
    return sum(1 for text in texts if holds(text)) / len(texts)


def _time(texts: Sequence[str]) -> Looks | None:
    found = Counter(form for text in texts if (form := _form_of(text)))
    if found.total() >= MOST * len(texts):
        return Looks("time", forms={form: FORMS[form.removesuffix("%z")] for form, _ in found.most_common()})
    clocks = Counter(form for text in texts for form in CLOCKS if _is(text, form))
    if clocks.total() >= MOST * len(texts) and any(":" in text for text in texts):
        return Looks("clock", forms=dict.fromkeys([form for form, _ in clocks.most_common()], "second"))
    return None


def _form_of(text: str) -> str | None:
    """The form that a text has as a time; of an offset from UTC it says so."""
    offset = _OFFSET.search(text) if "T" in text or text.count(":") > 1 else None
    bare = text[: offset.start()] if offset else text
    form = next((form for form in FORMS if _is(bare, form)), None)
    return form and f"{form}%z" if offset else form


def _is(text: str, form: str) -> bool:
    """Whether a text is a time in this form, each part at its full width."""
    try:
        moment = datetime.strptime(text, form)
    except ValueError:
        return False
    return moment.strftime(form) == text and (moment.year in SIX_DIGITS or "%Y" not in form)


def _identifier(texts: Sequence[str]) -> Looks | None:
    """Numbers of people: the check digits tell."""
    for kind in ("citizen_id", "phone", "card"):
        if _share(texts, lambda text: _has_normal_form(kind, text)) >= MOST:  # noqa: B023
            return Looks(kind)
    return None


def _has_normal_form(kind: str, text: str) -> bool:
    if kind == "phone" and not re.fullmatch(r"(\+?86[- ]?)?1[0-9]{2}[- ]?[0-9]{4}[- ]?[0-9]{4}", text):
        return False
    try:
        NORMAL_FORMS[kind](plain(text))
    except IdentifierError:
        return False
    return True


def _number(texts: Sequence[str]) -> Looks | None:
    """Numbers; what is long and has no decimals is the name of something."""
    matches = [match for text in texts if (match := _NUMBER.fullmatch(text))]
    if len(matches) < MOST * len(texts):
        return None
    digits = [len(match["digits"].replace(",", "")) for match in matches]
    decimals = any(match["rest"] for match in matches)
    if not decimals and (max(digits) > 9 or any(text[0] == "0" and len(text) > 1 for text in texts)):
        return None
    if not decimals and len(set(texts)) <= 2 and len(texts) > 5:
        return None  # two codes that happen to be digits
    prefixes = [match["prefix"] for match in matches if match["prefix"]]
    return Looks(
        "number",
        prefix=prefixes[0] if prefixes else "",
        thousands="," if any("," in match["digits"] for match in matches) else "",
        has_minus=any(match["sign"] == "-" for match in matches),
        has_plus=any(match["sign"] == "+" for match in matches),
        has_decimals=decimals,
        most=max(int(match["digits"].replace(",", "")) for match in matches) + 1,
    )


def _code(texts: Sequence[str]) -> Looks | None:
    """Few different values, each of them often, and no number of anything in them: none that names somebody."""
    codes = Counter(texts)
    often = len(texts) >= 3 * len(codes) or len(codes) <= 2 < len(texts)
    numbered = any(sum(one.isdigit() for one in code) > MOST_DIGITS for code in codes)
    if len(codes) <= MOST_CODES and often and not numbered and max(map(len, codes)) <= LONGEST_CODE:
        return Looks("code", codes=codes)
    return None
