"""Commands as promises to those who script them: help, exit codes, what is on which stream."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from sqlalchemy import create_engine

from carehub.main import app
from gateway.relay.leases import prepare_leases, renew_leases
from gateway.store.models import GROUPS, batch
from tests.carehub.conftest import Cli

ROOT = Path(__file__).parent.parent.parent
COMMANDS = {
    "up", "migrate", "gateway", "relay", "consume", "broker", "preview", "tail", "status", "doctor", "demo", "sources",
    "places", "operators", "packs", "topics", "messages", "events", "batches", "deadletters",
    "replay", "remap", "retention", "restore", "size", "consumers",
}  # fmt: skip


def every_command() -> Iterator[tuple[str, ...]]:
    group = typer.main.get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        yield (name,)
        for inner in getattr(command, "commands", {}):
            yield (name, inner)


def test_the_commands_are_those_that_are_promised() -> None:
    assert {path[0] for path in every_command()} == COMMANDS


@pytest.mark.parametrize("path", list(every_command()), ids=" ".join)
def test_every_command_explains_itself(cli: Cli, path: tuple[str, ...]) -> None:
    text = cli.run(*path, "--help")
    assert "Usage:" in text
    assert len(text.splitlines()) > 4


EXPLAINED = [("up",), ("gateway",), ("preview",), ("sources", "add"), ("tail",), ("status",)]


@pytest.mark.parametrize(
    "path", [*EXPLAINED, *(path for path in every_command() if path[0] == "packs" and len(path) > 1)], ids=" ".join
)
def test_help_has_an_example(cli: Cli, path: tuple[str, ...]) -> None:
    assert "Example" in cli.run(*path, "--help")


def test_help_answers_at_once() -> None:
    took = []
    for _ in range(3):
        start = _children_seconds()
        subprocess.run([sys.executable, "-m", "carehub", "--help"], check=True, capture_output=True, timeout=20)
        took.append(_children_seconds() - start)
    assert min(took) < 0.5


def _children_seconds() -> float:
    """Processor time of ended child processes, in seconds: what others do on the machine counts little in it."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, typer.testing, carehub.main as m; typer.testing.CliRunner().invoke(m.app, ['--help']);"
        "print(*(n for n in ('fastapi', 'sqlalchemy', 'aiokafka', 'fhir', 'pydantic', 'alembic') if n in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=20)
    assert done.stdout.strip() == ""


def test_wrong_usage_exits_2(cli: Cli) -> None:
    cli.run("nonsense", code=2)
    cli.run("gateway", "--port", "http", code=2)
    cli.run("preview", "no-such-file.hl7", code=2)


def test_a_database_that_was_never_migrated_exits_3_and_says_what_to_do(cli: Cli) -> None:
    out, err = cli.both("sources", "list", code=3)
    assert out == ""
    assert "carehub migrate" in err


def test_a_database_that_is_away_exits_3_without_its_password(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://carehub:hunter2@127.0.0.1:1/carehub")
    err = cli.both("sources", "list", code=3)[1]
    assert "127.0.0.1:1" in err
    assert "hunter2" not in err


def test_a_setting_that_does_not_hold_exits_3_and_is_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAREHUB_QUEUE_LIMIT", "many")
    assert "CAREHUB_QUEUE_LIMIT" in cli.both("sources", "list", code=3)[1]


def test_migrating_twice_is_harmless_and_tells_the_revisions(cli: Cli) -> None:
    first = cli.json("migrate")
    assert first == cli.json("migrate")
    assert set(first) == {"hub", "timeline"}


def test_the_data_folder_is_the_owners_alone(hub: Cli) -> None:
    assert hub.folder.stat().st_mode & 0o077 == 0


def test_with_sqlite_the_relay_says_that_there_is_nothing_to_do(hub: Cli) -> None:
    out, err = hub.both("relay")
    assert out == ""
    assert "gateway runs the relay itself" in err


def test_without_a_kafka_a_consumer_exits_3(hub: Cli) -> None:
    assert "KAFKA_BOOTSTRAP_SERVERS" in hub.both("consume", "timeline", code=3)[1]


def test_status_of_a_hub_at_rest_exits_1_and_names_what_is_missing(hub: Cli) -> None:
    state = hub.json("status", code=1)
    assert not state["ok"]
    assert any("no gateway is running" in problem for problem in state["problems"])
    assert len(hub.run("status", code=1).splitlines()) <= 14


def test_status_shows_which_relay_owns_which_groups_of_shards(hub: Cli) -> None:
    engine = create_engine(f"sqlite:///{hub.folder / 'hub.sqlite'}")
    with engine.begin() as connection:
        prepare_leases(connection)
        renew_leases(connection, "ward-relay-1", frozenset(), first=True)
    engine.dispose()
    assert hub.json("status", code=1)["counts"]["relays"] == {"ward-relay-1": list(range(GROUPS))}
    assert re.search(r"ward-relay-1\s+groups 0, 1, 2, 3, 4, 5, 6, 7", hub.run("status", code=1))


def test_status_names_the_source_of_which_a_file_stands_still(hub: Cli) -> None:
    engine = create_engine(f"sqlite:///{hub.folder / 'hub.sqlite'}")
    since = datetime.now(UTC) - timedelta(minutes=2)
    row = {"id": "0197", "source": "dch-pas", "key_hash": b"k", "content_type": "text/csv", "status": "processing"}
    with engine.begin() as connection:
        stands = {"received": since, "error": "unavailable", "stopped": since, "body": b""}
        connection.execute(batch.insert(), [{**row, **stands}])
    engine.dispose()
    state = hub.json("status", code=1)
    assert [problem for problem in state["problems"] if "a file of dch-pas has not gone on since" in problem]
    assert state["counts"]["stopped_files"][0][0] == "dch-pas"
    assert re.search(r"files\s+1 at work, 1 do not go on", hub.run("status", code=1))


def test_doctor_finds_a_misspelt_setting(hub: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hub.json("doctor")["ok"]
    monkeypatch.setenv("CAREHUB_PAKCS", "/srv/packs")
    wrong = [finding for finding in hub.json("doctor", code=1)["findings"] if not finding["ok"]]
    assert [(each["found"], each["advice"]) for each in wrong] == [
        ("CAREHUB_PAKCS is no setting", "did you mean CAREHUB_PACKS?")
    ]


def test_doctor_sees_a_secret_that_others_can_read(hub: Cli) -> None:
    folder = hub.folder / "secrets"
    folder.mkdir(mode=0o700)
    for name in ("id-key", "person-secret", "message-key"):
        (folder / name).write_text("ab" * 32)
        (folder / name).chmod(0o644)
    wrong = [finding for finding in hub.json("doctor", code=1)["findings"] if not finding["ok"]]
    assert [each["what"] for each in wrong] == ["secrets"]
    assert "chmod 600" in wrong[0]["advice"]


@pytest.mark.parametrize("what", ["messages", "events", "batches", "deadletters"])
def test_what_is_not_there_exits_1(hub: Cli, what: str) -> None:
    assert "there is no" in hub.both(what, "show", "0197", code=1)[1]


def test_there_are_no_dead_letters_yet(hub: Cli) -> None:
    assert hub.json("deadletters", "list") == []


def test_every_setting_is_in_one_place() -> None:
    folders = (ROOT / name for name in ("carehub", "gateway", "consumers", "mappings", "contract"))
    files = (file for folder in folders for file in folder.rglob("*.py"))
    readers = {file.name for file in files if re.search(r"os\.environ|getenv", file.read_text())}
    assert readers <= {"doctor.py", "services.py"}  # what is misspelt, and what children inherit
