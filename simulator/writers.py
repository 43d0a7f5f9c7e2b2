"""The three institutions' export formats: rows in, lines of text out.

Each institution writes its own field names, encodings, units and codes. The readers share none of this code.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from simulator.network import Network
from simulator.people import Block
from simulator.rows import ALIPAY, CITIC, METRO, WALK, Calendar, Column, Rows

WALLET_CODES = ("ditiechuxing", "xingzou", "shenghuojiaofei", "dianzizhangdan", "", "lvsezhengwu")
WALLET_ITEMS = ("PAY_AMOUNT", "STEP", "PAY_AMOUNT", "SHEETS", "", "COUNT")
METRO_RENAMED = "2026-01-01"
"""Until the day before, the wallet called the metro `ditiegoupiao`."""

MERCHANTS = (
    "支付宝-杭州地铁（扫码乘车）",
    "杭州地铁集团有限公司",
    "财付通-杭州地铁集团有限公司",
    "支付宝-国网浙江省电力有限公司",
    "国网浙江省电力有限公司",
    "杭州水务集团",
    "支付宝-杭州燃气集团有限公司",
    "世纪联华超市（庆春店）",
    "财付通-知味观",
    "支付宝-盒马鲜生",
    "杭州大厦购物城",
    "中石化加油站",
    "外婆家餐饮",
)
METRO_MERCHANTS, UTILITY_MERCHANTS, SHOPS = (0, 1, 2), (3, 4, 5, 6), (7, 8, 9, 10, 11, 12)
CARD_KINDS = ("消费", "冲正", "部分退款")
PURCHASE, REVERSAL, PARTIAL = range(3)
BANK_BUSINESS = ("线上缴费（水费）", "线上缴费（电费）", "线上缴费（燃气费）", "电子账单", "电子信用卡申请")
NOTES = ("", "手机银行", "本行卡代扣", "自助缴费")


@dataclass(frozen=True)
class Feed:
    """How one feed of one institution is written.

    Attributes:
        institution: index of the institution.
        name: the feed's name.
        suffix: what its file names end in.
        encoding, newline: of the text.
        header: the first line, "" for none.
        sum_column: the column whose sum the control file states, "" for none.
        sum_places: decimals of that sum; `total` counts units of the last place.
        lines: makes the lines.
    """

    institution: int
    name: str
    suffix: str
    encoding: str
    newline: str
    header: str
    sum_column: str
    sum_places: int
    lines: Callable[[Rows, Block], list[str]]

    @property
    def is_compressed(self) -> bool:
        """Whether the file is gzipped."""
        return self.suffix.endswith(".gz")


def _decimal(micro: int, style: int) -> str:
    """A wallet's amount: as short as possible, or with two or six places."""
    whole, rest = divmod(micro, 1_000_000)
    if style == 0:
        return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")
    return f"{whole}.{rest:06d}" if style == 2 or rest % 10_000 else f"{whole}.{rest // 10_000:02d}"


