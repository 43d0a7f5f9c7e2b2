"""What the government's service portal sends: XML, one case, user or consent per line."""

from __future__ import annotations

from simulator.formats.feed import Customers, Feed, Writer, customers, elements, header
from simulator.people import Block
from simulator.rows import PORTAL, Rows

CHANNELS = ("网上", "掌上", "窗口")
COUNTER = 2
STATES = ("受理", "办结", "退件")
RECEIVED, FINISHED, REFUSED = range(3)
SERVICES = (
    ("330100GA01", "居住证签注"),
    ("330100RS02", "社会保险个人权益记录查询"),
    ("330100GJ03", "住房公积金提取"),
    ("330100ZJ04", "不动产登记资料查询"),
    ("330100WJ05", "生育登记"),
)
SURNAMES, GIVEN_NAMES = "赵钱孙李周吴郑王冯陈", "伟芳娜敏静强磊洋勇艳"
XML = '<?xml version="1.0" encoding="UTF-8"?>\n'


CUSTOMERS = Customers(
    PORTAL,
    registration={
        "LOGINID": "customer",
        "CARDNUMBER": "citizen_id",
        "TELPHONE": "phone",
        "USERTYPE": "kind",
        "CREATE_TIME": "at",
    },
    kinds=("个人", "法人"),
    consent=("LOGINID", "SCOPE", "STATUS", "TIME"),
    scopes=("", "living", "", "all"),
    states=("Y", "N"),
)


class Zheliban(Writer):
    """The portal's feeds."""

    def feeds(self) -> list[Feed]:
        """All of them."""
        cases = Feed(
            *(PORTAL, "cases", ".xml", self._cases),
            header=header(f"{XML}<SERVICELOG>"),
            footer="</SERVICELOG>\n",
            is_keyed=True,
            is_of_acts=True,
        )
        registrations, consents = CUSTOMERS.tables(self._calendar)
        return [cases, elements(registrations, XML, "USER"), elements(consents, XML, "CONSENT")]

    def _cases(self, rows: Rows, block: Block) -> list[str]:
        return [
            f"<CASE><PROJID>ZJ{serial:014d}</PROJID><LOGINID>{login}</LOGINID>"
            f"<SERVICECODE>{SERVICES[service][0]}</SERVICECODE><SERVICENAME>{SERVICES[service][1]}</SERVICENAME>"
            f"<PROJECTNAME>关于{name}的{SERVICES[service][1]}</PROJECTNAME><APPLYNAME>{name}</APPLYNAME>"
            f"<APPLY_CARDNUMBER>{citizen_id}</APPLY_CARDNUMBER><APPLYFROM>{CHANNELS[channel]}</APPLYFROM>"
            f"<HANDLESTATE>{STATES[state]}</HANDLESTATE><RECEIVETIME>{received}</RECEIVETIME>"
            f"<TRANSACT_TIME>{done if state == FINISHED else ''}</TRANSACT_TIME><AREACODE>330100</AREACODE></CASE>"
            for serial, login, service, name, citizen_id, channel, state, received, done in zip(
                rows["serial"].tolist(),
                customers(PORTAL, rows, block),
                rows["service"].tolist(),
                (made_up_name(block.first + k) for k in rows["person"].tolist()),
                block.citizen_id[rows["person"]],
                rows["channel"].tolist(),
                rows["state"].tolist(),
                self._calendar.moments(rows["received_at"]),
                self._calendar.moments(rows["at"]),
                strict=True,
            )
        ]


def made_up_name(number: int) -> str:
    """A name of two characters; nobody's."""
    return SURNAMES[number % 10] + GIVEN_NAMES[number // 10 % 10]
