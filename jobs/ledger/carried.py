"""The points that go with what exclusions and caps take of kilograms.

Of points by the gram such a rule leaves what its acts earned, less what the kilograms that it takes are worth, rounded
up once; where caps of points have taken so much of these acts already, it takes nothing more.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.lake import Frame
    from jobs.ledger.caps import Taken
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
    """What the rules on kilograms take along of the programmes' points."""

    def __init__(self, run: Run, kilograms: Frame, taken: Taken, barred: Frame) -> None:
        """What they take of kilograms.

        Args:
            kilograms: entries of the touched reductions, exclusions and caps among them.
            taken: what each of these takes of the kilograms of each act.
            barred: person_id, act_date, measure that a programme does not reward.
        """
        self._lake, self._rewards = run.lake, run.policy.rewards
        self._kilograms, self._taken, self._barred = kilograms, taken, barred

    def turns_of(self, period: Period) -> list[int]:
        """The turns of the rules on kilograms that are of this period."""
        return [turn for turn, of in self._taken.turns.items() if of == period]

    @property
    def _filled(self) -> Frame:
        assert self._taken.filled is not None, "where there is a turn, something is reached"
        return self._taken.filled

    @cached_property
    def _by_gram(self) -> Frame:
        """The rules by which points go by the gram."""
        return self._lake.keep("SELECT * FROM earn WHERE per = 'gram'", earn=self._lake.from_arrow(self._rewards.earn))

    @cached_property
    def _worth(self) -> Frame:
        """Entry, measure, points: what the kilograms that it takes are worth; never more than its acts earned.

        Where only some of its acts lie in a programme's region, it takes from these first: towards less credit.
        """
        lake = self._lake
        # In steps: of the whole DuckDB 1.x now and then loses a column while it orders the joins.
        takes = lake.keep(
            """
            SELECT entry, CAST(sum(taken) AS bigint) AS taken
            FROM filled
            GROUP BY entry
            HAVING sum(taken) > 0
            """,
            filled=self._filled,
        )
        acts = lake.keep(
            """
            SELECT k.*, t.taken AS taken_in_all
            FROM filled AS k
            JOIN takes AS t ON k.entry = t.entry
            """,
            filled=self._filled,
            takes=takes,
        )
        rewarded = lake.keep(
            f"""
            SELECT k.entry, k.taken_in_all, k.given, p.measure, p.rule AS earned_by, p.above, p.below
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
                SELECT entry, taken_in_all, measure, earned_by, above, below,
                    CAST(sum(given) AS bigint) AS milligrams,
                    CAST(sum((given * above) div below) AS bigint) AS earned
                FROM rewarded
                GROUP BY entry, taken_in_all, measure, earned_by, above, below
            )
            SELECT entry, measure,
                CAST(sum(least(
                    (least(taken_in_all, milligrams) * above + below - 1) div below, earned
                )) AS bigint) AS points
            FROM sums
            GROUP BY entry, measure
            """,
            rewarded=rewarded,
        )

    def reached(self, standing: Frame, turn: int) -> Frame:
        """The points by the gram of the acts that each rule of a turn reaches, and how many of them it leaves: for `fill`.

        What the rules of earlier turns took of the same kilograms is gone as well.
        """
        return self._lake.sql(
            f"""
            WITH ours AS (SELECT * FROM filled WHERE turn = {turn}),
            within AS (
                SELECT DISTINCT o.entry, i.entry AS earlier
                FROM ours AS o
                JOIN filled AS i ON o.position = i.position AND o.act_date = i.act_date
                WHERE i.turn <= {turn}
            ),
            gone AS (
                SELECT i.entry, w.measure, CAST(sum(w.points) AS bigint) AS points
                FROM within AS i
                JOIN worth AS w ON i.earlier = w.entry
                GROUP BY i.entry, w.measure
            ),
            earned AS (
                SELECT s.measure, s.position, s.person_id, s.act_date, s.member, s.amount, k.entry,
                    CAST(sum(s.given) OVER (PARTITION BY s.measure, k.entry) AS bigint) AS earned
                FROM standing AS s
                JOIN ours AS k ON s.position = k.position AND s.act_date = k.act_date
                JOIN by_gram AS p ON s.measure = p.measure AND {MATCHES}
            )
            SELECT e.measure, e.position, e.person_id, e.act_date, e.member, e.amount, e.entry,
                greatest(e.earned - g.points, 0) AS most
            FROM earned AS e
            JOIN gone AS g ON e.entry = g.entry AND e.measure = g.measure
            """,
            filled=self._filled,
            worth=self._worth,
            by_gram=self._by_gram,
            standing=standing,
        )

    def entries(self, filled: Frame) -> Frame:
        """The entries of points at the positions of the touched rules on kilograms. filled: as these rules left it."""
        return self._lake.sql(
            """
            WITH sums AS (
                SELECT measure, entry, CAST(sum(taken) AS bigint) AS taken
                FROM filled
                GROUP BY measure, entry
                HAVING sum(taken) > 0
            )
            SELECT k.position, t.measure, k.person_id, 0 - t.taken AS amount, k.position_kind, k.act_date, k.scenario,
                k.region, k.institution, k.factor_id, k.match_quality, k.quantity_micro
            FROM kilograms AS k
            JOIN sums AS t ON k.position = t.entry
            WHERE k.position_kind IN ('exclusion', 'cap')
            """,
            filled=filled,
            kilograms=self._kilograms,
        )
