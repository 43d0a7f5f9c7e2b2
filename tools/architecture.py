#!/usr/bin/env python3
"""Draw the rooms in docs/architecture.md, from the contracts in setup.cfg and what each room says of itself.

    tools/architecture.py            write the drawing
    tools/architecture.py --check    exit code 1 where it is not what it would be
    tools/architecture.py --count    print modules and arrows by room

A floor may import those below it; rooms of one floor do not import each other.
"""

from __future__ import annotations

import argparse
import ast
import configparser
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/architecture.md"
BEGIN, END = "<!-- drawn by tools/architecture.py from setup.cfg -->", "<!-- end of the drawing -->"
WIDTH, NAME = 118, 14
TITLES = {"house": "the house", "jobs": "jobs"}
"""Contract whose layers are drawn → the drawing's title."""


def layers(contract: str) -> tuple[str, list[list[str]]]:
    """The package that a contract's layers lie in ("" for the house), and its floors from the top."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    section = setup[f"importlinter:contract:{contract}"]
    floors = [[name.strip() for name in floor.split("|")] for floor in section["layers"].split("\n") if floor]
    return section.get("containers", ""), floors


def said(package: str, name: str, room: int) -> str:
    """What a room says of itself first, as many clauses as there is room for; the tests, no package, say nothing."""
    path = ROOT / package / name
    module = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) if module.exists() else None
    clauses = re.split(r"(?<=[:;]) ", " ".join((text or "").split("\n\n")[0].split()).rstrip("."))
    fitting = [" ".join(clauses[:number]) for number in range(1, len(clauses) + 1)]
    return max((one for one in fitting if len(one) <= room), key=len, default=clauses[0]).rstrip(":;")


def drawing(contract: str) -> str:
    """The floors as a section through the house, the roof first; rooms of one floor in brackets."""
    package, floors = layers(contract)
    lines = [f"┌─ {TITLES[contract]} ".ljust(WIDTH - 1, "─") + "┐"]
    for floor in floors:
        for number, name in enumerate(floor):
            bracket = " " if len(floor) == 1 else "┌" if not number else "└" if number == len(floor) - 1 else "├"
            text = said(package, name, WIDTH - NAME - 6)
            lines.append(f"│ {bracket} {name:{NAME}}{text:{WIDTH - NAME - 6}} │")
    return "\n".join([*lines, f"└{'─' * (WIDTH - 2)}┘"])


def page() -> str:
    """The page as it should be."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    drawn = "\n".join(["```", *map(drawing, TITLES), "```"])
    return f"{before}{BEGIN}\n{drawn}\n{END}{after}"


def count() -> str:
    """Modules of every room, and rooms that it imports: a Markdown table."""
    import grimp

    graph = grimp.build_graph("jobs", cache_dir=None)
    rooms = sorted(graph.find_children("jobs"), key=lambda room: order().index(room.removeprefix("jobs.")))
    modules = {room: {room, *graph.find_descendants(room)} for room in rooms}
    home = {module: room for room in rooms for module in modules[room]}
    arrows = {
        room: {home[other] for module in modules[room] for other in graph.find_modules_directly_imported_by(module)
               if other in home} - {room}
        for room in rooms
    }  # fmt: skip
    lines = ["| room | modules | imports |", "|---|---|---|"]
    for room in rooms:
        names = ", ".join(name.removeprefix("jobs.") for name in rooms if name in arrows[room])
        lines.append(f"| {room.removeprefix('jobs.')} | {len(modules[room])} | {names or '–'} |")
    total = sum(map(len, arrows.values()))
    return "\n".join([*lines, f"| **{len(rooms)}** | **{len(home)}** | **{total}** arrows |"])


def order() -> list[str]:
    return [name for floor in layers("jobs")[1] for name in floor]


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="exit code 1 where the drawing is not what it would be")
    what.add_argument("--count", action="store_true", help="print modules and arrows by room")
    given = parser.parse_args()
    if given.count:
        print(count())
    elif not given.check:
        PAGE.write_text(page(), encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != page():
        print(f"{PAGE.relative_to(ROOT)}: the drawing is not what setup.cfg says; tools/architecture.py writes it")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
