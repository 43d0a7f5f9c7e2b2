"""How often a simulated world holds each kind of hostile day, by its exports, its truth and the lake."""

from __future__ import annotations

from collections import defaultdict

import polars as pl

from tests.oracle.judge import CLAIM, PLACE, Judgement
from tests.support.reader import NATURAL_KEYS, Row, newest, records, rows_of

METRO, WALLET = "hangzhou_metro", "alipay"
LATE, SOON = 150, 600
"""Seconds: a clock that is right pays no later than two minutes after the exit; a ride back begins within ten."""
RESTATED = {
    "scenarios put right": (WALLET, "acts", "scenario_code"),
    "customers put right": (WALLET, "acts", "account_did"),
    "originals put right": ("citic_bank", "card_transactions", "原流水号"),
    "places put right": ("hellobike", "trips", "end_lat"),
}


def occurrences(judgement: Judgement) -> dict[str, int]:
    """Kind → how often; only what the truth decides, where it is of acts."""
    home, found = judgement.truth.home, _of_rides(judgement) | {"equal bookings": _equal_bookings(judgement)}
    for name, (institution, feed, column) in RESTATED.items():
        versions: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
        for delivery in newest(home, institution).values():
            for _, row in rows_of(delivery.path(feed)):
                versions[tuple(row[one] for one in NATURAL_KEYS[institution, feed])].add(str(row[column]))
        found[name] = sum(len(told) > 1 for told in versions.values())
    rows = judgement.rows
    is_bank_act = (pl.col("institution") == "citic_bank") & (pl.col("feed") == "acts")
    found["rows told twice"] = rows.filter(is_bank_act & (pl.col("disposition") == "repeat")).height
    has_bad_phone = (pl.col("disposition") == "record") & (pl.col("code") == "bad_phone")
    found["registrations without their phone"] = rows.filter(has_bad_phone).height
    wallets = list(records(home, WALLET, "registrations"))
    found["wallets known by cards alone"] = sum(map(_is_known_by_cards, wallets))
    found["mergers undone"] = len(parted(judgement))
    return found


def parted(judgement: Judgement) -> pl.DataFrame:
    """Who was merged and is parted again: customer_key, born (with whom it was first) and person_id (with whom it is)."""
    log, membership = judgement.table("silver.identity_log"), judgement.table("silver.membership")
    reopened = log.filter(pl.col("change") == "reopened").select(born="person_id").unique()
    first = membership.sort("publication_seq").unique("customer_key", keep="first")
    born = first.filter(pl.col("origin_id") == pl.col("person_id")).select("customer_key", born="person_id")
    return judgement.persons.filter("is_decidable").join(born.join(reopened, on="born"), on="customer_key")


def _is_known_by_cards(row: Row) -> bool:
    return not row["cert_no"] and len(row["bound_cards"]) > 2


def _of_rides(judgement: Judgement) -> dict[str, int]:
    """Rides that the truth credits, and what the wallet says of them."""
    claims = _claims(judgement).filter(pl.col("scenario") == "metro")
    rides = claims.filter((pl.col("institution") == METRO) & (pl.col("told") == "credited"))
    paid = claims.filter((pl.col("institution") == WALLET) & (pl.col("told") == "absorbed") & pl.col("is_precise"))
    both = rides.join(paid, on="act_no", suffix="_paid")
    order = rides.sort("person_no", "occurred_at_unix")
    pause = pl.col("occurred_at_unix") - pl.col("ended_at_unix").shift(1).over("person_no")
    is_same = pl.col("amount_fen") == pl.col("amount_fen").shift(1).over("person_no")
    return {
        "coupons": both.filter(pl.col("amount_fen_paid") < pl.col("amount_fen")).height,
        "late clocks": both.filter(pl.col("occurred_at_unix_paid") - pl.col("ended_at_unix") > LATE).height,
        "same fares minutes apart": order.filter((pause <= SOON) & is_same).height,
    }


def _equal_bookings(judgement: Judgement) -> int:
    """Bills of one amount on days that follow each other, each credited and with its own booking a day later."""
    claims = _claims(judgement).filter(pl.col("scenario") == "utility_payment")
    booked = claims.filter(pl.col("institution").is_in(("citic_bank", "icbc")) & (pl.col("told") == "absorbed"))
    acts = judgement.truth.acts.filter((pl.col("scenario") == "utility_payment") & (pl.col("outcome") == "credited"))
    paid = acts.select("act_no", "person_no", paid_on="act_date").join(booked.drop("person_no"), on="act_no")
    late = paid.filter(pl.col("act_date") == pl.col("paid_on").dt.offset_by("1d")).unique("act_no")
    before = late.select("person_no", "amount_fen", pl.col("paid_on").dt.offset_by("1d"))
    return late.join(before, on=["person_no", "amount_fen", "paid_on"]).height


def _claims(judgement: Judgement) -> pl.DataFrame:
    """Claims in force with the truth's act, person and outcome."""
    columns = ("institution", "scenario", "occurred_at_unix", "ended_at_unix", "amount_fen")
    claims = judgement.newest("silver.claims", *CLAIM).filter("is_live")
    claims = claims.select(*CLAIM, *PLACE, *columns, is_precise=pl.col("time_precision") != "day")
    truth = judgement.truth
    told = truth.records.filter(pl.col("act_no").is_not_null()).select(*PLACE, "act_no", told="outcome")
    return claims.join(told, on=PLACE).join(truth.acts.select("act_no", "person_no"), on="act_no")
