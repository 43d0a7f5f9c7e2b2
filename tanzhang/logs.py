"""Where the jobs' lines go: nowhere, unless the environment says so.

`TANZHANG_LOG=json` gives one JSON object a line, `TANZHANG_LOG=text` lines for people; on standard error, or at the end
of the file that `TANZHANG_LOG_FILE` names.
"""

from __future__ import annotations

import logging

import structlog
from structlog.typing import Processor

from jobs.logs import NAME

RENDERERS: dict[str, Processor] = {
    "json": structlog.processors.JSONRenderer(ensure_ascii=False),
    "text": structlog.dev.ConsoleRenderer(colors=False),
}


def listen() -> None:
    """Let the lines of this process go where the environment says.

    Raises:
        SettingError: it says what cannot be.
    """
    from jobs.settings import settings

    said = settings()
    if said.log is None:
        return
    handler = logging.FileHandler(said.log_file, encoding="utf-8") if said.log_file else logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, RENDERERS[said.log]]
        )
    )
    logger = logging.getLogger(NAME)
    for former in list(logger.handlers):  # of another verb in the same process
        logger.removeHandler(former)
        former.close()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
