"""The first half of the page: what was reduced, and what became of everything that was reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from jobs.reading.report import DAYS, people
from schemas.sources.errors import ERRORS
from tanzhang.report.parts import Bar, Cell, Figure, Line, Share, Sum, Table, matrix, shares, width
from tanzhang.report.teller import Teller, each
from tanzhang.report.words import Both, kilograms, number, share, signed, signed_kilograms

if TYPE_CHECKING:
    from jobs.reading.report import Amount

KINDS = ("activity", "exclusion", "cap")
"""Kinds of positions that reductions are of: what acts earned, and what rules took."""


class Sections(Teller):
    """What was reduced, and what became of everything that was reported."""

    # -- the head --------------------------------------------------------------------------------

    def head(self) -> dict[str, Any]:
        """Date, state, what is amiss, and the four figures that everybody asks for."""
        told, words = self.told, self.words
        total = told.kilograms.total
        used = [one for one in told.coverage if one.seq == told.publication.seq and one.file_state == "consumed"]
        files = sum(one.files for one in used if not self.is_brought(one))
        rows = sum(one.rows for one in used)
        decided = sum(one.claims for one in told.claims)
        absorbed = sum(one.claims for one in told.duplicates)
        word = "more" if total.change > 0 else "less" if total.change < 0 else "same"
        mass, change = words.mass(total.now), words.mass(abs(total.change))
        first = words("tile.first")
        before = Both(*(f"{'+' if total.change > 0 else ''}{text}" for text in each(words.mass(total.change))))
        people = told.accounts_change
        accounts = words("tile.few") if people is None else words("tile.since", change=signed(people))
        return {
            "day": words.long_day(told.publication.business_date),
            "number": words("number", seq=told.publication.seq),
            "state": words(f"state.{told.publication.state}"),
            "lede": words("lede.text", total=mass, more=words(f"lede.{word}", mass=change), rows=number(rows),
                          files=number(files), institutions=len({one.institution for one in used})),
            "amiss": list(self._amiss()),
            "tiles": [
                (words("tile.kilograms"), Figure("kg.total", total.now, mass),
                 words("tile.since", change=before) if told.previous else first),
                (words("tile.accounts"), self.people("accounts", told.accounts),
                 accounts if told.previous else first),
                (words("tile.rows"), Figure("rows.all", sum(one.rows for one in told.rows if one.is_new), number(rows)),
                 words("tile.of_files", files=number(files))),
                (words("tile.duplicates"), Figure("duplicates", absorbed, number(absorbed)),
                 words("tile.of_claims", claims=number(decided))),
            ],
        }  # fmt: skip

    def _amiss(self) -> Iterable[Both]:
        told, words = self.told, self.words
        day, seq = told.publication.business_date, told.publication.seq
        today = {key: state for (key, on), state in told.states(seq).items() if on == day}
        for state in ("missing", "refused"):
            who = [self.institution(key) for key, one in sorted(today.items()) if one == state]
            if who:
                yield words(f"lede.{state}", who=self.joined(who))
        refused = [one for one in told.coverage if (one.seq, one.file_state) == (seq, "refused")]
        if refused and "refused" not in today.values():
            who = [name for _, name in self.institutions(one.institution for one in refused)]
            yield words("lede.held", who=self.joined(who))
        if broken := sum(not one.is_passed for one in told.verdicts):
            yield words("lede.rules", count=broken)

    # -- kilograms -------------------------------------------------------------------------------

    def kilograms(self) -> dict[str, Any]:
        """Reductions by scenario, region and day of the act, and what rules took of what acts earned."""
        kg, words = self.told.kilograms, self.words
        day = self.told.publication.business_date
        days: dict[date, Amount] = dict(kg.days)
        if days:
            span = range((max(max(days), day) - min(days)).days + 1)
            empty = type(kg.total)()
            days = {one: days.get(one, empty) for one in (min(kg.days) + timedelta(days=n) for n in span)}
        scenarios = sorted(kg.scenarios.items(), key=lambda item: (-item[1].now, item[0]))
        regions = sorted(kg.regions.items(), key=lambda item: (-item[1].now, item[0]))
        by_day: list[tuple[str, Both, Amount]] = [
            (one.isoformat(), words.short_day(one), amount) for one, amount in days.items()
        ]
        oldest = [("older", words("kilograms.older", day=words.short_day(min(days))), kg.older)] if days else []
        oldest = [one for one in oldest if one[2].entries or one[2].before]
        by_scenario = [(key, self.scenario(key), amount) for key, amount in scenarios]
        by_kind = [(key, words(f"kind.{key}"), kg.kinds[key]) for key in KINDS if key in kg.kinds]
        by_grade = [(key, words(f"grade.{key}"), amount) for key, amount in kg.grades.items()]
        by_region = [(key, words.region(key), amount) for key, amount in regions]
        return {
            "scenarios": self._bars("kg.scenario", by_scenario),
            "scenarios_table": self._amounts("kg.scenario", words("kilograms.scenario"), by_scenario),
            "kinds_table": self._amounts("kg.kind", words("kilograms.kind"), by_kind),
            "regions": self._bars("kg.region", by_region),
            "regions_table": self._amounts("kg.region", words("kilograms.region"), by_region),
            "grades": self._bars("kg.grade", by_grade),
            "grades_table": self._amounts("kg.grade", words("kilograms.grade"), by_grade),
            "days": self._bars("kg.day", by_day),
            "days_table": self._amounts("kg.day", words("kilograms.day"), [*oldest, *by_day]),
        }

    def _bars(self, name: str, amounts: list[tuple[str, Both, Amount]]) -> list[Bar]:
        """What stood and what this publication added, all to one scale."""
        most = max((amount.now for *_, amount in amounts), default=0)
        found = []
        for key, label, amount in amounts:
            added = min(max(amount.change, 0), max(amount.now, 0))
            parts = shares({"stood": amount.now - added, "added": added}, most)
            found.append(Bar(label, parts, Figure(f"{name}.{key}", amount.now, self.words.mass(amount.now))))
        return found

    def _amounts(self, name: str, what: Both, amounts: list[tuple[str, Both, Amount]]) -> Table:
        def cells(label: str, amount: Amount) -> list[Cell]:
            return [
                Figure(f"{label}.before", amount.before, kilograms(amount.before)),
                Figure(f"{label}.change", amount.change, signed_kilograms(amount.change)),
                Figure(label, amount.now, kilograms(amount.now)),
            ]

        head = [what, *(self.words(f"kilograms.{column}") for column in ("before", "change", "now"))]
        rows = [[label, *cells(f"{name}.{key}", amount)] for key, label, amount in amounts]
        return Table(head, rows, [self.words("total"), *cells("kg.total", self.told.kilograms.total)])

    def emissions(self) -> dict[str, Any]:
        """What payments emit, by category, and how much of what was spent that is of; apart from the reductions."""
        own, words = self.told.emissions, self.words
        categories = own.by_category(self.registry.spending)
        most = max(categories.values(), default=0)
        bars = [
            Bar(
                words(f"category.{key}"),
                shares({"stood": amount}, most),
                Figure(f"emission.category.{key}", amount, words.mass(amount)),
            )
            for key, amount in categories.items()
        ]
        total = own.milligrams
        return {
            "intro": words("emissions.intro", days=DAYS),
            "bars": bars,
            "table": Table(
                [words("emissions.category"), words("emissions.kilograms")],
                [
                    [bar.name, Figure(bar.figure.name, bar.figure.value, kilograms(bar.figure.value or 0))]
                    for bar in bars
                ],
                [words("total"), Figure("emission.total", total, kilograms(total))],
            ),
            "counts": [
                (words("emissions.spent"), self._yuan("emission.spent", own.spent_fen)),
                (words("emissions.known"), self._yuan("emission.known", own.known_fen)),
                (words("emissions.share"), share(own.known_fen, own.spent_fen)),
            ],
        }

    def _yuan(self, name: str, fen: int) -> Figure:
        return Figure(name, fen, self.words("emissions.yuan", yuan=number(fen // 100)))

    def points(self) -> Table:
        """Per programme what was earned, what became of it and what is left."""
        words, parts = self.words, self.keys("tally")
        rows: list[list[Cell]] = []
        for one in self.told.points:
            programme = self.registry.programmes[one.programme]
            amounts = {part: getattr(one, part) for part in parts} | {"left": one.balance, "owed": one.owed}
            count = {"people": people(one.people), "overdrawn": people(one.overdrawn)}
            name = f"points.{one.programme}"
            rows.append(
                [
                    Both(programme.name, programme.name_en),
                    *(Figure(f"{name}.{key}", n, signed(n) if n < 0 else number(n)) for key, n in amounts.items()),
                    *(self.people(f"{name}.{key}", n) for key, n in count.items()),
                ]
            )
        others = ("left", "owed", "people", "overdrawn")
        return Table([words("points.programme"), *parts.values(), *(words(f"points.{key}") for key in others)], rows)

    # -- rows and claims -------------------------------------------------------------------------

    def rows(self) -> dict[str, Any]:
        """Every row of the files used first, by disposition, against what the files hold."""
        told, words = self.told, self.words
        counts, changed, codes = Counter[tuple[str, str]](), Counter[str](), Counter[tuple[str, str]]()
        for one in told.rows:
            if one.is_new:
                counts[one.institution, one.disposition] += one.rows
            else:
                changed[one.disposition] += one.rows
            if one.is_new and one.code:
                codes[one.institution, one.code] += one.rows
        held = Counter[str]()
        for file in told.coverage:
            if (file.seq, file.file_state) == (told.publication.seq, "consumed"):
                held[file.institution] += file.rows
        seen = {key for key, _ in counts} | set(held)
        split = self._sum("rows", "disposition", counts, seen)
        stated, found = sum(held.values()), split.total.value
        equal = all(held[key] == sum(n for (who, _), n in counts.items() if who == key) for key in seen)
        return {
            "sum": split,
            "intro": words("rows.intro", rows=number(found or 0)),
            "stated": Figure("rows.stated", stated, number(stated)),
            "is_equal": equal,
            "verdict": words("equal" if equal else "differs"),
            "changed": [
                (words(f"disposition.{key}"), Figure(f"rows.changed.{key}", changed[key], number(changed[key])))
                for key in self.keys("disposition")
                if changed[key]
            ],
            "codes": Table(
                [words("rows.institution"), words("rows.code"), words("rows.rule"), words("rows.count")],
                [
                    [self.institution(who), code, rule_of(code), Figure(f"rows.code.{who}.{code}", n, number(n))]
                    for (who, code), n in sorted(codes.items(), key=lambda item: (-item[1], item[0]))
                ],
                texts=3,
            ),
        }

    def claims(self) -> dict[str, Any]:
        """Claims decided for the first time, by outcome; and what became of those decided anew."""
        told, words = self.told, self.words
        counts, moves = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        same = 0
        for one in told.claims:
            if one.before is None:
                counts[one.institution, one.now or "withdrawn"] += one.claims
            elif one.before == one.now:
                same += one.claims
            else:
                moves[one.before, one.now or "withdrawn"] += one.claims
        split = self._sum("claims", "outcome", counts, {key for key, _ in counts})
        outcomes = self.keys("outcome") | {"withdrawn": words("claims.withdrawn")}
        changed = sum(moves.values())
        return {
            "sum": split,
            "intro": words("claims.intro", claims=split.total.text),
            "moves": Table(
                [words("claims.was"), words("claims.is"), words("claims.count")],
                [
                    [outcomes[was], outcomes[now], Figure(f"claims.moved.{was}.{now}", n, number(n))]
                    for (was, now), n in sorted(moves.items(), key=lambda item: (-item[1], item[0]))
                ],
                [words("claims.changed"), "", Figure("claims.changed", changed, number(changed))],
                texts=2,
            ),
            "same": Figure("claims.same", same, number(same)),
        }

    def _sum(self, name: str, group: str, counts: Mapping[tuple[str, str], int], seen: Iterable[str]) -> Sum:
        """Counts of (institution, key) as a whole with its parts."""
        keys = self.keys(group)
        by_key = Counter[str]()
        for (_, key), count in counts.items():
            by_key[key] += count
        whole = sum(by_key.values())
        lines = [
            Line(key, word, self.words(f"{group}_means.{key}"),
                 Figure(f"{name}.{group}.{key}", by_key[key], number(by_key[key])), share(by_key[key], whole))
            for key, word in keys.items()
            if by_key[key]
        ]  # fmt: skip
        known = self.institutions(seen)
        table = matrix(
            self.words("rows.institution"), {key: word for key, word in keys.items() if by_key[key]}, known,
            lambda who, key: counts.get((who, key), 0), name, self.words("total"),
        )  # fmt: skip
        bars = []
        for who, label in known:
            mine = {key: counts.get((who, key), 0) for key in keys}
            count = sum(mine.values())
            bars.append(Bar(label, shares(mine, count), Figure(f"{name}.{who}", count, number(count))))
        return Sum(
            shares({key: by_key[key] for key in keys}, whole), lines, Figure(name, whole, number(whole)), table, bars
        )

    def duplicates(self) -> dict[str, Any]:
        """Who reported what another's claim counts."""
        words = self.words
        pairs = self.told.duplicates
        most = max((one.claims for one in pairs), default=0)
        bars = [
            Bar(
                words("duplicates.self", institution=self.institution(one.institution))
                if one.institution == one.leader
                else words("duplicates.pair", institution=self.institution(one.institution), leader=self.institution(one.leader)),
                [Share("absorbed", width(one.claims, most))],
                Figure(f"duplicates.{one.institution}.{one.leader}", one.claims, number(one.claims)),
            )
            for one in pairs
        ]  # fmt: skip
        return {"bars": bars, "intro": words("duplicates.intro", claims=number(sum(one.claims for one in pairs)))}


def rule_of(code: str) -> str:
    """The rule of an error code, as its sender reads it; nothing for one that is no longer known."""
    return ERRORS[code].rule if code in ERRORS else ""
