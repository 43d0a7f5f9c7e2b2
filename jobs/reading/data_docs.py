"""A publication's results as Data Docs, below the home folder."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from expectations import SPANNING, Measurement
from expectations.data_docs import render as render_site
from jobs.errors import NotFound
from jobs.lake.chain import QUALITY, last_publication, published
from jobs.reading.quality import declared
from schemas.quality import BoundedRule

if TYPE_CHECKING:
    from jobs.lake import Lake


FOLDER = "docs/quality"
"""Below the home folder."""


def render(lake: Lake, home: Path, publication_seq: int | None = None) -> tuple[int, Path]:
    """Write the Data Docs of a publication, the last one unless told, in place of those that stand there.

    Returns:
        The publication's number, and the first page.

    Raises:
        NotFound: nothing of that number was published.
    """
    last = last_publication(lake).seq
    seq = publication_seq or last
    if not 1 <= seq <= last:
        raise NotFound(f"no publication {seq}; the last one is {last}")
    texts = {rule.id: rule.text for rule in declared(lake.registry).values()}
    suites: defaultdict[str, list[Measurement]] = defaultdict(list)
    for row in lake.ask(dict, "SELECT * FROM quality", quality=published(lake, QUALITY, seq).written):
        is_spanning = row["institution"] == SPANNING
        text = texts.get(row["rule_id"], "A rule that the registry has no more.")
        rule = BoundedRule(
            id=row["rule_id"],
            text=f"{text} It holds with {row['bound'].replace('_', ' ')} {row['threshold']:,}.",
            severity=row["severity"],
            **{row["bound"]: row["threshold"]},
        )
        suites[row["table_name"] if is_spanning else f"{row['institution']}.{row['feed']}"].append(
            Measurement(rule, row["observed"], row["checked"], row["business_date"])
        )
    named = {name: sorted(suites[name], key=lambda one: (one.business_date, one.rule.id)) for name in sorted(suites)}
    return seq, render_site(home / FOLDER, f"publication-{seq}", named)
