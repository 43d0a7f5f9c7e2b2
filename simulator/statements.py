"""A day's statement of one feed: its rows, some of the day before once more or put right, and a revision before it.

The world is described in its final state. A corrected day therefore has its true rows in revision 1, and in
revision 0 a version that misses some rows, has other amounts in some, and holds some that never were.
"""

from __future__ import annotations

import numpy as np

from simulator.acts import Scene
from simulator.deliveries import Outbox
from simulator.formats import Feed
from simulator.misread import WAYS, misread
from simulator.people import Block
from simulator.rows import RECORD, REPEAT, SUPERSEDED, SUPPORTING, UNKNOWN, Column, Rows, Serials, stack
from simulator.truth import Truth


def write_feed(
    outbox: Outbox,
    truth: Truth,
    feed: Feed,
    scene: Scene,
    reports: Rows,
    act_numbers: Column,
) -> None:
    """Append a block's rows of one feed to the files of all days.

    The rows come in any order; their `act` counts within the block, and `act_numbers` has the number of each
    in the truth, and last the -1 of rows without an act.
    """
    block, days = scene.block, scene.days
    order = np.argsort(reports["day"], kind="stable")
    reports = reports.take(order)
    lines = feed.lines(reports, block)
    edges = np.searchsorted(reports["day"], np.arange(days + 1))
    resent = _resent(outbox, feed, reports, edges, days, scene.rng)
    wrong = _restated(scene, feed, reports, resent)
    at_first, first_lines = _told_wrong(scene, feed, reports, lines, wrong)
    for day, places in _by_day(np.concatenate([wrong, _repeated(scene, feed, reports, lines)]), reports).items():
        resent[day + 1] = np.concatenate([resent.get(day + 1, places[:0]), places])
    for day in range(days):
        here = np.arange(edges[day], edges[day + 1])
        again = resent.get(day, here[:0])
        if (feed.institution, day) in outbox.plan.corrected:
            former, former_lines = _former(feed, block, at_first, first_lines, here, scene.rng)
            former_lines += [lines[k] for k in again]
            former = stack([former, reports.take(again)])
            former.columns["disposition"] = np.full(len(former), SUPERSEDED)
            former.columns["outcome"] = np.full(len(former), UNKNOWN)
            _append(outbox, truth, feed, block, day, 0, former, former_lines, act_numbers)
            revision = 1
        else:
            revision = 0
        statement = stack([at_first.take(here), reports.take(again)])
        repeated = resent.get(day + 1, here[:0]) - edges[day]
        statement.columns["disposition"][repeated] = REPEAT
        statement.columns["outcome"][repeated] = UNKNOWN
        text = first_lines[edges[day] : edges[day + 1]] + [lines[k] for k in again]
        _append(outbox, truth, feed, block, day, revision, statement, text, act_numbers)


def _append(
    outbox: Outbox,
    truth: Truth,
    feed: Feed,
    block: Block,
    day: int,
    revision: int,
    part: Rows,
    lines: list[str],
    numbers: Column,
) -> None:
    if feed.arrange is not None:
        order, lines = feed.arrange(part, block, day)
        part = part.take(order)
    first = outbox.append(feed, day, revision, lines, int(part["total"].sum()))
    truth.add_records(feed.institution, feed.name, day, revision, first, part, numbers[part["act"]])


def _resent(
    outbox: Outbox, feed: Feed, reports: Rows, edges: Column, days: int, rng: np.random.Generator
) -> dict[int, Column]:
    """Rows of the day before that a day's file holds once more; only feeds whose rows have a key."""
    chosen = {}
    for day in range(1, days):
        if not feed.is_keyed or (feed.institution, day) not in outbox.plan.repeating:
            continue
        candidates = np.arange(edges[day - 1], edges[day])
        candidates = candidates[np.isin(reports["disposition"][candidates], (RECORD, SUPPORTING))]
        count = min(len(candidates), max(1, len(candidates) // 20))
        chosen[day] = np.sort(rng.permutation(candidates)[:count])
    return chosen


def _restated(scene: Scene, feed: Feed, reports: Rows, resent: dict[int, Column]) -> Column:
    """Places of rows that are told wrong at first; none that are sent again as they were."""
    if (feed.institution, feed.name) not in WAYS:
        return np.zeros(0, dtype=np.int64)
    may = (reports["disposition"] == RECORD) & (reports["day"] + 1 < scene.days)
    chosen = np.flatnonzero(may & scene.mishap(scene.hostile.restated, len(reports)))
    return np.setdiff1d(chosen, np.concatenate([chosen[:0], *resent.values()]))


def _told_wrong(scene: Scene, feed: Feed, reports: Rows, lines: list[str], wrong: Column) -> tuple[Rows, list[str]]:
    """All rows as they are told at first."""
    if not len(wrong):
        return reports, lines
    former = misread(feed, reports.take(wrong), scene.block, scene.mishaps)
    columns, texts = {name: column.copy() for name, column in reports.columns.items()}, list(lines)
    for name, column in columns.items():
        column[wrong] = former[name]
    for place, text in zip(wrong.tolist(), feed.lines(former, scene.block), strict=True):
        texts[place] = text
    return Rows(columns), texts


def _repeated(scene: Scene, feed: Feed, reports: Rows, lines: list[str]) -> Column:
    """Places of rows without a number that the next day's statement holds once more; of equal rows none."""
    if not feed.repeats_rows:
        return np.zeros(0, dtype=np.int64)
    _, place, count = np.unique(np.array(lines, dtype=str), return_inverse=True, return_counts=True)
    may = (count[place] == 1) & (reports["day"] + 1 < scene.days)
    return np.flatnonzero(may & scene.mishap(scene.hostile.repeated_rows, len(reports)))


def _by_day(places: Column, reports: Rows) -> dict[int, Column]:
    """The places by the day of their rows."""
    days = reports["day"][places]
    return {day: places[days == day] for day in np.unique(days).tolist()}


def _former(
    feed: Feed, block: Block, reports: Rows, lines: list[str], here: Column, rng: np.random.Generator
) -> tuple[Rows, list[str]]:
    """What revision 0 said of a day that revision 1 corrects: some rows missing, changed or made up."""
    fate = rng.random(len(here))
    if len(here) >= 3:
        fate[:3] = (0.0, 0.04, 0.07)  # every correction does all three
    kept = here[fate >= 0.03]
    if not feed.is_of_acts:
        return reports.take(kept), [lines[k] for k in kept]
    changed = reports.take(here[(fate >= 0.03) & (fate < 0.06)])
    changed.columns["total"] = changed["total"] + np.where(changed["total"] == 0, 0, changed["total"])
    if "end_lat" in changed.columns:
        changed.columns["end_lat"] = changed["end_lat"] + 5_000
    invented = reports.take(here[(fate >= 0.06) & (fate < 0.08)])
    if "serial" in invented.columns:
        invented.columns["serial"] = invented["serial"] + Serials.SPARE
    if "station" in invented.columns:
        invented.columns["station"] = (invented["station"] + 1) % 20
    invented.columns["act"] = np.full(len(invented), -1)
    same = here[fate >= 0.06]
    text = [lines[k] for k in same] + feed.lines(changed, block) + feed.lines(invented, block)
    return stack([reports.take(same), changed, invented]), text
