"""A query as words and groups of words: SQLGlot's tokens, with what stands between them.

What an f-string puts in is a word like others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from sqlglot import TokenType, tokenize

EXPRESSION = re.compile(r"""\{\{|\}\}|\{(?:[^{}'"]|'[^']*'|"[^"]*"|\{[^{}]*\})*\}""")
"""What an f-string puts in."""
NAME_IN_BRACES = re.compile(r"\{\w*\}")
"""What `format` does."""
STAND_IN = re.compile(r"q_(\d+)_q")

T = TokenType
KEYWORDS = {T.SELECT, T.FROM, T.JOIN, T.WHERE, T.GROUP_BY, T.HAVING, T.ORDER_BY, T.PARTITION_BY, T.UNION, T.AND, T.OR}
"""Upper case wherever they stand; `then` or `end` may be a name."""
OPENS = {T.L_PAREN: T.R_PAREN, T.L_BRACKET: T.R_BRACKET, T.CASE: T.END}


@dataclass
class Word:
    """A token, with the comments on the lines above it and the one that ends its line."""

    kind: TokenType | None
    text: str
    is_glued: bool
    above: list[str] = field(default_factory=list)
    comment: str = ""


@dataclass
class Group:
    """Brackets or CASE … END, and what is in them."""

    opens: Word
    inside: list[Node]
    closes: Word

    @property
    def is_query(self) -> bool:
        return bool(self.inside) and kind(self.inside[0]) in (T.SELECT, T.WITH)


Node = Word | Group


@cache
def words_of(text: str, is_formatted: bool) -> tuple[Word, ...]:
    """The tokens of a query as it stands in the source.

    Raises:
        ValueError: it has what this cannot lay out.
    """
    expressions: list[str] = []

    def stand_in(found: re.Match[str]) -> str:
        expressions.append(found[0])
        return f"q_{len(expressions) - 1}_q"

    opaque = (EXPRESSION if is_formatted else NAME_IN_BRACES).sub(stand_in, text)
    words: list[Word] = []
    end = 0
    for token in tokenize(opaque, read="spark"):
        is_glued = token.start == end and not (words and words[-1].kind is T.COMMA)
        words.append(Word(token.token_type, opaque[token.start : token.end + 1], is_glued))
        comment_on(words, opaque[end : token.start])
        end = token.end + 1
    words.append(Word(None, "", False))
    comment_on(words, opaque[end:])
    for word in words:
        if word.kind in KEYWORDS:
            word.text = " ".join(word.text.upper().split())
        word.text, word.comment, *word.above = (
            STAND_IN.sub(lambda found: expressions[int(found[1])], part)
            for part in (word.text, word.comment, *word.above)
        )
    return tuple(words)


def said(text: str, is_formatted: bool) -> list[str]:
    """What a query says, whatever its white space: words and comments."""
    words = words_of(text, is_formatted)
    return [part for word in words for part in (*word.above, word.text, word.comment) if part]


def nesting(text: str, is_formatted: bool) -> int:
    """How many selects in brackets stand in each other; a common table expression counts from zero."""
    nodes, _ = tree_of(iter(words_of(text, is_formatted)))
    return depth(nodes)


def comment_on(words: list[Word], gap: str) -> None:
    """Give the comments between the last two words to the one or the other."""
    first, *lines = gap.split("\n")
    said = [line.strip() for line in (first, *lines)]
    if any(line and not line.startswith("--") for line in said):
        raise ValueError(f"neither a token nor a line's comment: {gap.strip()}")
    if len(words) > 1:
        words[-2].comment = said.pop(0)
    words[-1].above = [line for line in said if line]


def tree_of(words: Iterator[Word], until: TokenType | None = None) -> tuple[list[Node], Word]:
    """What comes up to a closing token, and that."""
    nodes: list[Node] = []
    for word in words:
        if word.kind is until:
            word.is_glued = word.is_glued or until in (T.R_PAREN, T.R_BRACKET)
            return nodes, word
        if word.kind is T.COMMA:
            word.is_glued = True
        if word.kind in OPENS:
            nodes.append(Group(word, *tree_of(words, OPENS[word.kind])))
        else:
            nodes.append(word)
    raise ValueError("brackets do not match")


def kind(node: Node) -> TokenType | None:
    return node.kind if isinstance(node, Word) else node.opens.kind


def all_words(nodes: Sequence[Node]) -> Iterator[Word]:
    for node in nodes:
        if isinstance(node, Word):
            yield node
        else:
            yield from (node.opens, *all_words(node.inside), node.closes)


def flat(nodes: Sequence[Node]) -> str | None:
    """On one line; None where a comment inside breaks it."""
    words = list(all_words(nodes))
    if any(word.comment for word in words[:-1]) or any(word.above for word in words[1:]):
        return None
    return joined(words)


def joined(words: Sequence[Word]) -> str:
    text = ""
    for word in words:
        if not word.text:
            continue
        is_first = not text or text[-1] in "([" or word.is_glued
        text += word.text if is_first else f" {word.text}"
    return text


def queries_in(nodes: Sequence[Node]) -> Iterator[Group]:
    """The selects in brackets."""
    for node in nodes:
        if isinstance(node, Group):
            yield from [node] if node.is_query else queries_in(node.inside)


def depth(nodes: Sequence[Node]) -> int:
    deepest = 0
    for place, node in enumerate(nodes):
        if isinstance(node, Group):
            own = depth(node.inside)
            if node.is_query and not is_body(nodes, place):
                own += 1
            deepest = max(deepest, own)
    return deepest


def is_body(nodes: Sequence[Node], place: int) -> bool:
    """Whether brackets hold a common table expression: `name AS (SELECT …)`."""
    node = nodes[place]
    return kind(nodes[0]) is T.WITH and kind(nodes[place - 1]) is T.ALIAS and isinstance(node, Group) and node.is_query
