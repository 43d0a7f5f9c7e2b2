"""Small files that would fill memory or time: refused by name, quickly, within bounded memory.

Each is read in a process of its own, whose peak is measured above what it held before it began.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.exports import zipped
from tests.support.targets import TARGETS, Target

MOST_MEGABYTES = 300
MOST_SECONDS = 120
READER = """
import json, os, resource, sys, time
from datetime import date
from pathlib import Path
from jobs.landing.formats.rows import RowMaker
from jobs.landing.parts import read_part
from jobs.landing.receipts import ReceivedFile
from jobs.landing.tokens import Tokens
from tests.support.landing import RECORD_KEY, SOURCES, STATIONS, TOKEN_KEY

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

def read(path, institution, feed, customer):
    source, tokens, path = SOURCES[institution], Tokens(TOKEN_KEY, RECORD_KEY), Path(path)
    def make(head):
        return RowMaker(source, feed, "f" * 16, date(2026, 11, 1), tokens, STATIONS, head, customer)
    file = ReceivedFile(name="x", feed=feed, part=1, parts=1, rows=10**9, sha256="0" * 64, file_id="f" * 16, path="x")
    before, start = peak(), time.monotonic()
    found = read_part(make, source.feeds[feed], path, path.with_name("landed"), file)
    return [found.reasons[0].code, peak() - before, time.monotonic() - start, found.accepted + found.rejected]

for line in sys.stdin:
    child = os.fork()
    if not child:
        print(json.dumps(read(*json.loads(line))), flush=True)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        print(json.dumps(["crashed", 0, 0, 0]), flush=True)
