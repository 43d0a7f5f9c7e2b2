"""What a registry changes against one that was released before it, and whether that may be.

Released figures stay as they are: a wrong one is corrected by a successor that says why, an old one is ended. So do the
rules by which acts are credited (`rules`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal

from schemas.answers.files import Files, Raw, files_of
from schemas.answers.rules import rules_refused
from schemas.errors import RegistryError
from schemas.factors import FOLDER as FACTORS
from schemas.factors.parts import Proxy, Review, Unfit
from schemas.factors.series import FactorFile, FactorSeries
from schemas.library import LESS, Library, RateRow
from schemas.regions import NATIONAL, grids, region_and_parents
from schemas.scenarios import FOLDER as SCENARIOS
from schemas.scenarios import Scenario
from schemas.scenarios.quantification import Amount, Displacement, PerUnit, Quantification

FIXED = (
    "value", "unit", "gas_basis", "region", "valid_from", "known_from", "data_year", "published_on", "source",
    "corrects", "kind", "boundary_kind",
)  # fmt: skip
"""What a released series says for good. Its words, its examples and the regions that it is lent to, or does not
speak for, may be mended: what that does is judged by the answers."""

LENT: dict[str, type[Proxy] | type[Unfit]] = {"proxies": Proxy, "not_for": Unfit}
"""Keys that say for which other regions a series speaks, and for which inside its own it does not."""

AMOUNTS = {"amount", "baseline_amount", "project_amount"}
"""Keys of a quantification that say how much of what a factor is per is in one unit."""

TRUST = ("unverified", "secondary", "primary")
"""Statuses, the least trusted first."""

What = Literal["added", "corrected", "ended", "changed", "mended", "removed"]


@dataclass(frozen=True)
class Filed:
    """A library as its files say it.

    Attributes:
        series: id → what the series says, with its file's `factor`, `kind`, `boundary_kind` and `boundary`.
        library: the same, to look up in; unchecked.
        files: everything that the past is credited by.
        released: when the newest of its figures and rules was released, or when it says itself that it was: answers for
            days before it may have been used.
    """

    series: Mapping[str, Raw]
    library: Library
    files: Files
    released: date


@dataclass(frozen=True)
class SeriesChange:
    """What became of a series.

    Attributes:
        what: `corrected`: it is new and takes the place of `corrects`; `ended`: it got its last day; `changed`:
            something that is fixed differs; `mended`: only words, proxies or examples do.
        keys: what differs, as it was and as it is.
    """

    factor: str
    series: str
    what: What
    keys: dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class AnswerChange:
    """A look-up that answers otherwise on the local dates [`valid_from`, `valid_to`)."""

    scenario: str
    region: str
    valid_from: date
    valid_to: date | None
    old: RateRow | None
    new: RateRow | None


def as_filed(root: Path) -> Filed:
    """What a registry's root, or the lock of one, says.

    Raises:
        RegistryError: no factor file is there, or one cannot be read at all.
    """
    series: dict[str, Raw] = {}
    files: dict[str, FactorFile] = {}
    quantified: dict[str, Raw] = {}
    said = files_of(root)
    for name, content in _of_folder(said.files, FACTORS):
        about = {key: content[key] for key in ("kind", "boundary_kind", "boundary") if key in content}
        series |= {one["id"]: {**one, "factor": name, **about} for one in content["series"]}
        lenient = [_series(one) for one in content["series"]]
        files[name] = FactorFile.model_construct(id=name, series=lenient)
        if "scenario" in content:  # Factors named their scenario before scenarios named their factors.
            quantified[content["scenario"]] = {"method": "per_act", "factor": name}
    if not files:
        raise RegistryError(f"{root / FACTORS}: no factor is here; name the folder of a registry")
    scenarios = {
        name: Scenario.model_construct(
            id=name, quantification=_quantification(content.get("quantification") or quantified.get(name))
        )
        for name, content in _of_folder(said.files, SCENARIOS)
    }
    changes = [change for content in said.files.values() for change in content.get("changes", [])]
    released = [one.quantification.known_from for one in scenarios.values() if one.quantification]
    known = [one["known_from"] for one in [*series.values(), *changes]] + [day for day in released if day]
    return Filed(series, Library(files, scenarios), said.files, said.on or max(known, default=date.min))


def series_changes(base: Filed, now: Filed) -> list[SeriesChange]:
    """What became of every series that is not as it was, by file and id."""
    found = []
    for name in base.series.keys() | now.series.keys():
        old, new = base.series.get(name), now.series.get(name)
        if new is None:
            assert old is not None
            found.append(SeriesChange(old["factor"], name, "removed", {"value": (_told(old), None)}))
        elif old is None:
            corrected = base.series.get(new.get("corrects") or "")
            keys = {"value": (_told(corrected) if corrected else None, _told(new))}
            if corrected:
                keys["corrects"] = (None, new["corrects"])
            found.append(SeriesChange(new["factor"], name, "corrected" if corrected else "added", keys))
        elif keys := _differing(old, new):
            found.append(SeriesChange(new["factor"], name, _sort_of(keys), keys))
    return sorted(found, key=lambda one: (one.factor, one.series))


def answer_changes(base: Filed, now: Filed, regions: Iterable[str]) -> list[AnswerChange]:
    """Where a scenario's look-up answers otherwise, by scenario, region and date; spans of days as long as they can be."""
    places = sorted(set(regions))
    scenarios = base.library.scenarios.keys() | now.library.scenarios.keys()
    tables = [
        _by_place(one.library.rate_table(scenarios & one.library.scenarios.keys(), places)) for one in (base, now)
    ]
    found: list[AnswerChange] = []
    for scenario, region in sorted(tables[0].keys() | tables[1].keys()):
        before, after = (table.get((scenario, region), []) for table in tables)
        bounds = {day for row in [*before, *after] for day in (row.valid_from, row.valid_to) if day is not None}
        days = sorted(bounds)
        spans: list[AnswerChange] = []
        for first, end in zip_longest(days, days[1:]):
            old, new = (next((row for row in rows if _covers(row, first)), None) for rows in (before, after))
            if _figure(old) == _figure(new):
                continue
            last = spans[-1] if spans else None
            if (
                last
                and last.valid_to == first
                and (_figure(last.old), _figure(last.new)) == (_figure(old), _figure(new))
            ):
                spans[-1] = AnswerChange(scenario, region, last.valid_from, end, old, new)
            else:
                spans.append(AnswerChange(scenario, region, first, end, old, new))
        found += spans
    return found


