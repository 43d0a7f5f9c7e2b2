"""Mutated fixtures: never a crash without a named error, never a row that is not accounted for.

Every file in every form is damaged as sent (bytes of the packed file), unpacked (bytes and lines of its content), in
its cells, in the control file that states it, and in the folders that it lies in. A failure names its seed:
`mutate(SEED)` makes the same delivery.
"""

from __future__ import annotations

import copy
import gzip
import hashlib
import io
import json
import os
import random
import resource
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.landing.manifests import Manifest, landed_path, rejects_path, rows_of
from jobs.landing.mistakes import OURS
from jobs.landing.receipts import Receipt, load_receipts
from schemas.sources.errors import ERRORS
from tests.support.exports import FORMS, Part, deliver, zipped
from tests.support.landing import SOURCES, Sample, samples, take

SAMPLES = list(samples())
IN_SUITE, IN_SOAK = 500, 5_000
CHUNKS = 20
"""Tests of each run, so that a failure stands out and cores share the work."""
NASTY: list[bytes] = [
    b"\0", b"\r", b"\n", b"\r\n", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b'"', b",", b"|", b"\t", b"\\", b"'", b"<", b">", b"&",
    b"&x;", b"]]>", b"<!--", b"<![CDATA[", b"<?x?>", b"<!DOCTYPE a>", b"{", b"}", b"[", b"]", b":", b"null", b"NaN", b"1e999",
    b"-", b"9" * 40, b"0", b"=1+1", b"\x81", b"\x84\x31\x95\x33", "杭".encode("gb18030"), "杭".encode(), b"\xed\xa0\x80",
    "\u2028".encode(), "９".encode(), b"2026-11-03 08:12:33", b"A" * 5000, b"PK\x03\x04", b"\x1f\x8b", b"xmlns='x'", b"",
]  # fmt: skip


# -- damage to bytes and to lines


def bytes_changed(data: bytes, rng: random.Random) -> bytes:
    """A few places changed, cut out or put in."""
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        place = rng.randrange(len(changed) + 1)
        put = rng.choice([rng.randbytes(rng.randrange(4)), rng.choice(NASTY)])
        changed[place : place + rng.choice([0, 1, 2, rng.randrange(40)])] = put
    return bytes(changed)


