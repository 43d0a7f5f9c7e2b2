"""Queries name their frames as tables – `FROM claims AS c` –, on either engine; here those names are found.

What stands for a frame is the engine's: a table of its database, a query in brackets, a view. A name is a frame's where
a table is named, after FROM, JOIN or a comma there, and nowhere else: columns and aliases may be called the same. Its
columns are told apart by an alias, for what stands for it has another name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import cache

from sqlglot import TokenType, tokenize
from sqlglot.tokenizer_core import Token

_CLAUSES = {
    TokenType.SELECT, TokenType.WHERE, TokenType.GROUP_BY, TokenType.HAVING, TokenType.ORDER_BY, TokenType.LIMIT,
    TokenType.UNION, TokenType.EXCEPT, TokenType.INTERSECT,
}  # fmt: skip
"""What ends the tables of a select."""


def placed(query: str, frames: Collection[str], stands_for: Callable[[str], str]) -> str:
    """The query with what stands for each frame in place of its name.

    Raises:
        ValueError: a frame is called like a common table expression of the query.
    """
    parts = _parts(query, frozenset(frames))
    return "".join(stands_for(part) if number % 2 else part for number, part in enumerate(parts))


@cache
def _parts(query: str, names: frozenset[str]) -> list[str]:
    """Text and names of frames in turn; the text comes first and last."""
    tokens = tokenize(query, read="spark")
    own = {tokens[place].text for place in range(len(tokens)) if _is_cte(tokens, place)}
    if own & names:
        raise ValueError(f"{', '.join(sorted(own & names))}: both a frame and a common table expression of\n{query}")
    parts, end = [], 0
    for token in _tables(tokens):
        if token.text in names:
            parts += [query[end : token.start], token.text]
            end = token.end + 1
    return [*parts, query[end:]]


def _tables(tokens: list[Token]) -> Iterator[Token]:
    """What stands where a table is named; FROM is also a comparison's word, and a function's."""
    clauses: list[TokenType | None] = [None]
    """What one stands in, by depth of brackets."""
    before, is_next = None, False
    for token in tokens:
        if is_next:
            yield token
        kind, is_next = token.token_type, False
        if kind is TokenType.L_PAREN:
            clauses.append(None)
        elif kind is TokenType.R_PAREN:
            clauses = clauses[:-1] or [None]
        elif kind in _CLAUSES:
            clauses[-1] = kind
        elif kind is TokenType.FROM and clauses[-1] is TokenType.SELECT and before is not TokenType.DISTINCT:
            clauses[-1], is_next = kind, True
        elif kind in (TokenType.JOIN, TokenType.COMMA):
            is_next = clauses[-1] is TokenType.FROM
        before = kind


def _is_cte(tokens: list[Token], place: int) -> bool:
    """Whether a token is the name in `WITH name AS (` or `, name AS (`."""
    around = tokens[place - 1 : place + 3] if place else []
    return (
        len(around) == 4
        and around[0].token_type in (TokenType.WITH, TokenType.COMMA)
        and around[2].token_type is TokenType.ALIAS
        and around[3].token_type is TokenType.L_PAREN
    )
