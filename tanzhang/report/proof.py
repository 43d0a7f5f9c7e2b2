"""The second half of the page: what the figures rest on, what was checked, what changed and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from jobs.reading.report import people
from schemas.ledger import SPANNING
from tanzhang.report.parts import Cell, Figure, Table
from tanzhang.report.teller import Teller, each
from tanzhang.report.words import Both, kilograms, number, signed_kilograms

if TYPE_CHECKING:
    from jobs.reading.report import Amount, Coverage, Verdict

GRID_DAYS = 14
"""Business dates in the grid of arrivals."""
STATES = ("on_time", "late", "missing", "refused")


class Proof(Teller):
    """Institutions, gates, restatements, changes, hashes."""

    # -- institutions ----------------------------------------------------------------------------

    def coverage(self) -> dict[str, Any]:
        """How statements came: a grid of the last days, what was used, what was out of the ordinary, what is owed."""
        told, words = self.told, self.words
        seq, day = told.publication.seq, told.publication.business_date
        states = told.states(seq)
        known = sorted({on for _, on in states if on <= day})
        dates = [day - timedelta(days=n) for n in reversed(range(GRID_DAYS))]
        dates = [on for on in dates if known and on >= known[0]]
        grid = [
            ({"key": key, "label": label}, [self._arrival(key, on, states.get((key, on), "unknown")) for on in dates])
            for key, label in self.institutions(key for key, _ in states)
        ]
        return {
            "intro": words("coverage.intro", days=len(dates)),
            "dates": [(one.day, words.short_day(one)) for one in dates],
            "grid": grid,
            "legend": [(state, words(f"arrival.{state}")) for state in (*STATES, "unknown")],
            "events": list(self._events()),
            "owed": [
                words("coverage.owes", institution=self.institution(key), day=words.short_day(on),
                      state=words(f"arrival.{state}"))
                for (key, on), state in sorted(states.items(), key=lambda item: (item[0][1], item[0][0]))
                if state in ("missing", "refused") and on < day
            ],
            "used": self._used(),
        }  # fmt: skip

    def _used(self) -> Table:
        """Files and rows by institution. Bills are people's own, so they are counted as people are."""
        words, seq = self.words, self.told.publication.seq
        used = Counter[tuple[str, str]]()
        for one in self.told.coverage:
            if one.seq == seq and one.file_state != "missing":
                is_used, is_bill = one.file_state == "consumed", self.is_brought(one)
                used[one.institution, "bills" if is_bill else "files"] += one.files if is_used else 0
                used[one.institution, "rows"] += one.rows if is_used else 0
                used[one.institution, "late_rows"] += one.rows if is_used and one.is_late and not is_bill else 0
                used[one.institution, "refused"] += one.files if not is_used and not is_bill else 0
        columns = ("files", "bills", "rows", "late_rows", "refused")

        def cell(key: str, column: str) -> Figure:
            name, count = f"coverage.{key}.{column}", used[key, column]
            if column == "bills" and count:
                return self.people(name, people(count))
            return Figure(name, count, number(count) if count else "·")

        return Table(
            [words("rows.institution"), *(words(f"coverage.{column}") for column in columns)],
            [
                [label, *(cell(key, column) for column in columns)]
                for key, label in self.institutions(key for key, _ in used)
            ],
        )

    def _arrival(self, key: str, on: date, state: str) -> tuple[str, str, Both]:
        """A cell of the grid: date, state, and what it says to whoever cannot see it."""
        parts = zip(*map(each, (self.institution(key), self.words.short_day(on), self.words(f"arrival.{state}"))))
        return on.isoformat(), state, Both(*map(" ".join, parts))

    def _events(self) -> Iterable[tuple[str, Both, list[Cell]]]:
        """(kind, sentence, feeds) of what was late, corrected, missing or refused in this publication."""
        told, words = self.told, self.words
        found: defaultdict[tuple[date, str, str, int, str], list[str]] = defaultdict(list)
        for one in told.coverage:
            if one.seq == told.publication.seq and (kind := self._kind(one)):
                found[one.business_date, one.institution, kind, one.revision, one.code or ""].append(one.feed)
        for (on, key, kind, revision, code), feeds in sorted(found.items()):
            yield (
                kind,
                words(f"coverage.event_{kind}", institution=self.institution(key), day=words.short_day(on),
                      revision=revision, code=code),
                [words("coverage.all_feeds") if feed == SPANNING else feed for feed in dict.fromkeys(feeds)],
            )  # fmt: skip

    def _kind(self, one: Coverage) -> str | None:
        if self.is_brought(one):
            return "refused" if one.file_state == "refused" else None
        if one.file_state != "consumed":
            return one.file_state
        return "corrected" if one.revision > 0 else "late" if one.is_late else None

    # -- gates -----------------------------------------------------------------------------------

    def rules(self) -> dict[str, Any]:
        """How many checks held by severity, which did not, and all of them."""
        words, verdicts = self.words, self.told.verdicts
        summary = []
        for severity, word in self.keys("severity").items():
            mine = [one for one in verdicts if one.severity == severity]
            passed = sum(one.is_passed for one in mine)
            if mine:
                text = words("rules.passed", passed=number(passed), all=number(len(mine)))
                summary.append((word, Figure(f"rules.{severity}.passed", passed, text), passed == len(mine)))
        sentences = {rule.id: rule.text for table in self.registry.tables.values() for rule in table.all_rules}
        return {
            "summary": summary,
            "broken": [
                (one.rule_id, self._sentence(one, sentences), words(f"severity.{one.severity}"), one.severity,
                 Figure(f"rules.broken.{one.rule_id}", one.observed,
                        words("rules.observed", observed=number(one.observed), checked=number(one.checked))))
                for one in verdicts
                if not one.is_passed
            ],
            "every": Table(
                [words("rules.rule"), words("rules.table"), words("rules.breaking"), words("rules.checked")],
                [
                    [self._sentence(one, sentences), one.table_name,
                     Figure(f"rules.{one.rule_id}.observed", one.observed, number(one.observed)),
                     Figure(f"rules.{one.rule_id}.checked", one.checked, number(one.checked))]
                    for one in verdicts
                ],
                texts=2,
            ),
        }  # fmt: skip

    def _sentence(self, one: Verdict, sentences: Mapping[str, str]) -> Cell:
        """The rule in words: the registry's, an invariant's, or else its id."""
        return sentences.get(one.rule_id) or self.words.texts.get(f"invariant.{one.rule_id}") or one.rule_id

    # -- restatements and changes ----------------------------------------------------------------

    def restated(self) -> dict[str, Any]:
        """What this publication changed of days that were published before, and why."""
        kg, words = self.told.kilograms, self.words
        day = self.told.publication.business_date
        reasons = [(key, kg.restated[key]) for key in self.keys("reason") if key in kg.restated]
        unnamed = [(key, amount) for key, amount in kg.restated.items() if key not in self.keys("reason")]
        days = [(on, amount) for on, amount in kg.days.items() if on < day and amount.entries]
        older = kg.restated_days - len(days)
        columns = [words(f"restated.{name}") for name in ("posted", "reversed", "net", "entries")]
        return {
            "reasons": [
                (words.texts.get(f"reason.{key}", key), words.texts.get(f"reason_means.{key}", ""),
                 self._moved(f"restated.{key}", amount))
                for key, amount in [*reasons, *unnamed]
            ],
            "days": Table(
                [words("kilograms.day"), *columns],
                [[words.short_day(on), *self._moved(f"restated.day.{on}", amount)] for on, amount in days],
            ),
            "older": words("restated.older", days=number(older)) if older else None,
        }  # fmt: skip

    def _moved(self, name: str, amount: Amount) -> list[Figure]:
        return [
            Figure(f"{name}.posted", amount.posted, signed_kilograms(amount.posted)),
            Figure(f"{name}.reversed", amount.reversed, signed_kilograms(amount.reversed)),
            Figure(f"{name}.net", amount.change, signed_kilograms(amount.change)),
            Figure(f"{name}.entries", amount.entries, number(amount.entries)),
        ]

    def changes(self) -> dict[str, Any]:
        """Before and now, and what is otherwise than the last time."""
        told, words = self.told, self.words
        if told.previous is None:
            return {"intro": words("changes.first"), "table": None, "counts": [], "institutions": [], "registry": None}
        total = told.kilograms.total
        table = Table(
            [words("changes.figure"), words("kilograms.before"), words("kilograms.change"), words("kilograms.now")],
            [
                [words("changes.kilograms"), Figure("kg.total.before", total.before, kilograms(total.before)),
                 Figure("kg.total.change", total.change, signed_kilograms(total.change)),
                 Figure("kg.total", total.now, kilograms(total.now))],
                [words("changes.accounts"), self._before(),
                 self.people("accounts.change", told.accounts_change, sign=True), self.people("accounts", told.accounts)],
            ],
        )  # fmt: skip
        new = sum(one.claims for one in told.claims if one.before is None)
        gone = sum(one.claims for one in told.claims if one.before is not None and one.now is None)
        moved = sum(one.claims for one in told.claims if one.before is not None and one.now not in (one.before, None))
        counts = {
            "entries_posted": total.posted_entries, "entries_reversed": total.reversed_entries, "claims_new": new,
            "claims_changed": moved, "claims_withdrawn": gone, "restated_days": told.kilograms.restated_days,
        }  # fmt: skip
        is_same = told.previous.registry_hash == told.publication.registry_hash
        return {
            "intro": words("changes.intro", seq=told.previous.seq, day=words.long_day(told.previous.business_date)),
            "table": table,
            "counts": [
                (words(f"changes.{name}"), Figure(f"changes.{name}", count, number(count)))
                for name, count in counts.items()
            ],
            "institutions": list(self._fates()),
            "registry": words("changes.registry_same" if is_same else "changes.registry_changed"),
        }

    def _before(self) -> Figure:
        count = self.told.accounts_before
        return Figure("accounts.before", count, "–" if count is None else number(count))

    def _fates(self) -> Iterable[Both]:
        """Institutions whose statement of the day came otherwise than that of the last publication's day, as known then."""
        told = self.told
        assert told.previous is not None
        was, now = (
            {key: state for (key, on), state in told.states(one.seq).items() if on == one.business_date}
            for one in (told.previous, told.publication)
        )
        for key, label in self.institutions([*was, *now]):
            before, after = was.get(key, "unknown"), now.get(key, "unknown")
            if before != after:
                states = {"was": self.words(f"arrival.{before}"), "now": self.words(f"arrival.{after}")}
                yield self.words("changes.institution", institution=label, **states)