def _yuan(fen: int) -> str:
    """A bank's amount with thousands commas."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


class Formats:
    """The feeds of all institutions.

    Args:
        calendar: the world's days as text.
        network: names of the stations.
    """

    def __init__(self, calendar: Calendar, network: Network) -> None:
        self._calendar = calendar
        self._stations = network.stations
        alipay = (ALIPAY, ".jsonl.gz", "utf-8", "\n")
        citic = (CITIC, ".txt", "gb18030", "\r\n")
        metro = (METRO, ".csv.gz", "utf-8", "\n")

        def feed(
            style: tuple[int, str, str, str],
            name: str,
            lines: Callable[[Rows, Block], list[str]],
            header: str = "",
            total: tuple[str, int] = ("", 0),
        ) -> Feed:
            institution, suffix, encoding, newline = style
            return Feed(institution, name, suffix, encoding, newline, header, *total, lines)

        self.feeds = (
            feed(alipay, "acts", self._wallet_acts, "", ("item_amount", 6)),
            feed(alipay, "registrations", self._wallet_registrations),
            feed(alipay, "consents", self._wallet_consents),
            feed(citic, "acts", self._bank_acts, "客户号|业务场景|记账日期|笔数|金额|备注", ("金额", 2)),
            feed(
                citic,
                "card_transactions",
                self._cards,
                "流水号|客户号|卡号|记账日期|交易金额|交易类型|商户名称|原流水号",
                ("交易金额", 2),
            ),
            feed(
                citic,
                "registrations",
                self._bank_registrations,
                "客户号|证件号码|手机号|卡号|客户类型|开户时间",
            ),
            feed(citic, "consents", self._bank_consents, "客户号|授权范围|状态|时间"),
            feed(
                metro,
                "taps",
                self._taps,
                "time,lineID,stationID,deviceID,status,userID,payType,fare",
                ("fare", 0),
            ),
            feed(metro, "registrations", self._metro_registrations, "userID,idCard,phone,userType,createTime"),
            feed(metro, "consents", self._metro_consents, "userID,scope,action,time"),
        )

    def _customers(self, institution: int, rows: Rows, block: Block) -> list[str]:
        customers: Column = block.customer_ids[institution, rows["person"]]
        return list(customers)

    def _days(self, day: Column) -> list[str]:
        return [text.replace("-", "") for text in self._calendar.dates(day)]

    def _wallet_acts(self, rows: Rows, block: Block) -> list[str]:
        lines = []
        for serial, did, at, day_only, scenario, micro, style in zip(
            rows["serial"].tolist(),
            self._customers(ALIPAY, rows, block),
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

    def _wallet_registrations(self, rows: Rows, block: Block) -> list[str]:
        return [
            json.dumps(
                {
                    "account_did": did,
                    "cert_no": citizen_id,
                    "mobile": (phone, f"+86{phone}", f"+86-{phone[:3]}-{phone[3:7]}-{phone[7:]}")[style],
                    "bound_cards": [card for card in (card1, card2) if card],
                    "subject_type": "MICRO" if is_micro else "PERSONAL",
                    "registered_at": at,
                },
                separators=(",", ":"),
            )
            for did, citizen_id, phone, style, card1, card2, is_micro, at in zip(
                self._customers(ALIPAY, rows, block),
                rows["citizen_id"],
                rows["phone"],
                rows["style"].tolist(),
                rows["card"],
                rows["card2"],
                rows["kind"].tolist(),
                self._calendar.moments(rows["at"]),
                strict=True,
            )
        ]

    def _consent_values(
        self, institution: int, rows: Rows, block: Block, scopes: tuple[str, ...], words: tuple[str, str]
    ) -> list[tuple[str, str, str, str]]:
        return [
            (customer, scopes[scope], words[0] if given else words[1], at)
            for customer, scope, given, at in zip(
                self._customers(institution, rows, block),
                rows["scope"].tolist(),
                rows["given"].tolist(),
                self._calendar.moments(rows["at"]),
                strict=True,
            )
        ]

    def _wallet_consents(self, rows: Rows, block: Block) -> list[str]:
        scopes = ("GREEN_TRAVEL", "GREEN_LIFE", "GREEN_FINANCE", "ALL")
        return [
            f'{{"account_did":"{did}","auth_scope":"{scope}","auth_status":"{status}","auth_time":"{at}"}}'
            for did, scope, status, at in self._consent_values(ALIPAY, rows, block, scopes, ("AUTHORIZED", "CANCELLED"))
        ]

    def _bank_acts(self, rows: Rows, block: Block) -> list[str]:
        return [
            f"{customer}|{BANK_BUSINESS[business]}|{day}|{count}|{_yuan(fen) if known else ''}|{NOTES[note]}"
            for customer, business, day, count, fen, known, note in zip(
                self._customers(CITIC, rows, block),
                rows["business"].tolist(),
                self._days(rows["day"]),
                rows["count"].tolist(),
                rows["total"].tolist(),
                (~rows["has_no_amount"]).tolist(),
                rows["note"].tolist(),
                strict=True,
            )
        ]

    def _cards(self, rows: Rows, block: Block) -> list[str]:
        return [
            f"{serial:016d}|{customer}|{card}|{day}|{_yuan(fen)}|{CARD_KINDS[kind]}|{MERCHANTS[merchant]}|"
            + (f"{original:016d}" if original else "")
            for serial, customer, card, day, fen, kind, merchant, original in zip(
                rows["serial"].tolist(),
                self._customers(CITIC, rows, block),
                block.card[rows["person"]],
                self._days(rows["day"]),
                rows["total"].tolist(),
                rows["kind"].tolist(),
                rows["merchant"].tolist(),
                rows["original"].tolist(),
                strict=True,
            )
        ]

    def _bank_registrations(self, rows: Rows, block: Block) -> list[str]:
        return [
            f"{customer}|{citizen_id.lower() if style == 0 else citizen_id}|{phone}|{card}|"
            f"{'小微' if is_micro else '个人'}|{at}"
            for customer, citizen_id, style, phone, card, is_micro, at in zip(
                self._customers(CITIC, rows, block),
                rows["citizen_id"],
                rows["style"].tolist(),
                rows["phone"],
                rows["card"],
                rows["kind"].tolist(),
                self._calendar.moments(rows["at"]),
                strict=True,
            )
        ]

    def _bank_consents(self, rows: Rows, block: Block) -> list[str]:
        scopes = ("出行", "生活", "金融", "全部")
        return ["|".join(v) for v in self._consent_values(CITIC, rows, block, scopes, ("授权", "撤回"))]

    def _taps(self, rows: Rows, block: Block) -> list[str]:
        return [
            f"{at},{1 + station // 10},{self._stations[station]},G{station:02d}{device:02d},{status},{user},"
            f"{pay},{fare}"
            for at, station, device, status, user, pay, fare in zip(
                self._calendar.moments(rows["at"]),
                rows["station"].tolist(),
                rows["device"].tolist(),
                rows["status"].tolist(),
                self._customers(METRO, rows, block),
                rows["pay"].tolist(),
                rows["total"].tolist(),
                strict=True,
            )
        ]

    def _metro_registrations(self, rows: Rows, block: Block) -> list[str]:
        return [
            f"{user},{citizen_id},{phone},{'M' if is_micro else 'P'},{at}"
            for user, citizen_id, phone, is_micro, at in zip(
                self._customers(METRO, rows, block),
                rows["citizen_id"],
                rows["phone"],
                rows["kind"].tolist(),
                self._calendar.moments(rows["at"]),
                strict=True,
            )
        ]

    def _metro_consents(self, rows: Rows, block: Block) -> list[str]:
        scopes = ("travel", "", "", "all")
        return [",".join(v) for v in self._consent_values(METRO, rows, block, scopes, ("grant", "revoke"))]
