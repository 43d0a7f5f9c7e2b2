"""From a ledger entry back to the source line and the factor's clause, with the arithmetic."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.frames import in_force, semi
from jobs.land import LANDING, load_manifests
from jobs.post import NANO, REDUCTION
from schemas.factors import series_by_id

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from schemas import Registry


class NotFound(LookupError):
    """Nothing of that name stands in the lake."""


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
    """One claim of the activity: what it said, what became of it, and its lines (two for a ride)."""

    claim_id: str
    outcome: str
    reason: str
    claim_kind: str
    lines: list[Line]


@dataclass(frozen=True)
class Explanation:
    """Everything behind one entry.

    Attributes:
        entry: the ledger row.
        formula: the arithmetic in words, ending in `amount`.
        amount: what the arithmetic gives, before the sign of a reversal.
        factor: what was applied: id, value, unit, region, match quality, boundary, source; of a cap its rule.
        claims: every claim of the activity, the suppressed ones too; for a cap, those of the day.
        history: every entry of the same position and measure, in order.
    """

    entry: dict[str, Any]
    formula: str
    amount: int
    factor: dict[str, Any]
    claims: list[ClaimStory]
    history: list[dict[str, Any]]


def explain(lake: Lake, registry: Registry, home: Path, entry_id: str) -> Explanation:
    """The story of an entry.

    Raises:
        NotFound: no entry has this id.
    """
    ledger = lake.read("gold.ledger")
    found = lake.to_arrow(
        lake.sql(f"SELECT * FROM {{ledger}} WHERE entry_id = '{only_hex(entry_id)}'", ledger=ledger)
    ).to_pylist()
    if not found:
        raise NotFound(f"no ledger entry {entry_id}")
    entry = found[0]
    history = lake.to_arrow(
        lake.sql(
            f"""SELECT * FROM {{ledger}} WHERE position = '{entry["position"]}' AND measure = '{entry["measure"]}'
                ORDER BY publication_seq, entry_kind DESC""",
            ledger=ledger,
        )
    ).to_pylist()
    formula, amount, factor = _arithmetic(registry, entry)
    return Explanation(entry, formula, amount, factor, _claims(lake, home, entry), history)


def source_text(home: Path, line: Line, encoding: str) -> str:
    """The line itself, opened in the landed bytes. It holds what the institution sent: handle it as such.

    Raises:
        NotFound: landing no longer has the file.
    """
    path = home / LANDING / line.path if line.path else None
    if path is None or not path.exists():
        raise NotFound(f"the source of {line.file_id} has expired")
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding=encoding, newline="\n") as file:
        for number, text in enumerate(file, start=1):
            if number == line.line:
                return text.rstrip("\r\n")
    raise NotFound(f"{line.path} has no line {line.line}")


def _arithmetic(registry: Registry, entry: dict[str, Any]) -> tuple[str, int, dict[str, Any]]:
    """Formula, amount and factor of an entry, from the registry alone."""
    quantity, scenario = entry["quantity_micro"], registry.scenarios[entry["scenario"]]
    if entry["position_kind"] == "cap":
        cap = next(cap for cap in scenario.caps if cap.id == entry["factor_id"])
        milligrams = cap.limit_mg - quantity
        formula = f"limit {cap.limit_mg:,} mg − the day's {quantity:,} mg = {milligrams:,} mg"
        factor: dict[str, Any] = {
            "rule": cap.id,
            "limit": cap.limit,
            "source": cap.source.model_dump(mode="json"),
        }
    else:
        file, series = series_by_id(registry.factors)[entry["factor_id"]]
        milligrams = quantity * series.micrograms_per_unit // NANO
        formula = (
            f"{quantity / 1e6:g} {scenario.unit} × {series.value} {series.unit} = {milligrams:,} mg (rounded down)"
        )
        assert series.source is not None
        factor = {
            "factor_id": series.id,
            "value": f"{series.value} {series.unit}",
            "region": series.region,
            "match_quality": entry["match_quality"],
            "gas_basis": series.gas_basis,
            "boundary": file.boundary,
            "status": series.status,
            "source": series.source.model_dump(mode="json"),
        }
    if entry["measure"] == REDUCTION:
        return formula, milligrams, factor
    programme = registry.programmes[entry["measure"].removeprefix("points.")]
    share = programme.points_per_milligram
    if milligrams > 0:
        points = milligrams * share.numerator // share.denominator
    else:
        points = -((-milligrams * share.numerator + share.denominator - 1) // share.denominator)
    return f"{formula}; × {programme.points_per_gram} points per gram = {points:,} points", points, factor


def _claims(lake: Lake, home: Path, entry: dict[str, Any]) -> list[ClaimStory]:
    """The activity's claims; of a cap all claims of the person, scenario and day."""
    log = lake.read("silver.activities")
    if entry["position_kind"] == "cap":
        where = f"person_id = '{entry['person_id']}' AND scenario = '{entry['scenario']}' AND act_date = DATE '{entry['act_date']}'"
    else:
        where = f"activity_id = '{entry['position']}' OR claim_id = '{entry['position']}'"
    outcomes = in_force(lake, semi(lake, log, _ids(lake, log, where), "claim_id"), "claim_id", "act_date")
    claims = lake.sql(
        """SELECT c.claim_id, c.claim_kind, c.institution, c.feed, c.file_id, c.line, c.support_file_id, c.support_line,
                  o.outcome, o.reason, o.is_lead
           FROM {claims} AS c JOIN {outcomes} AS o ON c.claim_id = o.claim_id AND c.act_date = o.act_date
           ORDER BY o.is_lead DESC, c.institution, c.feed, c.claim_id""",
        claims=in_force(lake, semi(lake, lake.read("silver.claims"), outcomes, "claim_id"), "claim_id", "act_date"),
        outcomes=outcomes,
    )
    paths = {file.file_id: file.path for file in load_manifests(home)}
    stories = []
    for row in lake.to_arrow(claims).to_pylist():
        places = [(row["file_id"], row["line"]), (row["support_file_id"], row["support_line"])]
        lines = [
            Line(row["institution"], row["feed"], file_id, _present(home, paths.get(file_id)), line)
            for file_id, line in places
            if file_id
        ]
        stories.append(ClaimStory(row["claim_id"], row["outcome"], row["reason"], row["claim_kind"], lines))
    return stories


def _ids(lake: Lake, log: Frame, where: str) -> Frame:
    return lake.keep(f"SELECT DISTINCT claim_id FROM {{log}} WHERE {where}", log=log)


def _present(home: Path, path: str | None) -> str | None:
    return path if path and (home / LANDING / path).exists() else None


def only_hex(text: str) -> str:
    """Only the characters of an id: an argument never becomes SQL."""
    return "".join(character for character in text.lower() if character in "0123456789abcdef")
