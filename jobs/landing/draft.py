"""A first contract for files that nobody knows: what can be read off them, and `# ?` where a person must decide."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from jobs.landing.looks import MOST_CODES, Looks, look
from jobs.landing.sniff import Sniffed, sniff

ASK = "# ?"
"""Stands where a person must decide."""
OUT = re.compile(r"支出|付|借|DBIT|debit|out|消费|-", re.IGNORECASE)
"""What says that money went out."""
_DATE = r"[0-9]{4}[-/.年]?[0-9]{2}[-/.月]?[0-9]{2}日?"
_MOMENT = re.compile(rf"{_DATE}(?:[ T]?[0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}})?)?")
SAID = "[0-9年月日 :/.T-]+"
"""A moment, in a contract's pattern."""
NAMES = {
    "who": r"user|member|account|acct/|iban|^card(_?(no|num|number|id))?$|户号|客户|用户|账号|openid|did|login|customer|card_?no|户号|卡号",
    "paid to": r"对方|商户|商家|creditor|merchant|payee|counterparty|nm$|name|摘要",
    "money": r"金额|amount|amt|fare|price|元|fee|yuan|money|发生额",
    "out": r"支出|借方|付|expense|debit|spent|out",
    "scope": r"scope|授权|consent",
    "direction": r"收/支|收支|direction|cdtdbt|借贷|d/c|type|类型|status|状态",
    "in or out": r"收/支|收支|direction|cdtdbt|借贷|d/c",
    "refund": r"退款|refund|revers|rvsl",
}
"""What columns are called that hold such a thing."""


MOST_OF_PERSON = 8
"""So many columns say who a customer is; of more, the numbers of people stand beside what they did."""


@dataclass(frozen=True)
class Feed:
    """Files of one shape."""

    name: str
    like: Sniffed
    looks: dict[str, Looks]

    def some(self, *kinds: str, called: str | None = None) -> list[str]:
        """The columns that look so, those with a telling name first."""
        fitting = [name for name, looks in self.looks.items() if not kinds or looks.kind in kinds]
        if kinds == ("code",):  # which are printed: none that is of a person
            fitting = [name for name in fitting if not re.search(NAMES["who"], name, re.IGNORECASE)]
        if called is None:
            return fitting
        return [name for name in fitting if re.search(NAMES[called], self.called(name), re.IGNORECASE)]

    def called(self, name: str) -> str:
        """What a column is called, with where it stands in XML."""
        return self.like.places.get(name, name).removeprefix(f"{self.like.layout.get('row')}/")

    def is_shared(self, name: str) -> bool:
        """Whether it stands beside the rows of XML, and says the same of several."""
        place = self.like.places.get(name)
        return place is not None and not place.startswith(f"{self.like.layout['row']}/")

    @property
    def money(self) -> list[str]:
        """Columns of money: numbers that are called so, else those with decimals."""
        called = self.some("number", called="money")
        called.sort(key=lambda name: re.search(NAMES["out"], name, re.IGNORECASE) is None)
        return called or [name for name in self.some("number") if self.looks[name].has_decimals]

    @property
    def is_bill(self) -> bool:
        """Whether it says above its header which days it covers."""
        return _period(self.like.above) is not None

    @property
    def kind(self) -> str:
        """What its rows most likely are."""
        if self.some(called="scope"):
            return "consent"
        if self.money and self.some("time"):
            return "payment" if self.is_bill or self.some(called="paid to") else "act"
        is_narrow = len(self.looks) <= MOST_OF_PERSON
        return "registration" if is_narrow and self.some("citizen_id", "phone", "card") else "act"


def draft(paths: Sequence[Path], institution: str = "new_institution") -> str:
    """The YAML of a contract for these files; files with the same columns are of one feed.

    Raises:
        Unreadable: a file is of no form that a contract can say.
    """
    feeds: list[Feed] = []
    for path in paths:
        like = sniff(path)
        if all(
            like.fields != feed.like.fields or like.layout["layout"] != feed.like.layout["layout"] for feed in feeds
        ):
            none = like.layout.get("no_value")
            looks = {
                name: look(["" if row.get(name) == none else row.get(name) for row in like.rows])
                for name in like.fields
            }
            feeds.append(Feed(_name(path, feeds), like, looks))
    return "\n".join([*_institution(institution), *(line for feed in feeds for line in _feed(feed))]) + "\n"


