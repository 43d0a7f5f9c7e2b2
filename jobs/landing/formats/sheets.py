"""What a workbook would make its reader hold, counted before the reader opens it.

The reader takes a sheet as one block from its first row and column to its last, and copies a shared text into each
cell that names it: a few hundred bytes can ask for more memory than there is, and it gives up with the process.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from lxml import etree

from jobs.landing.formats.batches import FileRefused
from jobs.landing.formats.unpack import members_of
from jobs.landing.formats.xml import SAFE
from schemas.sources.faults import fault

CELLS = 1_000_000
"""Cells of a sheet, the empty ones between others too."""
LETTERS = 32 << 20
"""Letters of all cells together."""
XML = (".xml", ".rels")
BLOCK = 1 << 16
_PLACE = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})")


def checked_copy(path: Path) -> BinaryIO:
    """A workbook without all that is no XML (pictures, macros, settings of printers), safe to be opened.

    Raises:
        FileRefused: damaged, or larger when opened than a bill can be.
    """
    copy = io.BytesIO()
    counts = _Counts()
    with zipfile.ZipFile(copy, "w") as archive:
        for name, content in members_of(path):
            if name.lower().endswith(XML):
                counts.add(content)
                archive.writestr(name, content)
    counts.check()
    copy.seek(0)
    return copy


class _Counts:
    """What the members of a workbook name, whichever of them are read in the end."""

    def __init__(self) -> None:
        self.texts: list[list[int]] = []  # of each member the lengths of its shared texts
        self.named: Counter[int] = Counter()  # how many cells name each shared text

    def add(self, content: bytes) -> None:
        """Count a member.

        Raises:
            FileRefused: no well-formed XML, or a sheet with too many cells.
        """
        member = _Member(self.named)
        parser = etree.XMLParser(target=member, **SAFE)
        try:
            for start in range(0, len(content) or 1, BLOCK):
                parser.feed(content[start : start + BLOCK])
            parser.close()
        except (etree.XMLSyntaxError, LookupError) as error:
            raise FileRefused(fault("bad_workbook")) from error
        self.texts.append(member.texts)

    def check(self) -> None:
        """Refuse a workbook whose cells hold too much text.

        Raises:
            FileRefused: they do.
        """
        total = 0
        for index, cells in self.named.items():
            total += cells * max((texts[index] for texts in self.texts if index < len(texts)), default=0)
        if total > LETTERS:
            raise FileRefused(fault("unpacks_to_too_much"))


class _Member:
    """One member as the parser tells it; nothing of it is kept."""

    def __init__(self, named: Counter[int]) -> None:
        self.named = named
        self.texts: list[int] = []
        self.row = self.column = self.last_row = self.last_column = 0
        self.letters = 0
        self.is_shared = False
        self.index: list[str] | None = None

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        raise FileRefused(fault("forbidden_xml"))

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        name = tag.rpartition("}")[2]
        if name == "row":
            self.row, self.column = _row(attributes.get("r"), self.row + 1), 0
        elif name == "c":
            self.row, self.column = _place(attributes.get("r"), self.row, self.column + 1)
            self.is_shared = attributes.get("t") == "s"
            self.last_column = max(self.last_column, self.column)
        elif name == "v" and self.is_shared:
            self.index = []
        elif name == "si":
            self.letters = 0
        self.last_row = max(self.last_row, self.row)
        if self.last_row * self.last_column > CELLS:
            raise FileRefused(fault("unpacks_to_too_much"))

    def data(self, text: str) -> None:
        self.letters += len(text)
        if self.index is not None:
            self.index.append(text[:10])

    def end(self, tag: str) -> None:
        name = tag.rpartition("}")[2]
        if name == "si":
            self.texts.append(self.letters)
        elif name == "v" and self.index is not None:
            number = "".join(self.index).strip()
            self.named[int(number) if re.fullmatch("[0-9]{1,9}", number) else 0] += 1
            self.index = None

    def close(self) -> None:
        return


def place_of(names: Sequence[str], wanted: str | int | None) -> int:
    """The place of a sheet among others, from 0; the first where none is named.

    Raises:
        FileRefused: there is none of that name or number.
    """
    place = names.index(wanted) if wanted in names else (wanted or 1) - 1 if not isinstance(wanted, str) else len(names)
    if place >= len(names):
        raise FileRefused(fault("missing_sheet"))
    return place


def _row(place: str | None, otherwise: int) -> int:
    if place is None:
        return otherwise
    if not re.fullmatch("[0-9]{1,7}", place):
        raise FileRefused(fault("bad_workbook"))
    return int(place)


def _place(place: str | None, row: int, otherwise: int) -> tuple[int, int]:
    """Row and column of a cell, counted from 1, by its own word or else after the one before."""
    if place is None:
        return row, otherwise
    found = _PLACE.fullmatch(place)
    if found is None:
        raise FileRefused(fault("bad_workbook"))
    column = 0
    for letter in found[1].upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(found[2]), column
