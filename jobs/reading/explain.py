"""From a ledger entry back to the source line and the factor's clause, with the arithmetic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from jobs.errors import NotFound
from jobs.lake.frames import in_force, semi
from jobs.landing.formats.read import open_export
from jobs.landing.manifests import LANDING, load_manifests
from jobs.reading.arithmetic import arithmetic, scope_of_entry

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from schemas import Registry
    from schemas.sources import Feed


_ASKED = pa.schema(
    [
        ("entry_id", pa.string()),
        ("position", pa.string()),
        ("position_kind", pa.string()),
        ("person_id", pa.string()),
        ("scenario", pa.string()),
        ("since", pa.date32()),
        ("until", pa.date32()),
        ("publication_seq", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Line:
    """A row of an export: `path` below the landing folder, or None once landing's retention has passed."""

    institution: str
    feed: str
    file_id: str
    path: str | None
    line: int


@dataclass(frozen=True)
class ClaimStory:
    """One claim of the activity: what it said, what became of it, and its lines (two for a ride).

    is_placed: its export does not tell where; it counts in the region that the scenario's rule names.
    """

    claim_id: str
    outcome: str
    reason: str
    claim_kind: str
    lines: list[Line]
    is_placed: bool


@dataclass(frozen=True)
class Explanation:
    """Everything behind one entry.

    Attributes:
        entry: the ledger row.
        formula: the arithmetic in words, ending in `amount`.
        amount: what the arithmetic gives, before the sign of a reversal.
        factor: what was applied: id, value, unit, region, match quality, boundary, source; of a cap, and of points, its
            rule; of a payment also rate, price index and licence.
        claims: every claim of the activity or payment, the suppressed ones too; of a cap or tier all that it sums up.
        history: every entry of the same position and measure, in order.
    """

    entry: dict[str, Any]
    formula: str
    amount: int
    factor: dict[str, Any]
    claims: list[ClaimStory]
    history: list[dict[str, Any]]


def explain(lake: Lake, registry: Registry, home: Path, entry_ids: Sequence[str]) -> list[Explanation]:
    """The stories of entries, in their order.

    Claims are told as they stood when the entry was posted; of a reversal, when what it reverses was. What comes to
    the driver grows with the entries asked for, with nothing else.

    Raises:
        NotFound: no entry has one of the ids.
    """
    ledger = lake.read("gold.ledger")
    wanted = lake.from_arrow(pa.table({"entry_id": pa.array(entry_ids, pa.string())}))
    entries = {row["entry_id"]: row for row in lake.to_arrow(semi(lake, ledger, wanted, "entry_id")).to_pylist()}
    unknown = [entry_id for entry_id in entry_ids if entry_id not in entries]
    if unknown:
        raise NotFound(f"no ledger entry {', '.join(unknown)}")
    positions = lake.rows("gold.ledger", list(entries.values()))
    histories: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in lake.to_arrow(semi(lake, ledger, positions, "position", "measure")).to_pylist():
        histories[row["position"], row["measure"]].append(row)
    for history in histories.values():
        history.sort(key=lambda row: (row["publication_seq"], row["entry_kind"] == "post"))
    posted = {key: _posted(entry, histories[entry["position"], entry["measure"]]) for key, entry in entries.items()}
    claims = _claims(lake, registry, home, posted)
    return [
        Explanation(
            entries[entry_id],
            *arithmetic(registry, entries[entry_id]),
            claims[entry_id],
            histories[entries[entry_id]["position"], entries[entry_id]["measure"]],
        )
        for entry_id in entry_ids
    ]


def _posted(entry: dict[str, Any], history: list[dict[str, Any]]) -> dict[str, Any]:
    """The entry itself, or the post that a reversal reverses: the last before it of the same person."""
    if entry["entry_kind"] == "post":
        return entry
    return [
        row
        for row in history
        if row["entry_kind"] == "post"
        and row["person_id"] == entry["person_id"]
        and row["publication_seq"] < entry["publication_seq"]
    ][-1]


def source_values(home: Path, line: Line, feed: Feed) -> dict[str, Any]:
    """The row itself, field by field, read from the landed bytes. It is what the institution sent: handle it as such.

    Raises:
        NotFound: landing no longer has the file.
    """
    path = home / LANDING / line.path if line.path else None
    if path is None or not path.exists():
        raise NotFound(f"the source of {line.file_id} has expired")
    with open_export(path, feed) as export:
        for batch in export.batches:
            if line.line in batch.lines:
                place = batch.lines.index(line.line)
                return {field: values[place] for field, values in batch.columns.items()}
    raise NotFound(f"{line.path} has no line {line.line}")


