"""Statements of the second bank and bills of the second wallet, from the little that tests say of their rows."""

from __future__ import annotations

from datetime import date, datetime

from tests.support.exports import Part, part

BILL_HEAD = "交易时间,交易类型,交易对方,商品,收/支,金额(元),支付方式,当前状态,交易单号,商户单号,备注"


def icbc_statements(*booked: tuple[str, int, str, str, str]) -> Part:
    """Debits: account, number, moment of booking, yuan, creditor."""
    text = "".join(
        f'<Stmt><Acct><Id><Othr><Id>{account}</Id></Othr></Id></Acct><Ntry><Amt Ccy="CNY">{yuan}</Amt>'
        f"<CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><DtTm>{at}</DtTm></BookgDt><NtryDtls><TxDtls>"
        f"<Refs><AcctSvcrRef>R{number}</AcctSvcrRef></Refs><RltdPties><Cdtr><Nm>{creditor}</Nm></Cdtr></RltdPties>"
        "</TxDtls></NtryDtls></Ntry></Stmt>\n"
        for account, number, at, yuan, creditor in booked
    )
    return part("icbc", "statements", text, f"{sum(float(one[3]) for one in booked):.2f}", rows=len(booked))


def wechat_bill(
    customer: str, first: date, last: date, exported_at: str, *paid: tuple[int, str | datetime, str, str, str]
) -> Part:
    """A whole bill of these days: number, time, merchant, yuan, state of each payment."""
    above = [
        "微信支付账单明细",
        f"起始时间：[{first} 00:00:00] 终止时间：[{last} 23:59:59]",
        "导出类型：[全部]",
        f"导出时间：[{exported_at}]",
    ]
    body = [
        f"{at},商户消费,{merchant},/,支出,¥{yuan},零钱,{state},{number:028}\t,/,/"
        for number, at, merchant, yuan, state in paid
    ]
    total = f"{sum(float(yuan) for *_, yuan, _ in paid):.2f}"
    text = "\r\n".join([*above, BILL_HEAD, *body, ""])
    return Part("bills", text.encode(), len(body), total, customer=customer)