def _name(path: Path, taken: Sequence[Feed]) -> str:
    """A feed's name: the first word of the file's, where it has one in our letters."""
    word = re.match(r"[a-z_]*[a-z]", path.name.lower())
    name = word[0].strip("_") if word and len(word[0]) > 2 else "rows"
    return name if all(name != feed.name for feed in taken) else f"{name}_{len(taken) + 1}"


def _institution(institution: str) -> list[str]:
    return [
        f"# A draft, made from samples. Decide what says {ASK}, take the mark away, and try it: tanzhang contract try FILE …",
        "# Codes below were read from the samples: see that none of them names a person before you pass this on.",
        f"id: {institution}  {ASK} lower case; the file is named after it",
        f"name: {institution}  {ASK} what people call it, in Chinese",
        f"name_en: {institution}  {ASK}",
        f"kind: payment_app  {ASK} transit, carrier, bike_share, car_maker, utility, recycler, platform, merchant, government, "
        "payment_app, bank",
        f'region: "000000"  {ASK} GB/T 2260 code of its acts; 000000 where the files do not tell the place',
        "time_zone: Asia/Shanghai",
        f'ready_by: "05:30"  {ASK} local time of the day after by which a delivery is expected',
        "feeds:",
    ]


def _feed(feed: Feed) -> Iterator[str]:
    """One feed, line by line."""
    like, completeness = feed.like, "bill" if feed.is_bill else "day"
    columns = list(_columns(feed))
    used = set(_texts(yaml.safe_load("\n".join(columns))))
    key = _natural_key(feed)
    time = _when(feed)
    required = dict.fromkeys([*key, *([time] if time else []), *_customer(feed)])
    yield f"  {feed.name}:"
    yield from (f"    # {note}" for note in like.notes)
    yield f"    kind: {feed.kind}  {ASK} act, tap, payment, redemption, registration, consent"
    yield f"    file: {feed.name}_{{date}}_{{part}}{like.end}  {ASK} its form; the end says how it is packed"
    yield f"    completeness: {completeness}  {ASK} day, bill or additions"
    if feed.is_bill and "exported_at" not in _preamble(feed)["preamble"]:
        yield f"    bill: {{exported_at: rows}}  {ASK} file, control or rows: where it says when it was exported"
    yield f"    format: {_q({**like.layout, **_preamble(feed)})}"
    yield f"    fields: {_q(like.fields)}"
    if key:
        others = [name for name, looks in feed.looks.items() if looks.is_unique and name not in key]
        yield f"    natural_key: {_q(key)}  {ASK} no value stands twice{f'; nor in {others}' if others else ''}"
    else:
        yield f"    natural_key: null  {ASK} no column is of one value a row: name several that are together"
        yield f"    equal_rows: row_date  {ASK} row_date or business_date"
    yield f"    required: {_q(list(required))}"
    oldest = 800 if feed.is_bill else 400 if feed.kind in ("act", "payment") else 10_000
    yield f"    oldest_days: {oldest}  {ASK} how far before its business date a row may lie"
    yield f"    volume: {{most_rows: 1000000}}  {ASK} add least and most, multiples of the usual, for what comes every day"
    if dropped := [name for name in like.fields if name not in used and name not in key]:
        yield f"    not_kept: {_q(dropped)}"
    if feed.kind == "payment" and len(feed.money) == 1:
        yield f"    control_sum: {_q(_number(feed, feed.money[0], 'thousands', 'prefix'))}"
    yield "    columns:"
    yield from columns


