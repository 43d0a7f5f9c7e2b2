"""A lake judged against the truth of its world: every way in which the two can disagree."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import polars as pl
from deltalake import DeltaTable

from tests.oracle.oracle import Account, Credit, accounts, energy, told
from tests.oracle.oracle_redemptions import redeemed
from tests.oracle.oracle_spend import Sums, sums
from tests.oracle.oracle_terms import Paid

FILE = ("institution", "feed", "business_date", "revision", "part")
PLACE = ("file_id", "line")
CLAIM = ("claim_id", "act_date")
REDUCTION, EMISSION = "reduction_mg", "emission_mg"
PAID = ("metro", "bus", "utility_payment", "spending")
"""What the oracle knows the money of; a wallet also states amounts of bikes, whose merchant nobody names."""


def customer_key(institution: str, customer: str) -> str:
    """What stands for a customer, by its description: half of the HMAC-SM3 of the parts, each after its length."""
    text = "".join(f"{len(part)}:{part}" for part in ("customer", institution, customer))
    return hmac.digest(bytes.fromhex(os.environ["TANZHANG_TOKEN_KEY"]), text.encode(), "sm3").hex()[:32]


class Truth:
    """What the simulator knows of a world, and what the oracle computes from its exports."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def _table(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.home / "truth" / f"{name}.parquet")

    @cached_property
    def acts(self) -> pl.DataFrame:
        """Every act, with the millionths of its unit that are credited."""
        micro = (pl.col("credited_quantity").cast(pl.Decimal(38, 6)) * 1_000_000).cast(pl.Int64)
        return self._table("acts").with_columns(credited_micro=micro)

    @cached_property
    def records(self) -> pl.DataFrame:
        """Every row of every file, with the identity that its file has in the lake."""
        records = self._table("records")
        files = records.select(FILE).unique()
        names = files.select(pl.concat_str(*FILE, separator="|")).to_series()
        ids = [hashlib.sha256(name.encode()).hexdigest()[:16] for name in names]
        return records.join(files.with_columns(file_id=pl.Series(ids)), on=FILE)

    @cached_property
    def customers(self) -> pl.DataFrame:
        """customer_key, person_no, is_decidable."""
        customers = self._table("customers")
        keys = [customer_key(*row) for row in customers.select("institution", "customer_id").rows()]
        people = self._table("people").select("person_no", "is_decidable")
        return customers.select("person_no").with_columns(customer_key=pl.Series(keys)).join(people, on="person_no")

    @cached_property
    def open(self) -> pl.DataFrame:
        """(person_no, scenario) with an act that the policy leaves open."""
        undecidable = self.acts.filter(pl.col("outcome") == "undecidable")
        return undecidable.select("person_no", "scenario").unique()

    @cached_property
    def _told(self) -> tuple[Counter[Credit], list[Paid]]:
        return told(self.home)

    @property
    def credited(self) -> Counter[Credit]:
        return self._told[0]

    @cached_property
    def spends(self) -> tuple[Sums, Sums, Sums]:
        """Fen spent, fen spent at known merchants and milligrams of the accounts that are decided."""
        people, open_ = set(self.customers.filter("is_decidable")["person_no"]), set(self.open.rows())
        return sums(one for one in self._told[1] if one.who in people and (one.who, one.scenario) not in open_)

    @cached_property
    def redemptions(self) -> Counter[tuple[object, ...]]:
        """What the exports say of points given up, by customer_key."""
        told = redeemed(self.home).items()
        return Counter({(customer_key("unionpay", who), *rest): times for (who, *rest), times in told})

    @cached_property
    def accounts(self) -> Account:
        """What the decided accounts must say."""
        people = set(self.customers.filter("is_decidable")["person_no"])
        open_ = set(self.open.rows())
        return {
            key: figures
            for key, figures in accounts(self.credited).items()
            if key[0] in people and key[:2] not in open_
        }


BY_GRAM = "points.zhejiang_tanpuhui"
"""The programme that gives a point a gram for all that the oracle credits."""
GIVEN_UP = ("redemption", "donation")


