"""What is wrong with an export: where, by which rule, and what it looks like; never the text itself."""

from __future__ import annotations

import re

from schemas.base import Strict
from schemas.sources.errors import ERRORS


class Fault(Strict):
    """One thing found wrong, as it stands in receipts and manifests. Carries no text of the sender's.

    `file` is a contract-shaped file name, `line` the 1-based physical line of the unpacked file,
    `shape` the shape of the offending value (see `shape`), `expected` what the contract would have there,
    `reference` names a line of the log.
    """

    code: str
    rule: str
    mend: str
    file: str | None = None
    line: int | None = None
    column: str | None = None
    shape: str | None = None
    expected: str | None = None
    reference: str | None = None

    def __str__(self) -> str:
        """In one line: the code, where it was met, the rule, what was expected and what found, and the mend."""
        where = ", ".join(
            said for said in (self.file, self.line and f"line {self.line}", self.column) if isinstance(said, str)
        )
        beside = {"Expected": self.expected, "Found": self.shape, "Reference": self.reference}
        said = "".join(f" {name}: {text}." for name, text in beside.items() if text is not None)
        return f"{self.code}{f' ({where})' if where else ''}: {self.rule}{said} {self.mend}"


def fault(
    code: str,
    *,
    file: str | None = None,
    line: int | None = None,
    column: str | None = None,
    found: object = None,
    expected: str | None = None,
    reference: str | None = None,
) -> Fault:
    """The fault of a catalogued code; of `found` only the shape is kept. `expected` is no text of the sender's."""
    rule, mend = ERRORS[code]
    return Fault(
        code=code,
        rule=rule,
        mend=mend,
        file=file,
        line=line,
        column=column,
        shape=None if found is None else shape(found),
        expected=expected,
        reference=reference,
    )


SHAPE_LENGTH = 40
_RUN = re.compile(r"(9+|a+|字+)")


def _class(character: str) -> str:
    if _is_han(character):
        return "字"
    if character.isnumeric():
        return "9"
    if character.isalpha():
        return "a"
    return character if character.isprintable() else "?"


def _is_han(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff" or character >= "\U00020000"


def shape(value: object) -> str:
    """The form of a value without its content: `11010519491231002x` → `9{17}a`; at most 40 characters.

    Digits become 9, Chinese characters 字, other letters a; runs are counted; punctuation stays.
    What is not text is named by its type (and may be given as that type).
    """
    if not isinstance(value, str):
        return f"<{(value if isinstance(value, type) else type(value)).__name__}>"
    classes = "".join(map(_class, value[:1000]))
    runs = _RUN.sub(lambda run: run[0] if len(run[0]) == 1 else f"{run[0][0]}{{{len(run[0])}}}", classes)
    return runs[:SHAPE_LENGTH]
