"""Files that cannot be taken as they are, over every form in which they can occur.

The file is refused, or a row of it rejected, with a code, a rule and a mend in words; the files beside it land.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.support.damage import (
    ALL,
    BILLS,
    JSON,
    STRICT,
    TEXTS,
    line_of,
    over,
    packed,
    plain,
    refused,
    taken,
)
from tests.support.exports import workbook
from tests.support.landing import rows
from tests.support.targets import TARGETS, Outcome, Target, send

# -- bytes


@over([target for target in TEXTS if target.name not in ("csv.gz", "csv", "csv crlf", "jsonl.gz lists")])
def test_another_encoding(tmp_path: Path, target: Target) -> None:
    other = "utf-8" if target.encoding == "gb18030" else "gb18030"
    outcome = send(tmp_path, target, packed(target, target.text({}, {}).replace("\n", target.ending).encode(other)))
    # Of JSON each line is read by itself; a file without a line that can be used replaces nothing.
    refused(outcome, "no_usable_row" if target.form == "json" else "wrong_encoding")


@over(STRICT)
def test_utf_16_without_a_mark(tmp_path: Path, target: Target) -> None:
    text = target.text({}, {}).replace("\n", target.ending)
    refused(send(tmp_path, target, packed(target, text.encode("utf-16-le"))))


@over(TEXTS)
def test_mixed_line_endings(tmp_path: Path, target: Target) -> None:
    """The last row ends as it should not: where lines are told by another ending, the row before it too."""
    good, bad = ("\r\n", "\n") if target.ending == "\r\n" else ("\n", "\r\n")
    lines = target.text({}, {}).split("\n")[:-1]
    text = good.join(lines[:-1]) + (bad + lines[-1] + good if good == "\r\n" else good + lines[-1] + bad)
    outcome = send(tmp_path, target, packed(target, text.encode(target.encoding)))
    if target.customer:
        taken(outcome, tmp_path)
    elif good == "\r\n":
        refused(outcome, "wrong_row_count", "wrong_line_ending")
        assert line_of(outcome, "wrong_line_ending") == target.first
    else:
        taken(outcome, tmp_path, wrong_line_ending=target.first + 1)


@over(TEXTS)
def test_line_endings_of_old_macintoshes(tmp_path: Path, target: Target) -> None:
    outcome = send(tmp_path, target, packed(target, target.text({}, {}).replace("\n", "\r").encode(target.encoding)))
    assert outcome.manifest and outcome.manifest.state == "refused"
    assert "wrong_line_ending" in outcome.codes and line_of(outcome, "wrong_line_ending") == 1


@over(TEXTS)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
def test_a_byte_order_mark(tmp_path: Path, target: Target, encoding: str) -> None:
    text = target.text({}, {}).replace("\n", target.ending)
    data = f"\ufeff{text}".encode(encoding) if encoding == "gb18030" else text.encode(encoding)
    outcome = send(tmp_path, target, packed(target, data))
    if target.institution == "wechat_pay" and encoding == "utf-8-sig":
        taken(outcome, tmp_path)
    else:
        refused(outcome, "byte_order_mark")
        assert line_of(outcome, "byte_order_mark") == 1


@over([target for target in ALL if target.form != "sheet"])
def test_nul_bytes(tmp_path: Path, target: Target) -> None:
    lines = plain(target).split(target.ending.encode())
    at = target.above.count("\n") + 1
    lines[at] = lines[at][:-1] + b"\0" + lines[at][-1:]
    outcome = send(tmp_path, target, packed(target, target.ending.encode().join(lines)))
    if target.form == "xml":
        refused(outcome, "bad_xml")
        assert line_of(outcome, "bad_xml") == at + 1
    else:
        taken(outcome, tmp_path, nul_byte=target.first + 1)
    if target.form == "lines":
        data = packed(target, plain(target).replace(b",", b"\0,").replace(b"|", b"\0|"))
        outcome = send(tmp_path / "header", target, data)
        assert outcome.manifest and outcome.manifest.state == "refused"


# -- the wrong file


@over(ALL)
def test_an_empty_file(tmp_path: Path, target: Target) -> None:
    code = (
        "bad_xml" if target.form == "xml" else "wrong_header" if target.packing in ("csv", "txt") else "bad_compression"
    )
    refused(send(tmp_path, target, b"", rows=0), code)
    if target.packing == "gz":
        outcome = send(tmp_path / "packed", target, packed(target, b""), rows=0)
        assert outcome.manifest
        assert outcome.manifest.state == ("accepted" if target.form == "json" else "refused")


@over(ALL)
def test_a_header_alone_is_a_file_without_rows(tmp_path: Path, target: Target) -> None:
    outcome = send(tmp_path / "none", target, target.pack(target.above + target.below), rows=0)
    assert outcome.manifest and (outcome.manifest.state, outcome.manifest.rows) == ("accepted", 0)
    refused(send(tmp_path, target, target.pack(target.above + target.below)), "wrong_row_count")


@over(ALL)
def test_a_file_of_another_institution(tmp_path: Path, target: Target) -> None:
    """Repacked as this one's are, so that only its content tells."""
    for number, other in enumerate(one for one in ALL if one.institution != target.institution):
        text = other.text({}, {})
        data = workbook(text) if target.form == "sheet" else packed(target, plain(other, text))
        outcome = send(tmp_path / str(number), target, data)
        assert outcome.manifest and outcome.manifest.state == "refused", other.name
        known = {"wrong_header", "missing_column", "new_column", "wrong_row_count", "byte_order_mark", "bad_xml"}
        assert outcome.codes[0] in {*known, "wrong_line_ending"}, other.name


