"""docs/operate.md, command by command, on dead letters of a pack that had a mistake."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from carehub import letters as work
from carehub.composition import composed_line
from carehub.settings import read_settings
from contract.errors import Refusal
from gateway.delivery import Delivery
from gateway.door import SEND
from gateway.source import Principal
from gateway.store.sources import registered_source
from tests.carehub.conftest import Cli
from tests.carehub.pages import blocks
from tests.gateway.test_letters_killed import BIRTH_FROM, MESSAGE
from tests.mappings.language.folders import HL7, write_pack

PAGE = (Path(__file__).parents[2] / "docs" / "operate.md").read_text(encoding="utf-8")


def write(packs: Path, birth_field: int) -> None:
    patient = HL7["segments/PID/Patient.yaml"] + BIRTH_FROM.format(birth_field)
    write_pack(packs, HL7 | {"segments/PID/Patient.yaml": patient})


async def send(*bodies: str) -> list[str]:
    """What became of each message, by the packs as they stand: accepted, or its code."""
    told = []
    async with composed_line(read_settings()) as line:
        source = await line.hub.database.read(registered_source, "pas")
        principal = Principal("source", source.id, frozenset({SEND}), source)
        for body in bodies:
            delivery = Delivery(principal, body.encode(), "application/hl7-v2", datetime.now(UTC))
            try:
                told.append(str((await line.reception.receive(delivery, "http")).status))
            except Refusal as refusal:
                told.append(str(refusal.code))
    return told


def message(number: int, person: str, sex: str = "F") -> str:
    return MESSAGE.format(time=f"1200{number:02d}", control=f"C{number}", person=person, sex=sex)


@pytest.fixture
def letters(hub: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Three letters of a mistaken pack, of one person with a later event that was accepted, and two of another."""
    packs = tmp_path / "local"
    write(packs, 8)
    monkeypatch.setenv("CAREHUB_PACKS", str(packs))
    hub.run(
        "sources", "add", "pas", *["--organisation", "RBD", "--sector", "acute", "--place", "qvv", "--pack", "mine"]
    )
    sent = [message(n, "P1") for n in range(3)] + [message(n, "P2") for n in (3, 4)] + [message(5, "P1", "")]
    assert asyncio.run(send(*sent)) == ["invalid-date"] * 5 + ["accepted"]
    return hub


def test_the_page_is_done_as_it_is_written(letters: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [group] = letters.json("deadletters", "list")
    assert (group["source"], group["code"], group["path"], group["letters"]) == ("pas", "invalid-date", "PID-8.1", 5)
    newest, *_, oldest = letters.json("deadletters", "list", "--group", group["group"])
    asyncio.run(send("MSH|^~\\&|PAS|RBD|||2026||ADT^A99|X1|P|2.4\rPID|1||P9\r"))
    [other] = [each for each in letters.json("deadletters", "list") if each["group"] != group["group"]]
    named = {"$LETTER": oldest["id"], "$GROUP": group["group"], "$OTHER": other["example"]}
    said = "\n".join(content for _, kind, content in blocks(PAGE) if kind == "sh")
    for word, value in named.items():
        said = said.replace(word, value)
    assert "$" not in said

    assert letters.json("deadletters", "preview", group["group"], code=1)["outcomes"] == {"refused": 5}
    write(tmp_path / "local", 7)
    printed = {}
    for command in filter(None, said.splitlines()):
        words = shlex.split(command)
        printed[" ".join(words[2:4])] = letters.run(*words[1:])
    assert re.search(
        r"accepted +5\nevent patient-admitted-1 +5 to care.qvv.acute.v1", printed[f"preview {group['group']}"]
    )
    assert re.search(r"letters +5\naccepted +5\n", printed[f"retry {group['group']}"])
    assert "sent by the supplier's test system" in printed[f"show {other['example']}"]
    assert letters.json("deadletters", "list") == []
    told = letters.json("deadletters", "show", newest["id"])
    assert (told["status"], told["history"][0]["outcome"]) == ("closed", "accepted")
    became = letters.json("messages", "show", told["message"])
    assert became["received"] == told["firstReceived"]


def test_what_comes_behind_a_later_event_of_its_person_is_late(letters: Cli, tmp_path: Path) -> None:
    write(tmp_path / "local", 7)
    [group] = letters.json("deadletters", "list")
    found = letters.json("deadletters", "retry", group["group"], "--limit", "4")
    assert (found["letters"], found["outcomes"]) == (4, {"accepted": 4})
    assert letters.json("deadletters", "retry", group["group"])["letters"] == 1
    late = []
    for letter in reversed(letters.json("deadletters", "list", "--letters", "--status", "closed")):
        told = letters.json("messages", "show", letter["message"])
        late.append(told["events"][0]["topics"][0]["late"])
    assert late == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["retry", "none"], 1),
        (["preview", "0123456789abcdef"], 1),
        (["discard", "none", "--reason", "x"], 1),
        (["discard", "none"], 2),
        (["discard", "none", "--reason", " "], 2),
        (["show", "none"], 1),
        (["list", "--status", "lost"], 2),
    ],
)
def test_what_is_not_there_or_not_meant(hub: Cli, arguments: list[str], code: int) -> None:
    hub.run("deadletters", *arguments, code=code)


def test_a_page_of_letters_is_worked_without_loading_the_rest(
    letters: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "local", 7)
    sizes: list[int] = []
    read: Callable[..., Any] = work.open_letters

    def counted(*args: Any, **options: Any) -> Any:
        page = read(*args, **options)
        sizes.append(len(page))
        return page

    monkeypatch.setattr(work, "PAGE", 2)
    monkeypatch.setattr(work, "open_letters", counted)
    [group] = letters.json("deadletters", "list")
    assert json.loads(letters.run("deadletters", "retry", group["group"], "--json"))["letters"] == 5
    assert sizes == [2, 2, 1, 0]
