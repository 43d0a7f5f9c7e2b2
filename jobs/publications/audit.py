"""The invariants that every run checks on what it is about to publish, counted; schemas/invariants.yaml says them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from expectations import Measurement
from jobs.lake.frames import in_force, listed, newest, semi
from jobs.ledger.entries import standing_entries

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.runs.run import Run


HEX_32 = "^[0-9a-f]{32}$"
KEY = ("claim_id", "act_date")
SECRETIVE = ("silver.customer_events", "silver.redemptions", "silver.membership", "silver.claims", "gold.ledger",
             "gold.carbon_records")  # fmt: skip
"""Tables whose pseudonyms and tokens are looked at."""
UNSPENT = "'no_consent', 'refunded', 'unpaired', 'pending'"
"""Outcomes of claims of which nothing was spent, or nothing may be said."""


@dataclass(frozen=True)
class Audited:
    """Of one invariant the rows that break it, and the rows that were looked at."""

    rule_id: str
    broken: Frame
    checked: Frame


def invariants(run: Run) -> list[Measurement]:
    """What breaks each invariant of the registry; the engine counts them in one query."""
    asked = [
        rows_have_one_disposition(run),
        claims_have_one_outcome(run),
        one_credit_per_activity(run),
        ledger_only_grows(run),
        *identifiers_are_tokens(run),
        credit_has_consent(run),
        credit_has_factor(run),
        balances_equal_ledger(run),
    ]
    frames = {
        f"{side}_{number}": getattr(one, side) for number, one in enumerate(asked) for side in ("broken", "checked")
    }
    query = " UNION ALL ".join(
        f"""SELECT {number} AS number, '{side}' AS side, count(1) AS n FROM {side}_{number}"""
        for number in range(len(asked))
        for side in ("broken", "checked")
    )
    counts = {
        (row["number"], row["side"]): row["n"] for row in run.lake.to_arrow(run.lake.sql(query, **frames)).to_pylist()
    }
    declared = run.registry.invariants
    return [
        Measurement(
            declared[one.rule_id],
            counts[number, "broken"],
            counts[number, "checked"],
            run.business_date,
            declared[one.rule_id].table,
        )
        for number, one in enumerate(asked)
    ]


def rows_have_one_disposition(run: Run) -> Audited:
    """1: every row of every new file has a disposition, and they add up to the control file."""
    lake = run.lake
    expected = lake.from_arrow(
        pa.table(
            {
                "file_id": pa.array([file.file_id for file in run.fresh], pa.string()),
                "row_count": pa.array([file.rows for file in run.fresh], pa.int64()),
            }
        )
    )
    rows = newest(lake, semi(lake, run.read("silver.rows"), expected, "file_id"), "file_id", "line")
    broken = lake.sql(
        """SELECT e.file_id FROM expected AS e
           LEFT JOIN (SELECT file_id, count(1) AS n FROM rows GROUP BY file_id) AS f ON e.file_id = f.file_id
           WHERE coalesce(f.n, 0) <> e.row_count""",
        expected=expected,
        rows=rows,
    )
    return Audited("conservation_of_rows", broken, expected)


def claims_have_one_outcome(run: Run) -> Audited:
    """1: every claim that this run changed has an outcome in force exactly while it is in force itself."""
    lake = run.lake
    claims = run.written("silver.claims")
    broken = lake.sql(
        """SELECT c.claim_id FROM claims AS c
           LEFT JOIN outcomes AS o ON c.claim_id = o.claim_id AND c.act_date = o.act_date
           WHERE c.is_live <> (o.claim_id IS NOT NULL)""",
        claims=claims,
        outcomes=in_force(lake, semi(lake, run.read("silver.activities"), claims, *KEY), *KEY),
    )
    return Audited("conservation_of_claims", broken, claims)


def one_credit_per_activity(run: Run) -> Audited:
    """2: what stands for an activity stands once, for one person and measure."""
    lake = run.lake
    positions = lake.sql("SELECT DISTINCT position FROM new", new=run.written("gold.ledger"))
    twice = lake.sql(
        "SELECT position, measure FROM standing GROUP BY position, measure HAVING count(1) > 1",
        standing=standing_entries(lake, semi(lake, run.read("gold.ledger"), positions, "position")),
    )
    return Audited("one_act_one_credit", twice, positions)


def ledger_only_grows(run: Run) -> Audited:
    """5: the ledger has the rows that were pinned and this run's, and no other."""
    pinned = run.last.pins["gold.ledger"].rows
    ledger = run.read("gold.ledger")
    before = run.lake.sql("SELECT count(1) AS n FROM old", old=run.before("gold.ledger"))
    broken = run.lake.sql(f"SELECT n FROM before WHERE n <> {pinned}", before=before)
    later = _where(run, ledger, f"publication_seq > {run.seq}")
    both = run.lake.sql("SELECT 1 AS one FROM broken UNION ALL SELECT 1 AS one FROM later", broken=broken, later=later)
    return Audited("ledger_only_grows", both, ledger)


