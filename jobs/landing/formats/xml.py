"""XML in bounded memory: elements are read as they end and forgotten. No DTD, no entities, no network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from lxml import etree

from jobs.landing.formats.batches import Batch, Export, FileRefused, Reject
from jobs.landing.formats.headers import strange
from jobs.landing.formats.patterns import compiled
from jobs.landing.formats.unpack import Unpacked
from jobs.landing.formats.values import BadValue, to_micro
from schemas.sources import Feed
from schemas.sources.faults import Fault, fault, shape
from schemas.sources.layouts import Xml

FEED_BYTES = 1 << 18
ROWS = 20_000
ROW_BYTES = 4 << 20
"""What may stand between the ends of two rows: more would be held in memory."""
MOST_INSIDE = 100_000
"""Rows that are held until the element around them says what they add up to."""
SAFE: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}


def read_xml(stream: Unpacked, feed: Feed, layout: Xml) -> Export:
    """The rows of a file.

    Raises:
        FileRefused: its beginning is no XML, has a DTD, or another root than agreed.
    """
    beginning = stream.read(FEED_BYTES)
    namespace = _namespace(beginning, layout)
    return Export(None, _batches(beginning, stream, _Rows(feed, layout, namespace)))


def _namespace(beginning: bytes, layout: Xml) -> str | None:
    """The namespace of the root, where it is the agreed one."""
    parser = etree.XMLPullParser(events=("start",), **SAFE)
    with _refusing():
        parser.feed(beginning)
    root = next((element for _, element in parser.read_events()), None)
    if root is None:
        raise FileRefused(fault("bad_xml"))
    if root.getroottree().docinfo.doctype:
        raise FileRefused(fault("forbidden_xml"))
    name = etree.QName(root)
    if name.localname != layout.root or not compiled(layout.namespace).fullmatch(name.namespace or ""):
        raise FileRefused(fault("wrong_header"))
    return str(name.namespace) if name.namespace else None


@contextmanager
def _refusing() -> Iterator[None]:
    """The parser's errors as refusals that name the physical line."""
    try:
        yield
    except etree.XMLSyntaxError as error:
        raise FileRefused(fault("bad_xml", line=error.lineno or None)) from error


def _batches(block: bytes, stream: Unpacked, rows: _Rows) -> Iterator[Batch]:
    parser = etree.XMLPullParser(events=("end",), tag=[f"{{*}}{name}" for name in rows.layout.path], **SAFE)
    since = 0
    while block:
        with _refusing():
            parser.feed(block)
            ended = list(parser.read_events())
        since = 0 if ended else since + len(block)
        if since > ROW_BYTES:
            raise FileRefused(fault("line_too_long"))
        for _, element in ended:
            rows.take(element)
            if len(rows.lines) + len(rows.rejects) >= ROWS:
                yield rows.batch()
        block = stream.read(FEED_BYTES)
    with _refusing():
        parser.close()
    for _, element in parser.read_events():
        rows.take(element)
    yield rows.batch()


class _Rows:
    """Elements that have ended → rows."""

    def __init__(self, feed: Feed, layout: Xml, namespace: str | None) -> None:
        self.feed, self.layout = feed, layout
        self.inner = layout.path[layout.path.index(layout.row) + 1 :]
        self.strange: list[Fault] = []
        places = layout.values
        self.values = None if places is None else [_finder(places.get(f, []), namespace) for f in feed.fields]
        self.kept = _kept_beside_rows(layout)
        self.entry = Entry(feed, layout, namespace) if layout.adds_up else None
        self.count = 0
        self.has_inner = False
        self._start()

    def _start(self) -> None:
        self.lines: list[int] = []
        self.rows: list[list[str]] = []
        self.rejects: list[Reject] = []

    def batch(self) -> Batch:
        """What was read since the last batch.

        Raises:
            FileRefused: no row so far has the agreed children.
        """
        if self.strange and self.count == len(self.rejects):
            raise FileRefused(*self.strange)
        columns = [list(column) for column in zip(*self.rows)] or [[] for _ in self.feed.fields]
        batch = Batch(self.lines, dict(zip(self.feed.fields, columns)), self.rejects)
        self._start()
        return batch

    def take(self, element: Any) -> None:
        """A row, what holds rows, or what rows share; then forget it."""
        name = _name(element)
        if name in self.inner:
            if any(_name(one) == self.layout.row for one in element.iterancestors()):
                self.has_inner = True
                self._row(element)
        elif name == self.layout.row:
            if not self.has_inner:
                self._row(element)
            elif self.entry:
                self._keep(*self.entry.settled(element))
            self.has_inner = False
        self._forget(element)

    def _row(self, element: Any) -> None:
        self.count += 1
        values = self._children(element) if self.values is None else self._found(element)
        if values is None:
            names = [_name(child) for child in element]
            self.rejects.append(Reject(self.count, "wrong_columns", None, shape(",".join(names)[:400])))
            if self.count == 1:
                self.strange = strange(names, self.feed.fields, 1)
        elif max(map(len, values), default=0) > self.feed.longest_value:
            self.rejects.append(Reject(self.count, "value_too_long", None, shape(max(values, key=len))))
        elif self.entry and self.has_inner:
            self.entry.add(self.count, values, self._around(element))
        else:
            self._keep([(self.count, values)], [])

    def _keep(self, rows: list[tuple[int, list[str]]], rejects: list[Reject]) -> None:
        self.lines += [line for line, _ in rows]
        self.rows += [values for _, values in rows]
        self.rejects += rejects

    def _children(self, element: Any) -> list[str] | None:
        """The text of one child for each field; None when there are others, or a child has children."""
        found = {_name(child): _text(child) for child in element if not len(child)}
        if len(found) != len(element) or found.keys() != set(self.feed.fields):
            return None
        return [found[field] for field in self.feed.fields]

    def _found(self, element: Any) -> list[str]:
        around = self._around(element)
        assert self.values is not None
        return [find(around) for find in self.values]

    def _around(self, element: Any) -> dict[str, Any]:
        """The element and those around it, by name."""
        return {_name(one): one for one in (*element.iterancestors(), element)}

    def _forget(self, element: Any) -> None:
        """Empty an element that has ended, and drop what stands before it, or before what it stands in.

        Of what rows share the first of each name stays: it alone is looked up.
        """
        element.clear(keep_tail=False)
        parent = element.getparent()
        while parent is not None:
            seen: set[str] = set()
            for before in parent[: parent.index(element)]:
                name = _name(before)
                if name not in self.kept or name in seen:
                    parent.remove(before)
                seen.add(name)
            element, parent = parent, parent.getparent()


