"""The images and the compose file, as far as they can be judged without a Docker daemon."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import jsonschema
import pytest
import typer
import yaml

from jobs.lake.jars import spark_home
from tanzhang import servers
from tanzhang.cli import app

ROOT = Path(__file__).parents[3]
DOCKER = ROOT / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
TEXT = (DOCKER / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXAMPLE = dict(
    line.split("=", 1) for line in (DOCKER / ".env.example").read_text().splitlines() if line and line[0] != "#"
)
FOR_TESTS = {"TANZHANG_KILL"}
"""What the code reads and no deployment sets."""


def named(pattern: str, *folders: str) -> set[str]:
    """What a pattern finds in the Python of some folders."""
    files = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return {name for path in files for name in re.findall(pattern, path.read_text(encoding="utf-8"))}


# -- the compose file


def test_is_a_compose_file() -> None:
    """By the schema of compose-go 2.9.1 (Apache 2.0), which `docker compose` itself validates with."""
    schema = json.loads((ROOT / "tests/fixtures/docker/compose-spec.json").read_text(encoding="utf-8"))
    judge = jsonschema.Draft7Validator(schema)
    assert list(judge.iter_errors(COMPOSE)) == []
    assert not judge.is_valid({**COMPOSE, "services": {"one": {"imagine": "this"}}})


def compose_command() -> list[str] | None:
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    found = shutil.which("docker") and subprocess.run(
        ["docker", "compose", "version"], capture_output=True, check=False
    )
    return ["docker", "compose"] if found and found.returncode == 0 else None


@pytest.mark.skipif(compose_command() is None, reason="no docker compose here; its schema is tested above")
def test_compose_accepts_it() -> None:
    """With every secret, and not without one."""
    command = [*(compose_command() or []), "-f", str(DOCKER / "compose.yaml"), "--env-file", os.devnull]
    for without in (None, *EXAMPLE):
        secrets = {name: "0" * 64 for name in EXAMPLE if name != without}
        done = subprocess.run(
            [*command, "--profile", "airflow", "--profile", "spark", "config", "--quiet"],
            env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **secrets},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) == (without is None), (without, done.stderr)


def test_the_topology_is_whole() -> None:
    assert SERVICES.keys() == {
        "postgres", "object-store", "airflow-init", "airflow-api-server", "airflow-scheduler", "airflow-dag-processor",
        "airflow-triggerer", "spark-master", "spark-worker-1", "spark-worker-2", "spark-connect",
    }  # fmt: skip
    for name, service in SERVICES.items():
        assert service.get("mem_limit"), f"{name} may take all memory"
        assert service.get("restart"), name
        assert service.get("healthcheck") or service["restart"] == "no", f"nobody knows whether {name} is well"
        for needed, how in service.get("depends_on", {}).items():
            is_one_off = SERVICES[needed]["restart"] == "no"
            assert how["condition"] == ("service_completed_successfully" if is_one_off else "service_healthy")
            assert set(SERVICES[needed].get("profiles", [])) <= set(service.get("profiles", [])), (name, needed)
        mounted = {volume.split(":")[0] for volume in service.get("volumes", [])}
        assert mounted <= COMPOSE["volumes"].keys(), name


def test_client_and_servers_see_the_tables_at_one_place() -> None:
    """Paths in queries are absolute, and each of them reads and writes files there."""
    for name, service in SERVICES.items():
        if "tanzhang/" in service["image"]:
            assert "home:/var/lib/tanzhang" in service["volumes"], name


def test_images_are_pinned() -> None:
    used = [service["image"] for service in SERVICES.values()]
    used += [image for image in re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) if ":" in image]
    assert len(used) > len(SERVICES)
    for image in used:
        assert re.search(r":v?\d+\.\d+", image), f"{image} is another one tomorrow"
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", DOCKERFILE, re.MULTILINE))
    assert (
        {service["build"]["target"] for service in SERVICES.values() if "build" in service}
        == {"jobs", "airflow"}
        <= stages
    )


def test_ports_are_unique_and_on_this_machine_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    outside = [port.rsplit(":", 1)[0] for port in published]
    assert len(set(outside)) == len(outside) > 2
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert "15002" not in " ".join(published), "Spark Connect asks nobody who he is"


def test_secrets_come_from_outside() -> None:
    assert not any(EXAMPLE.values()), "an example is no place for a secret"
    asked = set(re.findall(r"\$\{(\w+):\?", TEXT))
    assert asked == EXAMPLE.keys()
    secret = re.compile("PASSWORD$|SECRET|KEY", re.IGNORECASE)
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if secret.search(variable):
                assert str(value).startswith("${"), f"{name} says {variable}"


def test_airflow_gets_what_the_code_reads() -> None:
    given = {name for service in SERVICES.values() for name in service.get("environment", {})}
    given |= set(re.findall(r"(TANZHANG_\w+)=", DOCKERFILE))
    needed = {
        "TANZHANG_HOME",
        "TANZHANG_BIN",
        "TANZHANG_ENGINE",
        "SPARK_REMOTE",
        "TANZHANG_TOKEN_KEY",
        "TANZHANG_RECORD_KEY",
    }
    assert needed <= given
    read = named(r"[\"'](TANZHANG_[A-Z_]+)[\"']", "jobs", "tanzhang", "dags", "schemas")
    assert {name for name in given if name.startswith("TANZHANG_")} <= read, "nobody reads it"


def test_every_setting_is_told() -> None:
    """docs/deployment.md names exactly the variables that the code reads."""
    read = named(r"[\"'](TANZHANG_[A-Z_]+|AWS_[A-Z0-9_]+|SPARK_REMOTE)[\"']", "jobs", "tanzhang", "dags", "schemas")
    read -= FOR_TESTS
    told = set(re.findall(r"^\| `(\w+)`", (ROOT / "docs/deployment.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert told == read


# -- what the containers run


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if "/jobs:" in service["image"]])
def test_commands_are_understood(name: str) -> None:
    """By the command itself, which is not carried out."""
    healthcheck = SERVICES[name]["healthcheck"]["test"]
    for words in (SERVICES[name]["command"], healthcheck[2:] if healthcheck[1] == "tanzhang" else None):
        if words is None:
            continue
        verb: Any = typer.main.get_command(app)
        context = verb.make_context("tanzhang", list(words), resilient_parsing=True)
        for word in words[:2]:
            verb = verb.get_command(context, word)
            assert verb is not None, words
        verb.make_context(words[1], list(words[2:]))


def test_health_checks_are_python() -> None:
    for service in SERVICES.values():
        check = service.get("healthcheck", {}).get("test", [])
        if check[1:3] == ["python", "-c"]:
            compile(check[3], "healthcheck", "exec")


@pytest.mark.parametrize("name", [servers.MASTER_CLASS, servers.WORKER_CLASS, servers.CONNECT_CLASS])
def test_spark_has_the_classes(name: str) -> None:
    path = name.replace(".", "/") + ".class"
    jars = (spark_home() / "jars").glob("spark-*.jar")
    assert any(path in ZipFile(jar).namelist() for jar in jars)


# -- the images


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, DOCKER / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def copied() -> list[str]:
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


def test_what_is_copied_exists_and_is_sent_to_the_builder() -> None:
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert len(copied()) > 8
    for source in copied():
        assert (ROOT / source).exists(), source
        assert any(fnmatch.fnmatch(source, pattern) for pattern in kept), f".dockerignore keeps {source} away"
    packages = {
        name.rstrip("*") for name in re.findall(r"^    (\w+\*)$", (ROOT / "setup.cfg").read_text(), re.MULTILINE)
    }
    assert packages and packages <= set(copied()), "an image without a package"


def test_nobody_is_root() -> None:
    finals = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]
    for stage in finals:
        if re.match(r"\S+ AS (jobs|airflow)\n", stage):
            assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", stage, re.MULTILINE)
