"""docs/replay.md, command by command, and what the commands refuse."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from carehub import replays
from carehub.register.session import in_hub
from gateway.store.models import replay
from tests.carehub.conftest import Cli
from tests.carehub.pages import blocks
from tests.mappings.language.folders import HL7, write_pack

PAGE = (Path(__file__).parents[2] / "docs" / "replay.md").read_text(encoding="utf-8")


@pytest.fixture
def installed(hub: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    write_pack(tmp_path / "local", HL7)
    monkeypatch.setenv("CAREHUB_PACKS", str(tmp_path / "local"))
    monkeypatch.setattr(replays, "DROP_SECONDS", 0)  # no relay runs here
    named = ["--organisation", "RBD", "--sector", "acute", "--place", "qvv", "--pack", "mine"]
    hub.run("sources", "add", "pas", *named)
    return hub


def test_the_page_is_done_as_it_is_written(installed: Cli) -> None:
    commands = [line for _, kind, text in blocks(PAGE) if kind == "sh" for line in text.splitlines()]
    printed = {
        words[2] if words[1] == "replay" else words[1]: installed.run(*words[1:])
        for words in map(shlex.split, commands)
    }
    assert "care.replay.winter" in printed["start"]
    assert "running" in printed["status"]
    assert "stopped" in printed["stop"]
    assert "running" in printed["resume"]
    assert "dropping" in printed["drop"]
    assert "messages" in printed["remap"]
    (found,) = installed.json("replay", "status")
    assert (found["status"], found["reason"], found["wanted"]["source"]) == (
        "dropping",
        "the timeline lost a day",
        "pas",
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["start", "winter"], 2),
        (["start", "Winter", "--source", "pas"], 2),
        (["start", "winter", "--since", "2026-01-01"], 2),
        (["start", "winter", "--since", "2026-01-02T00:00:00Z", "--until", "2026-01-01T00:00:00Z"], 2),
        (["start", "winter", "--type", "Admitted"], 2),
        (["start", "winter", "--source", "pas", "--rate", "0"], 2),
        (["stop", "winter"], 1),
        (["resume", "winter"], 1),
        (["drop", "winter"], 1),
        (["status", "winter"], 1),
    ],
)
def test_what_is_not_there_or_not_meant(hub: Cli, arguments: list[str], code: int) -> None:
    hub.run("replay", *arguments, code=code)


def test_a_name_is_used_once_and_a_stopped_one_is_not_stopped_again(hub: Cli) -> None:
    hub.run("replay", "start", "winter", "--source", "pas")
    hub.run("replay", "start", "winter", "--source", "pas", code=1)
    hub.run("replay", "resume", "winter", code=1)
    hub.run("replay", "stop", "winter")
    hub.run("replay", "stop", "winter", code=1)


def test_the_state_of_the_whole_tells_which_replays_run(installed: Cli) -> None:
    assert "none runs" in installed.run("status", code=1)
    for name in ("winter", "spring"):
        installed.run("replay", "start", name, "--source", "pas", "--reason", "lost a day")
    installed.run("replay", "stop", "spring")
    in_hub(lambda c: c.execute(replay.update().values(error="KafkaConnectionError")).close())
    assert installed.json("status", code=1)["counts"]["replays"] == [
        {"name": "winter", "percent": 100, "error": "KafkaConnectionError"}
    ]
    assert "winter 100 %, stopped just now by KafkaConnectionError" in installed.run("status", code=1)