def refusals(base: Filed, now: Filed, reported: Iterable[str]) -> list[str]:
    """Why a library may not follow one that was released; nothing where it may.

    Args:
        reported: regions that institutions report from. Only there, and where an export does not tell the place, can
            acts stand that had no factor.
    """
    found: list[str] = []
    altered: set[str] = set()
    for change in series_changes(base, now):
        where = f"factors/{change.factor}.yaml: {change.series}"
        old, new = base.series.get(change.series), now.series.get(change.series)
        if new is None:
            found.append(f"{where}: was released and is gone; keep it, and let a series that says why correct it")
        elif old is None:
            if new["known_from"] < base.released:
                found.append(
                    f"{where}: known_from {new['known_from']} is before {base.released}, when the library that it is "
                    "added to was released; write the day of its own release"
                )
        elif problems := list(_altered(old, change.keys, base.released)):
            altered.add(change.series)
            found += [f"{where}: {problem}" for problem in problems]
    rules = rules_refused(base.files, now.files, base.released)
    return [*found, *_answers_refused(base, now, {*reported, NATIONAL}, altered), *rules]


def _altered(old: Raw, keys: Mapping[str, tuple[Any, Any]], released: date) -> Iterator[str]:
    """What of a released series differs and may not."""
    for key, (was, now) in keys.items():
        if key in FIXED and not (key == "source" and was is None):
            yield f"{key} was {_short(was)} and is {_short(now)}; it was released: add a series that corrects it"
    was, now = keys.get("status", (old["status"], old["status"]))
    if TRUST.index(now) < TRUST.index(was):
        yield f"status was {was} and is {now}; it was released: end it, or let another correct it"
    if "valid_to" in keys:
        was, now = keys["valid_to"]
        if was is not None:
            yield f"valid_to was {was} and is {now}; a last day is said once"
        elif now < released:
            yield f"valid_to {now} is before {released}, when the library was released; a correction reaches back"


