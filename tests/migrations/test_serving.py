"""Migrations while others work: rows come in by the statements of the revision before, and none waits or fails; a long
transaction holds up the migration alone; a gateway serves on while the next version's migration runs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest
from alembic.config import Config
from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.store.database import SESSION, postgres_engine
from gateway.store.models import event, message
from migrations import run
from migrations.run import upgrade
from tests.faults.persons import HTTP, Message, register_arguments, text_of
from tests.migrations.rows import insert_everywhere, reflected
from tests.migrations.test_steps import revisions
from tests.packs import COMPILED
from tests.processes import Service, run_carehub

pytestmark = pytest.mark.postgres

LOCK_WAIT: Final = "2s"
"""How long a writer may wait for a lock beside a migration, by PostgreSQL's own clock: a busy machine is no lock. After
that its transaction fails, and with it the test."""

LONGEST_SECONDS: Final = 2.5
"""How long an answer may take beside a migration; on a machine that does nothing else it is well below one."""

WRITERS: Final = 3
HELD_SECONDS: Final = 6.0

NEXT: Final = """
import sqlalchemy as sa
from alembic import op

from migrations import expand

revision = "9999"
down_revision = "{head}"


def upgrade() -> None:
    for table in ("message", "event", "outbox", "dead_letter", "person", "source", "heartbeat"):
        expand.add_column(table, sa.Column("colour", sa.Text(), server_default="", nullable=False))
    op.create_table("hue", sa.Column("id", sa.Integer(), primary_key=True), if_not_exists=True)
    expand.add_index("ix_event_colour", "event", ["colour", "received"])


def downgrade() -> None:
    op.drop_index("ix_event_colour", table_name="event")
"""
"""What the next version's migration could be: it touches every table that a message touches."""


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[AsyncEngine]:
    engine = postgres_engine(url, WRITERS + 1, SESSION | {"lock_timeout": LOCK_WAIT})
    try:
        yield engine
    finally:
        await engine.dispose()


async def written(engine: AsyncEngine, tables: list[Table], until: asyncio.Event) -> int:
    """Writes rows into every table, a transaction each, until it is told to end; how many transactions."""
    transactions = 0
    while not until.is_set():
        async with engine.begin() as connection:
            await connection.run_sync(insert_everywhere, tables)
        transactions += 1
        await asyncio.sleep(0.01)
    return transactions


async def while_written(url: str, work: Callable[[AsyncEngine, list[Table]], Awaitable[None]]) -> int:
    """Does the work while rows come in as the revision of now has them, in so many transactions."""
    async with opened(url) as engine:
        async with engine.connect() as connection:
            tables = await connection.run_sync(reflected)
        done = asyncio.Event()
        writers = [asyncio.create_task(written(engine, tables, done)) for _ in range(WRITERS)]
        try:
            await asyncio.sleep(0.5)
            await work(engine, tables)
            await asyncio.sleep(0.5)
        finally:
            done.set()
        return sum(await asyncio.gather(*writers))


@pytest.mark.parametrize("revision", revisions()[1:])
async def test_rows_of_the_revision_before_come_in_while_it_is_applied(postgres_url: str, revision: str) -> None:
    before = revisions()[revisions().index(revision) - 1]
    await upgrade(postgres_url, "hub", before)

    async def migrate(_engine: AsyncEngine, _tables: list[Table]) -> None:
        await asyncio.gather(*(upgrade(postgres_url, "hub", revision) for _ in range(2)))

    assert await while_written(postgres_url, migrate) > 3 * WRITERS


async def test_a_long_transaction_holds_up_the_migration_and_nobody_else(postgres_url: str) -> None:
    await upgrade(postgres_url, "hub", "0004")  # the next one adds columns to a table that is written
    waited = 0.0

    async def migrate_behind_a_long_transaction(engine: AsyncEngine, tables: list[Table]) -> None:
        nonlocal waited
        async with engine.begin() as connection:
            await connection.run_sync(insert_everywhere, tables)
            migration = asyncio.create_task(upgrade(postgres_url, "hub"))
            begun = time.monotonic()
            while time.monotonic() < begun + HELD_SECONDS:
                await asyncio.sleep(0.3)
                await connection.execute(select(1))
            assert not migration.done()
        await migration
        waited = time.monotonic() - begun

    assert await while_written(postgres_url, migrate_behind_a_long_transaction) > 3 * WRITERS
    assert waited >= HELD_SECONDS


async def test_a_gateway_serves_on_while_the_next_version_migrates(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {
        "CAREHUB_DATA": str(tmp_path / "data"),
        "CAREHUB_COMPILED_PACKS": str(COMPILED),
        "DATABASE_URL": postgres_url,
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
    }
    run_carehub(environment, "migrate", "hub")
    key = json.loads(run_carehub(environment, *register_arguments(HTTP)))["key"]
    gateway = Service(["gateway", "--port", "0", "--mllp-port", "0"], environment, tmp_path / "gateway.log")
    await asyncio.to_thread(gateway.start)
    try:
        headers = {"authorization": f"Bearer {key}", "content-type": "application/hl7-v2"}
        async with httpx.AsyncClient(base_url=str(gateway.ready["http"]), headers=headers, timeout=30) as sender:
            done = asyncio.Event()
            senders = [asyncio.create_task(sent(sender, person, done)) for person in range(WRITERS)]
            await asyncio.sleep(1)
            with_the_next_revision(monkeypatch, tmp_path)
            await upgrade(postgres_url, "hub")
            await asyncio.sleep(1)
            done.set()
            told = await asyncio.gather(*senders)
    finally:
        await asyncio.to_thread(gateway.end)
    answers = [answer for each in told for answer in each]
    assert {status for status, _ in answers} == {202}
    assert max(seconds for each in told for _, seconds in each[1:]) < LONGEST_SECONDS
    async with opened(postgres_url) as engine, engine.connect() as connection:
        kept = (await connection.execute(select(func.count()).select_from(message))).scalar_one()
        assert kept == len(answers) > 3 * WRITERS
        assert (await connection.execute(select(func.count()).select_from(event))).scalar_one() >= kept


async def sent(sender: httpx.AsyncClient, person: int, until: asyncio.Event) -> list[tuple[int, float]]:
    """Messages of one person, and questions after each; status and seconds of every answer to a message."""
    answers = []
    while not until.is_set():
        body = text_of(Message(HTTP.id, person, len(answers) + 1))
        begun = time.monotonic()
        response = await sender.post("/events", content=body)
        answers.append((response.status_code, time.monotonic() - begun))
        told = await sender.get(f"/messages/{response.json()['id']}")
        assert told.status_code == 200, told.text
    return answers


def with_the_next_revision(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """From now on there is one revision more."""
    versions = folder / "versions"
    versions.mkdir()
    (versions / "9999_next.py").write_text(NEXT.format(head=revisions()[-1]))
    config_of = run._config

    def config(which: run.Which) -> Config:
        config = config_of(which)
        if which == "hub":
            config.set_main_option("path_separator", "newline")
            config.set_main_option("version_locations", f"{Path(run.__file__).parent}/hub/versions\n{versions}")
        return config

    monkeypatch.setattr(run, "_config", config)
