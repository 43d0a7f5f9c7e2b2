"""Who moved in a run, and whose consents changed since when: what match has to look at again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, cast

import pyarrow as pa
import pytest

from jobs.lake import Frame, Lake, choose_engine, open_lake
from jobs.lake.log import Log
from jobs.persons.members import consents_changed, members_before, moved
from jobs.runs.run import Run
from tests.support.registries import shipped

SEQ = 3
NOON = 1_793_505_600
"""2026-11-01 04:00 UTC, noon in Hangzhou."""
DAY = 86_400


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    choose_engine("embedded")
    opened = open_lake("embedded", tmp_path_factory.mktemp("lake"), shipped())
    yield opened
    opened.close()


class Logs:
    """A run of which only the logs are there."""

    def __init__(self, lake: Lake, **logs: list[tuple[object, ...]]) -> None:
        self.lake, self.full, self._logs = lake, False, logs

    def log(self, name: str) -> Log:
        table = shipped().tables[name]
        named = [dict(zip(COLUMNS[name].split(), row)) for row in self._logs[name.removeprefix("silver.")]]
        return Log(self.lake, table, self.lake.from_arrow(pa.Table.from_pylist(named)), SEQ)


COLUMNS = {
    "silver.membership": "customer_key person_id subject_kind publication_seq",
    "silver.customer_events": "event_key event_kind customer_key at_unix is_live publication_seq",
}


def told(run: Logs, rows: Frame) -> set[tuple[Any, ...]]:
    return {tuple(row.values()) for row in run.lake.to_arrow(rows).to_pylist()}


def test_who_is_new_or_otherwise_known_did_not_move(lake: Lake) -> None:
    run = Logs(
        lake,
        membership=[
            (customer, person, kind, seq)
            for customer, *told in (
                ("stayed", ("p", "resident", 1)),
                ("moved", ("p", "resident", 1), ("q", "resident", SEQ)),
                ("came back", ("p", "resident", 1), ("q", "resident", 2), ("p", "resident", SEQ)),
                ("new", ("p", "resident", SEQ)),
                ("told by a card", ("p", "resident", 1), ("p", "resident", SEQ)),
                ("opened a shop", ("p", "resident", 1), ("p", "micro_enterprise", SEQ)),
            )
            for person, kind, seq in told
        ],
    )
    assert told(run, moved(cast(Run, run))) == {("moved",), ("came back",), ("opened a shop",)}
    asked = lake.from_arrow(pa.table({"customer_key": ["came back", "new"]}))
    assert told(run, members_before(cast(Run, run), asked)) == {("came back", "q", "resident", 2)}


def test_consents_changed_since_the_first_that_was_ever_said(lake: Lake) -> None:
    run = Logs(
        lake,
        customer_events=[
            ("old", "consent", "a", NOON, True, 1),
            ("corrected", "consent", "a", NOON + 5 * DAY, True, 1),
            ("corrected", "consent", "b", NOON + 7 * DAY, True, SEQ),
            ("given", "consent", "b", NOON + 2 * DAY, True, SEQ),
            ("known", "registration", "c", NOON, True, SEQ),
        ],
    )
    found = told(run, consents_changed(cast(Run, run)))
    assert found == {("a", date(2026, 11, 5)), ("b", date(2026, 11, 2))}
