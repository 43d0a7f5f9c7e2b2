"""What a run computes again: the days that it touched, and the months and years that rules sum up around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.claims.consents import reported_otherwise
from jobs.lake.frames import listed, of_months, semi
from jobs.ledger.entries import ENTRY, standing_entries
from jobs.policy.periods import start_of

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.runs.run import Run


DAY = ("person_id", "act_date")


@dataclass(frozen=True)
class Touched:
    """What is computed again.

    Attributes:
        days: (person_id, act_date).
        periods: (person_id, period, start): the days, and the months and years that some rule sums up.
        posted: ENTRY rows that stand for any of these, but for what expired.
        held: ENTRY rows that stand on other days of the same months and years: they are summed up, and stay.
    """

    days: Frame
    periods: Frame
    posted: Frame
    held: Frame


def touched_by(run: Run) -> Touched:
    """The scope of what a run changed."""
    lake, rewards = run.lake, run.policy.rewards
    days = _touched(run)
    spans = [
        f"SELECT DISTINCT person_id, {period} AS period, {start_of(period, 'act_date')} AS start FROM days"
        for period in (f"'{name}'" for name in rewards.periods)
    ]
    periods = lake.keep(" UNION ALL ".join(spans), days=days)
    standing = lake.keep(
        f"""SELECT {listed(ENTRY, "e.")}, coalesce(r.period, 'day') AS period,
                   {start_of("coalesce(r.period, 'day')", "e.act_date")} AS start
            FROM standing AS e LEFT JOIN ruled AS r ON e.factor_id = r.rule
            WHERE e.position_kind <> 'expiry'""",
        standing=standing_entries(lake, _near(run, days)),
        ruled=lake.from_arrow(rewards.ruled),
    )
    same = "s.person_id = p.person_id AND s.period = p.period AND s.start = p.start"
    posted, held = (
        lake.sql(
            f"SELECT {listed(ENTRY, 's.')} FROM standing AS s LEFT {kind} JOIN periods AS p ON {same}",
            standing=standing,
            periods=periods,
        )
        for kind in ("SEMI", "ANTI")
    )
    return Touched(days, periods, posted, held)


def _near(run: Run, days: Frame) -> Frame:
    """The ledger's rows of the longest periods around the days, so that other months' files are not read."""
    longest = run.policy.rewards.periods[-1]
    if run.full:
        return run.read("gold.ledger")
    if longest == "day":
        return semi(run.lake, run.near("gold.ledger", days), days, *DAY)
    dates = run.dates(days)
    months = {f"{day:%Y-%m}" for day in dates}
    if longest == "year":
        months = {f"{day.year}-{month:02}" for day in dates for month in range(1, 13)}
    return semi(run.lake, of_months(run.lake, run.read("gold.ledger"), months), days, "person_id")


def _touched(run: Run) -> Frame:
    """(person_id, act_date) of all that this run changed, as it was before and as it is after."""
    lake = run.lake
    log = run.read("silver.activities")
    if run.full:
        everything = [
            lake.sql("SELECT person_id, act_date FROM log", log=log),
            _redeemed(run, run.read("silver.redemptions")),
        ]
        return _distinct(run, everything)
    changed = [
        semi(lake, log, run.written("silver.activities"), "claim_id", "act_date"),
        _redeemed(run, semi(lake, run.read("silver.redemptions"), run.written("silver.redemptions"), "redemption_id")),
        _redeemed(run, semi(lake, run.read("silver.redemptions"), run.written("silver.membership"), "customer_key")),
    ]
    if run.policy.rewards.restrictions.num_rows:
        changed.append(semi(lake, log, reported_otherwise(run), "person_id"))
    return _distinct(run, changed)


def _distinct(run: Run, days: list[Frame]) -> Frame:
    parts = " UNION ".join(f"SELECT person_id, act_date FROM days_{place}" for place in range(len(days)))
    return run.lake.keep(parts, **{f"days_{place}": frame for place, frame in enumerate(days)})


def _redeemed(run: Run, redemptions: Frame) -> Frame:
    """(person_id, act_date) of redemptions, for whoever their customers were and are."""
    return run.lake.sql(
        """SELECT m.person_id, r.act_date FROM redemptions AS r JOIN members AS m
             ON r.customer_key = m.customer_key""",
        redemptions=redemptions,
        members=run.read("silver.membership"),
    )