class Entry:
    """The rows inside of one row element, held until it ends and says what they add up to."""

    def __init__(self, feed: Feed, layout: Xml, namespace: str | None) -> None:
        assert layout.adds_up is not None
        self.row, self.fields = layout.row, layout.adds_up.fields
        self.places = [feed.fields.index(field) for field in self.fields]
        self.own, self.whole = (
            [_finder(layout.places(field, is_inner=is_inner), namespace) for field in self.fields]
            for is_inner in (True, False)
        )
        # Without a currency, or a direction, all have the same.
        told = (layout.adds_up.currency, layout.adds_up.direction)
        self.named = [self.fields.index(name) if name else None for name in told]
        self.inside: list[tuple[int, list[str], list[str]]] = []

    def add(self, line: int, values: list[str], around: dict[str, Any]) -> None:
        """A row inside.

        Raises:
            FileRefused: there are too many.
        """
        self.inside.append((line, values, [find(around) for find in self.own]))
        if len(self.inside) > MOST_INSIDE:
            raise FileRefused(fault("line_too_long"))

    def settled(self, element: Any) -> tuple[list[tuple[int, list[str]]], list[Reject]]:
        """The rows inside when they add up to what the element says, or what is rejected of it."""
        inside, self.inside = self.inside, []
        said = [find({self.row: element}) for find in self.whole]
        rows = [(line, values) for line, values, _ in inside]
        owns = [own for *_, own in inside]
        is_foreign = any(self._of(own, said, 0) for own in owns)
        if len(inside) == 1 and (is_foreign or not owns[0][0]):
            for at in (0, self.named[0]):
                if at is not None:
                    rows[0][1][self.places[at]] = said[at]
            return rows, []
        if is_foreign and all(own[0] for own in owns):
            return rows, []
        together = self._sum(owns, said)
        if together is not None and together == self._sum([said], said):
            return rows, []
        return [], [Reject(line, "unbalanced_entry", None, shape(said[0])) for line, _ in rows]

    def _of(self, own: list[str], said: list[str], which: int) -> bool:
        """Whether a row inside says another currency (0) or direction (1) than the element."""
        at = self.named[which]
        return at is not None and own[at] not in ("", said[at])

    def _sum(self, owns: Sequence[list[str]], said: list[str]) -> int | None:
        """What amounts add up to, in millionths; None where one is none."""
        try:
            return sum(to_micro(own[0], "") * (-1 if self._of(own, said, 1) else 1) for own in owns)
        except BadValue:
            return None


def _kept_beside_rows(layout: Xml) -> set[str]:
    """Names of the elements beside rows that hold values which rows share."""
    places = [place.split("/") for places in (layout.values or {}).values() for place in places]
    return {steps[1].split("@")[0] for steps in places if len(steps) > 1}


def _finder(places: list[str], namespace: str | None) -> Callable[[dict[str, Any]], str]:
    """How the text of a field is found from the elements around a row: the first place that has any."""
    prefix, known = ("n:", {"n": namespace}) if namespace else ("", {})
    ways = []
    for place in places:
        path, _, attribute = place.partition("@")
        start, *steps = path.split("/")
        inner = "/".join(f"{prefix}{step}" for step in steps)
        # Compiled: the parser's own look-up by path takes several times as long.
        ways.append((start, etree.XPath(inner, namespaces=known) if steps else None, attribute))

    def find(around: dict[str, Any]) -> str:
        for start, inner, attribute in ways:
            element = around.get(start)
            if element is None:
                continue
            for one in inner(element)[:1] if inner is not None else (element,):
                found = one.get(attribute, "") if attribute else _text(one)
                if found:
                    return found
        return ""

    return find


def _name(element: Any) -> str:
    """The local name; there are no comments or instructions, whose tag is no text."""
    tag: str = element.tag
    return tag.rpartition("}")[2]


def _text(element: Any) -> str:
    return (element.text or "").strip()
