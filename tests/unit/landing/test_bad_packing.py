"""Archives, workbooks and XML that cannot be taken as they are: refused by name before anything opens them."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest

from tests.support.damage import (
    ALL,
    XML,
    line_of,
    over,
    plain,
    refused,
    taken,
)
from tests.support.exports import zipped
from tests.support.targets import TARGETS, Target, send

# -- packing


@over([target for target in ALL if target.packing in ("gz", "zip", "xlsx")])
@pytest.mark.parametrize("kept", ["nothing", "half", "but four bytes"])
def test_a_truncated_archive(tmp_path: Path, target: Target, kept: str) -> None:
    data = target.pack(target.text({}, {}))
    length = {"nothing": 0, "half": len(data) // 2, "but four bytes": len(data) - 4}[kept]
    refused(send(tmp_path, target, data[:length]), "bad_compression")
    refused(send(tmp_path / "more", target, b"\x89PNG" + data[4:]), "bad_compression")


@over([target for target in ALL if target.packing not in ("gz", "zip", "xlsx")])
def test_a_truncated_file(tmp_path: Path, target: Target) -> None:
    data = plain(target)
    outcome = send(tmp_path, target, data[: data.rindex(target.lines({}, {})[1][:6].encode(target.encoding))])
    refused(outcome, "bad_xml" if target.form == "xml" else "wrong_row_count")
    outcome = send(tmp_path / "half", target, data[: len(data) // 3])
    assert outcome.manifest and outcome.manifest.state == "refused"


MEMBERS = [
    "../bill.csv",
    "/etc/bill.csv",
    "C:\\bill.csv",
    "C:bill.csv",
    "..\\bill.csv",
    "a/../../bill.csv",
    "a/bill.csv",
]


@pytest.mark.parametrize("name", MEMBERS)
def test_a_way_out_of_a_zip(tmp_path: Path, name: str) -> None:
    target = TARGETS["bill zip"]
    refused(send(tmp_path, target, zipped({name: plain(target)})), "bad_archive")
    assert not list(tmp_path.rglob("bill.csv"))


@pytest.mark.parametrize("name", MEMBERS[:-1])
def test_a_way_out_of_a_workbook(tmp_path: Path, name: str) -> None:
    target = TARGETS["bill xlsx"]
    refused(send(tmp_path, target, changed_workbook(target, {}, {name: b"x"})), "bad_archive")


def changed_workbook(target: Target, replace: dict[bytes, bytes], extra: dict[str, bytes]) -> bytes:
    """A workbook whose members are changed and joined by others."""
    archive = zipfile.ZipFile(io.BytesIO(target.pack(target.text({}, {}))))
    members = {name: archive.read(name) for name in archive.namelist()}
    for old, new in replace.items():
        members = {name: content.replace(old, new) for name, content in members.items()}
    return zipped({**members, **extra})


@pytest.mark.parametrize("members", [[], ["a.csv", "b.csv"], ["a.csv", "folder/"], ["folder/"]])
def test_a_zip_holds_one_file(tmp_path: Path, members: list[str]) -> None:
    target = TARGETS["bill zip"]
    refused(send(tmp_path, target, zipped({name: plain(target) for name in members})), "bad_archive")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_is_deflated(tmp_path: Path, method: int) -> None:
    """Other methods let the archive say how much memory unpacking takes."""
    target, content = TARGETS["bill zip"], io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        archive.writestr("alipay_record.csv", plain(target))
    refused(send(tmp_path, target, content.getvalue()), "bad_archive")


def test_a_zip_with_a_password(tmp_path: Path) -> None:
    target = TARGETS["bill zip"]
    data = bytearray(target.pack(target.text({}, {})))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + place] |= 1
    refused(send(tmp_path, target, bytes(data)), "bad_archive")


def test_pictures_and_macros_of_a_workbook_are_not_opened(tmp_path: Path) -> None:
    extra = {"xl/media/image1.png": b"\x89PNG", "xl/vbaProject.bin": b"\xd0\xcf", "xl/printerSettings1.bin": b"\0"}
    taken(send(tmp_path, TARGETS["bill xlsx"], changed_workbook(TARGETS["bill xlsx"], {}, extra)), tmp_path)


@pytest.mark.parametrize(
    ("code", "replace", "extra"),
    [
        ("bad_workbook", {b"</sheetData>": b""}, {}),
        ("bad_workbook", {b"<sheetData>": b"<sheetData>\0"}, {}),
        ("bad_workbook", {b'r="A7"': b'r="A07x"'}, {}),
        ("bad_workbook", {b'<row r="7"': b'<row r="seven"'}, {}),
        ("bad_workbook", {b"sheet1.xml": b"sheet9.xml"}, {}),
        ("bad_workbook", {}, {"xl/other.xml": b"<a>"}),
        ("unpacks_to_too_much", {b'r="A7"': b'r="XFD1048576"'}, {}),
    ],
)
def test_a_workbook_that_is_none(
    tmp_path: Path, code: str, replace: dict[bytes, bytes], extra: dict[str, bytes]
) -> None:
    refused(send(tmp_path, TARGETS["bill xlsx"], changed_workbook(TARGETS["bill xlsx"], replace, extra)), code)


def test_a_zip_that_is_no_workbook(tmp_path: Path) -> None:
    refused(send(tmp_path, TARGETS["bill xlsx"], zipped({"a.csv": b"1,2"})), "bad_workbook")


# -- XML


DOCTYPES = {
    "laughs": '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;">]>',
    "file": '<!DOCTYPE x [<!ENTITY c SYSTEM "file:///etc/passwd">]>',
    "net": '<!DOCTYPE x [<!ENTITY c SYSTEM "http://127.0.0.1:9/c">]>',
    "parameter": '<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>',
    "outside": '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
    "empty": "<!DOCTYPE x>",
}


@over(XML)
@pytest.mark.parametrize("kind", sorted(DOCTYPES))
@pytest.mark.parametrize("where", ["text", "attribute"])
def test_entities_of_xml(tmp_path: Path, target: Target, kind: str, where: str) -> None:
    text = target.text({}, {}).partition("?>\n")[2] or target.text({}, {})
    used = "&c;" if kind in ("laughs", "file", "net") else ""
    text = text.replace(">王小明<", f">{used}<").replace(">杭州地铁集团<", f">{used}<", 1)
    if where == "attribute":
        text = text.replace("<CASE>", f'<CASE a="{used}">').replace("<Ntry>", f'<Ntry a="{used}">')
    outcome = send(tmp_path, target, (DOCTYPES[kind] + text).encode())
    refused(outcome)
    assert outcome.codes[0] in ("forbidden_xml", "bad_xml")  # what is no XML at all is said first
    written = "".join(path.read_text(errors="replace") for path in (tmp_path / "landed").rglob("*") if path.is_file())
    assert "root:" not in written


@pytest.mark.parametrize("kind", sorted(DOCTYPES))
def test_entities_of_a_workbook(tmp_path: Path, kind: str) -> None:
    target = TARGETS["bill xlsx"]
    data = changed_workbook(target, {b"<worksheet ": f"{DOCTYPES[kind]}<worksheet ".encode()}, {})
    refused(send(tmp_path, target, data))


def test_a_root_in_another_namespace(tmp_path: Path) -> None:
    target = TARGETS["xml camt"]
    for other in ("camt.054.001.08", "camt.053.001.8"):
        text = re.sub(r"camt\.053\.001\.\d\d", other, target.text({}, {}))
        refused(send(tmp_path / other, target, text.encode()), "wrong_header")


@over(XML)
def test_xml_is_read_in_the_encoding_that_it_names_and_no_other(tmp_path: Path, target: Target) -> None:
    body = target.text({}, {}).partition("?>\n")[2] or target.text({}, {})
    named = f'<?xml version="1.0" encoding="gb18030"?>\n{body}'
    taken(send(tmp_path / "named", target, named.encode("gb18030")), tmp_path / "named")
    outcome = send(tmp_path, target, f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode("gb18030"))
    refused(outcome, "bad_xml")
    assert line_of(outcome, "bad_xml")
    for encoding in ("utf-7", "x-none", "utf-16"):
        other = body.encode() if encoding != "utf-16" else body.encode("utf-16-le")
        head = f'<?xml version="1.0" encoding="{encoding}"?>\n'.encode()
        refused(send(tmp_path / encoding, target, head + other), "bad_xml")


@over(XML)
def test_a_byte_order_mark_belongs_to_xml(tmp_path: Path, target: Target) -> None:
    taken(send(tmp_path, target, b"\xef\xbb\xbf" + target.text({}, {}).encode()), tmp_path)