class Judgement:
    """What a lake holds, in terms of the truth."""

    def __init__(self, truth: Truth, lake: Path) -> None:
        self.truth = truth
        self._lake = lake

    def table(self, name: str) -> pl.DataFrame:
        """A table as it stands, read past the engine that wrote it."""
        found = pl.from_arrow(DeltaTable(self._lake / name.replace(".", "/")).to_pyarrow_table())
        assert isinstance(found, pl.DataFrame)
        return found

    def newest(self, name: str, *key: str) -> pl.DataFrame:
        return self.table(name).sort("publication_seq").unique(key, keep="last")

    @cached_property
    def rows(self) -> pl.DataFrame:
        """The disposition of every row."""
        return self.newest("silver.rows", *PLACE)

    @cached_property
    def claims(self) -> pl.DataFrame:
        """Claims in force with file and line, outcome and the truth's record."""
        claims = self.newest("silver.claims", *CLAIM).filter("is_live").select(*CLAIM, *PLACE)
        outcomes = self.newest("silver.activities", *CLAIM).filter("is_live")
        records = self.truth.records.select(*PLACE, "act_no", "disposition", told=pl.col("outcome"))
        return claims.join(outcomes.select(*CLAIM, "outcome", "is_lead"), on=CLAIM, how="left").join(
            records, on=PLACE, how="left"
        )

    @cached_property
    def persons(self) -> pl.DataFrame:
        """The truth's customers with the person that each was found to be."""
        membership = self.newest("silver.membership", "customer_key").select("customer_key", "person_id")
        return self.truth.customers.join(membership, on="customer_key", how="full", coalesce=True)

    @cached_property
    def credits(self) -> pl.DataFrame:
        """Activities that stand in the ledger, with the act that their leading row reports."""
        entries = self.table("gold.ledger").filter(
            (pl.col("measure") == REDUCTION) & (pl.col("position_kind") == "activity")
        )
        standing = entries.group_by("position", "person_id", "act_date", "quantity_micro").agg(pl.col("amount").sum())
        leads = self.claims.filter("is_lead").select(*CLAIM, "act_no", "told")
        return standing.filter(pl.col("amount") != 0).join(
            leads, left_on=["position", "act_date"], right_on=CLAIM, how="left"
        )

    @cached_property
    def accounts(self) -> Account:
        """What the ledger says of the accounts that the truth decides."""
        people = self.persons.filter("is_decidable").select("person_id", "person_no").unique()
        figures = (
            self.table("gold.ledger")
            .filter(~pl.col("position_kind").is_in(GIVEN_UP))
            .join(people, on="person_id")
            .join(self.truth.open, on=["person_no", "scenario"], how="anti")
            .group_by("person_no", "scenario", "act_date")
            .agg(
                pl.col("amount").filter(pl.col("measure") == REDUCTION).sum().alias("milligrams"),
                pl.col("amount").filter(pl.col("measure") == BY_GRAM).sum().alias("points"),
            )
            .filter((pl.col("milligrams") != 0) | (pl.col("points") != 0))
        )
        return {(who, scenario, day): (mg, points) for who, scenario, day, mg, points in figures.rows()}

    @cached_property
    def energy(self) -> tuple[Counter[tuple[object, ...]], Counter[tuple[object, ...]]]:
        """Ant Forest's points of residents that the truth decides: the oracle's, and the ledger's."""
        kinds = self.newest("silver.membership", "customer_key").filter(pl.col("subject_kind") != "resident")
        people = self.persons.filter("is_decidable").select("person_id", "person_no").unique()
        people = people.join(kinds, on="person_id", how="anti")
        entries = (
            self.table("gold.ledger").filter(pl.col("measure") == "points.ant_forest").join(people, on="person_id")
        )
        key = ["person_no", "scenario", "act_date"]
        open_ = self.truth.open
        given = entries.join(open_, on=key[:2], how="anti").group_by(key).agg(pl.col("amount").sum())
        ours, closed = set(people["person_no"]), set(open_.rows())
        due = {
            one: points
            for one, points in energy(self.truth.credited).items()
            if one[0] in ours and one[:2] not in closed
        }
        return Counter(due), Counter({(who, what, day): points for who, what, day, points in given.rows() if points})

    @property
    def redemptions(self) -> Counter[tuple[object, ...]]:
        """The redemptions in force, as the truth's."""
        columns = ("customer_key", "programme", "benefit", "points", "redeemed_at_unix")
        found = self.newest("silver.redemptions", "redemption_id", "act_date").filter("is_live")
        return Counter(found.select(*columns, pl.col("act_date").cast(pl.String)).rows())

    @property
    def given_up(self) -> tuple[Counter[tuple[object, ...]], Counter[tuple[object, ...]]]:
        """(person, programme, points, date) by the exports, all of programmes whose points are kept; and by the ledger."""
        members = dict(self.newest("silver.membership", "customer_key").select("customer_key", "person_id").rows())
        due = Counter(
            (members[key], programme, points, day)
            for (key, programme, _, points, _, day), times in self.truth.redemptions.items()
            for _ in range(times)
        )
        entries = self.table("gold.ledger").filter(pl.col("position_kind").is_in(GIVEN_UP))
        standing = entries.group_by("position", "measure", "person_id", "act_date").agg(pl.col("amount").sum())
        given = Counter(
            (person, measure.removeprefix("points."), -amount, str(day))
            for _, measure, person, day, amount in standing.filter(pl.col("amount") != 0).rows()
        )
        return due, given

    @cached_property
    def spends(self) -> tuple[Sums, Sums, Sums]:
        """As the truth's: by the activities in force, and by the ledger."""
        people = self.persons.filter("is_decidable").select("person_id", "person_no").unique()
        key = ["person_no", "scenario"]

        def decided(rows: pl.DataFrame) -> pl.DataFrame:
            return rows.join(people, on="person_id").join(self.truth.open, on=key, how="anti")

        paid = decided(self.newest("silver.activities", *CLAIM).filter("is_live"))
        entries = decided(self.table("gold.ledger").filter(pl.col("measure") == EMISSION))
        fen = paid.group_by(key).agg(
            pl.col("spend_fen").sum(), known=pl.col("spend_fen").filter(pl.col("merchant_code").is_not_null()).sum()
        )
        emitted = entries.group_by(key).agg(pl.col("amount").sum())
        spent, known, milligrams = Sums(), Sums(), Sums()
        for who, scenario, all_, of_known in fen.rows():
            spent[who, scenario], known[who, scenario] = all_, of_known
        for who, scenario, amount in emitted.rows():
            milligrams[who, scenario] = amount
        return spent, known, milligrams


