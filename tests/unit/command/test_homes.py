"""A home is made on purpose: a mistyped one is refused by every verb, and nothing is made of it."""

from __future__ import annotations

import stat
from datetime import date
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from jobs.landing.manifests import LANDED, LANDING
from schemas.deployment import FILE, load_deployment
from tanzhang.cli import GROUPS, VERBS, app
from tanzhang.homes import LAKE, MARKS, is_home
from tests.support.registries import shipped

MAKE_ONE = {"init", "simulate", "demo", "bench", "bench-land", "bench-points", "bench-history", "bench-peer"}
NEEDED = {
    "job": ["pull"], "explain": ["0" * 32], "statement": ["0" * 32], "show": ["alipay"], "export": ["alipay", "--to", "x"],
    "release": ["alipay", "acts", "--reason", "asked"],
}  # fmt: skip
DATED = {("job",), ("late",), ("statement",), ("quarantine", "release")}


def verbs() -> list[tuple[str, ...]]:
    """Every verb that has --home."""
    command = typer.main.get_command(app)
    found: list[tuple[str, ...]] = []
    for name in [*VERBS, *GROUPS]:
        one = command.commands[name]  # type: ignore[attr-defined]
        below = {(name, other): verb for other, verb in getattr(one, "commands", {}).items()} or {(name,): one}
        found += [path for path, verb in below.items() if any(param.name == "home" for param in verb.params)]
    return found


def ask(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, arguments)
    return done.exit_code, " ".join(done.output.split())


@pytest.mark.parametrize("verb", [one for one in verbs() if one[0] not in MAKE_ONE and one != ("spark", "cluster")])
def test_what_is_no_home_is_refused_with_its_path_and_the_mend(tmp_path: Path, verb: tuple[str, ...]) -> None:
    home = tmp_path / "hmoe"
    arguments = [*verb, *(NEEDED.get(verb[-1], []) if verb != ("factors", "release") else [])]
    code, said = ask(*arguments, *(["--date", "2026-11-01"] if verb in DATED else []), "--home", str(home))
    assert code == 5, said
    assert f"{home} is no home of a deployment" in said and f"tanzhang init --home {home}" in said
    assert list(tmp_path.iterdir()) == []


def test_also_one_that_the_environment_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TANZHANG_HOME", str(tmp_path / "hmoe"))
    assert ask("late", "--date", "2026-11-01")[0] == 5
    assert "--home" in ask("late", "--help")[1]


@pytest.mark.parametrize("mark", MARKS)
def test_a_home_of_before_is_one(tmp_path: Path, mark: str) -> None:
    """Whatever of it is there: a lake that was put back alone, deliveries that somebody laid out."""
    assert not is_home(tmp_path)
    (tmp_path / mark).mkdir()
    assert is_home(tmp_path) and {LANDING, LANDED, LAKE} < {*MARKS}


def test_init_makes_one_that_a_run_and_a_simulation_go_on_with(tmp_path: Path) -> None:
    home = tmp_path / "a" / "home"
    code, said = ask("init", "--home", str(home))
    assert code == 0 and f"{home} is a home now" in said and str(home / FILE) in said
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert [path.name for path in home.iterdir()] == [FILE]
    assert load_deployment(home, shipped().sources) is None, "a draft says nothing yet"
    assert ask("late", "--date", "2026-11-01", "--home", str(home))[0] == 0
    assert ask("simulate", "--people", "20", "--days", "1", "--home", str(home))[0] == 0
    found = load_deployment(home, shipped().sources)
    assert found and found.institutions.keys() <= shipped().sources.keys()
    assert found.expects("icbc", date(2026, 11, 1)) and not found.expects("icbc", date(2026, 10, 31))


def test_the_draft_is_a_file_once_its_lines_are_taken(tmp_path: Path) -> None:
    ask("init", "--home", str(tmp_path))
    lines = (tmp_path / FILE).read_text(encoding="utf-8").splitlines()
    taken = [line.removeprefix("# ") for line in lines[3:] if "one_that_came_back" not in line]
    (tmp_path / FILE).write_text("\n".join(taken), encoding="utf-8")
    found = load_deployment(tmp_path, shipped().sources)
    assert found and found.institutions.keys() == shipped().sources.keys()
    assert [line.first for line in found.credits] == [date(2026, 12, 1)]


def test_init_again_changes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ask("init", "--home", str(home))
    (home / FILE).write_text("institutions: {}\n", encoding="utf-8")
    home.chmod(0o750)
    code, said = ask("init", "--home", str(home))
    assert (code, "is a home already" in said) == (0, True)
    assert (home / FILE).read_text(encoding="utf-8") == "institutions: {}\n"
    assert stat.S_IMODE(home.stat().st_mode) == 0o750


@pytest.mark.parametrize("verb", ["init", "demo"])
def test_nothing_is_made_among_somebodys_files(tmp_path: Path, verb: str) -> None:
    """The demonstration makes its world anew, and would take them away."""
    (tmp_path / "thesis.txt").write_text("years", encoding="utf-8")
    code, said = ask(verb, "--home", str(tmp_path))
    assert code == 2 and f"{tmp_path} holds something already" in said
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "years"


def test_the_demonstration_takes_no_real_deployment_away(tmp_path: Path) -> None:
    (tmp_path / LANDED).mkdir()
    assert ask("demo", "--home", str(tmp_path))[0] == 2 and (tmp_path / LANDED).is_dir()
