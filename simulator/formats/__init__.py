"""The institutions' export formats: rows in, lines of text out.

Each institution writes its own field names, encodings, units and codes. The readers share none of this code.
"""

from __future__ import annotations

from simulator.formats.alipay import Alipay
from simulator.formats.caocao import Caocao
from simulator.formats.citic import Citic
from simulator.formats.dadi_recycling import DadiRecycling
from simulator.formats.feed import Feed
from simulator.formats.geely import Geely
from simulator.formats.hangzhou_bank import HangzhouBank
from simulator.formats.hangzhou_canteen import HangzhouCanteen
from simulator.formats.hangzhou_gas import HangzhouGas
from simulator.formats.hangzhou_transit import HangzhouTransit
from simulator.formats.hellobike import Hellobike
from simulator.formats.huge import Huge
from simulator.formats.icbc import Icbc
from simulator.formats.lianyun import Lianyun
from simulator.formats.metro import Metro
from simulator.formats.ping_an import PingAn
from simulator.formats.teld import Teld
from simulator.formats.unionpay import Unionpay
from simulator.formats.wechat import Wechat
from simulator.formats.zhejiang_etc import ZhejiangEtc
from simulator.formats.zheliban import Zheliban
from simulator.formats.zhuanzhuan import Zhuanzhuan
from simulator.formats.zto import Zto
from simulator.network import Network
from simulator.rows import Calendar

__all__ = ["Feed", "all_feeds"]

OF_SERVICES = (
    *(Teld, ZhejiangEtc, HangzhouGas, Caocao, Zhuanzhuan, Zto, HangzhouTransit),
    *(DadiRecycling, PingAn, HangzhouBank, Geely, Lianyun, HangzhouCanteen),
)
"""Institutions that a world has only where people use them."""


def all_feeds(calendar: Calendar, network: Network, has_services: bool) -> tuple[Feed, ...]:
    """The feeds of all institutions, apart from the bills that people bring themselves.

    Args:
        calendar: the world's days as text.
        network: names of the stations.
        has_services: whether people use the institutions that a world may be without.
    """
    writers = (
        *(Alipay(calendar), Citic(calendar), Metro(calendar, network), Icbc(calendar)),
        *(Wechat(calendar), Huge(calendar), Hellobike(calendar), Zheliban(calendar)),
        Unionpay(calendar),
        *(writer(calendar) for writer in OF_SERVICES if has_services),
    )
    return tuple(feed for writer in writers for feed in writer.feeds())