def _claims(
    lake: Lake, registry: Registry, home: Path, posted: Mapping[str, dict[str, Any]]
) -> dict[str, list[ClaimStory]]:
    """Entry id → the activity's claims as of the post; of a cap or tier all claims that it sums up; of a redemption its row.

    What is given up for a benefit is no claim, but it has a line all the same.
    """
    asked = lake.from_arrow(
        pa.Table.from_pylist(
            [
                {"entry_id": entry_id, "since": since, "until": until, "scenario": scenario}
                | {name: row[name] for name in ("position", "position_kind", "person_id", "publication_seq")}
                for entry_id, row in posted.items()
                for since, until, scenarios in (scope_of_entry(registry, row),)
                for scenario in scenarios
            ],
            schema=_ASKED,
        )
    )
    of_it = "a.position_kind IN ('activity', 'payment')"
    summed = "l.person_id = a.person_id AND l.scenario = a.scenario AND l.act_date >= a.since AND l.act_date <= a.until"
    about = {
        "l.activity_id = a.position": of_it,
        "l.claim_id = a.position": of_it,
        summed: "a.position_kind IN ('cap', 'tier')",
    }
    ever = lake.keep(
        " UNION ".join(
            f"""SELECT a.entry_id, a.publication_seq AS as_of, l.claim_id, l.act_date FROM log AS l
                JOIN asked AS a ON {condition} AND l.publication_seq <= a.publication_seq
                WHERE {kind}"""
            for condition, kind in about.items()
        ),
        log=lake.read("silver.activities"),
        asked=asked,
    )
    then, claims = (
        in_force(
            lake,
            lake.sql(
                """SELECT e.entry_id, l.* FROM log AS l JOIN ever AS e
                     ON l.claim_id = e.claim_id AND l.act_date = e.act_date AND l.publication_seq <= e.as_of""",
                log=lake.read(table),
                ever=ever,
            ),
            "entry_id", "claim_id", "act_date",
        )
        for table in ("silver.activities", "silver.claims")
    )  # fmt: skip
    # A claim may have belonged to the activity, or to the day, before and not have done so then.
    belongs = " OR ".join(f"({kind} AND {condition})" for condition, kind in about.items())
    told = lake.sql(
        f"""SELECT a.entry_id, c.claim_id, c.claim_kind, c.institution, c.feed, c.file_id, c.line, c.support_file_id,
                   c.support_line, l.outcome, l.reason, c.region <> l.region AS is_placed, l.is_lead
            FROM then AS l JOIN asked AS a ON l.entry_id = a.entry_id AND ({belongs})
            JOIN claims AS c ON l.entry_id = c.entry_id AND l.claim_id = c.claim_id AND l.act_date = c.act_date
            UNION ALL
            SELECT DISTINCT a.entry_id, r.redemption_id, 'given up', r.institution, r.feed, r.file_id, r.line,
                   CAST(NULL AS string), CAST(NULL AS bigint), a.position_kind, r.benefit, false, true
            FROM redemptions AS r JOIN asked AS a ON r.redemption_id = a.position
             AND r.act_date = a.since AND r.publication_seq <= a.publication_seq
            ORDER BY entry_id, is_lead DESC, institution, feed, claim_id""",
        then=then,
        asked=asked,
        claims=claims,
        redemptions=_given_up(lake, asked),
    )
    paths = {file.file_id: file.path for file in load_manifests(home)}
    stories: dict[str, list[ClaimStory]] = {entry_id: [] for entry_id in posted}
    for row in lake.to_arrow(told).to_pylist():
        places = [(row["file_id"], row["line"]), (row["support_file_id"], row["support_line"])]
        lines = [
            Line(row["institution"], row["feed"], file_id, _present(home, paths.get(file_id)), line)
            for file_id, line in places
            if file_id
        ]
        story = ClaimStory(row["claim_id"], row["outcome"], row["reason"], row["claim_kind"], lines, row["is_placed"])
        stories[row["entry_id"]].append(story)
    return stories


def _given_up(lake: Lake, asked: Frame) -> Frame:
    """The redemptions of the positions, each as it was when it was posted last."""
    known = lake.sql(
        """SELECT r.* FROM log AS r LEFT SEMI JOIN asked AS a
             ON r.redemption_id = a.position AND r.publication_seq <= a.publication_seq""",
        log=lake.read("silver.redemptions"),
        asked=asked,
    )
    return in_force(lake, known, "redemption_id", "act_date")


def _present(home: Path, path: str | None) -> str | None:
    return path if path and (home / LANDING / path).exists() else None


def only_hex(text: str) -> str:
    """Only the characters of an id: an argument never becomes SQL."""
    return "".join(character for character in text.lower() if character in "0123456789abcdef")
