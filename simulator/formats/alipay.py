"""What the first wallet sends: gzipped JSON lines."""

from __future__ import annotations

from simulator.formats.feed import Customers, Feed, Registration, Writer, customers, json_lines
from simulator.people import Block
from simulator.rows import ALIPAY, WALK, Rows

WALLET_CODES = (
    "ditiechuxing",
    "xingzou",
    "shenghuojiaofei",
    "dianzizhangdan",
    "",
    "lvsezhengwu",
    "gongxiangdanche",
    "",
    "gongjiaochuxing",
)
WALLET_ITEMS = ("PAY_AMOUNT", "STEP", "PAY_AMOUNT", "SHEETS", "", "COUNT", "PAY_AMOUNT", "", "PAY_AMOUNT")
"""By scenario."""
METRO_RENAMED = "2026-01-01"
"""Until the day before, the wallet called the metro `ditiegoupiao`."""


def _decimal(micro: int, style: int) -> str:
    """A wallet's amount: as short as possible, or with two or six places."""
    whole, rest = divmod(micro, 1_000_000)
    if style == 0:
        return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")
    return f"{whole}.{rest:06d}" if style == 2 or rest % 10_000 else f"{whole}.{rest // 10_000:02d}"


def _mobile(row: Registration) -> str:
    """A phone with or without the country's number and hyphens."""
    phone = row.phone
    return (phone, f"+86{phone}", f"+86-{phone[:3]}-{phone[3:7]}-{phone[7:]}")[row.style]


def _cards(row: Registration) -> list[str]:
    return [card for card in (row.card, row.card2, row.card3) if card]


CUSTOMERS = Customers(
    ALIPAY,
    registration={
        "account_did": "customer",
        "cert_no": "citizen_id",
        "mobile": _mobile,
        "bound_cards": _cards,
        "subject_type": "kind",
        "registered_at": "at",
    },
    kinds=("PERSONAL", "MICRO"),
    consent=("account_did", "auth_scope", "auth_status", "auth_time"),
    scopes=("GREEN_TRAVEL", "GREEN_LIFE", "GREEN_FINANCE", "ALL"),
    states=("AUTHORIZED", "CANCELLED"),
)


class Alipay(Writer):
    """The first wallet's feeds."""

    def feeds(self) -> list[Feed]:
        """All of them, apart from the bills."""
        acts = Feed(
            *(ALIPAY, "acts", ".jsonl.gz", self._acts),
            sum_column="item_amount",
            sum_places=6,
            is_keyed=True,
            is_of_acts=True,
        )
        return [acts, *map(json_lines, CUSTOMERS.tables(self._calendar))]

    def _acts(self, rows: Rows, block: Block) -> list[str]:
        lines = []
        for serial, did, at, day_only, scenario, micro, style in zip(
            rows["serial"].tolist(),
            customers(ALIPAY, rows, block),
            self._calendar.moments(rows["at"]),
            rows["day_only"].tolist(),
            rows["scenario"].tolist(),
            rows["total"].tolist(),
            rows["style"].tolist(),
            strict=True,
        ):
            code = WALLET_CODES[scenario]
            if scenario == 0 and at < METRO_RENAMED:
                code = "ditiegoupiao"
            amount = _decimal(micro, 2 if scenario == WALK and style else style)
            lines.append(
                f'{{"acquisition_item_no":"30{serial:018d}","project_no":"CARBON2026","account_did":"{did}",'
                f'"occurrent_time":"{at[:10] if day_only else at}","scenario_code":"ENERGY_XUANJIAO_{code}",'
                f'"active_data_list":[{{"item_code":"{WALLET_ITEMS[scenario]}","item_amount":"{amount}"}}]}}'
            )
        return lines
