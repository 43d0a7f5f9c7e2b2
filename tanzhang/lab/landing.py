"""Landing of every format: rows per second and peak memory, beside a bare reader of the format in the same run.

The bare reader only parses (pyarrow, calamine, lxml); landing also types, checks, tokenises and writes. Each
measurement has a process of its own, so that the peak is its own.
"""

from __future__ import annotations

import gzip
import json
import resource
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.json as pj
from lxml import etree
from python_calamine import CalamineWorkbook
from rich.console import Console
from rich.table import Table

from tanzhang.lab.world import FIRST_DAY, simulate_apart
from tanzhang.screens.console import show

ARRIVAL = "20261101T200000Z"
CUSTOMER = "somebody"
BILL_ROWS = 80_000
"""Far more than a person pays in a lifetime; a sheet may have a million cells."""


@dataclass(frozen=True)
class Format:
    """A format, the feed whose file stands for it, and the bare reader beside it."""

    name: str
    institution: str
    feed: str
    bare: str


FORMATS = (
    Format("JSON lines, gzip", "alipay", "acts", "json"),
    Format("CSV, UTF-8, gzip", "hangzhou_metro", "taps", "csv"),
    Format("CSV, UTF-8", "hellobike", "trips", "csv"),
    Format("delimited, GB18030", "citic_bank", "card_transactions", "gb18030"),
    Format("bill CSV, GB18030, zip", "alipay", "bills", "bill"),
    Format("workbook (XLSX)", "wechat_pay", "bills", "workbook"),
    Format("XML, one level", "zheliban", "registrations", "xml"),
    Format("XML, camt.053", "icbc", "statements", "xml"),
)


def measure(people: int, home: Path, out: Console) -> None:
    """Simulate a date, take one file of every format out of it, land and read each, and print the figures."""
    world = home / str(people)
    if not (world / "exports").exists():
        simulate_apart(people, 1, world)
    table = Table(title=f"One date of {people:,} people; bills of {BILL_ROWS:,} rows")
    table.add_column("format")
    for name in (
        "rows",
        *(f"{who}, {what}" for who in ("land", "bare") for what in FIGURES),
        "bare ÷ land",
        "CPU ÷ CPU",
    ):
        table.add_column(name, justify="right")
    for one in FORMATS:
        place = home / "formats" / f"{one.institution}-{one.feed}"
        shutil.rmtree(place, ignore_errors=True)
        path = _lay_out(one, world, place)
        landed, bare = (_in_a_process(what, place, path, one) for what in ("land", "read"))
        figures = [text for result in (landed, bare) for text in _figures(result)]
        ratios = [landed[what] / landed["rows"] / (bare[what] / bare["rows"]) for what in ("seconds", "cpu_seconds")]
        table.add_row(one.name, f"{landed['rows']:,}", *figures, *(f"{ratio:.1f}" for ratio in ratios))
    show(out, table)


FIGURES = ("rows/s", "CPU µs/row", "peak MB")


def _figures(result: dict[str, Any]) -> list[str]:
    """Of landing or of the bare reader; CPU of all threads, which scatters less beside other work than seconds do."""
    rows = result["rows"]
    per_row = 1e6 * result["cpu_seconds"] / rows
    return [f"{rows / result['seconds']:,.0f}", f"{per_row:.1f}", f"{result['peak_mb']:,.0f}"]


def _lay_out(one: Format, world: Path, place: Path) -> Path:
    """A landing folder with one accepted file, as pull would have left it; returns the file."""
    from jobs.landing.receipts import Receipt, ReceivedFile, file_id
    from schemas.deliveries import CONTROL, Control, ControlFile

    if one.feed == "bills":
        data, suffix, total = _bill(one.institution)
        stated = ControlFile(
            name=f"bills_{FIRST_DAY:%Y%m%d}_1{suffix}", feed="bills", part=1, parts=1, rows=BILL_ROWS,
            sums=total, sha256="0" * 64, customer=CUSTOMER,
        )  # fmt: skip
    else:
        folder = sorted((world / "exports" / one.institution).iterdir())[-1]  # the last revision
        files = Control.model_validate_json((folder / CONTROL).read_bytes()).files
        [stated] = [file for file in files if file.feed == one.feed]
        data = (folder / stated.name).read_bytes()
    path = place / "landing" / one.institution / FIRST_DAY.isoformat() / "r0" / stated.name
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    control = Control(institution=one.institution, business_date=FIRST_DAY, revision=0, files=[stated])
    (path.parent / CONTROL).write_text(control.model_dump_json(), encoding="utf-8")
    received = ReceivedFile(
        **stated.model_dump(exclude={"customer"}),
        file_id=file_id(one.institution, one.feed, FIRST_DAY, 0, 1),
        path=path.relative_to(place / "landing").as_posix(),
    )
    receipt = Receipt(
        institution=one.institution, arrival=ARRIVAL, received_at=datetime(2026, 11, 1, 20, tzinfo=timezone.utc),
        business_date=FIRST_DAY, revision=0, state="accepted", files=[received],
    )  # fmt: skip
    receipts = place / "landing/receipts" / one.institution
    receipts.mkdir(parents=True)
    (receipts / "1.json").write_text(receipt.model_dump_json(), encoding="utf-8")
    return path


