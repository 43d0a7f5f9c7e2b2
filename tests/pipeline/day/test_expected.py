"""Who is expected: what deployment.yaml says of dates, through the real jobs, and what holds without it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jobs.day import JOBS, PUBLISH, run_job
from jobs.lake import Lake
from jobs.reading.history import publications
from jobs.runs.expected import FOLDER, deployment_of
from schemas.deployment import FILE
from schemas.errors import RegistryError
from tests.support.exports import (
    CITIZEN,
    CONSENTED,
    PHONE,
    REGISTERED,
    Part,
    alipay_acts,
    alipay_consents,
    alipay_registrations,
    deliver,
    table,
)
from tests.support.lakes import contents, differences
from tests.support.registries import shipped
from tests.support.worlds import days, embedded_lake, land_world, rows, run_days

REGISTRY = shipped()
DATES = days(5)
WALLET = "alipay: {from: 2026-11-01}"
METRO = (
    table("hangzhou_metro", "consents", f"H1,all,grant,{CONSENTED}"),
    table("hangzhou_metro", "registrations", f"H1,{CITIZEN[0]},{PHONE[0]},P,{REGISTERED}"),
)


def say(home: Path, *institutions: str) -> None:
    """The deployment's file, or none."""
    (home / FILE).unlink(missing_ok=True)
    if institutions:
        (home / FILE).write_text("institutions:\n  " + "\n  ".join(institutions), encoding="utf-8")


def send(home: Path, institution: str, *on: int, night: int | None = None, parts: tuple[Part, ...] = ()) -> None:
    """Deliveries of days of November, each in its own night or all in one."""
    for day in on:
        stamp = f"202611{night or day:02}T20{day:02}00Z"
        deliver(home, institution, *parts, stamp=stamp, business_date=f"2026-11-{day:02}")


def walk(home: Path, *on: int) -> None:
    """The wallet's deliveries: its customer walks every day."""
    known = alipay_registrations((1, CITIZEN[0], PHONE[0], [], REGISTERED))
    for day in on:
        acts = alipay_acts((day, 1, f"2026-11-{day:02} 12:00:00", "xingzou", "9000"))
        consents = alipay_consents((1, "ALL", "AUTHORIZED", CONSENTED))
        send(home, "alipay", day, parts=(acts, known, consents))


def run(home: Path, *on: int, folder: str = "lake", full: bool = False) -> Lake:
    land_world(home, REGISTRY)
    lake = embedded_lake(home, REGISTRY, folder)
    run_days(lake, home, [date(2026, 11, day) for day in on], **({"full": True} if full else {}))
    return lake


def states(lake: Lake, home: Path) -> list[str]:
    return [one.state for one in publications(lake, home)]


def told(lake: Lake, state: str) -> set[tuple[int, str]]:
    """(day, institution) of coverage in a state."""
    return {
        (row["business_date"].day, row["institution"])
        for row in rows(lake, "gold.coverage")
        if row["file_state"] == state
    }


def standing(lake: Lake) -> int:
    return sum(row["amount"] for row in rows(lake, "gold.ledger") if row["measure"] == "reduction_mg")


def grades(lake: Lake) -> dict[str, Any]:
    """Month → the newest reporting grade; the world has one person."""
    found = sorted(rows(lake, "gold.carbon_records"), key=lambda row: int(row["publication_seq"]))
    return {row["act_month"]: row["reporting_grade"] for row in found if row["is_live"]}


def test_without_a_file_one_institution_is_a_whole_day_until_it_stays_away(tmp_path: Path) -> None:
    walk(tmp_path, 1, 2)
    lake = run(tmp_path, 1, 2, 3)
    assert states(lake, tmp_path) == ["published", "published", "degraded"]
    assert told(lake, "missing") == {(3, "alipay")}


def test_the_file_expects_from_its_date_on_whoever_never_came(tmp_path: Path) -> None:
    walk(tmp_path, 1, 2)
    say(tmp_path, WALLET, "huge_recycling: {from: 2026-11-02}")
    lake = run(tmp_path, 1, 2)
    assert states(lake, tmp_path) == ["published", "degraded"]
    missed = [
        (row["institution"], row["feed"]) for row in rows(lake, "gold.coverage") if row["file_state"] == "missing"
    ]
    assert missed == [("huge_recycling", feed) for feed in sorted(REGISTRY.sources["huge_recycling"].owed)]


