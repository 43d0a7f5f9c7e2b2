"""Where the jobs' lines go: nowhere, unless the environment says so.

`TANZHANG_LOG=json` gives one JSON object a line, `TANZHANG_LOG=text` lines for people; on standard error, or at the end
of the file that `TANZHANG_LOG_FILE` names.
"""

from __future__ import annotations

import logging
import os
import sys

import structlog
from structlog.typing import Processor

from jobs.logs import NAME
from tanzhang.shell import USAGE, err

RENDERERS: dict[str, Processor] = {
    "json": structlog.processors.JSONRenderer(ensure_ascii=False),
    "text": structlog.dev.ConsoleRenderer(colors=False),
}


def listen() -> None:
    """Let the lines of this process go where the environment says."""
    kind = os.environ.get("TANZHANG_LOG", "")
    if not kind:
        return
    if kind not in RENDERERS:
        err.print(f"[red]TANZHANG_LOG is {kind}; say {' or '.join(RENDERERS)}[/red]")
        sys.exit(USAGE)
    path = os.environ.get("TANZHANG_LOG_FILE")
    handler = logging.FileHandler(path, encoding="utf-8") if path else logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, RENDERERS[kind]]
        )
    )
    logger = logging.getLogger(NAME)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
