"""The one layout of a query: its tokens and comments as they are, white space and the case of keywords made alike.

SQLGlot cuts Spark SQL into tokens; its own printer is not used, for it writes functions and comments anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from sqlglot import TokenType

from tools.query_words import Group, Node, Word, all_words, flat, is_body, joined, kind, queries_in, tree_of, words_of

ONE_LINE = 100
"""Columns of a line that holds a whole select."""
FULL = 120
PLAIN = 40
"""Columns of what shares a line with others in a list that is too long for one."""

T = TokenType
SETS = {T.UNION, T.EXCEPT, T.INTERSECT}
CLAUSES = SETS | {T.SELECT, T.FROM, T.WHERE, T.GROUP_BY, T.HAVING, T.ORDER_BY, T.LIMIT, T.PARTITION_BY, T.WINDOW}
HOW_JOINED = {T.LEFT, T.RIGHT, T.FULL, T.INNER, T.OUTER, T.CROSS, T.SEMI, T.ANTI}
OPERATORS = ({T.ON}, {T.THEN}, {T.OR}, {T.AND}, {T.PLUS, T.DASH, T.DPIPE})
"""What begins a line where its chunk is too long: what binds least, first."""


def split(nodes: Sequence[Node]) -> list[list[Node]]:
    """Chunks that may begin lines: after commas, else before the operators that bind least."""
    if len(nodes) < 2:
        return [list(nodes)]
    if ends := [place + 1 for place, node in enumerate(nodes[:-1]) if kind(node) is T.COMMA]:
        return cut(nodes, ends)
    for operators in OPERATORS:
        starts = [place for place in range(1, len(nodes)) if is_operator(nodes, place, operators)]
        if starts and T.ON in operators:
            before, *conditions = cut(nodes, starts)
            return [before, *(chunk for condition in conditions for chunk in split(condition))]
        if starts:
            return cut(nodes, starts)
    return [list(nodes)]


def cut(nodes: Sequence[Node], places: Sequence[int]) -> list[list[Node]]:
    bounds = [0, *places, len(nodes)]
    return [list(nodes[start:end]) for start, end in pairwise(bounds) if start < end]


def is_operator(nodes: Sequence[Node], place: int, operators: set[TokenType]) -> bool:
    """Whether one of the operators stands between two operands: no sign, and not the AND of BETWEEN."""
    found = kind(nodes[place])
    if found not in operators:
        return False
    if found is T.AND:
        before = [kind(node) for node in nodes[:place] if kind(node) in (T.AND, T.BETWEEN)]
        return not before or before[-1] is T.AND
    return found is not T.DASH or (place + 1 < len(nodes) and not next(all_words(nodes[place + 1 :])).is_glued)


def clauses(nodes: Sequence[Node]) -> list[list[Node]]:
    """The clauses and joins of a select, in their order."""
    starts = []
    for place, node in enumerate(nodes):
        is_comparison = kind(node) is T.FROM and kind(nodes[place - 1]) is T.DISTINCT and place > 1
        is_first_word = place == 0 or kind(nodes[place - 1]) not in HOW_JOINED | {T.NATURAL}
        if (kind(node) in CLAUSES and not is_comparison) or (is_first_word and is_join(nodes, place)):
            starts.append(place)
    return cut(nodes, starts)


def is_join(nodes: Sequence[Node], place: int) -> bool:
    """Whether JOIN, or how it joins, stands here; LEFT may also be a function."""
    while place < len(nodes) and kind(nodes[place]) in HOW_JOINED:
        place += 1
    return place < len(nodes) and kind(nodes[place]) is T.JOIN


class Page:
    """Lines as they fill."""

    def __init__(self, indent: int) -> None:
        self.lines: list[str] = []
        self.words: list[Word] = []
        self.indent = indent

    def turn(self, indent: int) -> None:
        """Go to the next line, unless nothing stands on this one yet."""
        if self.words:
            comment = self.words[-1].comment
            self.lines.append(" " * self.indent + joined(self.words) + f"  {comment}" * bool(comment))
            self.words = []
        self.indent = indent

    def fits(self, nodes: Sequence[Node]) -> bool:
        """Whether all of it can stand on what is left of this line."""
        if flat(nodes) is None or (self.words and (self.words[-1].comment or next(all_words(nodes)).above)):
            return False
        if any(self.indent + len(flat([query]) or "") > ONE_LINE for query in queries_in(nodes)):
            return False
        return self.indent + len(joined([*self.words, *all_words(nodes)])) <= FULL

    def write(self, nodes: Sequence[Node]) -> None:
        """Write words, on one line as far as comments let it."""
        for word in all_words(nodes):
            if word.above or (self.words and self.words[-1].comment):
                self.turn(self.indent)
                self.lines += [" " * self.indent + comment for comment in word.above]
            if word.text:
                self.words.append(word)

    def query(self, nodes: Sequence[Node], indent: int) -> None:
        """A query that does not fit one line."""
        self.turn(indent)
        rest = self.common(nodes, indent) if kind(nodes[0]) is T.WITH else list(nodes)
        branches = cut(rest, [place for place, node in enumerate(rest) if kind(node) in SETS])
        heads = [0, *(2 if kind(one[1]) in (T.ALL, T.DISTINCT) else 1 for one in branches[1:])]
        are_short = all(self.is_line(one, indent) for one in branches[1:])
        for head, branch in zip(heads, branches):
            self.turn(indent)
            self.write(branch[:head])
            if not are_short:
                self.turn(indent)
            if self.is_line(branch if are_short else branch[head:], indent):
                self.write(branch[head:])
                continue
            for clause in clauses(branch[head:]):
                self.turn(indent)
                self.fill(split(clause), indent + 4, kind(clause[0]) is T.SELECT)
        self.turn(indent)

    def is_line(self, nodes: Sequence[Node], indent: int) -> bool:
        text = flat(nodes)
        return text is not None and indent + len(text) <= ONE_LINE

    def common(self, nodes: Sequence[Node], indent: int) -> list[Node]:
        """Common table expressions, each from its own line; the rest of the query."""
        end = 1 + max(place for place in range(len(nodes)) if is_body(nodes, place))
        for one in split(nodes[:end]):
            self.turn(indent)
            if self.fits(one):
                self.write(one)
            else:
                self.explode(one)
        self.turn(indent)
        return list(nodes[end:])

    def fill(self, chunks: list[list[Node]], indent: int, is_select: bool = False) -> None:
        """Chunks one after the other; what fits no line is broken by itself."""
        is_long = len(chunks) > 1 and not self.fits([node for chunk in chunks for node in chunk])
        if is_long and kind(chunks[1][0]) is T.ON:
            self.joined_to(chunks.pop(0), [node for chunk in chunks for node in chunk], indent)
        was_alone = False
        for chunk in chunks:
            is_alone = is_select and is_long and not is_plain(chunk)
            if self.words and (is_alone or was_alone or not self.fits(chunk)) and chunk is not chunks[0]:
                self.turn(indent)
            is_broken = not self.fits(chunk)
            if is_broken:
                self.explode(chunk)
            else:
                self.write(chunk)
            was_alone = is_alone or is_broken

    def joined_to(self, table: list[Node], conditions: list[Node], indent: int) -> None:
        """What is joined; its ON goes to the next line, but for that of a select in brackets."""
        if is_line := self.fits(table):
            self.write(table)
        else:
            self.explode(table)
        if is_line or not self.fits(conditions):
            self.turn(indent)

    def explode(self, chunk: Sequence[Node]) -> None:
        """A chunk that no line holds: by its operators, else by its widest brackets."""
        parts, base = split(chunk), self.indent
        if len(parts) > 1:
            return self.fill(parts, base + 4)
        before, group, after = core(chunk)
        if group is None:
            return self.write(before)
        self.write([*before, group.opens])
        if group.is_query:
            self.query(group.inside, base + 4)
        for part in parts_of(group):
            if group.opens.kind is not T.CASE or kind(part[0]) in (T.WHEN, T.ELSE):
                self.turn(base + 4)
            self.fill(split(part), base + 4 if part is group.inside else base + 8)
        self.turn(base)
        self.write([group.closes])
        return self.write(after) if not after or self.fits(after) else self.explode(after)


def core(chunk: Sequence[Node]) -> tuple[list[Node], Group | None, list[Node]]:
    """The brackets to break: the widest, or in `CAST(sum(CASE … END) AS bigint)` the innermost; and what is around them."""
    before, group, after = list(chunk), None, list[Node]()
    inside: Sequence[Node] = chunk
    while groups := [node for node in inside if isinstance(node, Group) and node.inside]:
        widest = max(groups, key=lambda one: len(joined(list(all_words([one])))))
        place = next(number for number, node in enumerate(inside) if node is widest)
        if group is None:
            before = []
        else:
            before.append(group.opens)
            after.insert(0, group.closes)
        before += inside[:place]
        after = [*inside[place + 1 :], *after]
        group, inside = widest, widest.inside
        if len(split(inside)) > 1 or len(parts_of(group)) != 1 or kind(inside[0]) in CLAUSES:
            break
    return before, group, after


def is_plain(chunk: Sequence[Node]) -> bool:
    """Whether an element of a list may share its line where the list takes several."""
    text = flat(chunk)
    return text is not None and len(text) <= PLAIN and not any(kind(node) is T.CASE for node in chunk)


def parts_of(group: Group) -> list[list[Node]]:
    """What begins a line in brackets that no line holds: WHEN and ELSE, or a window's clauses; nothing of a select."""
    if group.is_query:
        return []
    if group.opens.kind is T.CASE:
        return cut(group.inside, [place for place, node in enumerate(group.inside) if kind(node) in (T.WHEN, T.ELSE)])
    return clauses(group.inside) if kind(group.inside[0]) in CLAUSES else [group.inside]


def laid_out(text: str, indent: int, is_formatted: bool = False) -> list[str]:
    """A query's lines, indented; a single one is not.

    Raises:
        ValueError: it has what this cannot lay out.
    """
    nodes, end = tree_of(iter(words_of(text, is_formatted)))
    line = flat([*nodes, end])
    if line is not None and indent + len(line) <= ONE_LINE:
        return [line]
    page = Page(indent)
    page.query(nodes, indent)
    page.write([end])
    return page.lines if len(page.lines) > 1 else [page.lines[0].lstrip()]
