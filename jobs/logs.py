"""What the jobs say while they work: one event at each joint, with numbers and declared names only.

The jobs speak through the standard library's logger `tanzhang`, which is silent until somebody listens (the command
does, for `TANZHANG_LOG`; a scheduler may). A line never holds an identifier, the content of a file or the value of a
row: its keys are from a closed list, whose values come from the registry, from counting, or from a clock.
"""

from __future__ import annotations

import logging
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

NAME = "tanzhang"
WHERE = ("run_id", "business_date", "institution", "feed", "job", "task")
"""What a line is about; `WHERE` of a run or an institution is bound once, around its work."""
SAID = (
    "arrival", "code", "codes", "commits", "deliveries", "error", "files", "kind", "path", "places", "publication_seq",
    "quarantined", "reference", "refused", "rejected", "removed", "revision", "rows", "rules", "seconds", "state",
    "statement_date", "statements", "table", "version", "warnings",
)  # fmt: skip
_KEYS = {*WHERE, *SAID, "event", "level", "timestamp"}


def _only_known(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    if unknown := line.keys() - _KEYS:
        raise ValueError(f"a line may not say {', '.join(sorted(unknown))}: no free text gets into the log")
    return line


logging.getLogger(NAME).addHandler(logging.NullHandler())
log: Any = structlog.wrap_logger(
    logging.getLogger(NAME),
    processors=[
        structlog.stdlib.filter_by_level,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        _only_known,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    wrapper_class=structlog.stdlib.BoundLogger,
)
about = structlog.contextvars.bound_contextvars
"""`with about(institution="hellobike"):` binds where the lines below belong."""