def _answers_refused(base: Filed, now: Filed, reported: set[str], altered: set[str]) -> list[str]:
    """Answers that change for days on which acts may stand, without a correction; `altered` is refused already."""
    named = {place for filed in (base, now) for one in filed.series.values() for place in _places(one)}
    lost: defaultdict[tuple[str, date], list[str]] = defaultdict(list)
    early: defaultdict[tuple[str, str, date, date], list[str]] = defaultdict(list)
    for change in answer_changes(base, now, reported | named | {NATIONAL}):
        if change.scenario not in base.library.scenarios or (change.old is None and change.region not in reported):
            continue  # Nobody can have been credited, nor told that nothing credits it.
        if change.new is None:
            if change.valid_from < base.released:
                lost[change.scenario, change.valid_from].append(change.region)
            continue
        behind = change.new.factor_id.split(LESS)
        before = change.old.factor_id.split(LESS) if change.old else []
        method = _newly_said(base, now, change.scenario)
        if method and method.correction:
            continue
        for name in [one for one in behind if one not in before] or behind:
            known = now.released if name in base.series else now.series[name]["known_from"]
            if change.valid_from < known and not _says_why(now.series[name], change.region) and name not in altered:
                early[name, change.scenario, change.valid_from, known].append(change.region)
    return [
        f"scenarios/{scenario}.yaml: has no answer any more from {first} in {', '.join(regions)}, before "
        f"{base.released}, when the library was released"
        for (scenario, first), regions in lost.items()
    ] + [
        f"factors/{now.series[name]['factor']}.yaml: {name}: answers for {scenario} from {first} in "
        f"{', '.join(regions)}, before {known}, when acts of those days may stand; let it begin then, or say its "
        "correction"
        for (name, scenario, first, known), regions in early.items()
    ]


def _newly_said(base: Filed, now: Filed, scenario: str) -> Quantification | None:
    """By what a scenario is quantified, where that is not what was released."""
    was, said = base.library.scenarios[scenario].quantification, now.library.scenarios[scenario].quantification
    return None if was == said else said


def _says_why(one: Raw, region: str) -> bool:
    """Whether a series, or what it is lent to a region by, says what was wrong before."""
    lent = [proxy for proxy in one.get("proxies") or [] if proxy["region"] in region_and_parents(region)]
    return any(said.get("correction") for said in [one, *lent])


def _places(one: Raw) -> Iterator[str]:
    """The divisions that a series names; of a region of the grid those that draw from it."""
    for place in [one["region"], *(lent["region"] for key in LENT for lent in one.get(key) or [])]:
        if place in grids():
            yield from (f"{prefix:0<6}" for prefix in grids()[place].prefixes)
        elif place.isdigit():
            yield place


def _of_folder(files: Files, folder: str) -> Iterator[tuple[str, Raw]]:
    """The files of a folder by their ids."""
    for path, content in files.items():
        if path.startswith(f"{folder}/"):
            yield Path(path).stem, content


def _series(one: Raw) -> FactorSeries:
    parts: dict[str, Any] = {
        key: [model.model_construct(**each) for each in one.get(key) or []] for key, model in LENT.items()
    }
    if one.get("review"):
        parts["review"] = Review.model_construct(**one["review"])
    return FactorSeries.model_construct(**{**one, **parts})


def _quantification(said: Raw | None) -> Quantification | None:
    if not said:
        return None
    amounts = {key: Amount.model_construct(**said[key]) for key in AMOUNTS & said.keys()}
    method = Displacement if said["method"] == "displacement" else PerUnit
    return method.model_construct(**{**said, **amounts})


def _differing(old: Raw, new: Raw) -> dict[str, tuple[Any, Any]]:
    """Key → as it was and as it is. What a file of an older shape does not say of itself differs in nothing."""
    of_file = {"kind", "boundary_kind", "boundary"} - old.keys()
    keys = sorted((old.keys() | new.keys()) - of_file)
    return {key: (old.get(key), new.get(key)) for key in keys if (old.get(key) or None) != (new.get(key) or None)}


def _sort_of(keys: Mapping[str, Any]) -> What:
    if any(key in (*FIXED, "status") for key in keys):
        return "changed"
    return "ended" if "valid_to" in keys else "mended"


def _by_place(rows: Iterable[RateRow]) -> dict[tuple[str, str], list[RateRow]]:
    found: dict[tuple[str, str], list[RateRow]] = {}
    for row in rows:
        found.setdefault((row.scenario, row.region), []).append(row)
    return found


def _covers(row: RateRow, on: date) -> bool:
    return row.valid_from <= on and (row.valid_to is None or on < row.valid_to)


def _figure(row: RateRow | None) -> tuple[str, int, str] | None:
    return None if row is None else (row.factor_id, row.micrograms_per_unit, row.match_quality)


def _told(one: Raw) -> str:
    return f"{one['value']} {one['unit']}"


def _short(value: Any) -> str:
    return ", ".join(str(part) for part in value.values()) if isinstance(value, dict) else str(value)
