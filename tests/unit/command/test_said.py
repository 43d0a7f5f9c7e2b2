"""What the command says is what it was told: no text is read as markup, and what one copies is neither wrapped nor cut."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timezone
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from typer.testing import CliRunner

from jobs import errors
from jobs.landing.control import Unfit
from jobs.landing.loose import Unclear
from jobs.landing.sniff import Unreadable
from jobs.settings import settings
from schemas.answers.contracts import NoContract
from schemas.base import ROOT as SHIPPED
from schemas.errors import Foreseen, RegistryError
from tanzhang import shell
from tanzhang.cli import app
from tanzhang.keys import tokens_of
from tanzhang.revisions import NoRevision
from tanzhang.screens import console
from tanzhang.screens import quarantine as screen
from tanzhang.shell import Verbs, say_json

ROOT = Path(__file__).parents[3]
NASTY = [
    "[/x]",
    "[red]",
    "[bold]not bold[/bold]",
    "'^[a-z][a-z0-9_]*$'",
    "[link=https://example.com]a[/link]",
    ":smile: and \\[escaped]",
    "/tmp/" + "a-long-folder/" * 20 + "quzhou.yaml: valid_from: Field required",
    "某人的碳账户" * 50,
    "x" * 300,
    "two\nlines, and  two  blanks",
]
LONG = "deep/" * 30
KEYS = {"TANZHANG_TOKEN_KEY": "ab" * 32, "TANZHANG_RECORD_KEY": "cd" * 32}


def group(verb: Callable[..., None]) -> typer.Typer:
    """A command with one verb beside another."""
    made = typer.Typer(cls=Verbs)
    made.command("verb")(verb)
    made.command("other")(lambda: None)
    return made


def screen_of(width: int) -> Console:
    """A terminal's console, of which the text alone is kept."""
    made = shell.console(width=width)
    made.file = io.StringIO()
    return made


def text_of(made: Console) -> str:
    file = made.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


# -- what a terminal would obey


OBEYED = ["\x1b[31mred", "\x9b31mred", "\x07", "\x1b]0;title\x07", "\u202egnp.exe", "\ufeff", "a\rb", "\x00"]


@pytest.mark.parametrize("text", OBEYED)
def test_nothing_that_is_printed_is_obeyed(text: str) -> None:
    """Source lines, names of files and arguments may hold anything; a table, a line and a document show it."""
    made = screen_of(80)
    table = Table("column")
    table.add_row(text)
    made.print(text)
    made.print(table)
    assert not set(text_of(made)) & set("\x1b\x9b\x07\u202e\ufeff\r\x00")


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("text", OBEYED)
def test_a_document_holds_the_text_and_obeys_nothing(
    capsys: pytest.CaptureFixture[str], text: str, indent: int | None
) -> None:
    say_json({"said": text}, indent=indent)
    said = capsys.readouterr().out
    assert json.loads(said) == {"said": text}
    assert not set(said) & set("\x1b\x9b\x07\u202e\ufeff\r\x00")


