"""Names of those who are paid, as card rows and bills print them, and their merchant numbers."""

from __future__ import annotations

PARTIES = (
    "杭州地铁集团有限公司",
    "国网浙江省电力有限公司",
    "杭州水务集团",
    "杭州燃气集团有限公司",
    "杭州公交集团有限公司",
    "世纪联华超市",
    "知味观",
    "盒马鲜生",
    "瑞幸咖啡",
    "奎元馆",
    "李*明",
    "王*芳",
    "零钱提现",
    "小河街陶坊",
    "特来电新能源股份有限公司",
    "曹操出行",
)
"""Those whom a wallet's bill names."""
ITEMS = (
    "扫码乘车",
    "电费",
    "水费",
    "燃气费",
    "公交乘车",
    *("消费",) * 5,
    *("转账",) * 2,
    "提现",
    "消费",
    "充电",
    "打车",
)
METRO_PARTY, UTILITY_PARTIES, BUS_PARTY = 0, (1, 2, 3), 4
SHOP_PARTIES, FRIENDS, WITHDRAWAL = (5, 6, 7, 8, 9, 13), (10, 11), 12
STATION_PARTY, HAILING_PARTY = 14, 15

_NAMED = (
    ("支付宝-杭州地铁（扫码乘车）", "4111"),
    ("杭州地铁集团有限公司", "4111"),
    ("财付通-杭州地铁集团有限公司", "4111"),
    ("支付宝-国网浙江省电力有限公司", "4900"),
    ("国网浙江省电力有限公司", "4900"),
    ("杭州水务集团", "4900"),
    ("支付宝-杭州燃气集团有限公司", "4900"),
    ("世纪联华超市（庆春店）", "5411"),
    ("财付通-知味观", "5812"),
    ("支付宝-盒马鲜生", "5411"),
    ("杭州大厦购物城", "5651"),
    ("中石化加油站", "5541"),
    ("外婆家餐饮", "5812"),
    ("财付通-杭州水务集团", "4900"),
    ("西溪谷贸易有限公司", "0000"),
)
"""With the category that the bank has them under; none of the last."""
MERCHANTS = (
    *(name for name, _ in _NAMED),
    *(f"{wallet}-{PARTIES[party]}" for wallet in ("支付宝", "财付通") for party in SHOP_PARTIES),
)
METRO_MERCHANTS, UTILITY_MERCHANTS, SHOPS = (0, 1, 2), (3, 4, 5, 6, 13), (7, 8, 9, 10, 11, 12, 14)
"""Metro: by the first wallet, by card, by the second wallet. Utilities: the first wallet, cards, the first and the
second wallet."""
FIRST_QUICK, SECOND_QUICK = len(_NAMED), len(_NAMED) + len(SHOP_PARTIES)
"""Where the shops begin that are paid through the first and the second wallet."""


def merchant_number(merchant: int, serial: int) -> str:
    """What the first bank has as the number of a merchant: acquirer, region, category, serial; of some rows nothing."""
    if serial % 4 == 0 or merchant >= len(_NAMED):
        return ""
    return f"3023310{_NAMED[merchant][1]}{merchant:04d}"
