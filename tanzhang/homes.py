"""A home folder: how one is known, how one is made, and who is expected in it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.errors import NotFound, SettingError
from schemas.deliveries import EXPORTS
from schemas.deployment import FILE, written
from schemas.grades import GRADES
from tanzhang import keys

if TYPE_CHECKING:
    from schemas import Registry

LAKE = "lake"
MARKS = (FILE, EXPORTS, "landing", "landed", LAKE, keys.FILE)
"""Any of these makes a folder a home: also one of before there was deployment.yaml, and a restored lake alone."""
NOT_OURS = {"lost+found"}
"""What an empty volume holds."""


def lake_path(home: Path, lake: str) -> Path:
    """Where a home's tables are: in a folder of it, or in a bucket.

    Raises:
        SettingError: a URI of no folder in a bucket.
    """
    from jobs.bucket import SCHEME, BucketPath

    return BucketPath.of(lake) if lake.startswith(SCHEME) else home / lake


def is_home(folder: Path) -> bool:
    """Whether a folder is some deployment's home."""
    return any((folder / mark).exists() for mark in MARKS)


def hold(home: Path) -> None:
    """Go on with a home only: in a mistyped one everything would be empty, or begin anew.

    Raises:
        NotFound: the folder is none.
    """
    if not is_home(home):
        raise NotFound(
            f"{home} is no home of a deployment, as none of {', '.join(MARKS)} lies there: say another --home, or make "
            f"this one (tanzhang init --home {home})"
        )


def make(home: Path, registry: Registry) -> bool:
    """Make a folder a home that its owner alone may enter, with a draft of deployment.yaml; what stands there stays.

    Returns:
        Whether it was none before.

    Raises:
        SettingError: it holds something else.
    """
    from jobs.files import write_whole

    is_new = not is_home(home)
    if is_new:
        hold_empty(home)
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o700)
    if not (home / FILE).exists():
        write_whole(home / FILE, _draft(registry).encode())
    return is_new


def hold_empty(home: Path) -> None:
    """Make nothing among somebody's files.

    Raises:
        SettingError: the folder holds something.
    """
    if home.exists() and (not home.is_dir() or {path.name for path in home.iterdir()} - NOT_OURS):
        raise SettingError(f"{home} holds something already: say an empty folder, or one that is not there yet")


def _draft(registry: Registry) -> str:
    """A file that says nothing yet: every contract as a line to take."""
    lines = [
        "# Who is expected, and from when to when: docs/operations.md. While every line is a comment, an institution is",
        "# expected from the first business date of which something of it was used.",
        "#",
        "# institutions:",
        *(f"#   {source.id}: {{from: 2026-11-01}}  # {source.name}" for source in registry.sources.values()),
        "#   one_that_came_back: [{from: 2026-11-01, to: 2027-03-31}, {from: 2027-09-01}]",
        "# credits:  # figures of which grades, and from which act date on; all but foreign ones unless said",
        f"#   - {{from: 2026-12-01, grades: [{', '.join(GRADES)}]}}",
    ]
    return "\n".join([*lines, ""])


def expect_senders(home: Path, first_day: date) -> None:
    """Expect whoever has exports in a simulated home, from its first day on; what a deployment.yaml says already stands."""
    from jobs.files import write_whole
    from schemas import load_registry
    from schemas.deployment import load_deployment

    if load_deployment(home, load_registry().sources) is None:
        senders = (path.name for path in (home / EXPORTS).iterdir())
        write_whole(home / FILE, written(dict.fromkeys(senders, first_day)).encode())
