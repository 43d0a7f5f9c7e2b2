"""A folder in a bucket is read and written as one on a disk, by whom the environment lets in, and by nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.bucket import BucketPath, endpoint, options
from jobs.errors import SettingError, SetupError
from jobs.files import digest_of, remove_tree, size_below, sizes_of, write_once, write_whole
from tests.support.buckets import BUCKET, SECRET
from tests.support.registries import shipped

FILES = {"a.json": b"1", "tables/one/_delta_log/0.json": b"22", "tables/one/part=x/y.parquet": b"333", "tables/n": b""}


@pytest.fixture(scope="module")
def folder(bucket: dict[str, str]) -> BucketPath:
    lake = BucketPath.of(f"s3://{BUCKET}/some/lake")
    for name, content in FILES.items():
        write_whole(lake / name, content)
    write_whole(BucketPath.of(f"s3://{BUCKET}/some/lake_of_another/x"), b"not ours")
    return lake


def test_a_path_is_a_uri(folder: BucketPath) -> None:
    below = folder / "gold" / "ledger"
    assert (str(below), below.bucket, below.key) == (
        f"s3://{BUCKET}/some/lake/gold/ledger",
        BUCKET,
        "some/lake/gold/ledger",
    )
    assert str(below.relative_to(folder)) == "gold/ledger" and below.parent.parent == folder and below.name == "ledger"
    assert f"{folder}" == str(folder) == str(folder.resolve()) and folder in below.parents
    assert str(below.with_name("x.json")) == f"{folder}/gold/x.json"


@pytest.mark.parametrize("uri", ["", "b", "bucket", "bucket/../x", "bucket/a b", "key:secret@bucket/x", "bucket//x"])
def test_what_is_no_folder_in_a_bucket_is_refused(uri: str) -> None:
    with pytest.raises(SettingError, match="no folder in a bucket"):
        BucketPath.of(f"s3://{uri}")


def test_what_is_there(folder: BucketPath) -> None:
    assert [path.name for path in folder.iterdir()] == ["a.json", "tables"]
    assert folder.is_dir() and not folder.is_file() and (folder / "a.json").is_file() and (folder / "tables/n").exists()
    assert not (folder / "b").exists() and not (folder / "tables/on").is_dir()
    assert (folder / "tables/one/part=x/y.parquet").stat().st_size == 3
    with pytest.raises(FileNotFoundError):
        (folder / "b").stat()
    assert folder.sizes() == {name: len(content) for name, content in FILES.items()}
    assert sizes_of(folder, ["a.json", "b"]) == {"a.json": 1} and size_below(folder) == (4, 6)


@pytest.mark.parametrize(
    "pattern", ["*", "*.json", "a.json", "b.json", "tables/*", "*/*/_delta_log", "*/*/_delta_log/*[0-9].json", "t*/n"]
)
def test_files_are_found_by_patterns_as_on_a_disk(folder: BucketPath, tmp_path: Path, pattern: str) -> None:
    for name, content in FILES.items():
        write_whole(tmp_path / name, content)
    expected = {str(path.relative_to(tmp_path)) for path in tmp_path.glob(pattern)}
    assert {str(path.relative_to(folder)) for path in folder.glob(pattern)} == expected


def test_what_it_holds(folder: BucketPath, tmp_path: Path) -> None:
    write_once(folder / "new", "碳账\n".encode())
    write_whole(tmp_path / "new", "碳账\n".encode())
    assert (folder / "new").read_text() == "碳账\n" and digest_of(folder / "new") == digest_of(tmp_path / "new")
    (folder / "new").replace(folder / "moved")
    assert not (folder / "new").exists() and (folder / "moved").read_bytes() == "碳账\n".encode()
    (folder / "moved").unlink()
    (folder / "moved").unlink(missing_ok=True)
    write_whole(folder / "of/more/x", b"x")
    remove_tree(folder / "of")
    assert sorted(folder.sizes()) == sorted(FILES)
    assert BucketPath.of(f"s3://{BUCKET}/some/lake_of_another").is_dir(), "a name that only begins alike is another's"


def test_nothing_falls_to_the_disk(folder: BucketPath) -> None:
    for does in (folder.open, folder.touch, folder.rmdir, lambda: folder.chmod(0o700)):
        with pytest.raises(TypeError, match="is no file of a disk"):
            does()


def test_who_may_enter_is_asked_of_the_environment_alone(
    bucket: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert options(BUCKET)["aws_secret_access_key"] == SECRET and "aws_session_token" not in options(BUCKET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "for-an-hour")
    assert options(BUCKET)["aws_session_token"] == "for-an-hour"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://oss.example:444/")
    monkeypatch.setenv("AWS_S3_ADDRESSING_STYLE", "virtual")
    assert (
        options("tables")["aws_endpoint_url"] == "https://tables.oss.example:444" and endpoint()[1] == "oss.example:444"
    )
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert "aws_endpoint_url" not in options("tables"), "Amazon's own"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AWS_SECRET_ACCESS_KEY", "", "set both"),
        ("AWS_ALLOW_HTTP", "", "has no TLS"),
        ("AWS_ENDPOINT_URL", f"https://me:{SECRET}@host", "is no address"),
        ("AWS_S3_ADDRESSING_STYLE", "other", "say path or virtual"),
    ],
)
def test_what_is_not_enough_is_said_without_a_secret(
    bucket: dict[str, str], monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError, match=said) as refused:
        options(BUCKET)
    assert SECRET not in str(refused.value)


def test_spark_says_that_it_cannot_yet(folder: BucketPath) -> None:
    from jobs.lake.spark import SparkLake

    with pytest.raises(SetupError, match="Spark reads no tables in a bucket yet"):
        SparkLake(folder, shipped())
