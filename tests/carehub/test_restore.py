"""docs/backup.md as it is written, on real Kafka: messages, a backup, more messages, restored, reconciled, gone on."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.structs import ConsumerRecord
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from sqlalchemy import select

from carehub.restore.holdings import read_holdings
from contract.event import Envelope
from gateway.relay.outbox import Published, mark_published
from gateway.relay.relay import Relay
from gateway.relay.station import Station
from gateway.relay.topics import create_topics
from gateway.store.database import Database
from gateway.store.group import Keeper
from gateway.store.health import write_heartbeat
from gateway.store.models import audit, event, outbox
from gateway.store.restoring import LEAP
from tests.carehub.pages import blocks
from tests.conftest import missing
from tests.gateway.relay.rows import all_published, read_topic, relaying
from tests.gateway.store.making import KEYS, PAS, draft, keeping, person, register
from tests.servers import Postgres, UnstartableError

pytestmark = pytest.mark.kafka

PAGE = (Path(__file__).parents[2] / "docs" / "backup.md").read_text(encoding="utf-8")
COMMANDS = [text for _, kind, text in blocks(PAGE) if kind == "sh"]


@dataclass
class Hub:
    """A hub whose topics nobody else writes to. `url` is of the store that it runs on now."""

    url: str
    bootstrap: str
    folder: Path
    place: str = field(default_factory=lambda: f"r{uuid.uuid4().hex[:12]}")
    hub_id: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    @property
    def topic(self) -> str:
        return f"care.{self.place}.acute.v1"

    @property
    def on_sqlite(self) -> bool:
        return self.url.startswith("sqlite:")

    def shell(self, *words: str) -> str:
        """Does the blocks of the page that hold these words, one after the other, in one shell; what it printed."""
        found = [next(block for block in COMMANDS if word in block) for word in words]
        return self._run(["bash", "-euc", "\n".join(found)], 0)

    def carehub(self, *words: str, code: int = 0) -> Any:
        return json.loads(self._run(["carehub", *words, "--json"], code))

    def _run(self, command: list[str], code: int) -> str:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {"PATH": path, "DATABASE_URL": self.url, "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap}
        environment["CAREHUB_DATA"] = str(self.folder)
        done = subprocess.run(
            command, env=environment, cwd=self.folder, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == code, done.stderr + done.stdout
        return done.stdout

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[Database, Keeper]]:
        database = Database(self.url)
        await database.open()
        keeper = Keeper(database, KEYS)
        await keeper.start()
        yield database, keeper
        await keeper.close()
        await database.close()

    async def send(self, keeper: Keeper, *numbers: int) -> list[str]:
        """Messages of five persons, in this order; the ids of their events."""
        source = replace(PAS, place=self.place)
        kept = [
            await keeper.keep(
                keeping(draft(person(str(n % 5))), source=source, id_=f"m{n}", received=datetime.now(UTC))
            )
            for n in numbers
        ]
        return [each.events[0].id for each in kept]

    async def relay(self, database: Database) -> None:
        relay = Relay(Station(database, self.bootstrap, self.hub_id, transactional=True, owner="a-relay"))
        async with relaying(relay):
            await all_published(database)

    async def records(self) -> list[ConsumerRecord]:
        return await read_topic(self.bootstrap, self.topic)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def hub(request: pytest.FixtureRequest, tmp_path: Path, kafka_server: str) -> Iterator[Hub]:
    """Migrated, with its secrets; dropped with what was restored beside it."""
    (tmp_path / "secrets").mkdir()
    if request.param == "sqlite":
        if shutil.which("sqlite3") is None:
            missing(UnstartableError("no sqlite3: install the package sqlite3"))
        found = Hub(f"sqlite:///{tmp_path / 'hub.sqlite'}", kafka_server, tmp_path)
        found.carehub("migrate", "hub")
        yield found
        return
    server: Postgres = request.getfixturevalue("postgres_server")
    with server.database() as url:
        found = Hub(url, kafka_server, tmp_path)
        found.carehub("migrate", "hub")
        yield found
    server.run_sql("DROP DATABASE IF EXISTS hub_restored WITH (FORCE)")


def envelopes(records: list[ConsumerRecord]) -> list[Envelope]:
    return [Envelope.from_headers(record.headers) for record in records]


def assert_in_order(records: list[ConsumerRecord]) -> None:
    """Of each person, the first time: growing sequences, but for what is marked late."""
    highest: dict[str, int] = {}
    seen: set[str] = set()
    for each in envelopes(records):
        if each.id not in seen and not each.late:
            assert each.sequence > highest.get(each.subject, 0)
        seen.add(each.id)
        highest[each.subject] = max(highest.get(each.subject, 0), each.sequence)


async def before_the_backup(hub: Hub) -> dict[str, list[str]]:
    """Events that are published, some that the store takes for published though Kafka has lost them, and some that are
    not published yet."""
    async with hub.open() as (database, keeper):
        await database.run(register, replace(PAS, place=hub.place))
        sent = await hub.send(keeper, *range(40))
        await hub.relay(database)
        lost = await hub.send(keeper, *range(40, 47))
        rows = select(outbox.c.id).where(outbox.c.event.in_(lost)).order_by(outbox.c.id)
        ids = await database.read(lambda c: c.execute(rows).scalars().all())
        await database.run(mark_published, [Published(id_, 0, 10_000 + id_) for id_ in ids])
        waiting = await hub.send(keeper, *range(47, 60))
    return {"sent": sent, "lost": lost, "waiting": waiting}


async def after_the_backup(hub: Hub) -> list[str]:
    async with hub.open() as (database, keeper):
        more = await hub.send(keeper, *range(60, 70))
        await hub.relay(database)
    return more


async def gone_on(hub: Hub) -> list[str]:
    async with hub.open() as (database, keeper):
        new = await hub.send(keeper, *range(60, 80))
        await hub.relay(database)
    return new


async def facts(hub: Hub) -> tuple[int, list[Any]]:
    """The highest outbox id, and what is on record of the restore."""
    async with hub.open() as (database, _):
        ids = await database.read(lambda c: c.execute(select(outbox.c.id)).scalars().all())
        noted = await database.read(lambda c: c.execute(select(audit).where(audit.c.subject == "restore")).fetchall())
    return max(ids), noted


async def test_what_is_just_being_committed_is_waited_for(kafka_server: str) -> None:
    """Kafka shows it some time after a transaction is as good as committed, partition by partition."""
    topic = f"care.r{uuid.uuid4().hex[:12]}.acute.v1"
    await create_topics(kafka_server, [topic])
    now = datetime.now(UTC)
    envelope = Envelope("e1", "/sources/x", "patient-admitted-1", "p1-a", now, now, "here", "acute", "RBD", 1)
    producer = AIOKafkaProducer(bootstrap_servers=kafka_server, transactional_id=uuid.uuid4().hex)
    async with producer:
        await producer.begin_transaction()
        told = await producer.send_and_wait(topic, b"{}", key=b"p1-a", headers=envelope.headers())
        reading = asyncio.create_task(read_holdings(kafka_server, None))
        await asyncio.sleep(2)
        await producer.commit_transaction()
    found = (await reading).claim("e1", topic)
    assert found is not None
    assert (found.partition, found.offset) == (told.partition, told.offset)


def restore(hub: Hub) -> None:
    if hub.on_sqlite:
        hub.shell("cp hub.backup.sqlite")
    else:
        hub.shell("pg_restore")
        hub.url = f"{hub.url.rpartition('/')[0]}/hub_restored"


def topics_of_doctor(hub: Hub, code: int) -> list[str]:
    findings = hub.carehub("doctor", code=code)["findings"]
    return [each["found"] for each in findings if each["what"] == "topics" and not each["ok"]]


def test_a_backup_is_restored_and_what_kafka_lacks_is_published(hub: Hub) -> None:
    told = asyncio.run(before_the_backup(hub))
    hub.shell(*(["VACUUM"] if hub.on_sqlite else ["pg_dump", "pg_basebackup"]), "cp -a")
    only_in_kafka = asyncio.run(after_the_backup(hub))
    there = asyncio.run(hub.records())
    known = {each.id for each in envelopes(there)}
    assert known == {*told["sent"], *told["waiting"], *only_in_kafka}
    highest = max(each.sequence for each in envelopes(there))

    restore(hub)
    checked = hub.carehub("restore", "check", code=1)
    expected = {
        "agree": 40,
        "publishedByKafka": 13,
        "lackedByKafka": 7,
        "letGoByKafka": 0,
        "stillToPublish": 0,
        "late": 7,
    }
    assert checked["outbox"] == expected
    [lost] = [each for each in checked["onlyInKafka"] if each["topic"] == hub.topic]
    assert lost["events"] == len(only_in_kafka)
    assert checked["nextNumber"] is None
    assert topics_of_doctor(hub, 1) == [f"{hub.topic} lacks events that were published to it"]
    assert "lacked by Kafka" in hub.shell("restore reconcile")
    settled = hub.carehub("restore", "reconcile")
    assert settled["outbox"] == {
        **expected,
        "agree": 53,
        "publishedByKafka": 0,
        "lackedByKafka": 0,
        "stillToPublish": 7,
        "late": 0,
    }

    new = asyncio.run(gone_on(hub))
    records = asyncio.run(hub.records())
    ids = [each.id for each in envelopes(records)]
    assert sorted(ids) == sorted({*known, *told["lost"], *new}), (
        "each once, and nothing that was acknowledged is missing"
    )
    by_id = {each.id: each for each in envelopes(records)}
    assert min(by_id[id_].sequence for id_ in new) > highest + LEAP
    assert {by_id[id_].late for id_ in told["lost"]} == {True}
    assert_in_order(records)
    assert topics_of_doctor(hub, 0) == []
    last_id, noted = asyncio.run(facts(hub))
    assert last_id > highest + LEAP
    assert [row.detail["outbox"]["lackedByKafka"] for row in noted] == [7, 0]
    assert oct((hub.folder / "secrets.backup").stat().st_mode)[-2:] == oct((hub.folder / "secrets").stat().st_mode)[-2:]


def test_what_kafka_has_let_go_is_not_published_again(hub: Hub) -> None:
    asyncio.run(before_the_backup(hub))
    ends: dict[int, int] = {}
    for record in asyncio.run(hub.records()):
        ends[record.partition] = record.offset + 1
    admin = AdminClient({"bootstrap.servers": hub.bootstrap})
    for answer in admin.delete_records([TopicPartition(hub.topic, p, end) for p, end in ends.items()]).values():
        answer.result(timeout=10)
    found = hub.carehub("restore", "check", code=1)["outbox"]
    assert (found["agree"], found["letGoByKafka"], found["lackedByKafka"], found["stillToPublish"]) == (0, 40, 7, 13)


def test_a_moment_shortens_it(hub: Hub) -> None:
    asyncio.run(before_the_backup(hub))
    since = datetime.now(UTC).isoformat()
    asyncio.run(after_the_backup(hub))
    found = hub.carehub("restore", "check", "--since", since, code=0)
    assert found["outbox"]["agree"] == 10
    assert [each for each in found["onlyInKafka"] if each["topic"] == hub.topic] == []


def test_it_declines_while_a_gateway_lives(hub: Hub) -> None:
    async def live() -> None:
        async with hub.open() as (database, _):
            await database.run(write_heartbeat, "a-gateway", "gateway")

    asyncio.run(live())
    done = subprocess.run(
        [Path(sys.executable).parent / "carehub", "restore", "reconcile"],
        env={"DATABASE_URL": hub.url, "KAFKA_BOOTSTRAP_SERVERS": hub.bootstrap, "CAREHUB_DATA": str(hub.folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "a-gateway" in done.stderr) == (1, True)


async def test_the_numbers_leap_on_an_empty_store_too(hub: Hub) -> None:
    from gateway.store.numbers import draw_both
    from gateway.store.restoring import leap

    async with hub.open() as (database, _):
        start = await database.run(leap, 5_000)
        sequences, ids = await database.run(draw_both, 2, 2)
        rows = await database.read(lambda c: c.execute(select(event.c.id)).fetchall())
    assert start == 5_000 + LEAP
    assert min(*sequences, *ids) > start
    assert rows == []