@over(ALL)
def test_another_feed_of_the_same_institution(tmp_path: Path, target: Target) -> None:
    feed = "registrations" if target.feed != "registrations" else "consents"
    others = {"json": b'{"userId":"u","scope":"all","state":"on"}\n', "xml": b"<REGISTRATIONS><USER/></REGISTRATIONS>"}
    text = f"{feed},x,y\n1,2,3\n"
    data = workbook(text) if target.form == "sheet" else packed(target, others.get(target.form, text.encode()))
    outcome = send(tmp_path, target, data, rows=1)
    refused(outcome)
    assert outcome.codes[0] in ("wrong_header", "missing_column", "wrong_line_ending")


# -- columns


def without(text: str, column: int, delimiter: str, from_line: int) -> str:
    lines = text.split("\n")
    cut = [delimiter.join(cell for at, cell in enumerate(line.split(delimiter)) if at != column) for line in lines]
    return "\n".join([*lines[: from_line - 1], *cut[from_line - 1 :]])


@over([target for target in ALL if target.form in ("lines", "sheet")])
def test_missing_new_renamed_and_reordered_columns(tmp_path: Path, target: Target) -> None:
    """A bill may have columns that nobody agreed on, in any order; the other files say what changed."""
    text, header = target.text({}, {}), target.first - 1
    names = target.above.split("\n")[header - 1].split(target.delimiter)
    column = names.index(target.time)
    outcome = send(tmp_path / "missing", target, target.pack(without(text, column, target.delimiter, header)))
    refused(outcome, "missing_column")
    assert outcome.manifest
    assert (outcome.manifest.errors[0].line, outcome.manifest.errors[0].column) == (header, target.time)

    renamed = text.replace(target.time, "新的时间", 1)
    outcome = send(tmp_path / "renamed", target, target.pack(renamed))
    refused(outcome, "missing_column", *([] if target.customer else ["new_column"]))
    assert "新的时间" not in (tmp_path / "renamed/landed").rglob("*.json").__next__().read_text()

    lines = text.split("\n")
    added = [*lines[: header - 1], *(f"新列{target.delimiter}{line}" for line in lines[header - 1 : -1]), ""]
    outcome = send(tmp_path / "new", target, target.pack("\n".join(added)))
    if target.customer:
        taken(outcome, tmp_path / "new")
        assert outcome.manifest and outcome.manifest.profile.new_columns == ["字{2}"]
    else:
        refused(outcome, "new_column")

    turned = [target.delimiter.join(reversed(line.split(target.delimiter))) for line in lines[header - 1 : -1]]
    outcome = send(tmp_path / "turned", target, target.pack("\n".join([*lines[: header - 1], *turned, ""])))
    taken(outcome, tmp_path / "turned")
    straight = send(tmp_path / "straight", target, target.pack(text))
    assert outcome.manifest and straight.manifest
    assert rows(tmp_path / "turned", outcome.manifest) == rows(tmp_path / "straight", straight.manifest)

    repeated = [*lines[: header - 1], *(f"{line.split(target.delimiter)[0]}{target.delimiter}{line}" for line in lines[header - 1 : -1]), ""]  # fmt: skip  # noqa: E501
    refused(send(tmp_path / "twice", target, target.pack("\n".join(repeated))), "repeated_column")


