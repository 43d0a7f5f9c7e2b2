"""What a contract may say and is still likely not meant: it loads, and somebody should look at it.

Told by `tanzhang contract try` of one contract, by `tanzhang factors validate` of the whole registry.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from schemas.base import Strict
from schemas.scenarios import Scenario
from schemas.sources import Source
from schemas.sources.feeds import PaymentFeed


class Warn(Strict):
    """One oddity: the key that it stands at, what holds, and what to do."""

    key: str
    rule: str
    mend: str

    @property
    def text(self) -> str:
        """All of it on one line."""
        return f"{self.key}: {self.rule}. {self.mend}"


def warnings_of(source: Source, scenarios: Mapping[str, Scenario]) -> list[Warn]:
    """What is odd about a contract, in the order of its feeds."""
    return [*_unheard(source, scenarios), *_other_wallets(source)]


def _unheard(source: Source, scenarios: Mapping[str, Scenario]) -> Iterator[Warn]:
    """Acts that the institution's kind may not report: every claim of them is withheld."""
    for name, feed in source.feeds.items():
        for one in sorted(feed.scenarios & scenarios.keys()):
            scenario = scenarios[one]
            lists = [scenario.precedence, *(change.precedence or [] for change in scenario.changes)]
            heard = list(dict.fromkeys(kind for kinds in lists for kind in kinds))
            if source.kind not in heard:
                yield Warn(
                    key=f"feeds.{name}: {one}",
                    rule=f"reports of {', '.join(heard)} count, a {source.kind}'s are withheld (reporter_not_accepted)",
                    mend=f"Ignore such rows by a rule, or release a change of precedence in scenarios/{one}.yaml.",
                )


def _other_wallets(source: Source) -> Iterator[Warn]:
    """A wallet's payments go through itself, and what `wallet` says of them is not looked at."""
    for name, feed in source.feeds.items():
        wallet = feed.columns.wallet if isinstance(feed, PaymentFeed) and source.kind == "payment_app" else None
        others = sorted({entry.value for entry in wallet.classes} - {source.id}) if wallet else []
        if others:
            yield Warn(
                key=f"feeds.{name}.columns.wallet",
                rule=f"a payment_app is itself the wallet, so what went through {', '.join(others)} counts twice: here, "
                "and as that wallet reports it",
                mend="Whoever takes orders is kind: platform, whose payments are matched with those of the wallet that it "
                "names; a wallet ignores by a rule what went through another.",
            )
