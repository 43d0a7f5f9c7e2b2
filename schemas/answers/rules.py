"""Rules by which acts are credited, held against those that were released: they are added to, and not altered.

Caps, exclusions, windows, precedence, booking lags, what programmes give, prices of money: whoever edits one in its place changes
what past acts earn without saying so. It gets a successor from a day on, or a correction that says what was wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from schemas.answers.files import Files
from schemas.factors import FOLDER as FACTORS
from schemas.programmes import FOLDER as PROGRAMMES
from schemas.scenarios import FOLDER as SCENARIOS
from schemas.sources import FOLDER as SOURCES

MENDS = {
    SCENARIOS: "say the other rule under `changes` with the day from which it holds",
    f"{SCENARIOS}: caps": "end the cap (valid_to) and add another, with an id and a first day of its own",
    f"{SCENARIOS}: excludes": "end the exclusion (valid_to) and add another, with an id and a first day of its own",
    PROGRAMMES: "end the rule (valid_to) and add another, with an id and a first day of its own",
    SOURCES: "let a feed or an institution of another name take its place",
    f"{SOURCES}: lag": "say the other lag under the feed's `changes` with the day from which it holds",
    "": "add another beside it, from a day on",
}
"""Folder, or a part of it → what to do instead of an edit."""

FOR_GOOD = ("unit", "scope", "proof", "reported_by", "is_spend", "merchant_code")
"""What makes an act what it is: one that differs in it is another scenario."""

UNHELD = {"quantification", "correction"}
"""The one is judged by the answers that it gives, the other is words."""


@dataclass(frozen=True)
class Difference:
    """Something at a path of keys that is not as it was; None where it is not said."""

    path: tuple[str, ...]
    was: Any
    now: Any

    @property
    def where(self) -> str:
        """The path as it is written."""
        return ".".join(self.path)


def rules_refused(base: Files, now: Files, released: date) -> Iterator[str]:
    """Why the rules of a registry may not follow those of one that was released; nothing where they may.

    Args:
        released: when the base was: acts of days before may stand.
    """
    for path, was in base.items():
        folder = path.split("/")[0]
        if folder == FACTORS or (folder == PROGRAMMES and was.get("kept") != "ledger"):
            continue  # Figures are compared as series; programmes that are only compared credit nothing.
        if path not in now:
            yield f"{path}: was released and is gone; keep it, and end what it says"
            continue
        if folder == SCENARIOS and _is_unused(Path(path).stem, was, base):
            continue
        for one in _differences((), was, now[path]):
            if problem := _problem(folder, one, released):
                yield f"{path}: {one.where}: {problem}"


def _is_unused(scenario: str, was: Any, base: Files) -> bool:
    """Whether nothing quantified a scenario and nobody reported it, so that no act of it can stand."""
    reported = (
        scenario in feed["reports"]
        for path, said in base.items()
        if path.startswith(f"{SOURCES}/") and "feeds" in said
        for feed in said["feeds"].values()
    )
    return was.get("quantification") is None and not any(reported)


def _differences(path: tuple[str, ...], was: Any, now: Any) -> Iterator[Difference]:
    """The widest parts that are only in one, and the narrowest that differ."""
    was, now = _keyed(was), _keyed(now)
    if was == [] and isinstance(now, Mapping):
        was = {}
    if now == [] and isinstance(was, Mapping):
        now = {}
    if not isinstance(was, Mapping) or not isinstance(now, Mapping):
        if was != now and (was or now):  # what is not said is none, or no
            yield Difference(path, was, now)
        return
    for key in [*was, *(key for key in now if key not in was)]:
        if key not in UNHELD:
            yield from _differences((*path, str(key)), was.get(key), now.get(key))


def _keyed(said: Any) -> Any:
    """Rules of a list by their ids; without one by what they are of, or by their place."""
    if not isinstance(said, list) or not said or not all(isinstance(one, Mapping) for one in said):
        return said
    return {_key(one, place): one for place, one in enumerate(said)}


def _key(one: Mapping[str, Any], place: int) -> str:
    named = next((one[key] for key in ("id", "unit", "year") if key in one), None)
    return str(place if named is None else named)


def _problem(folder: str, one: Difference, released: date) -> str | None:
    """Why a difference may not be, if so."""
    if one.was is None:
        return _problem_of_addition(folder, one, released)
    if one.now is None:
        return f"was {_short(one.was)} and is gone; it was released: {_mend(folder, one)}"
    return f"was {_short(one.was)} and is {_short(one.now)}; it was released: {_mend(folder, one)}"


def _problem_of_addition(folder: str, one: Difference, released: date) -> str | None:
    """Why something more may not be said, if so: what begins before the release changes what is credited already."""
    if one.path[-1] == "valid_to":
        is_past = one.now < released
        return f"{one.now} is before {released}, when it was released; let it end then or later" if is_past else None
    if rules := _rules(one.now):
        return next((problem for rule in rules if (problem := _begins_too_early(rule, released))), None)
    if folder not in (SCENARIOS, PROGRAMMES):
        return None  # Another feed, another scenario that a feed reports, the prices of another year.
    return f"was not said and is {_short(one.now)}; what was meant without it was released: {_mend(folder, one)}"


def _begins_too_early(rule: Mapping[str, Any], released: date) -> str | None:
    known, begins = rule.get("known_from") or released, rule.get("valid_from")
    if known < released:
        return f"known_from {known} is before {released}, when what it is added to was released; write its own day"
    if rule.get("correction") or (begins and begins >= released):
        return None
    said = f"begins {begins}" if begins else "says no first day"
    return (
        f"{said}, but what it is added to was released on {released}: let it begin then or later, or say its correction"
    )


def _rules(said: Any) -> list[Mapping[str, Any]]:
    """The rules that something more consists of: one, or several by their keys."""
    if not isinstance(said, Mapping):
        return []
    if {"id", "valid_from"} & said.keys():
        return [said]
    return [one for one in said.values() if isinstance(one, Mapping) and {"id", "valid_from"} & one.keys()]


def _mend(folder: str, one: Difference) -> str:
    if folder == SCENARIOS and one.path[0] in FOR_GOOD:
        return "an act that differs in it is another scenario"
    if folder == SCENARIOS and one.path[0] in ("caps", "excludes"):
        return MENDS[f"{SCENARIOS}: {one.path[0]}"]
    if folder == SOURCES and one.path[-1] == "booking_lag_days":
        return MENDS[f"{SOURCES}: lag"]
    return MENDS.get(folder, MENDS[""])


def _short(said: Any) -> str:
    if isinstance(said, Mapping):
        return f"{{{', '.join(f'{key}: {_short(value)}' for key, value in said.items())}}}"
    if isinstance(said, Iterable) and not isinstance(said, str):
        return f"[{', '.join(map(_short, said))}]"
    return str(said)
