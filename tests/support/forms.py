"""How each feed is sent, from its contract; what surrounds the rows of an XML file, from its fixture.

So an institution is tested once its contract and its fixture folder are there: no test names it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from schemas.sources import Feed, Source, load_sources
from schemas.sources.feeds import WORKBOOK_SUFFIXES
from schemas.sources.layouts import Delimited, Json, JsonLines, Workbook, Xml

FIXTURES = Path(os.environ.get("TANZHANG_TEST_FIXTURES") or Path(__file__).parents[1] / "fixtures")
OUTCOMES = ("good", "ignored", "quarantined", "rejected")
"""What becomes of a line, in `expected.yaml`."""
ENDINGS = {"lf": "\n", "crlf": "\r\n", "any": "\r\n"}


@dataclass(frozen=True)
class Form:
    """How the readable text of a feed is sent.

    names: of its files, with `{date}` and `{part}`. suffix: end of the file's name. above, below: what stands around
    the data rows. total: the column whose sum the control file states. is_bill: there is only one where somebody brought
    it, for a customer.
    """

    names: tuple[str, ...]
    suffix: str
    above: str = ""
    below: str = ""
    total: str | None = None
    encoding: str = "utf-8"
    ending: str = "\n"
    is_bill: bool = False

    def name(self, feed: str, business_date: date, part: int, suffix: str = "") -> str:
        """What a file is called; with an end that is not agreed, as nobody agreed on."""
        end = suffix or self.suffix
        form = next((one for one in self.names if one.endswith(end)), f"{feed}_{{date}}_{{part}}{end}")
        return form.format(date=f"{business_date:%Y%m%d}", part=part)


@cache
def expected(institution: str) -> dict[str, dict[str, Any]]:
    """What each file of the institution's fixture becomes, by the name of the readable file.

    Of a file with rows of several feeds it is told once for each, the second time under its name with that feed's; what
    the others make of its lines is `others`, and a line that cannot be split is nobody's.
    """
    text = (FIXTURES / institution / "expected.yaml").read_text(encoding="utf-8")
    files: dict[str, dict[str, Any]] = yaml.load(text, Loader=yaml.CSafeLoader)["files"]
    for name in list(files):
        feed = feed_of(name)
        named = {one: name.replace(feed, one, 1) for one in (feed, *load_sources()[institution].guests(feed))}
        for one in named.values() if len(named) > 1 else ():
            same = {key: files[name][key] for key in ("sum", "is_sum_unchecked", "rejected") if key in files[name]}
            rows = {
                other: [line for key in OUTCOMES[:3] for line in files[other].get(key, ())] for other in named.values()
            }
            files[one] |= same | {"others": sorted(line for other in rows if other != one for line in rows[other])}
    return files


def feed_of(name: str) -> str:
    """Whose a readable file is, by its name."""
    return name.rsplit("_", 2)[0]


def fixture_folders(institution: str) -> list[Path]:
    """The institution's deliveries, `<date>-r<revision>`, in order."""
    return sorted((FIXTURES / institution).glob("*-r*"))


def rows_told(told: Mapping[str, Any]) -> int:
    """How many rows a file has, of what `expected.yaml` tells of it."""
    return sum(len(told.get(outcome, ())) for outcome in (*OUTCOMES, "others"))


def form_of(source: Source, name: str) -> Form:
    """The form of a feed."""
    feed = source.feeds[name]
    above, below = _around(source.id, name, feed)
    text = next((one for one in feed.formats if not isinstance(one, Workbook)), None)
    return Form(
        names=tuple(feed.files),
        suffix=_suffix(feed),
        above=above,
        below=below,
        total=feed.control_sum.column if feed.control_sum else None,
        encoding=getattr(text, "encoding", "utf-8"),
        ending=ENDINGS[getattr(text, "line_ending", "lf")],
        is_bill=feed.is_bill,
    )


def _suffix(feed: Feed) -> str:
    """How a name of the feed's files ends: the first that is text, and not in an archive, where there is one."""
    ends = [name.split("{part}")[1] for name in feed.files]
    return next((end for end in ends if end not in (*WORKBOOK_SUFFIXES, ".zip")), ends[0])


def _around(institution: str, name: str, feed: Feed) -> tuple[str, str]:
    """What stands around the rows of a file that nobody brings; of a bill nothing, since its text says it all."""
    layout = feed.formats[0]
    if feed.is_bill or isinstance(layout, JsonLines):
        return "", ""
    if isinstance(layout, Delimited | Workbook):
        return getattr(layout, "delimiter", ",").join(layout.columns or feed.fields) + "\n", ""
    if isinstance(layout, Json):
        keys = layout.rows.split(".") if layout.rows else []
        return "".join(f'{{"{key}":' for key in keys) + "[\n", "]" + "}" * len(keys) + "\n"
    texts = _texts(institution, name)
    if isinstance(layout, Xml) and texts:
        return _envelope(texts[0][1], layout.path[0])
    return next((text for told, text in texts if not rows_told(told)), ""), ""


def _texts(institution: str, name: str) -> list[tuple[dict[str, Any], str]]:
    """The fixture's files of a feed: what is told of each, and its text."""
    told = expected(institution) if fixture_folders(institution) else {}
    paths = [path for folder in fixture_folders(institution) for path in sorted(folder.glob(f"{name}_[0-9]*"))]
    return [(told[path.name], path.read_text(encoding="utf-8")) for path in paths]


def _envelope(text: str, element: str) -> tuple[str, str]:
    """What stands before the first element of a name, and after the last."""
    opened = re.search(rf"<(\w+:)?{element}[\s/>]", text)
    closed = [*re.finditer(rf"</(\w+:)?{element}\s*>", text)]
    assert opened and closed, f"a fixture has no <{element}>"
    return text[: opened.start()], text[closed[-1].end() :].lstrip()


FORMS = {
    source.id: {name: form_of(source, name) for name, feed in source.feeds.items() if not feed.in_files_of}
    for source in load_sources().values()
}
"""Institution → feed → its form; a feed whose rows stand in another's files has none of its own."""
