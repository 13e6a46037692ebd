"""A consumer process that is killed: what it had applied is not applied again, what it had not is."""

import asyncio
import sys
from pathlib import Path

import pytest

from consumers.app import App
from consumers.database import Database
from consumers.runtime.patience import Patience
from consumers.runtime.subscription import Subscription
from gateway.relay.topics import create_topics
from tests.consumers.events import Sent, a_topic, bundle, envelope, publish
from tests.consumers.runtime.test_subscription import consuming, note, noted, tables
from tests.gateway.relay.rows import until

pytestmark = pytest.mark.kafka

VICTIM = """
import asyncio, sys
from consumers.app import App
from consumers.database import Database
from consumers.runtime.subscription import Subscription
from tests.consumers.runtime.test_subscription import note, tables

async def never_commit(self, *_):
    print("applied", flush=True)
    await asyncio.sleep(600)

async def main(url, bootstrap, topic):
    Subscription._commit = never_commit
    async with Database(url) as database:
        app = App("killed", note, (topic,), prepare=tables.create_all)
        await Subscription(app, database, bootstrap).run(asyncio.Event())

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_consumer_killed_between_its_two_commits_applies_nothing_twice(
    database: Database, app_url: str, kafka_server: str
) -> None:
    topic = a_topic()
    await create_topics(kafka_server, [topic])
    sent = [envelope() for _ in range(10)]
    await publish(kafka_server, topic, [Sent(each, bundle()) for each in sent[:6]])
    victim = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", VICTIM, app_url, kafka_server, topic),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    try:
        assert victim.stdout is not None
        async with asyncio.timeout(30):
            while await victim.stdout.readline() != b"applied\n":
                assert victim.returncode is None
    finally:
        victim.kill()
        await victim.communicate()
    await publish(kafka_server, topic, [Sent(each, bundle()) for each in sent[6:]])
    app = App("killed", note, (topic,), prepare=tables.create_all)
    async with consuming(Subscription(app, database, kafka_server, patience=Patience(0.1, 0.4))) as heir:
        await until(lambda: heir.counts.applied + heir.counts.repeats == 10, 40)
    assert heir.counts.repeats > 0
    assert [ce_id for _, ce_id in await database.run(noted)] == [each.id for each in sent]
