"""The control file of files that lie somewhere: rows, sums and hashes as the real readers count them.

So an institution that cannot write one yet, or an engineer who has its files, makes a delivery that `pull` takes.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path

from jobs.files import digest_of
from jobs.landing.loose import Counted, Sent, counted
from jobs.landing.manifests import LANDING
from jobs.landing.pull import pull
from jobs.landing.receipts import Receipt
from schemas.base import ROOT
from schemas.deliveries import CONTROL, EXPORTS, STAMP, Control, ControlFile
from schemas.errors import Foreseen
from schemas.sources import Source
from schemas.sources.faults import Fault


class Unfit(Foreseen):
    """Files of which no delivery can be made; the text names file, line, column, rule and mend of each reason."""

    exit_code = 3


@dataclass(frozen=True)
class Delivery:
    """A control file, and where each file that it names lies."""

    control: Control
    paths: dict[str, Path]

    def text(self) -> bytes:
        """The control file as it is written."""
        return self.control.model_dump_json(indent=1, exclude_none=True).encode() + b"\n"

    def lay_out(self, exports: Path, arrived_at: datetime) -> Path:
        """Write the delivery below an exports folder, the control file last; returns its folder."""
        folder = exports / self.control.institution / arrived_at.astimezone(timezone.utc).strftime(STAMP)
        folder.mkdir(parents=True)
        for name, path in self.paths.items():
            shutil.copyfile(path, folder / name)
        (folder / CONTROL).write_bytes(self.text())
        return folder


def delivery_of(
    source: Source, files: Sequence[Sent], business_date: date, revision: int = 0, root: Path = ROOT
) -> Delivery:
    """The delivery that these files are, each feed's in the order of its parts.

    Raises:
        Unfit: a file cannot be read as the contract says, or `pull` would refuse what they are together.
    """
    parts, so_far = Counter(sent.feed for sent in files), Counter[str]()
    stated, paths = [], {}
    reasons: list[str] = []
    for sent in files:
        so_far[sent.feed] += 1
        with named(sent) as path:
            found = counted(source, sent, path, root)
        reasons += told(sent.path.name, found.faults)
        file = state(source, sent, found, business_date, so_far[sent.feed], parts[sent.feed])
        stated.append(file)
        paths[file.name] = sent.path
    if reasons:
        raise Unfit("\n".join(reasons))
    control = Control(institution=source.id, business_date=business_date, revision=revision, files=stated)
    delivery = Delivery(control, paths)
    receipt = pulled(source, delivery)
    if receipt.state != "accepted":
        raise Unfit("\n".join(told(CONTROL, receipt.errors)))
    return delivery


def state(
    source: Source, sent: Sent, found: Counted, business_date: date, part: int = 1, parts: int = 1
) -> ControlFile:
    """What the control file states of a file."""
    total = source.feeds[sent.feed].control_sum
    said = {"name": sent.name(business_date, part), "part": part, "parts": parts, "customer": sent.customer}
    sums = {total.column: found.sum} if total and found.sum else {}
    return ControlFile(**sent.stated(found.rows, digest_of(sent.path), **said, sums=sums))


def pulled(source: Source, delivery: Delivery, home: Path | None = None) -> Receipt:
    """What `pull` says of a delivery on the day after its date, in a home of its own that is gone after unless one is given."""
    if home is None:
        with tempfile.TemporaryDirectory(prefix="tanzhang-") as folder:
            return pulled(source, delivery, Path(folder))
    next_day = delivery.control.business_date + timedelta(days=1)
    delivery.lay_out(home / EXPORTS, datetime.combine(next_day, time(12), timezone.utc))
    [receipt] = pull(source, home / EXPORTS, home / LANDING)
    return receipt


def told(file: str, faults: Iterable[Fault]) -> list[str]:
    """Faults in words, each with the file that it was met in."""
    return [str(one if one.file else one.model_copy(update={"file": file})) for one in faults]


@contextmanager
def named(sent: Sent) -> Iterator[Path]:
    """A path to a file that ends as its form does: by it readers know how the file is packed."""
    with tempfile.TemporaryDirectory(prefix="tanzhang-") as folder:
        link = Path(folder) / sent.name(date(1970, 1, 1), 1)
        link.symlink_to(sent.path.resolve())
        yield link
