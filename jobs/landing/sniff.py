"""How a file nobody knows is written: packing, encoding, layout, header, and the texts of its first rows."""

from __future__ import annotations

import csv
import gzip
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lxml import etree

from jobs.landing.formats.batches import FileRefused
from jobs.landing.formats.sheets import checked_copy
from jobs.landing.formats.workbook import sheet_of
from jobs.landing.formats.workbook import text as cell_text
from jobs.landing.formats.xls import old_sheet
from jobs.landing.formats.xml import SAFE
from schemas.errors import Foreseen
from schemas.sources.feeds import WORKBOOK_SUFFIXES

MOST_EMPTY = 100
READ_BYTES = 4 << 20
"""So much of a file tells what it is like."""
ROWS = 5_000
GZIP, ZIP, COMPOUND = b"\x1f\x8b", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
OLD_EXCEL, NEW_EXCEL = WORKBOOK_SUFFIXES
MARK = b"\xef\xbb\xbf"
DELIMITERS = ",\t|;"
FOOTERS = ("^[-=*_]{5,}", "^(合计|总计|共[ 0-9]|Total)")
"""How what ends the rows begins."""
NONE = ("/", "-", "--", "N/A", "无")
"""What exports write where there is nothing."""
_NO_NAME = re.compile(r"[\s\d.,:/¥￥+-]+")
"""What is no column's name: a number, a date, a line."""

Row = dict[str, Any]


class Unreadable(Foreseen):
    """A file is of no form that a contract can say; the text says what it seems to be."""


@dataclass
class Sniffed:
    """What a file is like.

    end: of its name in the contract. layout: its format as a contract says it. fields: the names of its columns. rows: the
    first ones, by field. places: of XML, where a field stands. above: what stands above the header. notes: what somebody
    should know.
    """

    end: str
    layout: dict[str, Any]
    fields: list[str]
    rows: list[Row]
    places: dict[str, str] = field(default_factory=dict)
    above: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def sniff(path: Path) -> Sniffed:
    """What a file is like.

    Raises:
        Unreadable: it is of no form that is known here.
    """
    with path.open("rb") as file:
        content = file.read(READ_BYTES)
    if content.startswith(COMPOUND):
        return _workbook(path, OLD_EXCEL)
    if content.startswith(ZIP):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if "xl/workbook.xml" in names:
                return _workbook(path, NEW_EXCEL)
            if len(names) != 1:
                raise Unreadable(f"{path}: an archive of {len(names)} files: unpack it, and name the one that counts")
            with archive.open(names[0]) as member:
                return _plain(path, member.read(READ_BYTES), ".zip")
    if content.startswith(GZIP):
        with gzip.open(path) as packed:
            return _plain(path, packed.read(READ_BYTES), ".gz")
    return _plain(path, content, "")


def _plain(path: Path, content: bytes, packing: str) -> Sniffed:
    """Text, unpacked."""
    beginning = content.removeprefix(MARK).lstrip()[:1]
    own_end = path.name.lower().removesuffix(packing)
    if beginning == b"<":
        found = _xml(path, content)
    else:
        said, encoding = _decoded(path, content)
        found = _json(path, said) if beginning in (b"{", b"[") else _delimited(path, said)
        found.layout |= {"encoding": encoding} if "line_ending" in found.layout else {}
        if content.startswith(MARK):
            found.layout["may_have_mark"] = True
    if packing == ".zip":
        found.end = packing
    else:
        found.end = (Path(own_end).suffix if Path(own_end).suffix in (".csv", ".txt", ".tsv") else found.end) + packing
    return found


def _decoded(path: Path, content: bytes) -> tuple[str, str]:
    """A text and its encoding; its last line may be cut off in the middle of a character."""
    whole = content if len(content) < READ_BYTES else content[: content.rfind(b"\n") + 1]
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable(f"{path}: UTF-16: ask for UTF-8 or GB18030, or save it so")
    for encoding in ("utf-8", "gb18030"):
        try:
            return whole.removeprefix(MARK).decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise Unreadable(f"{path}: neither UTF-8 nor GB18030 text, no Excel, gzip or zip")


# -- tables


def _delimited(path: Path, said: str) -> Sniffed:
    lines = said.split("\n")
    endings = Counter(line.endswith("\r") for line in lines[:-1])
    ending = "any" if len(endings) > 1 else "crlf" if endings[True] else "lf"
    lines = [line.rstrip("\r") for line in lines if line.strip()]
    delimiter = max(DELIMITERS, key=lambda one: _evenness(lines, one))
    cells = [next(csv.reader([line], delimiter=delimiter), []) for line in lines[: ROWS + 200]]
    is_quoted = any(f'{delimiter}"' in line or line.startswith('"') for line in lines)
    found = _table(path, cells, lines)
    found.end = ".csv"
    found.layout = {
        "layout": "delimited",
        "encoding": "utf-8",
        "line_ending": ending,
        "delimiter": delimiter,
        "quoting": "minimal" if is_quoted else "none",
        **found.layout,
    }
    return found