def dispositions(judgement: Judgement) -> list[str]:
    """Every row has the disposition that the truth states."""
    told = judgement.truth.records.select(*PLACE, "institution", "feed", told="disposition")
    found = judgement.rows.select(*PLACE, "disposition")
    both = told.join(found, on=PLACE, how="full", coalesce=True)
    wrong = both.filter(pl.col("told").ne_missing(pl.col("disposition")))
    return _counted(wrong, "{institution} {feed} row: {told} is {disposition}")


def outcomes(judgement: Judgement) -> list[str]:
    """Every claim leads from one row, and has the outcome that the truth states."""
    claims = judgement.claims
    told = judgement.truth.records.filter(pl.col("outcome").is_not_null())
    without = told.join(claims, on=PLACE, how="anti")
    again = claims.filter(pl.struct(PLACE).is_duplicated())
    astray = claims.filter(pl.col("disposition").ne_missing("record"))
    wrong = claims.filter(pl.col("told").is_not_null() & pl.col("outcome").ne_missing(pl.col("told")))
    return [
        *_counted(without, "{institution} {feed} row of outcome {outcome} made no claim"),
        *_counted(again, "row leads several claims"),
        *_counted(astray, "claim led by a row that is {disposition}"),
        *_counted(wrong, "claim: {told} is {outcome}"),
    ]


def credits(judgement: Judgement) -> list[str]:
    """Every act is credited once, with its date and quantity, or not at all, as the truth states."""
    acts = judgement.truth.acts
    standing = judgement.credits
    decided = acts.filter(pl.col("outcome") != "undecidable")
    # A report that fits several acts alike may stand for another than its own.
    sure = decided.join(standing.filter(pl.col("told").is_not_null()), on="act_no")
    due = pl.col("outcome") == "credited"
    twice = sure.filter(pl.col("act_no").is_duplicated())
    missing = decided.filter(due).join(standing, on="act_no", how="anti")
    undue = sure.filter(~due)
    is_otherwise = (pl.col("act_date") != pl.col("act_date_right")) | (
        pl.col("quantity_micro") != pl.col("credited_micro")
    )
    differs = sure.filter(due & is_otherwise)
    nowhere = standing.filter(pl.col("act_no").is_null())
    # How many acts there were is never open.
    people = judgement.truth.customers.filter("is_decidable").select("person_no").unique()
    numbers = (
        acts.join(standing, on="act_no")
        .join(people, on="person_no")
        .group_by("person_no", "scenario")
        .agg(pl.col("position").n_unique().alias("credits"))
    )
    done = acts.group_by("person_no", "scenario").agg(pl.len().alias("acts"))
    too_many = numbers.join(done, on=["person_no", "scenario"]).filter(pl.col("credits") > pl.col("acts"))
    return [
        *_counted(twice, "{scenario} act credited more than once"),
        *_counted(missing, "{scenario} act not credited"),
        *_counted(undue, "{scenario} act credited that is {outcome}"),
        *_counted(differs, "{scenario} act credited with another date or quantity"),
        *_counted(nowhere, "credit without an act"),
        *_counted(too_many, "{scenario}: a person with more credits than acts"),
    ]


