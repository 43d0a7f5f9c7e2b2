"""A home folder: who is expected in it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from schemas.deliveries import EXPORTS
from schemas.deployment import FILE, written


def expect_senders(home: Path, first_day: date) -> None:
    """Expect whoever has exports in a simulated home, from its first day on; what a deployment.yaml says already stands."""
    from jobs.files import write_whole
    from schemas import load_registry
    from schemas.deployment import load_deployment

    if load_deployment(home, load_registry().sources) is None:
        senders = (path.name for path in (home / EXPORTS).iterdir())
        write_whole(home / FILE, written(dict.fromkeys(senders, first_day)).encode())
