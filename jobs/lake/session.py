"""Spark sessions and their settings, declared once: for a session in process, a Spark Connect server and its clients."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jobs.errors import SetupError
from jobs.lake.jars import delta_jars, java_home
from jobs.settings import keys_withheld, settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CONNECT_PORT = 15002
"""Where a Connect server listens unless told otherwise."""

OF_PROCESS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
}
"""Fixed when the driver's JVM starts: a client of a Connect server has them from the server."""

OF_SESSION = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # Delta reads every table's state with 50 tasks and lists files with 10,000 unless told.
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
}
"""Every session sets these itself, also on a Connect server that somebody else started."""

SMALL_DATA = {
    # Planning again at every stage, compiling each query to bytecode and a second task cost a run over some
    # thousand rows a third of its time.
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.shuffle.partitions": "1",
    "spark.default.parallelism": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
}
"""For demonstrations and tests, through `TANZHANG_SPARK_CONF`."""


def overrides() -> dict[str, str]:
    """Settings of `TANZHANG_SPARK_CONF`, a JSON object; they win over the declared ones."""
    return {key: str(value) for key, value in settings().spark_conf.items()}


def driver_settings() -> dict[str, str]:
    """What a driver's JVM starts with, in process or as a Connect server: Delta's JARs, the declared settings, overrides.

    Raises:
        SetupError: Delta's JARs cannot be had.
    """
    return {
        "spark.jars": ",".join(str(path) for path in delta_jars()),
        "spark.sql.shuffle.partitions": str(max(2, os.cpu_count() or 2)),
        "spark.driver.memory": settings().spark_memory,
        **OF_PROCESS,
        **OF_SESSION,
        **overrides(),
    }


def start_session() -> SparkSession:
    """A session: on the Connect server that `SPARK_REMOTE` names, else in process, on `TANZHANG_SPARK_MASTER` or all cores.

    Raises:
        SetupError: no Java or no JARs; or the server does not answer, or has no Delta.
    """
    remote = spark_remote()
    return connect(remote) if remote else _in_process()


def spark_remote() -> str | None:
    """Address of the Connect server that this process is a client of."""
    return settings().spark_remote


def connect(remote: str) -> SparkSession:
    """A session of its own on a Connect server.

    Args:
        remote: `sc://HOST:PORT`, with Spark's own parameters after `/;`.

    Raises:
        SetupError: nothing answers there, or a server without Delta.
    """
    if not answers(remote):
        raise SetupError(f"no Spark Connect server answers at {remote} (SPARK_REMOTE); `make connect` starts one")
    from pyspark.sql import SparkSession

    _close_by_stop_alone()
    builder: Any = SparkSession.builder.appName("tanzhang").remote(remote)
    session: SparkSession = builder.getOrCreate()
    if OF_PROCESS["spark.sql.extensions"] not in str(session.conf.get("spark.sql.extensions", "")):
        raise SetupError(
            f"the Spark Connect server at {remote} was started without Delta; `tanzhang spark connect` has it"
        )
    for key, value in {**OF_SESSION, **overrides()}.items():
        if session.conf.isModifiable(key):  # the others are the server's
            session.conf.set(key, value)
    return session


def end_session(remote: str, session_id: str) -> None:
    """Stop whatever a session on a Connect server is doing, and the session; one that ended before is left alone.

    A client that dies takes its JVM with it in process, but not on a server: there its last command would be carried
    out, even committed, minutes after the next run has begun.
    """
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    _close_by_stop_alone()
    parameters = f"{remote.rstrip(';')}{'' if '/;' in remote else '/'};session_id={session_id}"
    builder: Any = SparkSession.builder.remote(parameters)
    with suppress(PySparkException):
        former = builder.create()
        former.interruptAll()
        former.stop()


def _close_by_stop_alone() -> None:
    """Take from PySpark's sessions on a Connect server that they close when they are collected.

    They would do so in whichever thread collects them: one of their own pool waits for itself; and where the interpreter
    ends, for a lock whose holder is gone already. Both for ever.
    """
    from pyspark.sql.connect.session import SparkSession as ConnectSession

    with suppress(AttributeError):
        del ConnectSession.__del__


def answers(remote: str, seconds: float = 5) -> bool:
    """Whether something listens there. Asked first, for Spark's client would try for ten minutes.

    Raises:
        SetupError: not the address of a Connect server.
    """
    address = urlsplit(remote)
    if address.scheme != "sc" or not address.hostname:
        raise SetupError(f"{remote} is no address of a Spark Connect server: SPARK_REMOTE=sc://HOST:PORT")
    try:
        socket.create_connection((address.hostname, address.port or CONNECT_PORT), seconds).close()
    except OSError:
        return False
    return True


def _in_process() -> SparkSession:
    from pyspark.sql import SparkSession

    os.environ.pop("SPARK_REMOTE", None)  # empty, PySpark would take it for an address
    os.environ["JAVA_HOME"] = str(java_home())
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder: Any = SparkSession.builder.appName("tanzhang")
    builder = builder.master(settings().spark_master)
    for key, value in driver_settings().items():
        builder = builder.config(key, value)
    with keys_withheld():  # the JVM is given this process's environment
        session: SparkSession = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")  # the engine's own module: nothing of a job passes here
    return session
