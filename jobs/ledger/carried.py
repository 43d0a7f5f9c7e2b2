"""The points that go with what a cap takes of kilograms.

Of points by the gram a cap on kilograms leaves what its acts earned, less what the kilograms that it takes are worth,
rounded up once; where caps of points have taken so much of these acts already, it takes nothing more.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from jobs.ledger.entries import rule_position
from schemas.programmes.rules import PERIODS

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.runs.run import Run
    from schemas.scenarios.parts import Period


MATCHES = """p.scenario = k.scenario AND substring(k.region, 1, length(p.prefix)) = p.prefix
             AND k.act_date >= p.valid_from AND k.act_date < p.valid_to"""
"""SQL: a rule `p` of a programme rewards the entry `k`."""
COUNTED = "CASE p.per WHEN 'gram' THEN k.amount WHEN 'unit' THEN k.quantity_micro ELSE 1 END"
"""SQL: what a rule `p` counts of the entry `k`."""
BARRED = "b.person_id = k.person_id AND b.act_date = k.act_date AND b.measure = p.measure"
"""SQL: a row `b` of what is barred bars the rule `p` from the entry `k`."""


class Carried:
    """What the caps on kilograms take along of the programmes' points."""

    def __init__(self, run: Run, kilograms: Frame, filled: Frame, barred: Frame) -> None:
        """What they take of kilograms.

        Args:
            kilograms: entries of the touched reductions, caps among them.
            filled: what each cap takes of the kilograms of each act.
            barred: person_id, act_date, measure that a programme does not reward.
        """
        self._lake, self._rewards = run.lake, run.policy.rewards
        self._kilograms, self._filled, self._barred = kilograms, filled, barred

    def has(self, period: Period) -> bool:
        """Whether any cap on kilograms is of this period."""
        return any(cap.period == period for _, cap in self._rewards.kilogram_caps)

    @cached_property
    def _by_gram(self) -> Frame:
        """The rules by which points go by the gram."""
        return self._lake.keep("SELECT * FROM earn WHERE per = 'gram'", earn=self._lake.from_arrow(self._rewards.earn))

    @cached_property
    def _worth(self) -> Frame:
        """Rule, person_id, start, measure, points: what a cap's kilograms are worth; never more than its acts earned.

        Where only some of its acts lie in a programme's region, it takes from these first: towards less credit.
        """
        lake = self._lake
        # In steps: of the whole DuckDB 1.x now and then loses a column while it orders the joins.
        takes = lake.keep(
            """
            SELECT rule, person_id, start, CAST(sum(taken) AS bigint) AS taken
            FROM filled
            GROUP BY rule, person_id, start
            HAVING sum(taken) > 0
            """,
            filled=self._filled,
        )
        acts = lake.keep(
            """
            SELECT k.*, t.taken AS taken_in_all
            FROM filled AS k
            JOIN takes AS t ON k.rule = t.rule AND k.person_id = t.person_id AND k.start = t.start
            """,
            filled=self._filled,
            takes=takes,
        )
        rewarded = lake.keep(
            f"""
            SELECT k.rule, k.person_id, k.start, k.taken_in_all, k.given, p.measure, p.rule AS earned_by, p.above,
                p.below
            FROM acts AS k
            JOIN by_gram AS p ON {MATCHES}
            LEFT ANTI JOIN barred AS b ON {BARRED}
            """,
            acts=acts,
            by_gram=self._by_gram,
            barred=self._barred,
        )
        return lake.keep(
            """
            WITH sums AS (
                SELECT rule, person_id, start, taken_in_all, measure, earned_by, above, below,
                    CAST(sum(given) AS bigint) AS milligrams,
                    CAST(sum((given * above) div below) AS bigint) AS earned
                FROM rewarded
                GROUP BY rule, person_id, start, taken_in_all, measure, earned_by, above, below
            )
            SELECT rule, person_id, start, measure,
                CAST(sum(least(
                    (least(taken_in_all, milligrams) * above + below - 1) div below, earned
                )) AS bigint) AS points
            FROM sums
            GROUP BY rule, person_id, start, measure
            """,
            rewarded=rewarded,
        )

    def reached(self, standing: Frame, period: Period) -> Frame:
        """The points by the gram of the acts in each cap's period, and how many of them it leaves, as rows for `fill`.

        What caps of shorter periods took of the same kilograms is gone as well.
        """
        shorter = ", ".join(f"'{one}'" for one in PERIODS[: PERIODS.index(period) + 1])
        return self._lake.sql(
            f"""
            WITH ours AS (SELECT * FROM filled WHERE period = '{period}'),
            within AS (
                SELECT DISTINCT o.rule, o.person_id, o.start, i.rule AS inner_rule, i.start AS inner_start
                FROM ours AS o
                JOIN filled AS i ON o.position = i.position
                WHERE i.period IN ({shorter})
            ),
            gone AS (
                SELECT i.rule, i.person_id, i.start, w.measure, CAST(sum(w.points) AS bigint) AS points
                FROM within AS i
                JOIN worth AS w ON i.inner_rule = w.rule AND i.person_id = w.person_id AND i.inner_start = w.start
                GROUP BY i.rule, i.person_id, i.start, w.measure
            ),
            earned AS (
                SELECT s.measure, s.position, s.person_id, s.act_date, s.member, s.amount, k.rule, k.start,
                    CAST(sum(s.given) OVER (PARTITION BY s.measure, k.rule, s.person_id, k.start) AS bigint) AS earned
                FROM standing AS s
                JOIN ours AS k ON s.position = k.position
                JOIN by_gram AS p ON s.measure = p.measure AND {MATCHES}
            )
            SELECT e.measure, e.position, e.person_id, e.act_date, e.member, e.amount, e.rule, e.start,
                greatest(e.earned - g.points, 0) AS most
            FROM earned AS e
            JOIN gone AS g
                ON e.rule = g.rule AND e.person_id = g.person_id AND e.start = g.start AND e.measure = g.measure
            """,
            filled=self._filled,
            worth=self._worth,
            by_gram=self._by_gram,
            standing=standing,
        )

    def entries(self, filled: Frame) -> Frame:
        """The entries of points at the positions of the touched caps on kilograms. filled: as these caps left it."""
        return self._lake.sql(
            f"""
            WITH sums AS (
                SELECT measure, rule, person_id, start, CAST(sum(taken) AS bigint) AS taken
                FROM filled
                GROUP BY measure, rule, person_id, start
                HAVING sum(taken) > 0
            ),
            told AS (SELECT *, {rule_position("cap", "s", "start")} AS position FROM sums AS s)
            SELECT k.position, t.measure, k.person_id, 0 - t.taken AS amount, k.position_kind, k.act_date, k.scenario,
                k.region, k.institution, k.factor_id, k.match_quality, k.quantity_micro
            FROM kilograms AS k
            JOIN told AS t ON k.position = t.position
            WHERE k.position_kind = 'cap'
            """,
            filled=filled,
            kilograms=self._kilograms,
        )