"""
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def reader() -> Iterator[subprocess.Popen[str]]:
    """Reads each file in a fork of its own, so that the modules are loaded once."""
    words = [sys.executable, "-c", READER]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin
        process.stdin.close()


def refused(reader: subprocess.Popen[str], path: Path, target: Target, code: str) -> int:
    """The file is refused soon and in little memory; returns how many rows were read."""
    assert reader.stdin and reader.stdout
    reader.stdin.write(json.dumps([str(path), target.institution, target.feed, target.customer]) + "\n")
    reader.stdin.flush()
    found, megabytes, seconds, rows = json.loads(reader.stdout.readline())
    assert (found, megabytes < MOST_MEGABYTES, seconds < MOST_SECONDS) == (code, True, True), (megabytes, seconds)
    return int(rows)


def repeated(block: bytes, megabytes: int, before: bytes = b"", after: bytes = b"") -> Iterator[bytes]:
    """A block over and over, as long as told, between a beginning and an end."""
    yield before
    for _ in range(megabytes):
        yield (block * (MEGABYTE // len(block) + 1))[: MEGABYTE // len(block) * len(block)]
    yield after


def write(path: Path, target: Target, content: Iterator[bytes]) -> None:
    """The content packed as the file is, without holding it."""
    if target.packing == "gz":
        with gzip.open(path, "wb", compresslevel=1) as file:
            file.writelines(content)
    elif target.packing == "zip":
        with (
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
            archive.open("alipay_record.csv", "w", force_zip64=True) as member,
        ):
            member.writelines(content)
    else:
        with path.open("wb") as file:
            file.writelines(content)


def head(target: Target) -> bytes:
    return target.above.replace("\n", target.ending).encode(target.encoding)


def row(target: Target) -> bytes:
    return target.lines({})[0].encode(target.encoding)


TEXTS = [target for target in TARGETS.values() if target.form in ("lines", "json")]
XML = [target for target in TARGETS.values() if target.form == "xml"]
BILLS = [target for target in TEXTS if target.customer]


@pytest.mark.parametrize("has_head", [True, False])
@pytest.mark.parametrize("target", TEXTS, ids=str)
def test_a_line_of_a_gigabyte(reader: subprocess.Popen[str], tmp_path: Path, target: Target, has_head: bool) -> None:
    """Zeros: a sparse file, or one that packs a thousand-fold."""
    path, before = tmp_path / f"bomb.{target.packing}", head(target) if has_head else b"x"
    if target.packing == "gz":
        zeros = gzip.compress(bytes(16 * MEGABYTE), 1)
        path.write_bytes(gzip.compress(before) + zeros * 64)
    elif target.packing == "zip":
        write(path, target, repeated(bytes(MEGABYTE), 256, before))
    else:
        path.write_bytes(before)
        os.truncate(path, 1024 * MEGABYTE)
    refused(reader, path, target, "line_too_long")


BOMBS: list[tuple[str, str, list[Target], Callable[[Target], Iterator[bytes]]]] = [
    ("lines without end", "too_many_rejects", [TARGETS["jsonl.gz"], TARGETS["csv"]],
     lambda of: repeated(b"\n", 60, head(of))),
    ("quotes", "line_too_long", [TARGETS["csv"], TARGETS["bill csv"]], lambda of: repeated(b'"a,b|c', 20, head(of))),
    ("preamble", "wrong_header", BILLS, lambda of: repeated(b"," * 600_000 + b"\n", 105)),
    ("search", "wrong_header", BILLS, lambda of: repeated(f"起始时间：[{' ' * 3900}\n".encode(of.encoding), 1)),
    ("deep", "bad_xml", XML, lambda of: repeated(b"<a>", 20, head(of))),
    ("text", "line_too_long", XML, lambda of: repeated(b"x", 20, head(of) + b"<a>")),
    ("attribute", "line_too_long", XML, lambda of: repeated(b"x", 20, head(of) + b'<a b="')),
    ("elements", "line_too_long", XML, lambda of: repeated(b"<a/>", 20, head(of))),
    ("names", "line_too_long", XML, lambda of: names(head(of))),
]  # fmt: skip


def names(before: bytes) -> Iterator[bytes]:
    """Elements of which each has a name of its own."""
    yield before
    for block in range(60):
        yield b"".join(b"<n%d/>" % number for number in range(block * 10_000, (block + 1) * 10_000))


@pytest.mark.parametrize(
    ("code", "target", "content"),
    [(code, target, content) for _, code, targets, content in BOMBS for target in targets],
    ids=[f"{kind}-{target}" for kind, _, targets, _ in BOMBS for target in targets],
)
def test_a_bomb_is_refused_soon_and_in_little_memory(
    reader: subprocess.Popen[str],
    tmp_path: Path,
    code: str,
    target: Target,
    content: Callable[[Target], Iterator[bytes]],
) -> None:
    path = tmp_path / f"bomb.{target.packing}"
    write(path, target, content(target))
    refused(reader, path, target, code)


# -- long files that are all right, or nearly: read to their end in bounded memory


@pytest.mark.parametrize(
    ("name", "between"),
    [
        ("xml camt", b"<Acct><Id><Othr><Id>1</Id></Othr></Id></Acct>"),
        ("xml camt", b"<Ntry><NtryDtls><TxDtls/></NtryDtls><NtryDtls><TxDtls/></NtryDtls></Ntry>"),
        ("xml", b"<X><CASE/></X>"),
    ],
)
def test_xml_is_forgotten_as_it_is_read(
    reader: subprocess.Popen[str], tmp_path: Path, name: str, between: bytes
) -> None:
    target, path = TARGETS[name], tmp_path / "long.xml"
    inner = row(target)
    write(path, target, repeated(inner + between * 3, 4, head(target) + inner, target.below.encode()))
    assert refused(reader, path, target, "wrong_row_count") > 5_000


# -- workbooks and archives


def workbook_bomb(kind: str) -> bytes:
    """A workbook of a few kilobytes that asks for gigabytes."""
    target = TARGETS["bill xlsx"]
    archive = zipfile.ZipFile(io.BytesIO(target.pack(target.text({}, {}))))
    members = {name: archive.read(name) for name in archive.namelist()}
    sheet, texts = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
    if kind == "far cell":
        members[sheet] = members[sheet].replace(b"</sheetData>", b'<row r="9"><c r="XFD1048576"/></row></sheetData>')
    elif kind == "shared text":
        members[texts] = members[texts].replace(b"</sst>", b"<si><t>" + b"x" * MEGABYTE + b"</t></si></sst>")
        last = members[texts].count(b"<si>") - 1
        cells = b"".join(b'<row r="%d"><c r="A%d" t="s"><v>%d</v></c></row>' % (at, at, last) for at in range(9, 5000))
        members[sheet] = members[sheet].replace(b"</sheetData>", cells + b"</sheetData>")
    elif kind == "many cells":
        members[sheet] = members[sheet].replace(b"</sheetData>", b"<row>" + b"<c/>" * 1_100_000 + b"</row></sheetData>")
    elif kind == "zeros":
        members[sheet] = bytes(100 * MEGABYTE)
    elif kind == "many members":
        members |= {f"xl/media/{number}.png": bytes(8 * MEGABYTE) for number in range(12)}
    return zipped(members)


@pytest.mark.parametrize("kind", ["far cell", "shared text", "many cells", "zeros", "many members"])
def test_a_workbook_that_asks_for_gigabytes(reader: subprocess.Popen[str], tmp_path: Path, kind: str) -> None:
    path = tmp_path / "bomb.xlsx"
    path.write_bytes(workbook_bomb(kind))
    refused(reader, path, TARGETS["bill xlsx"], "unpacks_to_too_much")


def test_an_archive_with_a_long_table_of_contents(reader: subprocess.Popen[str], tmp_path: Path) -> None:
    """As many members as the largest archive that is opened can name."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a", b"")
    one = content.getvalue()
    at = one.index(b"PK\x01\x02")
    entry, end = one[at : one.index(b"PK\x05\x06")], one[one.index(b"PK\x05\x06") :]
    count = (8 * MEGABYTE - len(one)) // len(entry)
    table = entry * count
    tail = end[:8] + b"\xff\xff\xff\xff" + len(table).to_bytes(4, "little") + end[16:]
    path = tmp_path / "bomb.zip"
    path.write_bytes(one[:at] + table + tail)
    refused(reader, path, TARGETS["bill zip"], "bad_archive")
    path.write_bytes(one[:at] + table * 2 + tail)
    refused(reader, path, TARGETS["bill zip"], "unpacks_to_too_much")
