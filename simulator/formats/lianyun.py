"""What the waste stations of housing estates send: gzipped JSON lines, a row per bag."""

from __future__ import annotations

from simulator.formats.feed import Customers, Feed, Writer, customers, json_lines, listed, short
from simulator.people import Block
from simulator.rows import LIANYUN, Rows

CATEGORIES = ("厨余垃圾", "其他垃圾", "可回收物", "有害垃圾", "塑料餐盒")
SORTED = (1, 0, 9, 1)
"""By state: sorted, unsorted, unchecked, not weighed."""
UNWEIGHED = 3

CUSTOMERS = Customers(
    LIANYUN,
    registration={"householdId": "customer", "mobile": "phone", "kind": "kind", "boundTime": "at"},
    kinds=("家庭", "商铺"),
    consent=("householdId", "scope", "state", "time"),
    scopes=("", "living", "", "all"),
    states=("1", "0"),
)


class Lianyun(Writer):
    """The stations' feeds."""

    def feeds(self) -> list[Feed]:
        """All of them."""
        drops = Feed(LIANYUN, "drops", ".jsonl.gz", self._drops, is_keyed=True, is_of_acts=True)
        return [drops, *map(json_lines, CUSTOMERS.tables(self._calendar))]

    def _drops(self, rows: Rows, block: Block) -> list[str]:
        return [
            f'{{"dropId":"D{serial:016d}","householdId":"{home}","stationId":"HZ0571-0088",'
            f'"category":"{CATEGORIES[category]}",{_weight(grams, in_grams, state)},"sorted":{SORTED[state]},'
            f'"time":"{at}"}}'
            for serial, home, category, grams, in_grams, state, at in zip(
                rows["serial"].tolist(),
                customers(LIANYUN, rows, block),
                *listed(rows, "category", "grams", "in_grams", "state"),
                self._calendar.moments(rows["at"]),
                strict=True,
            )
        ]


def _weight(grams: int, in_grams: bool, state: int) -> str:
    """In grams as text, in kilograms as a number, or nothing."""
    if state == UNWEIGHED:
        return '"weight":null,"unit":null'
    return f'"weight":"{grams}","unit":"g"' if in_grams else f'"weight":{short(grams, 3)},"unit":"kg"'
