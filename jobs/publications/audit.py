"""The invariants that every run checks on what it is about to publish, counted; schemas/invariants.yaml says them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from expectations import Measurement
from jobs.claims.touched import rows_log
from jobs.lake.frames import listed, semi
from jobs.ledger.entries import LEDGER, standing_entries
from jobs.policy.arrow import table
from jobs.publications.acts import Audited, consented, credited_once
from jobs.publications.savings import saved_once

if TYPE_CHECKING:
    from jobs.lake import Frame, Lake
    from jobs.runs.run import Run


HEX_32 = "^[0-9a-f]{32}( [0-9a-f]{32})*$"
"""A pseudonym or token, or a list of them."""
SECRETIVE = ("silver.customer_events", "silver.redemptions", "silver.membership", "silver.claims", "gold.ledger",
             "gold.carbon_records")  # fmt: skip
"""Tables whose pseudonyms and tokens are looked at."""
UNSPENT = "'no_consent', 'refunded', 'unpaired', 'pending'"
"""Outcomes of claims of which nothing was spent, or nothing may be said."""


def asked_of(run: Run) -> list[Audited]:
    """What breaks each invariant of the registry, and what was looked at."""
    return [
        rows_have_one_disposition(run),
        claims_have_one_outcome(run),
        one_credit_per_activity(run),
        credited_once(run),
        ledger_only_grows(run),
        *identifiers_are_tokens(run),
        credit_has_consent(run),
        consented(run),
        credit_has_factor(run),
        saved_once(run),
        balances_equal_ledger(run),
    ]


def invariants(run: Run, asked: Sequence[Audited]) -> list[Measurement]:
    """How many rows break each invariant; the engine counts them in one query."""
    counts = _counts(run, asked)
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


def _counts(run: Run, asked: Sequence[Audited]) -> dict[tuple[int, str], int]:
    """(number of the invariant, broken or checked) → rows, in one query."""
    sides = {
        f"{side}_{number}": (number, side, getattr(one, side))
        for number, one in enumerate(asked)
        for side in ("broken", "checked")
    }
    known = {(number, side): rows for number, side, rows in sides.values() if isinstance(rows, int)}
    frames = {name: rows for name, (_, _, rows) in sides.items() if not isinstance(rows, int)}
    query = " UNION ALL ".join(
        f"SELECT {sides[name][0]} AS number, '{sides[name][1]}' AS side, count(1) AS n FROM {name}" for name in frames
    )
    return known | {(row["number"], row["side"]): row["n"] for row in run.lake.ask(dict, query, **frames)}


def rows_have_one_disposition(run: Run) -> Audited:
    """1: every row of every new file has a disposition, and they add up to the control file."""
    lake = run.lake
    files = [{"file_id": file.file_id, "row_count": file.rows} for file in run.fresh]
    expected = lake.from_arrow(table({"file_id": str, "row_count": int}, files))
    broken = lake.sql(
        """
        WITH found AS (SELECT file_id, count(1) AS n FROM rows GROUP BY file_id)
        SELECT e.file_id
        FROM expected AS e
        LEFT JOIN found AS f ON e.file_id = f.file_id
        WHERE coalesce(f.n, 0) <> e.row_count
        """,
        expected=expected,
        rows=rows_log(run, run.fresh).newest(expected),
    )
    return Audited("conservation_of_rows", broken, expected)


def claims_have_one_outcome(run: Run) -> Audited:
    """1: every claim that this run changed has an outcome in force exactly while it is in force itself."""
    claims = run.lake.keep("SELECT claim_id, act_date, is_live FROM w", w=run.log("silver.claims").written)
    broken = run.lake.sql(
        """
        SELECT c.claim_id
        FROM claims AS c
        LEFT JOIN outcomes AS o ON c.claim_id = o.claim_id AND c.act_date = o.act_date
        WHERE c.is_live <> (o.claim_id IS NOT NULL)
        """,
        claims=claims,
        outcomes=run.log("silver.activities", near=claims).in_force(claims),
    )
    return Audited("conservation_of_claims", broken, claims)


def one_credit_per_activity(run: Run) -> Audited:
    """2: what stands for an activity stands once, for one person and measure.

    On each of its dates: a number that is given anew is of another act (docs/decisions/0022). That nothing stands on a date
    that the activity no longer has is asked by `credit_has_consent`.
    """
    lake, ledger = run.lake, run.log(LEDGER)
    dated = lake.sql("SELECT DISTINCT position, act_date FROM new", new=ledger.written)
    near = run.log(LEDGER, near=dated).of(dated, "position", "act_date")
    twice = lake.sql(
        """
        SELECT position, act_date, measure
        FROM standing
        GROUP BY position, act_date, measure
        HAVING count(1) > 1
        """,
        standing=standing_entries(lake, near.rows),
    )
    return Audited("one_act_one_credit", twice, lake.sql("SELECT DISTINCT position FROM new", new=ledger.written))


def ledger_only_grows(run: Run) -> Audited:
    """5: the ledger has the rows that were pinned and this run's, and no other.

    By the table's own count of its rows, so that no file of before is opened; `verify` counts and sums them all.
    """
    ledger = run.log(LEDGER)
    rows = run.lake.row_count(LEDGER)
    broken = run.lake.sql(
        f"""
        WITH counted AS (SELECT count(1) AS n FROM written)
        SELECT 1 AS one FROM counted WHERE {rows} - n <> {run.last.pins[LEDGER].rows}
        UNION ALL SELECT 1 AS one FROM later
        """,
        written=ledger.where(f"publication_seq >= {run.seq}").rows,
        later=ledger.where(f"publication_seq > {run.seq}").rows,
    )
    return Audited("ledger_only_grows", broken, rows)


def identifiers_are_tokens(run: Run) -> Iterator[Audited]:
    """6: every pseudonym and token that this run wrote has the form of one."""
    for name in SECRETIVE:
        secrets = [one for one in run.lake.tables[name].fields if run.registry.fields[one].sensitivity != "none"]
        broken = " OR ".join(f"({one} <> '' AND NOT {one} RLIKE '{HEX_32}')" for one in secrets)
        rows = run.log(name).written
        unlike = run.lake.sql(f"SELECT * FROM rows WHERE {broken}", rows=rows)
        yield Audited(f"no_readable_identifier_in_{name.replace('.', '_')}", unlike, rows)


def credit_has_consent(run: Run) -> Audited:
    """7: nothing stands in the ledger for a claim that is not credited, nor for one that is no payment in force."""
    lake, changed = run.lake, run.log("silver.activities").written
    uncredited = lake.sql(
        """
        WITH kinds AS (SELECT 'activity' AS position_kind UNION ALL SELECT 'payment' AS position_kind)
        SELECT DISTINCT c.claim_id AS position, c.act_date, k.position_kind
        FROM changed AS c
        CROSS JOIN kinds AS k
        LEFT ANTI JOIN earning AS e
            ON c.claim_id = e.position AND c.act_date = e.act_date AND k.position_kind = e.position_kind
        """,
        changed=changed,
        earning=earning(lake, run.log("silver.activities", near=changed).in_force(changed)),
    )
    entries = run.log(LEDGER, near=changed).of(uncredited, "position", "position_kind", "act_date")
    standing = standing_entries(lake, entries.rows)
    return Audited("no_consent_no_credit", standing, uncredited)


def earning(lake: Lake, outcomes: Frame) -> Frame:
    """position, act_date, position_kind: for what the ledger may have an entry, by the outcomes in force."""
    return lake.sql(
        f"""
        SELECT claim_id AS position, act_date, 'activity' AS position_kind
        FROM outcomes
        WHERE outcome = 'credited' AND is_lead
        UNION ALL
        SELECT claim_id AS position, act_date, 'payment' AS position_kind
        FROM outcomes
        WHERE spend_fen > 0 AND outcome NOT IN ({UNSPENT})
        """,
        outcomes=outcomes,
    )


def credit_has_factor(run: Run) -> Audited:
    """8: every entry names a factor of the registry that is in force on its act date, or a rule of the registry."""
    lake = run.lake
    posts = lake.sql("SELECT * FROM new WHERE entry_kind = 'post'", new=run.log(LEDGER).written)
    # Of few kinds, however many there are: a join with a span of dates is slow on every entry.
    named = ("position_kind", "factor_id", "scenario", "act_date", "match_quality")
    unexplained = lake.sql(
        """
        SELECT e.*
        FROM kinds AS e
        LEFT ANTI JOIN rates AS r
            ON e.position_kind = 'activity' AND e.factor_id = r.factor_id AND e.scenario = r.scenario
            AND e.act_date >= r.valid_from AND e.act_date < r.valid_to
        LEFT ANTI JOIN spend_rates AS s
            ON e.position_kind = 'payment' AND e.factor_id = s.factor_id AND e.act_date >= s.valid_from
            AND e.act_date < s.valid_to
        LEFT ANTI JOIN rules AS k ON e.match_quality = 'rule' AND e.factor_id = k.rule
        """,
        kinds=lake.keep(f"SELECT DISTINCT {listed(named)} FROM posts", posts=posts),
        rates=lake.from_arrow(run.policy.rates),
        spend_rates=lake.from_arrow(run.policy.spend_rates),
        rules=lake.from_arrow(run.policy.rewards.known),
    )
    same = " AND ".join(f"e.{name} <=> u.{name}" for name in named)  # what names nothing is unexplained, too
    broken = lake.sql(
        f"SELECT e.entry_id, e.position FROM posts AS e LEFT SEMI JOIN unexplained AS u ON {same}",
        posts=posts,
        unexplained=unexplained,
    )
    return Audited("no_factor_no_credit", broken, posts)


def balances_equal_ledger(run: Run) -> Audited:
    """9: the balances of everybody whom this run touched differ from those of before by what it entered.

    There are as many of all others as before, by the table's own count of its rows; `whole` sums them all.
    """
    lake, table = run.lake, "gold.balances"
    key = listed(lake.tables[table].key)
    new = lake.keep(f"SELECT {key}, amount FROM new", new=run.log(LEDGER).written)
    persons = lake.keep("SELECT DISTINCT person_id FROM new", new=new)
    before = semi(lake, lake.read(table, run.last.pins[table].version), persons, "person_id")
    held = semi(lake, run.read(table), persons, "person_id")
    others = lake.row_count(table) - run.last.pins[table].rows
    differ = lake.sql(
        f"""
        WITH parts AS (
            SELECT {key}, amount FROM new
            UNION ALL SELECT {key}, amount FROM before
            UNION ALL SELECT {key}, 0 - amount AS amount FROM held
        ),
        sums AS (
            SELECT {key}, CAST(sum(amount) AS bigint) AS amount
            FROM parts
            GROUP BY {key}
            HAVING sum(amount) <> 0
        ),
        grown AS (SELECT (SELECT count(1) FROM held) - (SELECT count(1) FROM before) AS n)
        SELECT amount FROM sums
        UNION ALL SELECT {others} - n AS amount FROM grown WHERE n <> {others}
        """,
        new=new,
        before=before,
        held=held,
    )
    return Audited("balances_equal_ledger", differ, held)