def test_who_leaves_is_missing_no_more_until_it_comes_back(tmp_path: Path) -> None:
    walk(tmp_path, 1, 2, 3, 4, 5)
    send(tmp_path, "hangzhou_metro", 1, parts=METRO)
    say(tmp_path, WALLET, "hangzhou_metro: [{from: 2026-11-01, to: 2026-11-02}, {from: 2026-11-04, to: 2026-11-04}]")
    lake = run(tmp_path, 1, 2, 3, 4, 5)
    assert told(lake, "missing") == {(2, "hangzhou_metro"), (4, "hangzhou_metro")}
    assert states(lake, tmp_path) == ["published", "degraded", "published", "degraded", "published"]
    assert grades(lake) == {"2026-11": "D"}, "one of the three dates that the metro owed: 5 dates would be a D too"


def test_grades_count_the_dates_that_are_owed(tmp_path: Path) -> None:
    """Two of two is whole; without the end it would be two of five."""
    walk(tmp_path, 1, 2, 3, 4, 5)
    send(tmp_path, "hangzhou_metro", 1, 2, parts=METRO)
    say(tmp_path, WALLET, "hangzhou_metro: {from: 2026-11-01, to: 2026-11-02}")
    assert grades(run(tmp_path, 1, 2, 3, 4, 5)) == {"2026-11": "A"}
    say(tmp_path)
    assert grades(run(tmp_path, 1, 2, 3, 4, 5, folder="without")) == {"2026-11": "D"}


def test_who_comes_late_was_missing_and_counts_for_its_date(tmp_path: Path) -> None:
    """Also after its last date: what counts is the date that it reports on."""
    walk(tmp_path, 1, 2, 3)
    send(tmp_path, "hangzhou_metro", 1, parts=METRO)
    send(tmp_path, "hangzhou_metro", 2, night=3)
    say(tmp_path, WALLET, "hangzhou_metro: {from: 2026-11-01, to: 2026-11-02}")
    lake = run(tmp_path, 1, 2, 3)
    assert told(lake, "missing") == {(2, "hangzhou_metro")} < told(lake, "consumed") and told(lake, "refused") == set()
    assert states(lake, tmp_path) == ["published", "degraded", "published"]


def test_what_nobody_signed_up_is_not_credited_until_the_file_says_so(tmp_path: Path) -> None:
    walk(tmp_path, 1, 2, 3)
    send(tmp_path, "hangzhou_metro", 1, 2, 3, parts=METRO)
    say(tmp_path, "alipay: {from: 2026-11-02}", "hangzhou_metro: {from: 2026-11-01}")
    lake = run(tmp_path, 1, 2)
    refused = [
        (row["institution"], row["code"]) for row in rows(lake, "gold.coverage") if row["file_state"] == "refused"
    ]
    assert set(refused) == {("alipay", "not_expected")} and told(lake, "refused") == {(1, "alipay")}
    assert states(lake, tmp_path) == ["degraded", "published"], "it is told of once"
    assert standing(lake) == 9_000 * 20
    say(tmp_path, WALLET, "hangzhou_metro: {from: 2026-11-01}")
    lake = run(tmp_path, 3)
    assert standing(lake) == 3 * 9_000 * 20
    assert states(lake, tmp_path)[-1] == "published"
    assert not any(run_days(lake, tmp_path, [DATES[2]], full=True)[0].appended.values())


