"""`tanzhang warm`: stay, and carry out other calls of the command faster than a new process would."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def warm(
    context: typer.Context,
    at: Annotated[Path, typer.Option("--socket", help="Where to be asked; its folder is for one's own eyes alone.")],
    seconds: Annotated[float, typer.Option(min=1, help="Without a call, after which it ends.")] = 120,
) -> None:
    """Stay, and carry out calls of this command that Airflow's tasks send: they need not start Python."""
    from tanzhang.warm import serve

    command = context.find_root().command
    serve(at, seconds, lambda arguments: command.main(arguments, prog_name="tanzhang"))
