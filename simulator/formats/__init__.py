"""The institutions' export formats: rows in, lines of text out.

Each institution writes its own field names, encodings, units and codes. The readers share none of this code.
"""

from __future__ import annotations

from simulator.formats.alipay import Alipay
from simulator.formats.citic import Citic
from simulator.formats.feed import Feed
from simulator.formats.hellobike import Hellobike
from simulator.formats.huge import Huge
from simulator.formats.icbc import Icbc
from simulator.formats.metro import Metro
from simulator.formats.unionpay import Unionpay
from simulator.formats.wechat import Wechat
from simulator.formats.zheliban import Zheliban
from simulator.network import Network
from simulator.rows import Calendar

__all__ = ["Feed", "all_feeds"]


def all_feeds(calendar: Calendar, network: Network) -> tuple[Feed, ...]:
    """The feeds of all institutions, apart from the bills that people bring themselves.

    Args:
        calendar: the world's days as text.
        network: names of the stations.
    """
    writers = (
        *(Alipay(calendar), Citic(calendar), Metro(calendar, network), Icbc(calendar)),
        *(Wechat(calendar), Huge(calendar), Hellobike(calendar), Zheliban(calendar)),
        Unionpay(calendar),
    )
    return tuple(feed for writer in writers for feed in writer.feeds())
