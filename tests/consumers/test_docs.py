"""docs/consume.md: what stands there runs as it stands there."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from carehub.broker.stand_in import StandIn
from consumers.apps.timeline import app as timeline_app
from consumers.database import Database
from consumers.models import metadata
from consumers.runtime.inbox import apply_events
from consumers.runtime.loading import load_app
from consumers.runtime.subscription import Subscription
from contract.event import Envelope
from tests.consumers.events import Sent, bundle, encounter, envelope, event, keys_bundle, publish
from tests.gateway.relay.rows import until

DOCUMENT = (Path(__file__).parents[2] / "docs" / "consume.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)


async def test_the_app_of_the_page_applies_an_event(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "beds.py").write_text(blocks("python")[0])
    monkeypatch.syspath_prepend(tmp_path)
    app = load_app("beds")
    monkeypatch.delitem(sys.modules, "beds")
    stop = asyncio.Event()
    with StandIn() as broker:
        ward = {"resourceType": "Location", "id": "w", "name": "Fortuneswell"}
        records = [Sent(envelope("p1-a"), bundle(ward)), Sent(envelope("p1-b"), bundle())]
        await publish(broker.address, "care.qvv.acute.v1", records)
        subscription = Subscription(app, database, broker.address, admin=False)
        task = asyncio.create_task(subscription.run(stop))
        await until(lambda: (subscription.counts.applied, subscription.counts.buried) == (1, 1))
        stop.set()
        await task
    found = await database.run(lambda c: c.execute(text("SELECT person, ward FROM bed_move")).all())
    assert [tuple(row) for row in found] == [("p1-a", "Fortuneswell")]


async def test_the_plain_client_of_the_page_reads_an_event(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(blocks("python")[1])
    with StandIn() as broker:
        await publish(broker.address, "care.qvv.acute.v1", [Sent(envelope("p1-a"), bundle())])
        client = await asyncio.create_subprocess_exec(
            *(sys.executable, "-u", str(tmp_path / "plain.py")),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "KAFKA_BOOTSTRAP_SERVERS": broker.address},
        )
        try:
            assert client.stdout is not None
            async with asyncio.timeout(30):
                line = await client.stdout.readline()
        finally:
            client.kill()
            await client.communicate()
    assert line.decode().split() == ["p1-a", "2026-11-23T12:00:00.000Z", str(len(bundle()))]


async def test_the_questions_of_the_page_are_answered(database: Database) -> None:
    referral = event(envelope("p1-local", "referral-received-1", sector="mental-health"), bundle())
    admitted = event(envelope("p1-local", time=referral.envelope.time.replace(hour=14)), bundle())
    link = event(envelope("p1-local", "person-linked-1"), keys_bundle("p1-local", "p1-nhs"))
    gone = envelope("p1-nhs", "patient-discharged-1", time=referral.envelope.time.replace(hour=16))
    cancelled = event(gone, bundle(encounter("e-2", "cancelled"), focus="Encounter/e-2"))
    await database.run(metadata.create_all)
    for each in (referral, admitted, link, cancelled):
        await database.run(apply_events, timeline_app, [each])

    def ask(connection: Connection, number: int, **values: str) -> list[tuple[object, ...]]:
        return [tuple(row) for row in connection.execute(text(blocks("sql")[number]), values)]

    told = await database.run(ask, 0, person="p1-nhs")
    assert [row[3] for row in told] == [e.envelope.type for e in (referral, link, admitted, cancelled)]
    assert len(await database.run(ask, 1, person="p1-local")) == 4
    assert await database.run(ask, 2) == [("p1-nhs",)]
    assert [row[1] for row in await database.run(ask, 3, person="p1-nhs")] == [row[3] for row in told[:3]]


def test_every_header_is_on_the_page() -> None:
    full: Envelope = envelope(late=True, replay="r", corrects="e", traceparent="00-0-0-01")
    assert not [name for name, _ in full.headers() if f"`{name}`" not in DOCUMENT]
