"""Words of merchants' names for tests."""

from __future__ import annotations

from schemas.spending.merchants import Merchants

SOURCE = {"title": "made up", "url": "-", "licence": "-", "taken": "-"}


def words(*rows: tuple[str, str, str, str, str | None], channels: tuple[str, ...] = ()) -> Merchants:
    """Words of one's own: word, code, what it reads, first day, day after the last."""
    told = [
        {"word": word, "code": code or None, "reads": reads, "source": "one", "valid_from": first, "valid_to": after}
        for word, code, reads, first, after in rows
    ]
    return Merchants.model_validate({"sources": {"one": SOURCE}, "channels": channels, "words": told})