def _texts(value: Any) -> Iterator[str]:
    """Every text of what was said, and the fields that rules on rows look at."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        yield from value.get("when") or ()
        for one in value.values():
            yield from _texts(one)


def _natural_key(feed: Feed) -> list[str]:
    """The column that names a row: unique, filled, and neither time nor money nor free text that happens not to repeat."""
    unique = [
        name
        for name, looks in feed.looks.items()
        if looks.is_unique and looks.filled == 1 and looks.kind in ("text", "card") and not _is_prose(feed, name)
    ]
    if unique or feed.kind in ("act", "payment", "redemption"):
        return unique[:1]
    return [*_customer(feed), *([time] if (time := _when(feed)) else [])]


def _is_prose(feed: Feed, name: str) -> bool:
    """Whether values are words and no numbers: most have no digit."""
    texts = [str(row.get(name) or "") for row in feed.like.rows]
    return 2 * sum(any(one.isdigit() for one in text) for text in texts) < len(texts)


def _when(feed: Feed) -> str | None:
    """The column that tells when: the most precise, filled in the most rows."""
    precise = {"second": 0, "minute": 1, "day": 2}
    times = sorted(
        feed.some("time"),
        key=lambda name: (
            feed.is_shared(name),
            -feed.looks[name].filled,
            precise[next(iter(feed.looks[name].forms.values()))],
        ),
    )
    return times[0] if times else None


def _customer(feed: Feed) -> list[str]:
    """The column of the customer; a bill has none."""
    if feed.is_bill:
        return []
    filled = [name for name in feed.some("text", "code", "card") if feed.looks[name].filled > 0.5]
    called = [name for name in feed.some("text", "code", "card", called="who") if name in filled]
    repeated = [name for name in filled if not feed.looks[name].is_unique and not _is_prose(feed, name)]
    if feed.kind in ("act", "payment"):
        called = [name for name in called if name in repeated] or called
    return (called or repeated or filled)[:1]


# -- columns


def _columns(feed: Feed) -> Iterator[str]:
    """What the columns are read for, line by line."""
    for name in _customer(feed):
        yield f"      customer: {_q(name)}  {ASK} whose row it is"
    what = {"registration": "registered_at", "consent": "at"}.get(feed.kind, "occurred_at")
    yield f"      {what}: {_time(feed)}  {ASK} of a booking say tells: booking, and the feed's booking_lag_days"
    yield from {"payment": _payment, "registration": _registration, "consent": _consent}.get(feed.kind, _act)(feed)


def _time(feed: Feed) -> str:
    name = _when(feed)
    if name is None:
        return _q({"column": "?", "formats": {"%Y-%m-%d": "day"}})
    forms, clocks = feed.looks[name].forms, feed.some("clock")
    if clocks and set(forms.values()) == {"day"}:
        both = {f"{day} {clock}": "second" for day in forms for clock in feed.looks[clocks[0]].forms}
        return _q({"column": name, "clock": clocks[0], "formats": both})
    return _q({"column": name, "formats": forms})


def _number(feed: Feed, name: str, *said: str, **more: Any) -> dict[str, Any]:
    """A number's column with what it is written with."""
    looks = feed.looks[name]
    return {"column": name, **more, **{key: getattr(looks, key) for key in said if getattr(looks, key)}}


def _payment(feed: Feed) -> Iterator[str]:
    amounts = [
        _number(feed, name, "prefix", "thousands", "has_plus", unit="yuan")
        for name in feed.money[:2]
        if not _whole(feed)
    ] or [_number(feed, name, "prefix", "thousands", "has_plus", unit="yuan") for name in feed.money[:1]]
    yield f"      amount: {_q(amounts[0] if len(amounts) == 1 else amounts)}  {ASK} unit: yuan or fen"
    if any(feed.looks[name].has_minus for name in feed.money):
        yield f"      purchase_sign: negative  {ASK} amounts below zero stand in the samples: purchases, or refunds (refund_sign)"
    yield from _rows(feed, len(amounts) == 2)
    paid_to = next(iter(feed.some("text", "code", called="paid to")), None)
    column = _q(paid_to or "?")
    yield "      scenario:"
    yield f"        column: {column}  {ASK} what tells for what was paid"
    yield "        is_nfkc: true"
    yield "        ignore_others: no_scenario"
    yield "        cases:"
    yield f"          {ASK} before it the names that prove an act, such as {{scenario: utility_payment, pattern: 国网|水务|燃气, …}}"
    yield "          - {scenario: spending, pattern: ., claim_kind: payment}"
    yield f"      merchant: {{name: {column}}}  {ASK} code or number, where a column holds the category"


def _whole(feed: Feed) -> bool:
    """Whether one column of money is filled in every row, so that no second is needed."""
    return any(feed.looks[name].filled == 1 for name in feed.money)


def _rows(feed: Feed, is_split: bool) -> Iterator[str]:
    """What rows are: by the column that says whether money went out, else all are purchases."""
    yield f"      rows:  {ASK} the first that holds from end to end decides; refunds need `original`"
    if is_split:
        yield f"        - {{when: {_q({feed.money[0]: '.+'})}, means: purchase}}  {ASK} the column of what was spent"
        yield f"        - {{when: {_q({feed.money[1]: '.+'})}, ignore: not_spent}}"
        return
    states = feed.some("code", called="direction")
    states.sort(key=lambda name: re.search(NAMES["in or out"], name, re.IGNORECASE) is None)
    column = next((name for name in states if any(OUT.search(code) for code in feed.looks[name].codes)), None)
    if column is None:
        key = _when(feed) or feed.like.fields[0]
        yield f"        - {{when: {_q({key: '.*'})}, means: purchase}}"
    for code in feed.looks[column].codes if column else ():
        meaning = "means: purchase" if OUT.search(code) else "ignore: not_spent"
        yield f"        - {{when: {_q({column: re.escape(code)})}, {meaning}}}"
    for name in [name for name in states if name != column]:
        yield f"        {ASK} {name} is one of {_q(list(feed.looks[name].codes))}"


