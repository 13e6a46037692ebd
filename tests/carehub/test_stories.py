"""What became of a message, as it is told at the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import update

from carehub.composition import composed_line
from carehub.settings import read_settings
from gateway.consumption import ConsumerGroups, Consumption
from gateway.store.models import outbox
from tests.carehub.conftest import Cli
from tests.carehub.test_operate import letters, message, send  # noqa: F401 (a fixture)
from tests.gateway.store.making import NOON

FIND = ("messages", "find", "--source", "pas")


def published(partition: int, offset: int) -> None:
    async def run() -> None:
        async with composed_line(read_settings()) as line:
            values = update(outbox).values(published=NOON, partition=partition, offset=offset)
            await line.hub.database.run(lambda connection: connection.execute(values))

    asyncio.run(run())


def consumed(**groups: dict[int, int]) -> Callable[..., Awaitable[Consumption]]:
    async def look(_: ConsumerGroups, places: Any) -> Consumption:
        return Consumption({topic: groups for topic, _ in places})

    return look


def test_a_message_is_found_by_its_senders_own_id_dead_letters_too(letters: Cli) -> None:  # noqa: F811
    for written in ("ADT^A01^C5", "adt^a01^C5"):
        [found] = letters.json(*FIND, written)["messages"]
        assert (found["status"], found["pack"], len(found["events"])) == ("accepted", "mine", 1)
        assert letters.json("messages", "show", found["id"])["events"] == found["events"]
    [letter] = letters.json(*FIND, "ADT^A01^C0")["messages"]
    assert (letter["status"], letter["code"]) == ("refused", "invalid-date")
    for said in (letters.run(*FIND, "ADT^A01^C0"), letters.run("messages", "show", letter["id"])):
        assert "refused, invalid-date at PID-8.1: " in said
        assert "kept as a dead letter that is open" in said
    for wrong in ("ADT^A01^C99", "ADT^A02^C5", "adt^a01^c5", "C5"):
        assert "docs/send.md" in letters.both(*FIND, wrong, code=1)[1]
    letters.run("messages", "find", "--source", "gp", "ADT^A01^C5", code=1)


def test_the_story_is_told_in_the_order_of_time(letters: Cli, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    told = letters.json(*FIND, "ADT^A01^C5")["messages"][0]
    waits = letters.run(*FIND, "ADT^A01^C5")
    assert "waits to be published to care.qvv.acute.v1" in waits
    published(3, 17)
    received, event = told["received"][:19].replace("T", " ") + "Z", told["events"][0]["id"]
    expected = [
        f"message {told['id']}: accepted",
        f"{received}  received from pas as application/hl7-v2",
        f"{'':20}  mapped by mine {told['packVersion']}",
        f"event {event}: patient-admitted-1",
        "2026-03-01 12:00:00Z  published to care.qvv.acute.v1, partition 3, offset 17",
    ]
    unknown = ["consumed by whom is not known", "Consumers: no Kafka is known here: set KAFKA_BOOTSTRAP_SERVERS"]
    lines = letters.run(*FIND, "ADT^A01^C5").splitlines()
    assert (lines[:5], [line.strip() for line in lines[5:]]) == (expected, unknown)
    for groups, said in (
        ({"timeline": {3: 18}, "late": {3: 17}, "new": {4: 99}}, "consumed by timeline; still to come: late, new"),
        ({"timeline": {3: 18}}, "consumed by timeline"),
        ({"timeline": {3: 17}}, "consumed by nobody yet; still to come: timeline"),
        ({}, "consumed by nobody yet: no consumer group reads this topic"),
    ):
        monkeypatch.setattr(ConsumerGroups, "look", consumed(**groups))
        lines = letters.run("messages", "show", told["id"]).splitlines()
        assert (lines[:5], [line.strip() for line in lines[5:]]) == (expected, [said])
    story = letters.run("events", "show", event).splitlines()
    assert story[:2] == [expected[3], f"{received}  received from pas in message {told['id']}"]
    assert story[2:4] == [expected[2], expected[4]]
    assert letters.json("events", "show", event)["personKey"]
