"""What the second wallet sends of those who bring its bills: who they are and what they agree to."""

from __future__ import annotations

from simulator.formats.feed import Customers, Feed, Writer, separated
from simulator.rows import WECHAT

CUSTOMERS = Customers(
    WECHAT,
    registration={"openid": "customer", "idcard": "citizen_id", "phone": "phone", "kind": "kind", "created": "at"},
    kinds=("personal", "merchant"),
    consent=("openid", "scope", "status", "time"),
    scopes=("travel", "living", "finance", "all"),
    states=("on", "off"),
)


class Wechat(Writer):
    """The second wallet's feeds."""

    def feeds(self) -> list[Feed]:
        """All of them, apart from the bills."""
        return [separated(table, ".csv") for table in CUSTOMERS.tables(self._calendar)]
