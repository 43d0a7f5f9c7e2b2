"""Who is whose as of a publication, and what an argument may name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.errors import NotFound
from jobs.lake.chain import published

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake


def members(lake: Lake, seq: int | None = None) -> Frame:
    """The newest rows of silver.membership as of a publication, or as they stand: customer_key, person_id, and more."""
    return published(lake, "silver.membership", seq).newest()


def alone(lake: Lake, person: str) -> Frame:
    """person_id of one person."""
    return lake.sql(f"SELECT '{person}' AS person_id")


def require(lake: Lake, person: str, seq: int) -> None:
    """Go on if a person is known in a publication.

    Raises:
        NotFound: nobody is; where the person was merged, the text names the successor.
    """
    if lake.has_rows(lake.sql(f"SELECT * FROM members WHERE person_id = '{person}'", members=members(lake, seq))):
        return
    merged = published(lake, "silver.identity_log", seq).where(f"change = 'merged' AND person_id = '{person}'")
    successors = [row["redirect_to"] for row in lake.ask(dict, "SELECT redirect_to FROM merged", merged=merged.rows)]
    if successors:
        raise NotFound(f"person {person} was merged into {successors[-1]}")
    raise NotFound(f"no person {person}")


def only_hex(text: str) -> str:
    """Only the characters of an id: an argument never becomes SQL."""
    return "".join(character for character in text.lower() if character in "0123456789abcdef")
