"""SWIFT MT940: the statements of a bank, line by line. What a line or a balance says, a library knows.

A message is never held: its lines are read one after the other, and what they add up to is held against its balances.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from mt940.models import Transactions
from mt940.options import Options
from mt940.tags import BalanceBase, StatementGLS

from jobs.landing.formats.batches import Batch, Export, FileRefused, Reject
from jobs.landing.formats.lines import line_blocks
from jobs.landing.formats.unpack import Unpacked
from schemas.sources import Feed
from schemas.sources.faults import fault, shape
from schemas.sources.layouts import Mt940

logging.getLogger("mt940").setLevel(logging.CRITICAL + 1)  # it quotes what it cannot read
FIELD = re.compile(r":([0-9]{2}|NS)([A-Z]?):(.*)", re.DOTALL)
FIELD_LETTERS = 1 << 16
"""Of one field with all its lines."""
LINE_LETTERS = 500
"""Of `:61:`; the standard knows a hundred."""
ROWS = 20_000
UNREADABLE = (RuntimeError, ValueError, ArithmeticError)
"""What the library raises where a field is not as it should be."""


class _Line(StatementGLS):
    """`:61:` with references of any length, and the marks of what is only expected."""

    RE_FLAGS: ClassVar[re.RegexFlag] = re.VERBOSE | re.ASCII
    pattern: ClassVar[str] = StatementGLS.pattern.replace("R?[DC]", "[RE]?[DC]")


class _Balance(BalanceBase):
    """`:60F:`, `:62F:` and their likes, and nothing after."""

    RE_FLAGS: ClassVar[re.RegexFlag] = re.VERBOSE | re.ASCII
    pattern: ClassVar[str] = BalanceBase.pattern.replace("(?P<currency>.{3})", "(?P<currency>[A-Z]{3})") + "$"


LINE, BALANCE = _Line(), _Balance()


def read_mt940(stream: Unpacked, feed: Feed, layout: Mt940) -> Export:
    """The rows of a file."""
    return Export(None, _Statements(feed, layout).batches(line_blocks(stream, layout)))


class _Field:
    """A field as it is read: its tag and the letter after it, the line on which it begins, its lines."""

    def __init__(self, line: int, tag: str, letter: str, text: str) -> None:
        self.line, self.tag, self.letter, self.lines, self.letters = line, tag, letter, [text], len(text)
        self.code: str | None = None

    def add(self, text: str) -> None:
        self.lines.append(text)
        self.letters += len(text) + 1

    @property
    def text(self) -> str:
        return "\n".join(self.lines).strip()


class _Message:
    """What is known of a statement so far.

    total: of its lines, None once one of them could not be read. is_page: its closing balance is that of a page, and
    another page may follow.
    """

    def __init__(self, line: int, reference: str) -> None:
        self.line = line
        self.said = {"reference": reference, "account": "", "statement": "", "currency": ""}
        self.scope = Transactions(options=Options(reversal_sign=True))
        self.opening: Any = None
        self.closing: Any = None
        self.total: Any = 0
        self.is_page = False


class _Statements:
    """The lines of a file → rows."""

    def __init__(self, feed: Feed, layout: Mt940) -> None:
        self.feed, self.layout = feed, layout
        self.values = [_finder(layout.values.get(field, [])) for field in feed.fields]
        self.message: _Message | None = None
        self.field: _Field | None = None
        self.row: tuple[_Field, list[_Field]] | None = None  # a line, and the details that follow it
        self.has_any = False
        self._start()

    def _start(self) -> None:
        self.lines: list[int] = []
        self.rows: list[list[str]] = []
        self.rejects: list[Reject] = []

    def batches(self, blocks: Iterator[list[bytes]]) -> Iterator[Batch]:
        """All rows.

        Raises:
            FileRefused: no MT940, a message that is not whole, or one that does not add up.
        """
        number = 0
        for raw in blocks:
            for content in raw:
                number += 1
                self._take(number, content)
                if len(self.lines) + len(self.rejects) >= ROWS:
                    yield self._batch()
        self._end_message()
        if not self.has_any:
            raise FileRefused(fault("wrong_header"))
        yield self._batch()

    def _batch(self) -> Batch:
        columns = [list(column) for column in zip(*self.rows)] or [[] for _ in self.feed.fields]
        batch = Batch(self.lines, dict(zip(self.feed.fields, columns)), self.rejects)
        self._start()
        return batch

    def _take(self, number: int, content: bytes) -> None:
        """A line: of an envelope, the beginning of a field, more of it, or the end of a message."""
        code = None
        if b"\r" in content or b"\n" in content:
            raise FileRefused(fault("wrong_line_ending", line=number))
        try:
            text = content.decode(self.layout.encoding)
        except UnicodeDecodeError:
            text, code = content.decode(self.layout.encoding, errors="replace"), "bad_encoding"
        code = "nul_byte" if "\0" in text else code
        found = FIELD.fullmatch(text)
        if text.rstrip() == "-" or text.startswith("-}"):
            self._end_message()
        elif found is not None:
            self._end_field()
            if found[1] == "20":
                self._end_message()
                self.message, self.has_any = _Message(number, found[3].strip()), True
            self.field = _Field(number, found[1], found[2], found[3])
        elif self.field is not None:
            self.field.add(text)
            if self.field.letters > FIELD_LETTERS:
                raise FileRefused(fault("line_too_long", line=self.field.line))
        if code and self.field is not None:
            self.field.code = code

    def _end_field(self) -> None:
        field, self.field = self.field, None
        if field is None:
            return
        message = self.message
        if message is None:
            raise FileRefused(fault("bad_message", line=field.line))
        if field.tag == "86" and self.row is not None:
            self.row[1].append(field)
            return
        self._end_row()
        if field.tag == "61":
            if message.opening is None or message.closing is not None or not message.said["account"]:
                raise FileRefused(fault("bad_message", line=field.line))
            self.row = (field, [])
        elif field.tag in ("60", "62"):
            self._balance(message, field)
        elif field.tag in ("25", "28"):
            message.said["account" if field.tag == "25" else "statement"] = field.lines[0].strip()
            if field.code:
                raise FileRefused(fault("wrong_encoding", line=field.line))

    def _balance(self, message: _Message, field: _Field) -> None:
        """`:60:` or `:62:`.

        Raises:
            FileRefused: it cannot be read, or the lines between do not add up to it.
        """
        try:
            balance: Any = BALANCE(message.scope, BALANCE.parse(message.scope, field.text))["balance"]
        except UNREADABLE:
            raise FileRefused(fault("bad_message", line=field.line)) from None
        if field.tag == "60" and field.letter == "M" and message.is_page:
            if balance.amount != message.closing:
                raise FileRefused(fault("wrong_balance", line=field.line))
            message.opening, message.closing, message.total, message.is_page = None, None, 0, False
        if (message.opening is None) != (field.tag == "60") or message.closing is not None:
            raise FileRefused(fault("bad_message", line=field.line))
        if field.tag == "60":
            message.opening, message.scope.data["opening_balance"] = balance.amount, balance
            message.said["currency"] = balance.amount.currency
            return
        message.closing, message.is_page = balance.amount, field.letter == "M"
        is_one = message.closing.currency == message.opening.currency
        together = None if message.total is None else message.opening.amount + message.total
        if not is_one or together not in (None, message.closing.amount):
            raise FileRefused(fault("wrong_balance", line=field.line))

    def _end_row(self) -> None:
        """The row of the line before, once its details are known."""
        if self.row is None or self.message is None:
            return
        (line, details), self.row = self.row, None
        code = next((one.code for one in (line, *details) if one.code), None)
        said = None if code or len(line.text) > LINE_LETTERS else _said(line.text, self.message)
        if said is None:
            self.message.total = None
            self.rejects.append(Reject(line.line, code or "bad_statement_line", None, shape(line.text)))
            return
        known = {**self.message.said, **said, **_details(details)}
        values = [find(known) for find in self.values]
        if max(map(len, values)) > self.feed.longest_value:
            self.rejects.append(Reject(line.line, "value_too_long", None, shape(max(values, key=len))))
        else:
            self.lines.append(line.line)
            self.rows.append(values)

    def _end_message(self) -> None:
        self._end_field()
        message, self.message = self.message, None
        if message is not None and (message.closing is None or not message.said["account"]):
            raise FileRefused(fault("bad_message", line=message.line))


def _said(text: str, message: _Message) -> dict[str, str] | None:
    """What a line says, by name; None where it cannot be read. It is added to the total of its message."""
    try:
        found: dict[str, Any] = LINE(message.scope, LINE.parse(message.scope, text))
    except UNREADABLE:
        return None
    if found["id"] is None:
        return None
    amount = found["amount"].amount
    bank, more = (found["bank_reference"] or "").strip(), (found["extra_details"] or "").strip()
    if not bank and more.startswith("//"):  # on a line of its own
        bank, more = more[2:].strip(), ""
    if message.total is not None and found["status"][0] != "E":  # what is expected is not in the balance yet
        message.total += amount
    return {
        "value_date": found["date"].isoformat(),
        "entry_date": found["entry_date"].isoformat() if "entry_date" in found else "",
        "mark": found["status"],
        "amount": f"{abs(amount):f}",
        "funds_code": found["funds_code"] or "",
        "type": found["id"],
        "customer_reference": (found["customer_reference"] or "").strip(),
        "bank_reference": bank,
        "supplementary": more,
    }


def _details(fields: Sequence[_Field]) -> dict[str, str]:
    """All details of a line as text, and what they hold by number (`?32`) or by code word (`/NAME/`)."""
    lines = [line for field in fields for line in field.lines]
    joined = "".join(lines)
    said = {"details": " ".join(filter(None, map(str.strip, lines)))}
    pairs = re.split(r"\?([0-9]{2})", joined)[1:]
    if joined.startswith("/"):
        words = re.split(r"/([A-Z]{2,8})/", joined)[1:]
        said |= {f"details/{word}": text.strip() for word, text in reversed([*zip(words[::2], words[1::2])])}
    for number, text in zip(pairs[::2], pairs[1::2]):
        said[f"details?{number}"] = said.get(f"details?{number}", "") + text
    return said


def _finder(names: Sequence[str]) -> Callable[[dict[str, str]], str]:
    """How a field is found among what a line says: the first name that is not empty."""
    spans = [
        [f"{name[:8]}{number:02}" for number in range(int(name[8:10]), int(name[11:]) + 1)] if "-" in name else [name]
        for name in names
    ]

    def find(said: dict[str, str]) -> str:
        found = ("".join(said.get(name, "") for name in span).strip() for span in spans)
        return next(filter(None, found), "")

    return find