def _act(feed: Feed) -> Iterator[str]:
    codes = next((name for name in feed.some("code")), None)
    money = feed.money[0] if feed.money else None
    amount = {"amount": _number(feed, money, "prefix", "thousands", unit="yuan")} if money else {}
    yield "      scenario:"
    yield f"        column: {_q(codes or next(iter(feed.some('text')), feed.like.fields[0]))}  {ASK} what tells which act it is"
    yield f"        cases:  {ASK} ids of schemas/scenarios/; a quantity in their unit, with at_most"
    for code in feed.looks[codes].codes if codes else ():
        yield f"          - {_q({'scenario': '?', 'codes': [code], 'quantity': {'constant': 1}, **amount})}"
    if not codes:
        yield f"          - {_q({'scenario': '?', 'pattern': '.', 'quantity': {'constant': 1}, **amount})}"


def _registration(feed: Feed) -> Iterator[str]:
    codes = next(iter(feed.some("code")), None)
    meanings = dict.fromkeys(feed.looks[codes].codes, "resident") if codes else {"?": "resident"}
    yield f"      subject_kind: {_q({'column': codes or '?', 'codes': meanings})}  {ASK} resident or micro_enterprise"
    found = {kind: names[0] for kind in ("citizen_id", "phone", "card") if (names := feed.some(kind))}
    yield f"      identifiers: {_q(found)}"


def _consent(feed: Feed) -> Iterator[str]:
    scope = feed.some(called="scope")[0]
    status = next((name for name in feed.some("code") if name != scope), None)
    said = sorted({str(row.get(scope) or "?") for row in feed.like.rows})
    scopes = dict.fromkeys(said if len(said) <= MOST_CODES else ["?"], "all")
    answers = dict.fromkeys(feed.looks[status].codes, "given") if status else {"?": "given"}
    yield f"      scope: {_q({'column': scope, 'codes': scopes})}  {ASK} all, travel, living, finance"
    yield f"      consent: {_q({'column': status or '?', 'codes': answers})}  {ASK} given or withdrawn"


# -- what stands above the header


def _preamble(feed: Feed) -> dict[str, Any]:
    """How the lines above the header say period and time of export, where they do."""
    found = _period(feed.like.above)
    if found is None:
        return {"preamble": {"within_lines": len(feed.like.above) + 20}} if feed.like.above else {}
    first, last, moments = found
    exported = next((line for line in feed.like.above if re.search("导出|生成|打印|export|print", line, re.IGNORECASE)
                     and len(_MOMENT.findall(line)) == 1), None)  # fmt: skip
    preamble: dict[str, Any] = {"period": f"{first}(?P<first>{SAID}){last}(?P<last>{SAID})"}
    forms = {"period_form": _form_of(moments)}
    if exported:
        preamble["exported_at"] = f"{re.escape(_before(exported)[-6:])}({SAID})"
        forms["exported_form"] = _form_of(_MOMENT.findall(exported))
    if len(set(forms.values())) == 1:
        forms = {"time_form": forms["period_form"]}
    return {"preamble": {**preamble, **forms}}


def _form_of(moments: list[str]) -> str:
    return next(iter(look(moments).forms), "%Y-%m-%d")


def _period(above: Sequence[str]) -> tuple[str, str, list[str]] | None:
    """What stands before the first and the second of two moments on one line, as patterns, and the moments."""
    for line in above:
        moments = list(_MOMENT.finditer(line))
        if len(moments) == 2:
            one, two = moments
            between = re.sub(r"(\\?\s)+", r"\\s+", re.escape(line[one.end() : two.start()]))
            return re.escape(_before(line)[-6:]), between, [one[0], two[0]]
    return None


def _before(line: str) -> str:
    """A line up to its first moment."""
    found = _MOMENT.search(line)
    return line[: found.start()] if found else line


def _q(value: Any) -> str:
    """A value on one line of YAML."""
    return (
        yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6, sort_keys=False)
        .removesuffix("\n...\n")
        .rstrip("\n")
    )
