"""tools/java.sh: Java is found; where there is none it is installed, if that may be."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from jobs.errors import SetupError
from jobs.lake import jars

ROOT = Path(__file__).parents[3]

READY = """#!/bin/sh
[ "$*" = "-m jobs.lake.jars" ] && [ -e java ] && echo /opt/java-21 && exit
echo "no Java" >&2; exit %s
"""
APT = """#!/bin/sh
echo "apt $*" >&2
case "$*" in *openjdk-21*) touch java ;; *openjdk-17*) exit 100 ;; esac
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A checkout whose environment finds Java once apt has put 21 there, and a machine that we administer."""
    for name, text in (("tools/id", "#!/bin/sh\necho 0\n"), ("tools/apt-get", APT), (".venv/bin/python", READY % 3)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    shutil.copy(ROOT / "tools/java.sh", tmp_path / "tools")
    return tmp_path


def java(house: Path) -> subprocess.CompletedProcess[str]:
    path = f"{house / 'tools'}:{os.environ['PATH']}"
    return subprocess.run(
        [house / "tools/java.sh"], env={"PATH": path}, capture_output=True, text=True, check=False, cwd=house.parent
    )


def test_what_is_there_is_not_installed(house: Path) -> None:
    (house / "java").touch()
    done = java(house)
    assert (done.returncode, done.stdout, done.stderr) == (0, "/opt/java-21\n", "")


def test_the_distributions_own_is_installed(house: Path) -> None:
    done = java(house)
    assert (done.returncode, done.stdout) == (0, "/opt/java-21\n")
    asked = [line.split()[-1] for line in done.stderr.splitlines() if line.startswith("apt")]
    assert asked == ["update", *(f"openjdk-{version}-jre-headless" for version in jars.JAVA_VERSIONS)]


def test_who_may_not_install_is_told(house: Path) -> None:
    (house / "tools/id").write_text("#!/bin/sh\necho 1000\n", encoding="utf-8")
    done = java(house)
    assert (done.returncode, done.stdout, done.stderr) == (jars.NO_JAVA, "", "no Java\n")


def test_jars_that_cannot_be_fetched_install_nothing(house: Path) -> None:
    (house / ".venv/bin/python").write_text(READY % 1, encoding="utf-8")
    done = java(house)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "no Java\n")


def test_what_lacks_is_told_apart(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(*_: object) -> Path:
        raise SetupError("it lacks")

    monkeypatch.setattr(jars, "delta_jars", fails)
    monkeypatch.setattr(jars, "java_home", lambda: Path("/opt/java-21"))
    assert jars.main() == 1
    monkeypatch.setattr(jars, "java_home", fails)
    assert jars.main() == jars.NO_JAVA
    assert capsys.readouterr() == ("", "it lacks\n" * 2)
