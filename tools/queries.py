#!/usr/bin/env python3
"""Lay the project's queries out alike, or say where one is not.

    tools/queries.py [--fix] [FILE OR FOLDER …]

A query is a string of Python that begins with SELECT or WITH. White space and the case of keywords change, nothing else:
what it says, its comments and the expressions of an f-string stay. Fragments – conditions, lists of columns – are left alone.

A query that fits one line of 100 columns is one. Otherwise it stands in triple quotes by itself, every clause and every
join begins a line, and a select in brackets or a common table expression that fits no line is indented by 4. What is too
long for its line is filled up to 120 columns, AND and OR first in their lines, indented by 4 more.

Exit code 1 and `file:line: what` where a query is laid out otherwise, selects are nested three deep, or a frame is named
in braces.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.query_layout import laid_out
from tools.query_words import nesting, said

ROOT = Path(__file__).resolve().parents[1]
PLACES = ("expectations", "jobs", "tanzhang", "tests")

WHOLE = re.compile(r"\s*(SELECT\b|WITH\s+\w+\s+AS\s*\()")
LITERAL = re.compile(r'([a-zA-Z]*)("""|\'\'\'|"|\')(.*)\2', re.DOTALL)
"""Prefix, quotes and text of a string."""
QUOTED = re.compile("'[^']*'")
FRAME_IN_BRACES = {True: re.compile(r"\{\{"), False: re.compile(r"\b(FROM|JOIN)\s+\{")}
"""Is it an f-string → PySpark's placeholder of a frame, in a query without its own strings."""


@dataclass
class Literal:
    """A query as a string of a module: where it stands, and its source in three parts."""

    start: int
    line: int
    margin: int
    """Columns before the first thing on the line."""
    is_first: bool
    """On its line."""
    prefix: str
    quotes: str
    text: str

    @property
    def is_formatted(self) -> bool:
        return "f" in self.prefix.lower()

    @property
    def source(self) -> str:
        return f"{self.prefix}{self.quotes}{self.text}{self.quotes}"

    def written_anew(self) -> str:
        """The string as it should stand in the source.

        Raises:
            ValueError: it has what cannot be laid out.
        """
        if "\\\n" in self.text:
            raise ValueError("a line that a backslash joins to the next")
        lines = laid_out(self.text, self.margin if self.is_first else self.margin + 4, self.is_formatted)
        text, quotes = lines[0], self.quotes
        if len(lines) > 1:
            text = "\n".join(["", *lines, " " * self.margin])
            quotes = self.quotes if len(self.quotes) == 3 else '"""'
        elif len(self.quotes) == 3 and '"' not in text:
            quotes = '"'
        if said(text, self.is_formatted) != said(self.text, self.is_formatted):
            raise ValueError("it would say something else")
        return f"{self.prefix}{quotes}{text}{quotes}"

    def findings(self) -> Iterator[str]:
        """What is to be mended by hand."""
        if nesting(self.text, self.is_formatted) > 1:
            yield "selects nested three deep; name the inner ones: WITH name AS (SELECT …)"
        if FRAME_IN_BRACES[self.is_formatted].search(QUOTED.sub("''", self.text)):
            yield "a frame in braces; its plain name does: FROM claims AS c"


def literals(source: str) -> list[Literal]:
    """The queries of a module, the last one first: strings that begin as one and are not added to others."""
    if "SELECT" not in source:
        return []
    lines = source.split("\n")
    starts = [0, *accumulate(len(line) + 1 for line in lines)]

    def offset(line: int, column: int) -> int:
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    tree = ast.parse(source)
    parts = {id(part) for node in ast.walk(tree) for part in parts_of_text(node)}
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, (ast.JoinedStr, ast.Constant)) or id(node) in parts:
            continue
        start = offset(node.lineno, node.col_offset)
        literal = LITERAL.fullmatch(source[start : offset(node.end_lineno or 0, node.end_col_offset or 0)])
        if literal is None or not WHOLE.match(literal[3]) or literal[2] in literal[3].replace(f"\\{literal[2]}", ""):
            continue
        line = lines[node.lineno - 1]
        margin = len(line) - len(line.lstrip())
        is_first = start == starts[node.lineno - 1] + margin
        found.append(Literal(start, node.lineno, margin, is_first, *literal.groups()))
    return sorted(found, key=lambda one: -one.start)


def parts_of_text(node: ast.AST) -> Iterator[ast.AST]:
    """Strings that are no query by themselves: operands, docstrings, and whatever stands in an f-string."""
    if isinstance(node, ast.BinOp):
        yield from (node.left, node.right)
    elif isinstance(node, (ast.AugAssign, ast.Expr)):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield from (part for part in ast.walk(node) if part is not node)


def mended(source: str) -> str:
    """A module with its queries laid out, as far as they can be."""
    for literal in literals(source):
        with suppress(ValueError):
            end = literal.start + len(literal.source)
            source = source[: literal.start] + literal.written_anew() + source[end:]
    return source


def deviations(source: str) -> Iterator[tuple[int, str]]:
    """Line of a query and what is wrong with it."""
    for literal in reversed(literals(source)):
        try:
            if literal.written_anew() != literal.source:
                yield literal.line, "a query that is laid out otherwise; tools/queries.py --fix"
            for finding in literal.findings():
                yield literal.line, finding
        except ValueError as error:
            yield literal.line, f"a query that cannot be laid out: {error}"


def modules(paths: list[Path]) -> list[Path]:
    """The modules at or under some paths."""
    return sorted(module for path in paths for module in (path.rglob("*.py") if path.is_dir() else [path]))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Lay the project's queries out alike, or say where one is not.")
    parser.add_argument("--fix", action="store_true", help="lay them out")
    parser.add_argument("paths", nargs="*", type=Path, default=[ROOT / place for place in PLACES])
    asked = parser.parse_args(arguments)
    exit_code = 0
    for path in modules(asked.paths):
        source = path.read_text(encoding="utf-8")
        if asked.fix and (anew := mended(source)) != source:
            path.write_text(anew, encoding="utf-8")
            source = anew
        for line, what in deviations(source):
            exit_code = 1
            print(f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}:{line}: {what}")
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
