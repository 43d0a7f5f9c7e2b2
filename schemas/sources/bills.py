"""Bills that people bring: where they say which days they cover, and when they were exported."""

from __future__ import annotations

from typing import Literal

from schemas.base import Strict
from schemas.sources.layouts import Delimited, DocumentHead, Json, Layout, Preamble, Workbook

Origin = Literal["file", "control", "rows"]


class Bill(Strict):
    """Where a bill says which days it covers (`period`), and when it was exported (`exported_at`).

    file: it says so itself, above its header or in its document. control: the sender does, in control.json. rows: the
        first and the last local date of its rows that can be read, and the moment of the latest.
    """

    period: Origin = "file"
    exported_at: Origin = "file"

    def from_(self, origin: Origin) -> set[str]:
        """Which of the two have this origin."""
        return {name for name in ("period", "exported_at") if getattr(self, name) == origin}


def head_of(layout: Layout) -> Preamble | DocumentHead | None:
    """Where a layout says what a bill says of itself."""
    if isinstance(layout, Json):
        return layout.head
    return layout.preamble if isinstance(layout, (Delimited, Workbook)) else None
