"""What the compose file tells Airflow is what this Airflow understands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.cli.cli_parser import get_parser
from airflow.configuration import conf
from airflow.sdk import Connection

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker/compose.yaml").read_text(encoding="utf-8"))[
    "services"
]
AIRFLOW = {name: service for name, service in SERVICES.items() if "/airflow:" in service["image"]}


def test_every_setting_is_one_of_airflows() -> None:
    settings = {name for service in AIRFLOW.values() for name in service["environment"] if name.startswith("AIRFLOW__")}
    assert len(settings) > 8
    for name in settings:
        _, section, key = name.lower().split("__")
        assert conf.configuration_description.get(section, {}).get("options", {}).get(key) or conf.has_option(
            section, key
        ), name


@pytest.mark.parametrize("name", [name for name in AIRFLOW if name != "airflow-init"])
def test_every_command_is_one_of_airflows(name: str) -> None:
    check = AIRFLOW[name]["healthcheck"]["test"]
    for words in (AIRFLOW[name]["command"], check[2:] if check[1] == "airflow" else []):
        assert not words or get_parser().parse_args(words).func


def test_the_connection_is_one() -> None:
    text = AIRFLOW["airflow-scheduler"]["environment"]["AIRFLOW_CONN_AWS_DEFAULT"]
    found = Connection.from_json(json.dumps(json.loads(text)), conn_id="aws_default")
    assert found.conn_type == "aws" and found.extra_dejson["endpoint_url"] == "http://object-store:8333"