def identifiers_are_tokens(run: Run) -> Iterator[Audited]:
    """6: every pseudonym and token that this run wrote has the form of one."""
    for name in SECRETIVE:
        secrets = [one for one in run.lake.tables[name].fields if run.registry.fields[one].sensitivity != "none"]
        broken = " OR ".join(f"({one} <> '' AND NOT {one} RLIKE '{HEX_32}')" for one in secrets)
        rows = run.written(name)
        yield Audited(f"no_readable_identifier_in_{name.replace('.', '_')}", _where(run, rows, broken), rows)


def credit_has_consent(run: Run) -> Audited:
    """7: nothing stands in the ledger for a claim that is not credited, nor for one that is no payment in force."""
    lake = run.lake
    changed = run.written("silver.activities")
    now = in_force(lake, semi(lake, run.read("silver.activities"), changed, *KEY), *KEY)
    uncredited = lake.sql(
        f"""SELECT DISTINCT c.claim_id AS position, k.position_kind FROM changed AS c
            CROSS JOIN (SELECT 'activity' AS position_kind UNION ALL SELECT 'payment' AS position_kind) AS k
            LEFT ANTI JOIN (
              SELECT claim_id, 'activity' AS position_kind FROM now WHERE outcome = 'credited' AND is_lead
              UNION ALL
              SELECT claim_id, 'payment' AS position_kind FROM now
              WHERE spend_fen > 0 AND outcome NOT IN ({UNSPENT})) AS n
              ON c.claim_id = n.claim_id AND k.position_kind = n.position_kind""",
        changed=changed,
        now=now,
    )
    standing = standing_entries(lake, semi(lake, run.read("gold.ledger"), uncredited, "position", "position_kind"))
    return Audited("no_consent_no_credit", standing, uncredited)


def credit_has_factor(run: Run) -> Audited:
    """8: every entry names a factor of the registry that is in force on its act date, or a rule of the registry."""
    lake = run.lake
    entries = _where(run, run.written("gold.ledger"), "entry_kind = 'post'")
    # Of few kinds, however many there are: a join with a span of dates is slow on every entry.
    named = ("position_kind", "factor_id", "scenario", "act_date", "match_quality")
    kinds = lake.keep(f"SELECT DISTINCT {listed(named)} FROM entries", entries=entries)
    unexplained = lake.sql(
        """SELECT e.* FROM kinds AS e
           LEFT ANTI JOIN rates AS r
             ON e.position_kind = 'activity' AND e.factor_id = r.factor_id AND e.scenario = r.scenario
            AND e.act_date >= r.valid_from AND e.act_date < r.valid_to
           LEFT ANTI JOIN spend_rates AS s
             ON e.position_kind = 'payment' AND e.factor_id = s.factor_id
            AND e.act_date >= s.valid_from AND e.act_date < s.valid_to
           LEFT ANTI JOIN rules AS k ON e.match_quality = 'rule' AND e.factor_id = k.rule""",
        kinds=kinds,
        rates=lake.from_arrow(run.policy.rates),
        spend_rates=lake.from_arrow(run.policy.spend_rates),
        rules=lake.from_arrow(run.policy.rewards.known),
    )
    same = " AND ".join(f"e.{name} <=> u.{name}" for name in named)  # what names nothing is unexplained, too
    broken = lake.sql(
        f"SELECT e.entry_id FROM entries AS e LEFT SEMI JOIN unexplained AS u ON {same}",
        entries=entries,
        unexplained=unexplained,
    )
    return Audited("no_factor_no_credit", broken, entries)


def balances_equal_ledger(run: Run) -> Audited:
    """9: the balances of everybody whom this run touched are the sums of their ledger."""
    lake = run.lake
    persons = lake.sql("SELECT DISTINCT person_id FROM new", new=run.written("gold.ledger"))
    key = listed(("person_id", "measure", "scenario", "institution"))
    held = semi(lake, run.read("gold.balances"), persons, "person_id")
    differ = lake.sql(
        f"""SELECT {key}, CAST(sum(amount) AS bigint) AS amount FROM (
              SELECT {key}, amount FROM ledger UNION ALL SELECT {key}, 0 - amount AS amount FROM held) AS both
            GROUP BY {key} HAVING sum(amount) <> 0""",
        ledger=semi(lake, run.read("gold.ledger"), persons, "person_id"),
        held=held,
    )
    return Audited("balances_equal_ledger", differ, held)


def _where(run: Run, rows: Frame, condition: str) -> Frame:
    return run.lake.sql(f"SELECT * FROM rows WHERE {condition}", rows=rows)
