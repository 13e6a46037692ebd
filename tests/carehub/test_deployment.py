"""What stands outside Python and can go stale unseen: compose file, image, dashboards, alerts, make and CI."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from carehub.settings import variables
from gateway.ops.metrics import Metrics
from tests.carehub.conftest import Cli

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return found


def test_compose_runs_commands_and_options_that_exist(services: dict[str, Any], cli: Cli) -> None:
    for name in ("migrate", "gateway", "relay", "consumers"):
        command = services[name]["command"]
        usage = cli.run(command[0], "--help")
        assert all(word in usage for word in command[1:] if word.startswith("--")), name


def test_compose_sets_only_settings_that_exist_and_no_password(services: dict[str, Any]) -> None:
    ours = services["gateway"]["environment"]
    assert set(ours) <= set(variables())
    text = (ROOT / "docker-compose.yml").read_text()
    assert not re.search(r"(?i)password: (?!\$\{)", text)


def test_the_image_holds_every_package_and_runs_as_nobody_special() -> None:
    image = (ROOT / "Dockerfile").read_text()
    for package in ("carehub", "gateway", "consumers", "mappings", "contract", "migrations"):
        assert f"COPY {package} /app/{package}" in image
        assert f"!{package}" in (ROOT / ".dockerignore").read_text()
    assert "USER 10001" in image
    assert "--require-hashes" in image
    assert "HEALTHCHECK" in image


def test_dashboards_and_alerts_ask_for_metrics_that_exist() -> None:
    exposed = set(re.findall(r"^# TYPE (\w+)", Metrics().exposition().decode(), re.MULTILINE))
    board = json.loads((ROOT / "deploy/grafana/dashboards/carehub.json").read_text())
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    alerts = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
    expressions += [rule["expr"] for group in alerts["groups"] for rule in group["rules"]]
    asked = {re.sub(r"_bucket$", "", name) for text in expressions for name in re.findall(r"carehub_\w+", text)}
    assert asked
    assert asked <= exposed


def test_ci_names_what_is_missing_and_fails(tmp_path: Path) -> None:
    for tool in ("sh", "date", "dirname", "id", "git"):
        found = next(
            Path(folder) / tool for folder in os.environ["PATH"].split(os.pathsep) if (Path(folder) / tool).exists()
        )
        (tmp_path / tool).symlink_to(found)
    done = subprocess.run(
        [ROOT / ".ci" / "run"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "openjdk-17" in done.stderr
    assert "maven" in done.stderr
    assert "CI: install" not in done.stdout
