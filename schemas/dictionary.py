"""The data dictionary: `python -m schemas.dictionary > docs/tables.md`."""

from __future__ import annotations

from pathlib import Path

from schemas.base import ROOT
from schemas.tables import load_fields, load_tables


def dictionary(root: Path = ROOT) -> str:
    """Every table with its columns, keys and rules, as Markdown."""
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
    return "\n".join(lines)


if __name__ == "__main__":
    print(dictionary(), end="")
