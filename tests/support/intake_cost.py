"""What a day's intake costs after so many days of small statements: CPU and files opened by pull, land, begin and status.

`python -m tests.support.intake_cost 30 390`: a line for each number of days.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from jobs.day import run_day
from jobs.landing.land import land
from jobs.landing.manifests import LANDING, manifest_paths, manifests_at, newest_landings
from jobs.landing.pull import pull
from jobs.landing.receipts import load_receipts
from jobs.landing.tokens import Tokens
from jobs.reading.intake import intakes
from jobs.runs.opening import begin
from schemas.deliveries import EXPORTS
from schemas.sources import load_stations
from tests.support.exports import CONSENTED, alipay_acts, alipay_consents, deliver
from tests.support.opened import opened
from tests.support.registries import shipped
from tests.support.worlds import embedded_lake

FIRST = date(2025, 1, 1)
SENDERS = ("alipay", "hangzhou_metro", "icbc", "unionpay")
REGISTRY = shipped()


def send(home: Path, number: int) -> date:
    """A date's deliveries, which arrive in its night."""
    day = FIRST + timedelta(days=number)
    acts = alipay_acts((number + 1, 1, f"{day} 10:00:00", "shenghuojiaofei", "10"))
    consents = [alipay_consents((1, "ALL", "AUTHORIZED", CONSENTED))] if number == 0 else []
    for sender in SENDERS:
        parts = [acts, *consents] if sender == "alipay" else []
        deliver(home, sender, *parts, stamp=f"{day:%Y%m%d}T200000Z", business_date=str(day))
    return day


@contextmanager
def measured(name: str, found: dict[str, str]) -> Iterator[None]:
    """CPU and files that Python opens meanwhile."""
    before = time.process_time()
    with opened() as paths:
        yield
    ours = [path for path in paths if LANDING in path.parts or "landed" in path.parts]
    found[name] = f"{1000 * (time.process_time() - before):.0f} ms, {len(ours)} files"


def cost(home: Path, count: int) -> dict[str, str]:
    """Of the day after so many."""
    tokens = Tokens.from_env()
    found: dict[str, str] = {}

    def take() -> None:
        with measured("pull", found):
            for sender in SENDERS:
                pull(REGISTRY.sources[sender], home / EXPORTS, home / LANDING)
        with measured("land", found):
            for sender in SENDERS:
                source = REGISTRY.sources[sender]
                land(source, home, tokens, load_stations(source, REGISTRY.root))

    days = [send(home, number) for number in range(count)]
    take()
    lake = embedded_lake(home, REGISTRY)
    run_day(lake, REGISTRY, home, days[-1])
    run_day(lake, REGISTRY, home, send(home, count))  # nothing of it is landed: the engine and the library are warm
    day = send(home, count + 1)
    take()
    with measured("begin", found):
        begin(lake, REGISTRY, home, day)
    with measured("status of the date", found):
        receipts = [one for sender in SENDERS for one in load_receipts(REGISTRY.sources[sender], home / LANDING, day)]
        files = [one for path in manifest_paths(home, "*", "*", day) for one in manifests_at(path)]
        intakes(lake, receipts, newest_landings(files), day)
    return found


if __name__ == "__main__":
    os.environ.setdefault("TANZHANG_TOKEN_KEY", "5a" * 32)
    os.environ.setdefault("TANZHANG_RECORD_KEY", "a5" * 32)
    logging.disable()
    for count in map(int, sys.argv[1:]):
        with TemporaryDirectory() as folder:
            told = cost(Path(folder), count)
        print(count, "days:", "; ".join(f"{name} {said}" for name, said in told.items()), flush=True)