def _evenness(lines: Sequence[str], delimiter: str) -> int:
    """How many cells the delimiter makes of lines that have as many of it as most lines with any."""
    counts = Counter(line.count(delimiter) for line in lines[-500:] if delimiter in line)
    return max((count * lines_of for count, lines_of in counts.items()), default=0)


def _workbook(path: Path, end: str) -> Sniffed:
    try:
        rows = old_sheet(path, None) if end == OLD_EXCEL else sheet_of(checked_copy(path), None)
    except FileRefused as refused:
        raise Unreadable("\n".join(f"{path}: {reason}" for reason in refused.reasons)) from refused
    cells = [[cell_text(cell) for cell in row] for row in rows[: ROWS + 200]]
    found = _table(path, cells, [" ".join(filter(None, row)) for row in cells])
    found.end, found.layout = end, {"layout": "workbook", **found.layout}
    found.notes.append("its first sheet was read; say `sheet` where it is another")
    return found


def _table(path: Path, cells: Sequence[list[str]], lines: Sequence[str]) -> Sniffed:
    """Rows under a header: the first row that names as many columns as the rows have."""
    stripped = [[cell.strip() for cell in row] for row in cells]
    filled = [len(_cut(row)) for row in stripped]
    widest = Counter(width for width in filled if width > 1).most_common(1)
    at = next((at for at, row in enumerate(stripped) if widest and _is_header(_cut(row), widest[0][0])), None)
    if at is None:
        raise Unreadable(f"{path}: no row names the columns; add a header, which contracts go by")
    names = _cut(stripped[at])
    body = [(raw, row) for raw, row in zip(cells[at + 1 :], stripped[at + 1 :]) if any(row)]
    rows = [dict(zip(names, row)) for _, row in body if len(_cut(row)) > len(names) // 2]
    found = Sniffed("", {}, names, rows[:ROWS], above=list(lines[:at]))
    if any(cell != cell.strip() for raw, _ in body[:ROWS] for cell in raw):
        found.layout["is_padded"] = True
    wider = Counter(len(raw) - len(cells[at]) for raw, _ in body).most_common(1)
    if wider and 0 < wider[0][0] <= MOST_EMPTY and not any(any(row[len(cells[at]) :]) for _, row in body):
        found.layout["trailing_empty"] = wider[0][0]
    values = Counter(value for row in found.rows for value in row.values() if value in NONE)
    if values and values.most_common(1)[0][1] > 1:
        found.layout["no_value"] = values.most_common(1)[0][0]
    after = [row for _, row in body[-5:] if len(_cut(row)) <= len(names) // 2]
    if footer := next((form for row in after for form in FOOTERS if re.match(form, row[0])), None):
        found.layout["footer"] = footer
    elif after:
        found.notes.append(f"{len(after)} lines at the end are no rows: say `footer`, a pattern of the first of them")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        found.notes.append(f"columns that are named twice, of which one counts: {', '.join(twice)}")
    return found


def _cut(row: Sequence[str]) -> list[str]:
    """A row without the empty cells at its end."""
    return list(row[: max((place for place, cell in enumerate(row, 1) if cell), default=0)])


def _is_header(names: Sequence[str], width: int) -> bool:
    return (
        len(names) >= max(2, width // 2 + 1)
        and all(names)
        and not any(_NO_NAME.fullmatch(name) or len(name) > 40 for name in names)
    )


# -- JSON and XML


def _json(path: Path, said: str) -> Sniffed:
    """An object a line, or a document with a list of objects somewhere."""
    lines = [line for line in said.splitlines() if line.strip()]
    rows = [row for line in lines[:ROWS] if isinstance(row := _object(line), dict)]
    if 2 * len(rows) > min(len(lines), ROWS) and (len(lines) > 1 or not _lists(rows[0], ())):
        ending = "crlf" if "\r\n" in said else "lf"
        nested = [row for row in rows if any(isinstance(value, dict) for value in row.values())]
        if 2 * len(nested) > len(rows):
            return _nested(nested, ending)
        keys = Counter(tuple(row) for row in rows).most_common(1)[0][0]
        layout = {"layout": "json_lines", "encoding": "utf-8", "line_ending": ending}
        return Sniffed(".jsonl", layout, list(keys), [row for row in rows if row.keys() == set(keys)])
    lists = sorted(_lists(_object(said), ()), key=lambda one: -len(one[1]))
    if not lists:
        raise Unreadable(
            f"{path}: begins as JSON, and is neither objects line by line nor a document with a list of them"
        )
    steps, rows = lists[0]
    place = ".".join(steps)
    layout = {"layout": "json", **({"rows": place} if place else {})}
    fields = list(dict.fromkeys(name for row in rows for name in row))
    return Sniffed(".json", layout, fields, rows, notes=[f"a JSON document; its rows stand at {place or 'its top'}"])


def _nested(rows: Sequence[Row], ending: str) -> Sniffed:
    """Objects a line of which some values stand deeper: lists stay."""
    leaves = [dict(_leaves_of(row, ())) for row in rows]
    names = _short(list(dict.fromkeys(place for row in leaves for place in row)))
    layout: dict[str, Any] = {"layout": "json_lines", "encoding": "utf-8", "line_ending": ending}
    layout |= {"new_keys": "ignore", "values": {name: place.replace("/", ".") for place, name in names.items()}}
    named = [{names[place]: value for place, value in row.items()} for row in leaves]
    return Sniffed(".jsonl", layout, list(names.values()), named)


def _leaves_of(value: Row, steps: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Every value that is neither object nor list, by the keys that lead to it."""
    for name, member in value.items():
        if isinstance(member, dict):
            yield from _leaves_of(member, (*steps, name))
        elif not isinstance(member, list):
            yield "/".join((*steps, name)), member


def _object(said: str) -> Any:
    """What a text is as JSON; None where it is none."""
    try:
        return json.loads(said)
    except (ValueError, RecursionError):
        return None


def _lists(value: Any, steps: tuple[str, ...]) -> list[tuple[tuple[str, ...], list[Row]]]:
    """Every list of objects in a document, with the keys on the way to it."""
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        return [(steps, value[:ROWS])]
    members = value.items() if isinstance(value, dict) else ()
    return [one for name, member in members for one in _lists(member, (*steps, name))]


def _xml(path: Path, content: bytes) -> Sniffed:
    """The element that repeats is a row; what stands beside it in its parent is of all its rows."""
    parser = etree.XMLPullParser(events=("start", "end"), **SAFE)
    try:
        parser.feed(content)
        events = list(parser.read_events())
        if len(content) < READ_BYTES:
            parser.close()
    except etree.XMLSyntaxError as error:
        raise Unreadable(f"{path}: begins as XML and is none: {error}") from error
    root = events[0][1]
    ended = [element for event, element in events if event == "end" and len(element) and element is not root]
    if not ended:
        raise Unreadable(f"{path}: XML without elements in elements")
    elements = _repeated(ended)[:ROWS]
    name, parent = _local(elements[0]), elements[0].getparent()
    shared = parent if parent is not root else None
    rows = [_row(element, shared is not None) for element in elements]
    places = list(dict.fromkeys(place for row in rows for place in row))
    layout: dict[str, Any] = {"layout": "xml", "root": _local(root)}
    if namespace := etree.QName(root).namespace:
        said = re.escape(namespace).replace(r"\-", "-")
        layout["namespace"] = re.sub(r"[0-9]+$", lambda version: r"\d" * len(version[0]), said)
    layout |= {"path": [name] if shared is None else [_local(shared), name], "row": name}
    names = _short(places)
    if any(f"{name}/{short}" != place for place, short in names.items()) or any(
        set(row) != set(places) for row in rows
    ):
        layout["values"] = {short: [place] for place, short in names.items()}
    named = [{names[place]: text for place, text in row.items()} for row in rows]
    return Sniffed(".xml", layout, list(names.values()), named, {short: place for place, short in names.items()})


def _repeated(ended: Sequence[Any]) -> list[Any]:
    """The elements that are rows: of those that stand half as often as any, the outermost."""
    counts = Counter((_depth(element), _local(element)) for element in ended)
    most = max(counts.values())
    row = min(one for one, count in counts.items() if 2 * count >= most)
    return [element for element in ended if (_depth(element), _local(element)) == row]


def _row(element: Any, has_shared: bool) -> Row:
    """Place → text, of a row and of what stands beside it."""
    found = _leaves(element, f"{_local(element)}/")
    if has_shared:
        parent = element.getparent()
        beside = [child for child in parent if _local(child) != _local(element)]
        for child in beside:
            found |= {
                place: text
                for place, text in _leaves(child, f"{_local(parent)}/{_local(child)}/", own=True).items()
                if place not in found
            }
    return found


def _depth(element: Any) -> int:
    return sum(1 for _ in element.iterancestors())


def _local(element: Any) -> str:
    return str(etree.QName(element).localname)


def _leaves(element: Any, steps: str, *, own: bool = False) -> Row:
    """Place below an element → its text, of what holds no elements; attributes as `@Name`. The first of several counts.

    Args:
        own: the element itself may be such a place.
    """
    found: Row = {f"{steps.removesuffix('/')}@{name}": said for name, said in element.attrib.items() if "}" not in name}
    if own and not len(element):
        found[steps.removesuffix("/")] = (element.text or "").strip()
    for child in element:
        for name, said in _leaves(child, f"{steps}{_local(child)}/", own=True).items():
            found.setdefault(name, said)
    return found


def _short(places: Sequence[str]) -> dict[str, str]:
    """Place → the shortest end of it that no other has, as a field's name."""
    names: dict[str, str] = {}
    for place in sorted(places, key=lambda one: len(re.split(r"[/@]", one))):
        steps = re.split(r"[/@]", place)
        ends = ["_".join(steps[-count:]) for count in range(1, len(steps) + 1)]
        names[place] = next((end for end in ends if end not in names.values()), place)
    return {place: names[place] for place in places}
