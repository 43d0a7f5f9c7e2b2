"""The generated documents are those of the registry."""

from __future__ import annotations

from schemas.base import ROOT
from schemas.dictionary import dictionary


def test_the_data_dictionary_is_current() -> None:
    shipped = (ROOT.parent / "docs" / "tables.md").read_text(encoding="utf-8")
    assert shipped == dictionary(), "run: python -m schemas.dictionary > docs/tables.md"
