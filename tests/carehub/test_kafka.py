"""Which Kafka a command speaks to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from carehub import household
from carehub.kafka import find_kafka, need_kafka
from carehub.settings import Settings
from contract.errors import Misconfigured
from tests.carehub.conftest import Cli


def note(folder: Path, process: int) -> Settings:
    told = {"bootstrap": "127.0.0.1:29092", "transactional": False, "kind": "stand-in", "process": process}
    (folder / "kafka.json").write_text(json.dumps(told))
    return Settings(data=folder)


def test_the_configured_one_comes_first(tmp_path: Path) -> None:
    note(tmp_path, os.getpid())
    settings = Settings(data=tmp_path, KAFKA_BOOTSTRAP_SERVERS="kafka:9092")  # type: ignore[call-arg]
    found = need_kafka(settings)
    assert (found.bootstrap, found.transactional) == ("kafka:9092", True)


def test_one_that_a_living_process_of_this_folder_runs_is_found(tmp_path: Path) -> None:
    found = need_kafka(note(tmp_path, os.getpid()))
    assert (found.bootstrap, found.transactional, found.kind) == ("127.0.0.1:29092", False, "stand-in")


def test_what_a_killed_process_left_behind_is_not_believed(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    settings = note(tmp_path, gone.pid)
    assert find_kafka(settings) is None
    with pytest.raises(Misconfigured, match="KAFKA_BOOTSTRAP_SERVERS"):
        need_kafka(settings)


def test_a_process_of_ours_is_told_whether_there_are_transactions(tmp_path: Path) -> None:
    environment = need_kafka(note(tmp_path, os.getpid())).environment()
    assert environment == {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:29092", "CAREHUB_KAFKA_TRANSACTIONS": "false"}


def test_a_broker_is_started_where_the_setting_says_it_will_be(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """One setting for all processes of a machine, the broker's own command included."""
    started: list[tuple[str, int]] = []

    @contextmanager
    def starting(settings: Settings, _: object, port: int) -> Iterator[None]:
        started.append((settings.kafka_bootstrap_servers, port))
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(household, "running_kafka", starting)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:19092")
    cli.run("broker", "--port", "19092")
    assert started == [("", 19092)]
    _, said = cli.both("broker", "--port", "19093", code=3)
    assert "uses the Kafka at 127.0.0.1:19092" in said
    assert "without KAFKA_BOOTSTRAP_SERVERS" in said
    assert len(started) == 1
