"""Queries are laid out alike, and the tool that does it changes nothing of what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from sqlglot import tokenize

from tools import queries
from tools.queries import deviations, literals, mended, modules
from tools.query_layout import laid_out
from tools.query_words import said

ROOT = Path(__file__).parents[3]
GOLDEN = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
ALL = [
    query
    for path in modules([ROOT / place for place in queries.PLACES])
    for query in literals(path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("case", GOLDEN)
def test_a_module_before_and_after(case: str) -> None:
    assert mended(GOLDEN[case]["before"]) == GOLDEN[case]["after"]
    assert mended(GOLDEN[case]["after"]) == GOLDEN[case]["after"]


def test_every_query_of_the_project_says_the_same_laid_out() -> None:
    assert len(ALL) > 200
    for query in ALL:
        anew = "\n".join(laid_out(query.text, 12, query.is_formatted))
        assert said(anew, query.is_formatted) == said(query.text, query.is_formatted)
        assert words(anew) == words(query.text)
        assert "\n".join(laid_out(anew, 12, query.is_formatted)) == anew


def test_the_layout_does_not_hang_on_how_a_query_was_written() -> None:
    for query in (one for one in ALL if "--" not in one.text):
        on_one_line = " ".join(query.text.split())
        assert laid_out(on_one_line, 8, query.is_formatted) == laid_out(query.text, 8, query.is_formatted)


def words(text: str) -> list[str]:
    """The tokens, once all expressions are out of it."""
    plain = re.sub(r"\{[^{}]*(\{[^{}]*\}[^{}]*)*\}", "x", text)
    return [token.text.upper() for token in tokenize(plain, read="spark")]


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ('q = "SELECT  x FROM a"', "laid out otherwise"),
        ('q = "SELECT x FROM (SELECT x FROM (SELECT x FROM a) AS b) AS c"', "nested three deep"),
        ('q = "WITH a AS (SELECT 1 FROM b JOIN (SELECT 2 FROM (SELECT 3 FROM c))) SELECT 1 FROM a"', "three deep"),
        ('q = "SELECT x FROM a JOIN {b} AS b ON a.x = b.x"', "in braces"),
        ('q = f"SELECT x FROM {{a}} WHERE {c}"', "in braces"),
        ('q = "SELECT x FROM (a"', "cannot be laid out"),
        ('q = "SELECT x /* why */ FROM a"', "cannot be laid out"),
        ('q = """SELECT x \\\n FROM a"""', "cannot be laid out"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(source: str, what: str) -> None:
    [(line, said_of_it)] = deviations(f"\n\n{source}\n")
    assert line == 3 and what in said_of_it


@pytest.mark.parametrize(
    "source",
    [
        'q = "WITH a AS (SELECT x FROM (SELECT x FROM b) AS c) SELECT x FROM (SELECT x FROM a) AS d"',
        "q = f\"SELECT x FROM a WHERE x RLIKE '^[0-9]{{4}}$' AND {y}\"",
        "q = \"SELECT x FROM a WHERE x RLIKE '^[0-9]{4}$'\"",
        'q = f"SELECT x FROM ({inner}) AS a"',
    ],
)
def test_what_is_right_is_not_reported(source: str) -> None:
    assert list(deviations(source)) == []


def test_the_command_mends_what_it_can_and_says_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module = tmp_path / "one.py"
    module.write_text('a = "SELECT  1"\nb = "SELECT x FROM (SELECT x FROM (SELECT  x FROM a) AS b) AS c"\n')
    otherwise, nested = "a query that is laid out otherwise", "selects nested three deep"

    def told(*arguments: str) -> tuple[int, list[str]]:
        code = queries.main([*arguments, str(tmp_path)])
        lines = capsys.readouterr().out.splitlines()
        return code, [line.removeprefix(f"{tmp_path}/").partition(";")[0] for line in lines]

    assert told() == (1, [f"one.py:1: {otherwise}", f"one.py:2: {otherwise}", f"one.py:2: {nested}"])
    assert told("--fix") == (1, [f"one.py:2: {nested}"])
    module.write_text('a = "SELECT  1"\n')
    assert told("--fix") == (0, []) and told() == (0, [])
    assert module.read_text() == 'a = "SELECT 1"\n'
