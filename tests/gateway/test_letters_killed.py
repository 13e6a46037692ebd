"""A pack with a mistake, corrected: its dead letters are previewed, and retried through `kill -9` of whoever does it.

On SQLite and PostgreSQL, with real Kafka: each reaches its topic once, each person's in the order received.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.mappings.language.folders import HL7, write_pack
from tests.processes import Hub
from tests.topics import TopicRecord, read_committed

PERSONS = 6
EACH = 30
LETTERS = PERSONS * EACH
BIRTH_FROM = "birthDate: PID-{}\n"
MESSAGE = "MSH|^~\\&|PAS|RBD|||20260701{time}||ADT^A01|{control}|P|2.4\rPID|1||{person}||||19700101|{sex}\r"

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@dataclass
class Ward:
    """A hub with a pack of its own, a sender and an operator."""

    hub: Hub
    packs: Path
    key: str = ""
    operator: str = ""
    kills: Counter[str] = field(default_factory=Counter)

    def write(self, birth_field: int) -> None:
        patient = HL7["segments/PID/Patient.yaml"] + BIRTH_FROM.format(birth_field)
        write_pack(self.packs, HL7 | {"segments/PID/Patient.yaml": patient})

    def start(self) -> None:
        self.hub.environment["CAREHUB_PACKS"] = str(self.packs)
        self.hub.command("migrate", "hub")
        named = ("--organisation", "RBD", "--sector", "acute", "--place", self.hub.place, "--pack", "mine", "--json")
        self.key = json.loads(self.hub.command("sources", "add", "letters-pas", *named))["key"]
        self.operator = json.loads(self.hub.command("operators", "add", "ann", "--role", "operator", "--json"))["key"]
        for service in filter(None, (self.hub.gateway, self.hub.relay)):
            service.start()

    def end(self) -> None:
        for service in filter(None, (self.hub.gateway, self.hub.relay)):
            service.end()

    def send(self, client: httpx.Client, person: int, second: int, sex: str) -> int:
        moment = time.strftime("%H%M%S", time.gmtime(second))
        body = MESSAGE.format(time=moment, control=f"{person}-{second}", person=f"P{person}", sex=sex)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/hl7-v2"}
        return client.post("/events", content=body.encode(), headers=headers).status_code

    def fill(self) -> None:
        """Letters of all persons in turn; then, of every second person, an event that the mistake does not touch."""
        with httpx.Client(base_url=str(self.hub.gateway.ready["http"]), timeout=30) as client:
            for second in range(EACH):
                assert {self.send(client, person, second, "F") for person in range(PERSONS)} == {422}
            assert {self.send(client, person, EACH, "") for person in range(0, PERSONS, 2)} == {202}

    def ask(self, path: str, **body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.operator}"}
        url = f"{self.hub.gateway.ready['http']}{path}"
        answer = httpx.post(url, json=body, headers=headers, timeout=60) if body else httpx.get(url, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def open_letters(self) -> int:
        return sum(group["letters"] for group in json.loads(self.hub.command("deadletters", "list", "--json")))

    def retry_by_command_until_killed(self, group: str, after: int) -> None:
        """Kills the command once so many letters more are closed."""
        command = [sys.executable, "-m", "carehub", "deadletters", "retry", group]
        environment = {**os.environ, **self.hub.environment}
        before = self._closed()
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
            while self._closed() < before + after:
                assert process.poll() is None, "it ended before it was killed"
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
        self.kills["command"] += 1

    def kill_gateway_that_retries(self, group: str) -> None:
        assert asyncio.run(self._cut_off(group, self._closed() + 10))
        self.kills["gateway"] += 1
        self.hub.gateway.start()

    async def _cut_off(self, group: str, closed: int) -> bool:
        """Whether the answer was still to come when the gateway was killed."""
        headers = {"Authorization": f"Bearer {self.operator}"}
        url = f"{self.hub.gateway.ready['http']}/deadletters/retry"
        async with httpx.AsyncClient(timeout=60, headers=headers) as client:
            asking = asyncio.create_task(client.post(url, json={"group": group, "limit": 1000}))
            while await _count_closed(self.hub.database_url) < closed:
                await asyncio.sleep(0.005)
            unanswered = not asking.done()
            self.hub.gateway.kill()
            await asyncio.wait([asking])
            return unanswered and asking.exception() is not None

    def _closed(self) -> int:
        return asyncio.run(_count_closed(self.hub.database_url))


async def _count_closed(url: str) -> int:
    from sqlalchemy import func, select

    from gateway.store.database import Database
    from gateway.store.models import dead_letter

    database = Database(url, connections=1)
    await database.open()
    try:
        closed = select(func.count()).select_from(dead_letter).where(dead_letter.c.status == "closed")
        return await database.read(lambda c: c.execute(closed).scalar_one())
    finally:
        await database.close()


async def work(ward: Ward, record_property: Any) -> None:
    await asyncio.to_thread(_correct_and_retry, ward)
    records: list[TopicRecord] = []
    for _ in range(60):
        records = await read_committed(ward.hub.bootstrap, [f"care.{ward.hub.place}.acute.v1"])
        if len({record.envelope.id for record in records}) >= LETTERS + PERSONS // 2:
            break
        await asyncio.sleep(1)
    record_property("counted", _judged(records, ward))


def _correct_and_retry(ward: Ward) -> None:
    ward.fill()
    [group] = ward.ask("/deadletters")["groups"]
    assert (group["code"], group["path"], group["letters"]) == ("invalid-date", "PID-8.1", LETTERS)
    foreseen = ward.ask("/deadletters/preview", group=group["group"], limit=50)
    assert foreseen["counts"] == {"refused": 50}
    assert {(each["code"], each["path"]) for each in foreseen["letters"]} == {("invalid-date", "PID-8.1")}

    ward.write(birth_field=7)
    ward.hub.command("packs", "reload")
    assert ward.ask("/deadletters/preview", group=group["group"], limit=1000)["counts"] == {"accepted": LETTERS}
    foreseen = json.loads(ward.hub.command("deadletters", "preview", group["group"], "--json"))
    topic = f"care.{ward.hub.place}.acute.v1"
    assert foreseen["events"] == [{"type": "patient-admitted-1", "topic": topic, "count": LETTERS}]
    assert ward.open_letters() == LETTERS, "a preview changes nothing"

    ward.retry_by_command_until_killed(group["group"], after=20)
    ward.retry_by_command_until_killed(group["group"], after=20)
    ward.kill_gateway_that_retries(group["group"])
    rest = json.loads(ward.hub.command("deadletters", "retry", group["group"], "--json"))
    assert 0 < rest["letters"] <= LETTERS - 50
    assert rest["outcomes"] == {"accepted": rest["letters"]}
    assert json.loads(ward.hub.command("deadletters", "retry", group["group"], "--json"))["letters"] == 0
    assert ward.open_letters() == 0


def _judged(records: list[TopicRecord], ward: Ward) -> str:
    by_person: dict[str | None, dict[str, TopicRecord]] = {}
    for record in records:
        by_person.setdefault(record.key, {}).setdefault(record.envelope.id, record)
    assert len(by_person) == PERSONS
    late = 0
    for firsts in by_person.values():
        seen = [(record.envelope.time.second, record.envelope.late) for record in firsts.values()]
        letters = [second for second, _ in seen if second < EACH]
        assert letters == list(range(EACH)), "each once, in the order received"
        has_later = (EACH, False) in seen
        assert {is_late for second, is_late in seen if second < EACH} == {has_later}
        late += has_later * EACH
        sequences = [record.envelope.sequence for record in firsts.values()]
        assert sequences == sorted(sequences)
    assert late == LETTERS // 2
    kills = ", ".join(f"{number} of a {what}" for what, number in ward.kills.items())
    database = "SQLite" if ward.hub.sqlite else "PostgreSQL"
    return f"{database}: letters {LETTERS}, retried through kills: {kills}; late {late}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def ward(request: pytest.FixtureRequest, tmp_path: Path, kafka_server: str) -> Any:
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'hub.db'}" if sqlite else request.getfixturevalue("postgres_url")
    found = Ward(Hub(tmp_path, url, kafka_server, f"letters-{request.param}"), tmp_path / "packs")
    found.write(birth_field=8)
    try:
        found.start()
        yield found
    finally:
        found.end()


async def test_letters_of_a_corrected_pack_are_each_published_once_in_their_order(
    ward: Ward, record_property: Any
) -> None:
    await work(ward, record_property)