def bytes_cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def bytes_flipped(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def lines_changed(data: bytes, rng: random.Random) -> bytes:
    """Lines dropped, repeated, swapped, merged, or mixed with those of another file."""
    lines = data.split(b"\n")
    for _ in range(rng.randrange(1, 4)):
        one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        match rng.randrange(6):
            case 0:
                del lines[one]
            case 1:
                lines.insert(other, lines[one])
            case 2:
                lines[one], lines[other] = lines[other], lines[one]
            case 3:
                lines[one : one + 2] = [b"".join(lines[one : one + 2])]
            case 4:
                lines[one : one + 1] = [lines[one][: len(lines[one]) // 2], lines[one][len(lines[one]) // 2 :]]
            case _:
                lines.insert(one, rng.choice(unpacked(rng.choice(SAMPLES)).split(b"\n")))
        lines = lines or [b""]
    return b"\n".join(lines)


def cells_changed(data: bytes, rng: random.Random) -> bytes:
    """What stands between separators replaced by something nasty or by another cell."""
    separators = [one for one in (b",", b"|", b'"', b">") if one in data] or [b" "]
    separator = rng.choice(separators)
    cells = data.split(separator)
    for _ in range(rng.randrange(1, 5)):
        cells[rng.randrange(len(cells))] = rng.choice([rng.choice(NASTY), rng.choice(cells)])
    return separator.join(cells)


DAMAGE: list[Callable[[bytes, random.Random], bytes]] = [
    bytes_changed, bytes_cut, bytes_flipped, lines_changed, cells_changed,
]  # fmt: skip


def unpacked(sample: Sample) -> bytes:
    """The content of a file; of a workbook its first sheet."""
    if sample.suffix.endswith(".gz"):
        return gzip.decompress(sample.part.data)
    if sample.suffix in (".zip", ".xlsx"):
        archive = zipfile.ZipFile(io.BytesIO(sample.part.data))
        return archive.read(archive.namelist()[0] if sample.suffix == ".zip" else "xl/worksheets/sheet1.xml")
    return sample.part.data


def repacked(sample: Sample, content: bytes, rng: random.Random) -> bytes:
    if sample.suffix.endswith(".gz"):
        return gzip.compress(content, 1, mtime=0)
    if sample.suffix == ".zip":
        return zipped({"alipay_record.csv": content})
    if sample.suffix == ".xlsx":
        archive = zipfile.ZipFile(io.BytesIO(sample.part.data))
        members = {name: archive.read(name) for name in archive.namelist()}
        name = rng.choice(["xl/worksheets/sheet1.xml"] * 3 + sorted(members))
        return zipped({**members, name: content})
    return content


def control_changed(control: dict[str, Any], rng: random.Random) -> bytes:
    """A field of the control file, or of one of its files, replaced, taken away or put in."""
    place: dict[str, Any] = rng.choice([control, *control["files"]])
    key = rng.choice([*place, "客户", "customer", "sums"])
    strange: list[Any] = [
        None, "", 0, -1, 1, 2, 10**9, 10**40, 1.5, True, [], {}, [1], {"x": "1"}, "../x", "2026-11-02", "9999-12-31", "x" * 5000,
        "\ud800", "did:1", "0" * 64, {"item_amount": "1"}, copy.deepcopy(control["files"]), "bills",
    ]  # fmt: skip
    if rng.random() < 0.2:
        place.pop(key, None)
    else:
        place[key] = rng.choice(strange)
    content = json.dumps(control).encode()
    return bytes_changed(content, rng) if rng.random() < 0.3 else content


STRAY = [
    "README.txt", "Thumbs.db", "lost+found", "incoming", "20260230T010000Z", "２０２６１１２０T010000Z", "a\nb", "\x1b[31m",
    "..data", "20261120T010000", "20261120T010000Z ", "x" * 200, "\udcff\udcfe", "20261121T010000Z",
]  # fmt: skip


def folder_changed(folder: Path, rng: random.Random) -> None:
    """A file linked, replaced, taken away or named otherwise, or something put beside it or beside the delivery."""
    path = rng.choice(sorted(folder.iterdir()))
    match rng.randrange(7):
        case 0:
            path.unlink()
        case 1:
            path.rename(folder / rng.choice(STRAY))
        case 2:
            os.link(path, folder.parent.parent / "another")
        case 3:
            path.rename(folder.parent.parent / "moved")
            path.symlink_to(folder.parent.parent / "moved")
        case 4:
            path.unlink()
            rng.choice([Path.mkdir, os.mkfifo, Path.touch])(path)
        case 5:
            rng.choice([Path.mkdir, os.mkfifo, Path.touch])(folder / rng.choice(STRAY))
        case _:
            rng.choice([Path.mkdir, os.mkfifo, Path.touch])(folder.parent / rng.choice(STRAY))


# -- one delivery


def mutate(seed: int, home: Path) -> str:
    """Send one mutated delivery; returns the institution."""
    rng = random.Random(seed)
    sample = SAMPLES[seed % len(SAMPLES)]
    part, data, how = sample.part, sample.part.data, rng.randrange(11)
    rows = part.rows
    if how < 3:
        data = rng.choice(DAMAGE[:3])(data, rng)
    elif how < 8:
        content = unpacked(sample)
        for _ in range(rng.choice([1, 1, 1, 3])):
            content = rng.choice(DAMAGE)(content, rng)
        data = repacked(sample, content, rng)
        rows = max(0, rows + content.count(b"\n") - unpacked(sample).count(b"\n"))
    form = FORMS[sample.institution][part.feed]
    changed = Part(
        part.feed, data, rows, part.total, customer=part.customer if form.is_bill else None, suffix=part.suffix
    )
    day = sample.business_date.isoformat()
    folder = deliver(home, sample.institution, changed, business_date=day, stamp="20261120T010000Z")
    if how == 10:
        folder_changed(folder, rng)
    elif how >= 8:
        control = json.loads((folder / "control.json").read_text())
        (folder / "control.json").write_bytes(control_changed(control, rng))
    return sample.institution


def check(home: Path, institution: str) -> str:
    """Land what was sent, and hold every file against what land says of it; returns what became of it."""
    manifests = take(home, institution)
    receipts = load_receipts(SOURCES[institution], home / "landing")
    for error in [error for one in (*receipts, *manifests) for error in one.errors]:
        assert (error.rule, error.mend) == ERRORS[error.code]
        assert error.code not in OURS
    strays = [one for one in receipts if one.business_date is None and one.arrival.startswith("stray-")]
    assert all([error.code for error in one.errors] == ["stray_entry"] for one in strays)
    known = [one for one in receipts if one not in strays]
    if not known:  # the control file is gone, so that the delivery is still being written
        assert not manifests
        return "waits"
    (receipt,) = known
    if receipt.state == "refused":
        assert receipt.errors and not manifests and not receipt.files
        return "refused"
    assert len(manifests) == len(receipt.files)
    for manifest in manifests:
        check_manifest(home, receipt, manifest)
    states = {manifest.state for manifest in manifests}
    assert take(home, institution) == []
    return "part refused" if "refused" in states else "accepted"


def check_manifest(home: Path, receipt: Receipt, manifest: Manifest) -> None:
    stated = next(file for file in receipt.files if file.file_id == manifest.file_id)
    path = landed_path(home, manifest)
    if manifest.state == "refused":
        assert [error for error in manifest.errors if error.line is None or error.code in ERRORS]
        assert (manifest.accepted_rows, manifest.quarantined_rows) == (0, 0)
        paths = [one for one in (path, rejects_path(home, manifest)) if one.exists()]
        assert not any(rows_of(manifest, one).num_rows for one in paths) and (manifest.shared or not paths)
        return
    landed, rejected = (rows_of(manifest, one).to_pylist() for one in (path, rejects_path(home, manifest)))
    assert manifest.rows == manifest.accepted_rows + manifest.rejected_rows == stated.rows
    assert (len(landed), len(rejected)) == (manifest.accepted_rows, manifest.rejected_rows)
    lines = [row["line"] for row in (*landed, *rejected)]
    assert len(set(lines)) == len(lines) and all(line > 0 for line in lines)
    codes = {row["error_code"] for row in (*landed, *rejected)} | {row.get("refused_code") for row in landed}
    codes -= {None}
    assert codes <= ERRORS.keys() and codes == {error.code for error in manifest.errors} - {"sum_not_checked"}
    assert manifest.quarantined_rows == sum(row["error_code"] is not None for row in landed)


def fuzz(home: Path, first: int, count: int) -> list[str]:
    """What became of so many mutated files. Raises AssertionError with the seed of one that went wrong."""
    became = []
    for seed in range(first, first + count):
        try:
            became.append(check(home, mutate(seed, home)))
        except Exception as error:
            raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error
        shutil.rmtree(home)
    return became


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_mutated_files_are_refused_or_accounted_for(tmp_path: Path, chunk: int) -> None:
    became = fuzz(tmp_path / "home", chunk * (IN_SUITE // CHUNKS), IN_SUITE // CHUNKS)
    assert len(set(became)) > 1


@pytest.mark.soak
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_thousands_of_mutated_files(tmp_path: Path, chunk: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Other seeds than those of the suite. The last says the most memory that the process held."""
    became = fuzz(tmp_path / "home", IN_SUITE + chunk * (IN_SOAK // CHUNKS), IN_SOAK // CHUNKS)
    assert set(became) >= {"refused", "part refused", "accepted"}
    if chunk == CHUNKS - 1:
        with capsys.disabled():
            print(
                f"\n{IN_SOAK:,} mutated deliveries: peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB"
            )


def test_the_damage_is_the_same_every_time(tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        digest = hashlib.sha256()
        for seed in range(40):
            home = tmp_path / name / str(seed)
            mutate(seed, home)
            for path in sorted(home.rglob("*.*")):
                digest.update(path.name.encode() + (path.read_bytes() if path.is_file() else b""))
        digests.append(digest.hexdigest())
    assert digests[0] == digests[1]
