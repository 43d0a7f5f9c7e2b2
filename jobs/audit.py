"""The invariants that every run checks on what it is about to publish (design: invariants 1, 2, 5–9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expectations import RuleResult
from jobs.frames import in_force, listed, newest, semi
from jobs.post import standing_entries

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.run import Run

HEX_32 = "^[0-9a-f]{32}$"
KEY = ("claim_id", "act_date")


def invariants(run: Run) -> list[RuleResult]:
    """One result per invariant, all critical."""
    return [
        rows_have_one_disposition(run),
        claims_have_one_outcome(run),
        one_credit_per_activity(run),
        ledger_only_grows(run),
        identifiers_are_tokens(run),
        credit_has_consent(run),
        credit_has_factor(run),
        balances_equal_ledger(run),
    ]


def _result(run: Run, rule: str, table: str, broken: Frame, checked: int) -> RuleResult:
    observed = run.lake.count(broken)
    return RuleResult(rule, table, "critical", observed == 0, observed, checked)


def rows_have_one_disposition(run: Run) -> RuleResult:
    """1: every row of every new file has a disposition, and they add up to the control file."""
    lake = run.lake
    expected = {file.file_id: file.rows for file in run.fresh}
    rows = newest(lake, semi(lake, run.read("silver.rows"), run.file_frame(run.fresh), "file_id"), "file_id", "line")
    counted = lake.sql("SELECT file_id, count(1) AS n FROM {rows} GROUP BY file_id", rows=rows)
    found = {row["file_id"]: row["n"] for row in lake.to_arrow(counted).to_pylist()}
    wrong = sum(1 for file, count in expected.items() if found.get(file, 0) != count)
    return RuleResult("conservation_of_rows", "silver.rows", "critical", wrong == 0, wrong, len(expected))


def claims_have_one_outcome(run: Run) -> RuleResult:
    """1: every claim that this run changed has an outcome in force exactly while it is in force itself."""
    lake = run.lake
    claims = run.written("silver.claims")
    broken = lake.sql(
        """SELECT c.claim_id FROM {claims} AS c
           LEFT JOIN {outcomes} AS o ON c.claim_id = o.claim_id AND c.act_date = o.act_date
           WHERE c.is_live <> (o.claim_id IS NOT NULL)""",
        claims=claims,
        outcomes=in_force(lake, semi(lake, run.read("silver.activities"), claims, *KEY), *KEY),
    )
    return _result(run, "conservation_of_claims", "silver.activities", broken, lake.count(claims))


def one_credit_per_activity(run: Run) -> RuleResult:
    """2: what stands for an activity stands once, for one person and measure."""
    lake = run.lake
    positions = lake.keep("SELECT DISTINCT position FROM {new}", new=run.written("gold.ledger"))
    twice = lake.sql(
        "SELECT position, measure FROM {standing} GROUP BY position, measure HAVING count(1) > 1",
        standing=standing_entries(lake, semi(lake, run.read("gold.ledger"), positions, "position")),
    )
    return _result(run, "one_act_one_credit", "gold.ledger", twice, lake.count(positions))


def ledger_only_grows(run: Run) -> RuleResult:
    """5: the ledger has the rows that were pinned and this run's, and no other."""
    pinned = run.last.pins["gold.ledger"].rows
    total = run.lake.count(run.read("gold.ledger"))
    added = run.lake.count(run.written("gold.ledger"))
    wrong = abs(total - pinned - added)
    return RuleResult("ledger_only_grows", "gold.ledger", "critical", wrong == 0, wrong, total)


def identifiers_are_tokens(run: Run) -> RuleResult:
    """6: every pseudonym and token that this run wrote has the form of one."""
    observed = checked = 0
    for name in ("silver.customer_events", "silver.membership", "silver.claims", "gold.ledger"):
        secrets = [one for one in run.lake.tables[name].fields if run.registry.fields[one].sensitivity != "none"]
        broken = " OR ".join(f"({one} <> '' AND NOT {one} RLIKE '{HEX_32}')" for one in secrets)
        rows = run.written(name)
        observed += run.lake.count(_where(run, rows, broken))
        checked += run.lake.count(rows)
    return RuleResult("no_readable_identifier", "silver.customer_events", "critical", observed == 0, observed, checked)


def credit_has_consent(run: Run) -> RuleResult:
    """7: nothing stands in the ledger for a claim whose outcome is not `credited`."""
    lake = run.lake
    changed = run.written("silver.activities")
    now = in_force(lake, semi(lake, run.read("silver.activities"), changed, *KEY), *KEY)
    uncredited = lake.keep(
        """SELECT DISTINCT c.claim_id AS position FROM {changed} AS c LEFT ANTI JOIN (
             SELECT claim_id FROM {now} WHERE outcome = 'credited' AND is_lead) AS n ON c.claim_id = n.claim_id""",
        changed=changed,
        now=now,
    )
    standing = standing_entries(lake, semi(lake, run.read("gold.ledger"), uncredited, "position"))
    return _result(run, "no_consent_no_credit", "gold.ledger", standing, lake.count(uncredited))


def credit_has_factor(run: Run) -> RuleResult:
    """8: every credit names a factor of the registry that is in force on its act date."""
    lake = run.lake
    entries = _where(run, run.written("gold.ledger"), "entry_kind = 'post' AND position_kind = 'activity'")
    unexplained = lake.sql(
        """SELECT e.entry_id FROM {entries} AS e LEFT ANTI JOIN {rates} AS r
             ON e.factor_id = r.factor_id AND e.scenario = r.scenario
            AND e.act_date >= r.valid_from AND e.act_date < r.valid_to""",
        entries=entries,
        rates=lake.from_arrow(run.policy.rates),
    )
    return _result(run, "no_factor_no_credit", "gold.ledger", unexplained, lake.count(entries))


def balances_equal_ledger(run: Run) -> RuleResult:
    """9: the balances of everybody whom this run touched are the sums of their ledger."""
    lake = run.lake
    persons = lake.keep("SELECT DISTINCT person_id FROM {new}", new=run.written("gold.ledger"))
    key = listed(("person_id", "measure", "scenario", "institution"))
    held = semi(lake, run.read("gold.balances"), persons, "person_id")
    differ = lake.sql(
        f"""SELECT {key}, CAST(sum(amount) AS bigint) AS amount FROM (
              SELECT {key}, amount FROM {{ledger}} UNION ALL SELECT {key}, 0 - amount AS amount FROM {{held}}) AS both
            GROUP BY {key} HAVING sum(amount) <> 0""",
        ledger=semi(lake, run.read("gold.ledger"), persons, "person_id"),
        held=held,
    )
    return _result(run, "balances_equal_ledger", "gold.balances", differ, lake.count(held))


def _where(run: Run, rows: Frame, condition: str) -> Frame:
    # Not a format string: the condition may hold a pattern with braces.
    return run.lake.sql("SELECT * FROM {rows} WHERE " + condition.replace("{", "{{").replace("}", "}}"), rows=rows)