def test_an_edit_of_the_past_leaves_what_was_published_and_grades_anew(tmp_path: Path) -> None:
    walk(tmp_path, 1, 2, 3, 4)
    send(tmp_path, "hangzhou_metro", 1, parts=METRO)
    say(tmp_path, WALLET, "hangzhou_metro: {from: 2026-11-01}")
    lake = run(tmp_path, 1, 2, 3)
    assert grades(lake) == {"2026-11": "D"}
    before = contents(lake.path, REGISTRY)
    say(tmp_path, WALLET, "hangzhou_metro: {from: 2026-11-01, to: 2026-11-01}")
    assert run_days(lake, tmp_path, DATES[:3])[-1].seq is None
    assert differences(contents(lake.path, REGISTRY), before) == {}, "the file alone changes no publication"

    lake = run(tmp_path, 4)
    assert told(lake, "missing") == {(2, "hangzhou_metro"), (3, "hangzhou_metro")}, "it was published so"
    assert states(lake, tmp_path) == ["published", "degraded", "degraded", "published"]
    assert grades(lake) == {"2026-11": "A"}
    assert not any(run_days(lake, tmp_path, [DATES[3]], full=True)[0].appended.values())
    ends = [found.institutions["hangzhou_metro"][0].last for seq in (3, 4) if (found := deployment_of(lake.path, seq))]
    assert ends == [None, DATES[0]], "each publication tells under which it was made"


@pytest.mark.parametrize("content", [None, b"", b"{"])
def test_a_lost_note_of_the_file_is_passed_over(tmp_path: Path, content: bytes | None) -> None:
    walk(tmp_path, 1, 2)
    say(tmp_path, WALLET, "icbc: {from: 2026-11-01}")
    lake = run(tmp_path, 1)
    [note] = (lake.path / FOLDER).iterdir()
    note.unlink() if content is None else note.write_bytes(content)
    run_days(lake, tmp_path, [DATES[1]])
    assert told(lake, "missing") == {(1, "icbc"), (2, "icbc")} and grades(lake) == {"2026-11": "A"}
    assert not any(run_days(lake, tmp_path, [DATES[1]], full=True)[0].appended.values())


def test_the_same_file_gives_past_dates_the_same_coverage(tmp_path: Path) -> None:
    """A later end, and an institution that comes later, are of no past date."""
    walk(tmp_path, 1, 2, 3)
    say(tmp_path, WALLET, "hangzhou_metro: {from: 2026-11-02}")
    then = run(tmp_path, 1, 2, 3)
    say(tmp_path, WALLET, "hangzhou_metro: {from: 2026-11-02, to: 2026-11-03}", "icbc: {from: 2026-11-04}")
    again = run(tmp_path, 1, 2, 3, folder="again")
    assert differences(contents(then.path, REGISTRY), contents(again.path, REGISTRY)) == {}


def test_the_jobs_of_a_run_go_by_the_file_that_it_was_opened_with(tmp_path: Path) -> None:
    walk(tmp_path, 1)
    say(tmp_path, WALLET)
    land_world(tmp_path, REGISTRY)
    lake = embedded_lake(tmp_path, REGISTRY)
    for name in [*JOBS, PUBLISH]:
        outcome = run_job(lake, REGISTRY, tmp_path, DATES[0], name)
        say(tmp_path, WALLET, "icbc: {from: 2026-11-01}")
    assert outcome.state == "published" and told(lake, "missing") == set()


def test_what_was_noted_for_a_run_that_was_given_up_is_of_no_publication(tmp_path: Path, monkeypatch: Any) -> None:
    walk(tmp_path, 1, 2)
    say(tmp_path, WALLET)
    lake = run(tmp_path, 1)
    say(tmp_path, WALLET, "icbc: {from: 2026-11-02}")

    def fails(*_: Any) -> Any:
        raise RuntimeError("the process was killed")

    with monkeypatch.context() as patch:
        patch.setattr("jobs.publications.publish.sealed_rows", fails)
        with pytest.raises(RuntimeError):
            run_days(lake, tmp_path, [DATES[1]])
    say(tmp_path, WALLET)
    run_days(lake, tmp_path, [DATES[1]])
    found = deployment_of(lake.path, 2)
    assert found and [*found.institutions] == ["alipay"]


def test_a_file_that_cannot_be_used_stops_the_run_and_changes_nothing(tmp_path: Path) -> None:
    walk(tmp_path, 1)
    say(tmp_path, "alipy: {from: 2026-11-01}")
    land_world(tmp_path, REGISTRY)
    lake = embedded_lake(tmp_path, REGISTRY)
    with pytest.raises(RegistryError, match="did you mean alipay"):
        run_days(lake, tmp_path, [DATES[0]])
    assert rows(lake, "gold.publications") == []
