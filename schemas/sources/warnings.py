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
            heard = {*scenario.precedence, *(kind for change in scenario.changes for kind in change.precedence or ())}
            if source.kind not in heard:
                yield Warn(
                    key=f"feeds.{name}: {one}",
                    rule=f"reports of {', '.join(scenario.precedence)} count, a {source.kind}'s are withheld "
                    "(reporter_not_accepted)",
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
                mend="Ignore by a rule what was paid through another wallet, whose own bill tells of it; a platform "
                "without a wallet of its own is kind: platform.",
            )
