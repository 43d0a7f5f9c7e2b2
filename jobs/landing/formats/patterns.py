"""The patterns of contracts, on an engine whose time grows with the text alone, whatever is sent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import re2

from schemas.base import quiet


@cache
def compiled(pattern: str) -> Any:
    """A pattern with the methods of `re`: search, match, fullmatch, groups."""
    return re2.compile(pattern, quiet())


class Patterns:
    """Several patterns, held against a text at once."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._set = re2.Set.SearchSet(quiet()) if patterns else None
        if self._set:
            for pattern in patterns:
                self._set.Add(pattern)
            self._set.Compile()

    def found(self, text: str) -> list[int]:
        """The places of those that occur in a text, in order."""
        return sorted(self._set.Match(text) or ()) if self._set else []