def _bill(institution: str) -> tuple[bytes, str, dict[str, str]]:
    """A bill far longer than a person's: its bytes, the end of its name, the sum that its control file states."""
    from simulator.formats.alipay_bill import alipay_bill
    from simulator.formats.bill import EXPENSE, NO_REFUND, PAID, Entry, Head
    from simulator.formats.wechat_bill import wechat_bill

    entries = [
        Entry(f"2026-11-01 {k // 3600 % 24:02}:{k // 60 % 60:02}:{k % 60:02}", k % 8, 100 + k % 900, EXPENSE, PAID, k, NO_REFUND, 0)
        for k in range(BILL_ROWS)
    ]  # fmt: skip
    head = Head("某人", "2026-11-01", "2026-11-01", "2026-11-01 23:59:59", False, False, 1, (0.0,) * 8)
    yuan = f"{sum(entry.fen for entry in entries) / 100:.2f}"
    if institution == "alipay":
        file = alipay_bill(head, entries)
        return file.data, file.suffix, {"金额": yuan}
    file = wechat_bill(head, entries)
    return file.data, file.suffix, {"金额(元)": yuan}


def _in_a_process(what: str, place: Path, path: Path, one: Format) -> dict[str, Any]:
    arguments = [what, str(place), str(path), one.institution, one.feed, one.bare]
    done = subprocess.run(
        [sys.executable, "-m", "tanzhang.lab.landing", *arguments], check=True, capture_output=True, text=True
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _landing(place: Path, institution: str, feed: str) -> Callable[[], int]:
    """What lands the one file and says its rows; libraries, contracts and keys are there before."""
    from jobs.landing.land import land
    from jobs.landing.tokens import Tokens
    from schemas import load_registry
    from schemas.sources import load_stations

    registry = load_registry()
    source = registry.sources[institution]
    alone = source.model_copy(update={"feeds": {feed: source.feeds[feed]}})
    pa.array([""])  # its first call loads a library
    tokens, stations = Tokens(bytes(32), bytes(range(32))), load_stations(source, registry.root)

    def work() -> int:
        [manifest] = land(alone, place, tokens, stations)
        if manifest.state != "accepted":
            raise SystemExit(f"{institution} {feed}: {manifest.errors}")
        return manifest.rows

    return work


def _csv(path: Path, encoding: str = "utf-8", delimiter: str = ",", above: int = 0) -> int:
    read = pc.ReadOptions(encoding=encoding, skip_rows=above)
    with _opened(path) as stream:
        return sum(batch.num_rows for batch in pc.open_csv(stream, read, pc.ParseOptions(delimiter=delimiter)))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as stream:
            yield stream
    else:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            yield stream


def _bill_csv(path: Path) -> int:
    with zipfile.ZipFile(path) as archive:
        lines = archive.read(archive.namelist()[0]).decode("gb18030").split("\n", 60)
    return _csv(path, "gb18030", above=next(number for number, line in enumerate(lines) if line.startswith("交易时间")))


def _json(path: Path) -> int:
    rows: int = pj.read_json(path).num_rows
    return rows


def _workbook(path: Path) -> int:
    return len(CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python())


def _xml(path: Path) -> int:
    """Elements that end, each emptied: the least that streaming XML costs."""
    rows = 0
    for _, element in etree.iterparse(str(path), tag=("{*}TxDtls", "{*}USER")):
        rows += 1
        element.clear()
    return rows


BARE: dict[str, Callable[[Path], int]] = {
    "csv": _csv,
    "gb18030": lambda path: _csv(path, "gb18030", "|"),
    "bill": _bill_csv,
    "json": _json,
    "workbook": _workbook,
    "xml": _xml,
}


def _peak_mb() -> float:
    """The most memory that this process has held; ru_maxrss would begin with what its parent held."""
    status = Path("/proc/self/status")
    if status.exists():
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _main(what: str, place: str, path: str, institution: str, feed: str, bare: str) -> None:
    """Measure in this process and print the figures as JSON."""
    work = _landing(Path(place), institution, feed) if what == "land" else partial(BARE[bare], Path(path))
    started, spent = time.perf_counter(), time.process_time()
    rows = work()
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - spent
    json.dump({"rows": rows, "seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mb": _peak_mb()}, sys.stdout)


if __name__ == "__main__":
    _main(*sys.argv[1:])