def figures(judgement: Judgement) -> list[str]:
    """Milligrams and points of every decided account are the oracle's, and those who ended have none."""
    told, found = judgement.truth.accounts, judgement.accounts
    wrong: Counter[str] = Counter()
    for key in told.keys() | found.keys():
        for name, due, given in zip(("milligrams", "points"), told.get(key, (0, 0)), found.get(key, (0, 0))):
            if due != given:
                wrong[f"{key[1]} {name} {'above' if given > due else 'below'} the oracle's"] += 1
    ledger = judgement.table("gold.ledger").group_by("person_id", "measure").agg(pl.col("amount").sum())
    left = ledger.filter(pl.col("amount") != 0).join(judgement.persons, on="person_id", how="anti")
    return [
        *(f"{text}: {count}" for text, count in sorted(wrong.items())),
        *_counted(left, "{measure} of a person whom no customer belongs to"),
    ]


def points(judgement: Judgement) -> list[str]:
    """What a programme gives by its own rules, and its own limit, is the oracle's."""
    due, given = judgement.energy
    wrong = Counter(
        f"{key[1]} points {'above' if given[key] > due[key] else 'below'} the oracle's"
        for key in due.keys() | given.keys()
        if due[key] != given[key]
    )
    return [f"{text}: {count}" for text, count in sorted(wrong.items())]


def spends(judgement: Judgement) -> list[str]:
    """What every decided person spent, how much of it at known merchants and what that emits are the oracle's."""
    wrong: Counter[str] = Counter()
    names = ("fen spent", "fen spent at known merchants", "milligrams emitted")
    for name, due, given in zip(names, judgement.truth.spends, judgement.spends):
        for key in due.keys() | given.keys():
            if due[key] != given[key] and (key[1] in PAID or name != names[0]):
                wrong[f"{key[1]}: {name} {'above' if given[key] > due[key] else 'below'} the oracle's"] += 1
    return [f"{text}: {count}" for text, count in sorted(wrong.items())]


def redemptions(judgement: Judgement) -> list[str]:
    """Every redemption that the exports report stands once, and no other; and takes its points once."""
    wrong = []
    for what, due, given in (
        ("redemptions", judgement.truth.redemptions, judgement.redemptions),
        ("entries of redemptions", *judgement.given_up),
    ):
        counts = {"missing": (due - given).total(), "too many": (given - due).total()}
        wrong += [f"{what} {name}: {count}" for name, count in counts.items() if count]
    return wrong


def persons(judgement: Judgement) -> list[str]:
    """The customers of every decidable person, and no others, form one person."""
    found = judgement.persons
    unknown = found.filter(pl.col("person_no").is_null() | pl.col("person_id").is_null())
    mine = found.filter("is_decidable").select("person_no", "person_id").unique()
    split = mine.filter(pl.col("person_no").is_duplicated())
    holders = found.select("person_no", "person_id").unique()
    shared = holders.filter(pl.col("person_id").is_duplicated()).join(mine, on=["person_no", "person_id"])
    return [
        *_counted(unknown, "customer that only one side knows"),
        *_counted(split, "person split"),
        *_counted(shared, "person joined with another"),
    ]


def balances(judgement: Judgement) -> list[str]:
    """Every balance is the sum of its ledger."""
    key = ["person_id", "measure", "scenario", "institution"]
    ledger = judgement.table("gold.ledger").group_by(key).agg(pl.col("amount").sum().alias("posted"))
    both = ledger.join(judgement.table("gold.balances"), on=key, how="full", coalesce=True)
    return _counted(both.filter(pl.col("posted").ne_missing(pl.col("amount"))), "balance of {scenario} {measure}")


CHECKS: dict[str, Callable[[Judgement], list[str]]] = {
    check.__name__: check
    for check in (dispositions, outcomes, credits, figures, points, spends, redemptions, persons, balances)
}


def differences(judgement: Judgement) -> dict[str, list[str]]:
    """Check → what is wrong; checks that find nothing are absent."""
    found = {name: check(judgement) for name, check in CHECKS.items()}
    return {name: problems for name, problems in found.items() if problems}


def _counted(wrong: pl.DataFrame, text: str) -> list[str]:
    """How often each kind of thing is wrong."""
    told = Counter(text.format(**row) for row in wrong.iter_rows(named=True))
    return [f"{line}: {count}" for line, count in sorted(told.items())]
