"""Queries name their frames as tables – `FROM claims AS c` –, on either engine; here those names are found.

What stands for a frame is the engine's: a table of its database, a query in brackets, a view. A name is a frame's where
it follows FROM or JOIN, and nowhere else: columns and aliases may be called the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache
from itertools import pairwise

from sqlglot import TokenType, tokenize
from sqlglot.tokenizer_core import Token

_OPENS = {TokenType.FROM, TokenType.JOIN}


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
    for before, token in pairwise(tokens):
        if before.token_type in _OPENS and token.text in names:
            parts += [query[end : token.start], token.text]
            end = token.end + 1
    return [*parts, query[end:]]


def _is_cte(tokens: list[Token], place: int) -> bool:
    """Whether a token is the name in `WITH name AS (` or `, name AS (`."""
    around = tokens[place - 1 : place + 3] if place else []
    return (
        len(around) == 4
        and around[0].token_type in (TokenType.WITH, TokenType.COMMA)
        and around[2].token_type is TokenType.ALIAS
        and around[3].token_type is TokenType.L_PAREN
    )
