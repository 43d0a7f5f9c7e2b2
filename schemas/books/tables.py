"""The data dictionary: `python -m schemas.books.tables > docs/tables.md`."""

from __future__ import annotations

from pathlib import Path

from schemas.base import ROOT
from schemas.quality import load_invariants
from schemas.sources import load_sources
from schemas.tables import load_fields, load_tables


def dictionary(root: Path = ROOT) -> str:
    """Every table with its columns, keys and rules, then the rules that are of no table alone, as Markdown."""
    fields = load_fields(root)
    lines = ["# Tables", "", "Generated from `schemas/tables` and `schemas/fields`; do not edit.", ""]
    for name, table in load_tables(root).items():
        kind = "log (append-only)" if table.writes == "append" else "snapshot"
        lines += [f"## {name}", "", table.description, ""]
        lines += [f"{kind}; key: {', '.join(f'`{one}`' for one in table.key)}"]
        if table.partition_by:
            lines[-1] += f"; partitioned by {', '.join(f'`{one}`' for one in table.partition_by)}"
        lines += ["", "| column | type | unit | what |", "|---|---|---|---|"]
        for one in table.fields:
            field = fields[one]
            lines.append(f"| `{one}` | {field.type} | {field.unit or ''} | {field.description} |")
        lines += ["", "Rules:", ""]
        lines += [f"* {rule.text} (`{rule.id}`, {rule.severity})" for rule in table.all_rules]
        lines.append("")
    lines += ["## Invariants", "", "What every run checks over several tables at once (`schemas/invariants.yaml`).", ""]
    lines += [f"* {rule.text} (`{rule.id}`, {rule.table}, {rule.severity})" for rule in load_invariants(root).values()]
    lines += [
        "",
        "## Statements",
        "",
        "What an institution's statement is held against; its contract has the thresholds.",
    ]
    lines += ["", *_statement_rules(root), ""]
    return "\n".join(lines)


def _statement_rules(root: Path) -> list[str]:
    """Each rule once, with the feeds whose own it is."""
    feeds = [
        (f"{source.id}.{name}", feed) for source in load_sources(root).values() for name, feed in source.feeds.items()
    ]
    derived = {rule.id: (rule, "") for _, feed in feeds for rule in feed.all_rules}
    written = {rule.id: (rule, f", {of_feed}") for of_feed, feed in feeds for rule in feed.rules}
    return [f"* {rule.text} (`{rule.id}`{of}, {rule.severity})" for rule, of in (derived | written).values()]


if __name__ == "__main__":
    print(dictionary(), end="")