@over([*JSON, TARGETS["xml"]])
def test_missing_new_and_reordered_names_in_every_row(tmp_path: Path, target: Target) -> None:
    def outcome_of(name: str, *found: list[str]) -> Outcome:
        lines = [target._line({key: row.get(key, "x") for key in found[0]}) for row in target.rows({}, {})]
        text = target.above + "".join(f"{line}\n" for line in lines) + target.below
        return send(tmp_path / name, target, target.pack(text))

    names = list(target.row)
    outcome = outcome_of("missing", names[1:])
    refused(outcome, "missing_column")
    assert outcome.manifest and outcome.manifest.errors[0].column == names[0]
    refused(outcome_of("new", [*names, "secret_note"]), "new_column")
    refused(outcome_of("renamed", [*names[1:], "secret_note"]), "missing_column", "new_column")
    taken(outcome_of("turned", names[::-1]), tmp_path / "turned")
    assert "secret_note" not in "".join(path.read_text() for path in (tmp_path / "new/landed").rglob("*.json"))


# -- the lines above a bill's header


@over(BILLS)
@pytest.mark.parametrize("lines", [0, 1, 40])
def test_a_preamble_of_another_length(tmp_path: Path, target: Target, lines: int) -> None:
    head = target.above.split("\n")
    notes = "".join(f"{number}.说明\n" for number in range(lines))
    above = "\n".join(head[1:-3]) + f"\n{notes}{head[-2]}\n"
    text = above + "".join(f"{line}\n" for line in target.lines({}, {}))
    outcome = send(tmp_path, target, target.pack(text))
    taken(outcome, tmp_path)
    assert outcome.manifest and sorted(rows(tmp_path, outcome.manifest)) == [lines + 5, lines + 6]


@over(BILLS)
def test_a_preamble_without_end(tmp_path: Path, target: Target) -> None:
    text = "说明\n" * 100 + target.text({}, {})
    refused(send(tmp_path, target, target.pack(text)), "wrong_header")


@over(BILLS)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("起始时间：[2026-10-25 00:00:00]", ""),
        ("导出时间：[2026-11-01 10:12:01]", "导出时间：[]"),
        ("导出", "进口"),
        ("2026-10-25 00:00:00", "2026-10-25"),
        ("2026-10-25 00:00:00", "2026-13-25 00:00:00"),
        ("2026-10-25 00:00:00", "2026-11-25 00:00:00"),
        ("2026-11-01 10:12:01", "2026-10-24 10:12:01"),
    ],
)
def test_a_preamble_that_makes_no_sense(tmp_path: Path, target: Target, old: str, new: str) -> None:
    assert old in target.above
    refused(send(tmp_path, target, target.pack(target.text({}, {}).replace(old, new))), "bad_preamble")


@over(BILLS)
def test_a_bill_exported_after_it_was_brought(tmp_path: Path, target: Target) -> None:
    text = target.text({}, {}).replace("2026-11-01 10:12:01", "2026-11-02 00:00:00")
    refused(send(tmp_path, target, target.pack(text)), "future_time")


# -- quoted separators and line breaks


@over([target for target in ALL if target.free])
@pytest.mark.parametrize("free", ["a,b|c;d", 'say "no"', "<b>&amp;</b>", "tab\there"])
def test_separators_within_values(tmp_path: Path, target: Target, free: str) -> None:
    outcome = send(tmp_path, target, target.pack(target.text({}, {target.free: free})))
    if target.delimiter == "|" and "|" in free:
        taken(outcome, tmp_path, wrong_columns=target.first + 1)
    else:
        taken(outcome, tmp_path)


@over([target for target in ALL if target.free])
def test_line_breaks_within_values(tmp_path: Path, target: Target) -> None:
    """Where a row is a line, the broken row is named, and the count shows that the file is not what was stated."""
    outcome = send(tmp_path, target, target.pack(target.text({target.free: "one\ntwo"}, {})))
    if target.form == "lines":
        refused(outcome, "wrong_row_count")
        named = {"wrong_columns"} if target.delimiter == "|" else {"bad_quoting"}
        assert named <= set(outcome.codes)
        assert line_of(outcome, named.pop()) == target.first
    else:
        taken(outcome, tmp_path)


def test_nothing_of_a_refused_file_is_kept(tmp_path: Path) -> None:
    for target in ALL:
        home = tmp_path / target.name
        outcome = send(home, target, target.pack(target.text({}, {})), rows=3)
        refused(outcome, "wrong_row_count")
        assert outcome.manifest
        kept = [path.name for path in (home / "landed").rglob(f"*{outcome.manifest.file_id}*")]
        assert kept in ([f"{outcome.manifest.file_id}.json"], [f"{outcome.manifest.file_id}.bills"])
        for path in (home / "landed").rglob("*.parquet"):
            assert pq.read_metadata(path).num_rows == 0