def verbs_of(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every verb of the command, as it is typed."""
    if not hasattr(command, "commands"):
        yield path
        return
    for name, one in command.commands.items():
        yield from verbs_of(one, (*path, name))


VERBS = list(verbs_of(typer.main.get_command(app)))


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_no_verb_obeys_or_stumbles_over_an_argument(tmp_path: Path, verb: tuple[str, ...]) -> None:
    assert len(VERBS) > 20
    environment = KEYS | {"TANZHANG_HOME": str(tmp_path)}
    for argument in ("[/bold]\x1b[31m", "--[/bold]\x1b[31m"):
        result = CliRunner().invoke(app, [*verb, argument], env=environment)
        assert result.exit_code and isinstance(result.exception, SystemExit), (argument, result.output)
        assert "\x1b[31m" not in result.output, argument


# -- errors


@pytest.mark.parametrize("columns", ["40", "200"])
@pytest.mark.parametrize("text", NASTY)
def test_an_error_is_said_to_the_letter(text: str, columns: str) -> None:
    def verb() -> None:
        raise RegistryError(text)

    result = CliRunner().invoke(group(verb), ["verb"], env={"COLUMNS": columns})
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"{text}\n")


@pytest.mark.parametrize("columns", ["40", "80", "200"])
@pytest.mark.parametrize("below", ["", LONG])
def test_a_file_can_be_copied_from_an_error(tmp_path: Path, columns: str, below: str) -> None:
    root = tmp_path / below / "root"
    shutil.copytree(SHIPPED, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    broken = root / "programmes/quzhou.yaml"
    broken.write_text("id: '[/x]'\n", encoding="utf-8")
    call = ["programmes", "list", "--registry", str(root)]
    result = CliRunner().invoke(app, call, env={"COLUMNS": columns})
    assert result.exit_code == 2
    said = result.stderr.splitlines()
    assert f"{broken}: id: String should match pattern '^[a-z][a-z0-9_]*$'" in said
    assert f"{broken}: valid_from: Field required" in said


@pytest.mark.parametrize("columns", ["40", "200"])
@pytest.mark.parametrize("named", ["[/x]", "[red]", "nowhere/" + LONG])
def test_an_argument_is_repeated_as_it_was_typed(named: str, columns: str) -> None:
    result = CliRunner().invoke(app, ["factors", "diff", named], env={"COLUMNS": columns})
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{named} is neither the folder of a registry nor a revision of one")
    result = CliRunner().invoke(app, ["programmes", "show", named], env={"COLUMNS": columns})
    assert result.exit_code == 5 and result.stderr.startswith(f"{named} is no programme; there are ant_forest, ")
    result = CliRunner().invoke(app, ["programmes", "list", "--registry", named], env={"COLUMNS": columns})
    assert result.exit_code == 2 and f"'{named}' does not exist" in result.stderr


def test_every_foreseen_failure_ends_with_its_code(tmp_path: Path) -> None:
    codes = {
        errors.SettingError: 2,
        errors.SetupError: 2,
        errors.RunError: 2,
        errors.FormatError: 2,
        errors.NoRanking: 2,
        RegistryError: 2,
        NoRevision: 2,
        errors.PublicationBlocked: 4,
        errors.NotAsPublished: 4,
        errors.StorageError: 1,
        errors.NotFound: 5,
        errors.Busy: 6,
        Unfit: 3,
        Unreadable: 2,
        Unclear: 2,
        NoContract: 5,
    }
    assert {one for one in Foreseen.__subclasses__() if one.__module__.startswith(("jobs", "schemas", "tanzhang"))} == (
        codes.keys()
    )
    for kind, code in codes.items():

        def verb(kind: type[Foreseen] = kind) -> None:
            raise kind(date(2026, 11, 1), []) if kind is errors.PublicationBlocked else kind("why [/x]")

        made = typer.Typer(cls=Verbs)
        made.command("verb")(lambda raised=verb: raised())
        made.command("other")(lambda: None)
        assert CliRunner().invoke(made, ["verb"]).exit_code == code, kind


def test_what_is_not_foreseen_stays_a_traceback() -> None:
    def verb() -> None:
        raise ValueError("a mistake of ours")

    result = CliRunner().invoke(group(verb), ["verb"])
    assert result.exit_code == 1 and isinstance(result.exception, ValueError)


# -- screens


@pytest.mark.parametrize("width", [40, 200])
@pytest.mark.parametrize("text", [text for text in NASTY if "\n" not in text])
def test_lines_cells_titles_and_progress_are_no_markup(text: str, width: int) -> None:
    made = screen_of(width)
    made.print(text, soft_wrap=True)
    assert text_of(made) == f"{text}\n"
    for table in (Table(title=text), Table(text), Table()):
        table.add_column("other")
        table.add_row(text, "") if not table.title else table.add_row("")
        made = screen_of(width)
        console.show(made, table)
        said = re.sub(r"[│┃\s]", "", text_of(made))
        assert re.sub(r"\s", "", text) in said
    made = shell.console(width=width)
    made.file = io.StringIO()
    with console.progress(made) as bar:
        bar.step(text, 2)
        bar.say(text)
    assert text_of(made) == f"{text}\n"


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_a_file_and_a_number_of_a_table_can_be_copied(width: int) -> None:
    path = f"alipay/2026-11-01/r0/{LONG}acts_20261101_1.jsonl.gz"
    made = screen_of(width)
    row = {"file": path, "line": 12_345, "column": "amount", "code": "not_a_number", "shape": "[9.9]" * 30}
    screen.rows(made, [row])
    assert path in text_of(made) and "12345" in text_of(made) and "…" not in text_of(made)
    assert "".join(re.findall(r"[\[9.\]]{2,}", text_of(made))).count("[9.9]") == 30


# -- JSON


@dataclass(frozen=True)
class Told:
    name: str
    on: date
    share: Fraction
    inner: list[Told]


class Model(BaseModel):
    at: datetime


def test_json_is_what_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    inner = Told("步行 [/x]", date(2026, 11, 1), Fraction(2, 6), [])
    at = datetime(2026, 11, 1, 20, tzinfo=timezone.utc)
    say_json({"told": Told("a", date(2026, 11, 2), Fraction(2), [inner]), "model": Model(at=at), "at": at, "no": None})
    said = capsys.readouterr().out
    assert said == (
        '{"told": {"name": "a", "on": "2026-11-02", "share": "2", "inner": [{"name": "\\u6b65\\u884c [/x]", '
        '"on": "2026-11-01", "share": "1/3", "inner": []}]}, "model": {"at": "2026-11-01T20:00:00+00:00"}, '
        '"at": "2026-11-01T20:00:00+00:00", "no": null}\n'
    )
    say_json([{"text": "步行"}], indent=2)
    assert capsys.readouterr().out == '[\n  {\n    "text": "步行"\n  }\n]\n'


# -- settings


@pytest.mark.parametrize(
    ("name", "value", "mend"),
    [
        ("TANZHANG_LOG", "xml", "say json or text"),
        ("TANZHANG_MEMORY", "8", "expected a size with its unit, such as 8GB"),
        ("TANZHANG_SPARK_MEMORY", "much", "expected a size such as 4g or 512m"),
        ("TANZHANG_SPARK_CONF", "[1", "expected a JSON object of Spark settings"),
        ("TANZHANG_SPARK_CONF", '["[/x]"]', "expected a JSON object of Spark settings"),
        ("TANZHANG_TOKEN_KEY_VERSION", "two", "expected a whole number from 1"),
        ("TANZHANG_TOKEN_ALGORITHM", "md5", "use one of sm3, sha256"),
    ],
)
def test_a_wrong_setting_is_named_with_its_rule(
    name: str, value: str, mend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(errors.SettingError, match=f"^{name} is ") as raised:
        settings()
    assert mend in str(raised.value) and "5a5a" not in str(raised.value)


def test_settings_are_read_when_asked_and_empty_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TANZHANG_MEMORY", "SPARK_REMOTE", "TANZHANG_SPARK_CONF", "TANZHANG_CACHE", "TANZHANG_LOG"):
        monkeypatch.setenv(name, "")
    before = settings()
    assert (before.memory, before.spark_remote, before.spark_conf, before.log) == (None, None, {}, None)
    assert before.cache == Path.home() / ".cache/tanzhang"
    monkeypatch.setenv("TANZHANG_MEMORY", "8.5 GiB")
    monkeypatch.setenv("TANZHANG_SPARK_CONF", '{"spark.ui.enabled": true, "spark.sql.shuffle.partitions": 2}')
    assert (before.memory, settings().memory) == (None, "8.5 GiB")
    assert settings().spark_conf == {"spark.ui.enabled": True, "spark.sql.shuffle.partitions": 2}


def test_a_key_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    said = settings()
    assert said.token_key and said.token_key.get_secret_value() == "ab" * 32
    for text in (repr(said), str(said), said.model_dump_json(), json.dumps(said.model_dump(), default=str)):
        assert "abab" not in text and "cdcd" not in text


def test_one_key_alone_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TANZHANG_RECORD_KEY")
    with pytest.raises(errors.SettingError, match="set both TANZHANG_TOKEN_KEY and TANZHANG_RECORD_KEY, or none"):
        tokens_of(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_wrong_setting_ends_the_command_before_it_begins() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tanzhang.cli", "late", "--date", "2026-11-01"],
        cwd=ROOT, env=os.environ | {"TANZHANG_LOG": "[/x]", "COLUMNS": "20"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (2, "TANZHANG_LOG is '[/x]': say json or text\n")
