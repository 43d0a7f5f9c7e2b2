"""Names of those who are paid, as card rows and bills print them."""

from __future__ import annotations

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
    "财付通-杭州水务集团",
)
METRO_MERCHANTS, UTILITY_MERCHANTS, SHOPS = (0, 1, 2), (3, 4, 5, 6, 13), (7, 8, 9, 10, 11, 12)
"""Metro: by the first wallet, by card, by the second wallet. Utilities: the first wallet, cards, the first and the
second wallet."""

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
)
"""Those whom a wallet's bill names."""
ITEMS = ("扫码乘车", "电费", "水费", "燃气费", "公交乘车", *("消费",) * 5, *("转账",) * 2, "提现")
METRO_PARTY, UTILITY_PARTIES, BUS_PARTY = 0, (1, 2, 3), 4
SHOP_PARTIES, FRIENDS, WITHDRAWAL = (5, 6, 7, 8, 9), (10, 11), 12
