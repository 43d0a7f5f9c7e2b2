"""What Spark needs beside Python: a Java it runs on, and Delta's JARs, resolved once into a cache.

`python -m jobs.lake.jars` finds the one, fetches the others and prints the JAVA_HOME to use; `tools/java.sh` also
installs Java where it may. Nothing here starts Spark, and nothing asks the network once the cache is filled.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from jobs.errors import SetupError
from jobs.settings import settings, without_keys
from schemas.errors import Foreseen

JAVA_VERSIONS = (17, 21)
"""The versions of Java that Spark 4.1 is tested on."""

NO_JAVA = 3
"""Exit code where none was found: what tools/java.sh mends."""

DELTA_VERSION = "4.4.0"

# Delta's POM names 33 JARs; the other 28 (Hadoop, Parquet, Jackson …) already lie in `pyspark/jars`.
DELTA_JARS = {
    "delta-spark_4.1_2.13": "75a9400986853c061f5109f012547de2545a5759e5e752e5ef633dabe16a4f10",
    "delta-storage": "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc",
    "delta-kernel-api": "ee9b5a14ac3b7efdff4d61a58478fe8eb0e5a3fbca43889dca7290795fe79a11",
    "delta-kernel-defaults": "225c975199e4718b38ee5b7e6da7f19e9585024262b2cec2656b32151a856b0b",
    "delta-kernel-unitycatalog": "cea22dfb4ac562b3cd27bf652697750e8336009d73fb06631363aaaad5345ffa",
}
"""Artifact of group `io.delta` → SHA-256 of its JAR at DELTA_VERSION."""

_IVY_SETTINGS = """<ivysettings>
  <settings defaultResolver="chain"/>
  <resolvers>
    <chain name="chain" returnFirst="true">
      <ibiblio name="local" m2compatible="true" root="file:${{user.home}}/.m2/repository"/>
      <ibiblio name="central" m2compatible="true" root="{repository}"/>
    </chain>
  </resolvers>
</ivysettings>
"""


def java_home() -> Path:
    """The home of a Java that Spark runs on: JAVA_HOME if it is one, else PATH's, else an installed one.

    Raises:
        SetupError: none was found.
    """
    for home in _candidates():
        if _version_of(home) in JAVA_VERSIONS:
            return home
    raise SetupError(
        "Spark needs Java 17 or 21 and none was found: install it "
        "(Debian, Ubuntu: apt-get install openjdk-17-jre-headless) or point JAVA_HOME at one."
    )


def _candidates() -> Iterator[Path]:
    if os.environ.get("JAVA_HOME"):
        yield Path(os.environ["JAVA_HOME"])
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path).resolve().parent.parent
    yield from sorted(Path("/usr/lib/jvm").glob("*"))
    yield from sorted(Path("/Library/Java/JavaVirtualMachines").glob("*/Contents/Home"))


def _version_of(home: Path) -> int | None:
    """17 for a home of Java 17; None if there is no Java that starts."""
    try:
        command = [str(home / "bin" / "java"), "-version"]
        answer = subprocess.run(command, capture_output=True, text=True, check=True, env=without_keys())
    except (OSError, subprocess.CalledProcessError):
        return None
    version = re.search(r'version "(\d+)', answer.stderr)
    return int(version[1]) if version else None


def delta_jars() -> list[Path]:
    """The JARs that `spark.jars` needs for Delta, fetched into `$TANZHANG_CACHE/jars` if they are not there yet.

    Every file is checked against its pinned SHA-256, also when it comes from the cache.

    Raises:
        SetupError: no Java to fetch with, no network, or a file with other bytes than the pinned ones.
    """
    cache = settings().cache / "jars"
    jars = [cache / _file_name(artifact) for artifact in DELTA_JARS]
    if not all(map(_is_intact, jars)):
        _fetch(cache)
    return jars


def _file_name(artifact: str) -> str:
    return f"{artifact}-{DELTA_VERSION}.jar"


def _is_intact(jar: Path) -> bool:
    artifact = jar.name.removesuffix(f"-{DELTA_VERSION}.jar")
    return jar.is_file() and hashlib.sha256(jar.read_bytes()).hexdigest() == DELTA_JARS[artifact]


def _fetch(cache: Path) -> None:
    """Resolves the JARs beside the cache with the Ivy that ships with PySpark and renames them into it."""
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as name:
        folder = Path(name)
        # DEFAULT_ARTIFACT_REPOSITORY is Spark's own setting for a mirror of Maven Central.
        repository = os.environ.get("DEFAULT_ARTIFACT_REPOSITORY") or "https://repo1.maven.org/maven2/"
        settings, wanted = folder / "settings.xml", folder / "ivy.xml"
        settings.write_text(_IVY_SETTINGS.format(repository=repository), encoding="utf-8")
        wanted.write_text(_ivy_module(), encoding="utf-8")
        command = [str(java_home() / "bin" / "java"), "-jar", str(_ivy())]
        command += ["-settings", str(settings), "-ivy", str(wanted), "-cache", str(folder / "cache")]
        command += ["-retrieve", f"{folder}/[artifact]-[revision].[ext]"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=without_keys())
        for artifact in DELTA_JARS:
            jar = folder / _file_name(artifact)
            if not jar.is_file():
                raise SetupError(
                    f"{jar.name} could not be fetched from {repository}; a mirror can be named in "
                    f"DEFAULT_ARTIFACT_REPOSITORY. Ivy said:\n{_reasons(done.stdout)}"
                )
            if not _is_intact(jar):
                raise SetupError(f"{jar.name} from {repository} has other bytes than the pinned ones.")
            jar.replace(cache / jar.name)


def _ivy_module() -> str:
    # `master` is Maven's name for the JAR alone: neither its dependencies nor sources and javadoc.
    wanted = "".join(
        f'<dependency org="io.delta" name="{artifact}" rev="{DELTA_VERSION}" conf="default->master"/>'
        for artifact in DELTA_JARS
    )
    return (
        '<ivy-module version="2.0"><info organisation="tanzhang" module="jars"/>'
        f"<dependencies>{wanted}</dependencies></ivy-module>"
    )


def _reasons(ivy_log: str) -> str:
    """The first lines of Ivy's talk that say why it failed; most of it lists what was tried."""
    telling = re.compile(r"not found\.|exception|timed? ?out|refused|denied|checksum|certificate", re.IGNORECASE)
    lines = [line.strip() for line in ivy_log.splitlines() if telling.search(line)]
    return "\n".join(dict.fromkeys(lines[:2])) or ivy_log[-500:]


def spark_home() -> Path:
    """Where PySpark's scripts and JARs lie.

    Not asked of the module: importing it costs a second, and on the embedded engine it is another one.

    Raises:
        SetupError: PySpark is not installed.
    """
    try:
        return Path(str(distribution("pyspark").locate_file("pyspark")))
    except PackageNotFoundError:
        raise SetupError("PySpark is not installed: run `make env`.") from None


def _ivy() -> Path:
    (ivy,) = spark_home().glob("jars/ivy-*.jar")
    return ivy


def main() -> int:
    """Fills the cache and prints JAVA_HOME; otherwise one sentence and 1, or NO_JAVA where it is Java that is missing."""
    failed = NO_JAVA
    try:
        home = java_home()
        failed = 1
        delta_jars()
    except Foreseen as error:
        print(error, file=sys.stderr)
        return failed
    print(home)
    return 0


if __name__ == "__main__":
    sys.exit(main())
