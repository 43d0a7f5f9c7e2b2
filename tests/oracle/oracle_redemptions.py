"""Points that people gave up, read from the exports a second time."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

from tests.support.reader import records

LOCAL = timezone(timedelta(hours=8))
BENEFITS = {
    "ZJ-JQ01": ("zhejiang_tanpuhui", "scenic_ticket"),
    "ZJ-HB01": ("zhejiang_tanpuhui", "red_packet"),
    "ZJ-GY01": ("zhejiang_tanpuhui", "tree_donation"),
    "DT-HB01": ("unionpay_low_carbon", "red_packet"),
    "DT-GY01": ("unionpay_low_carbon", "tree_donation"),
}
Redemption = tuple[str, str, str, int, int, str]
"""Customer id, programme, benefit, points, moment in seconds since 1970, local date."""


def redeemed(home: Path) -> Counter[Redemption]:
    """Every redemption that stands, whatever was consented to."""
    found: Counter[Redemption] = Counter()
    for row in records(home, "unionpay", "redemptions"):
        if row["状态"] == "成功":
            moment = datetime.fromisoformat(row["兑换时间"]).replace(tzinfo=LOCAL)
            programme, benefit = BENEFITS[row["权益编码"]]
            what = (row["用户号"], programme, benefit, int(row["积分"]))
            found[(*what, int(moment.timestamp()), str(moment.date()))] += 1
    return found
