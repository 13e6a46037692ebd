"""Group commit: one bad message fails alone, nobody who leaves takes others with them, and what is full says so."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Connection, func, select

from contract.errors import Unavailable
from gateway.chain import Chain, Link
from gateway.delivery import Status
from gateway.store import group as group_module
from gateway.store.database import Database
from gateway.store.entry import prepare
from gateway.store.group import Keeper
from gateway.store.keep import keep_batch
from gateway.store.models import event, message, message_key
from gateway.store.sharing import Sharing
from migrations.run import upgrade
from tests.gateway.store.making import (
    KEYS,
    NOON,
    bundle,
    draft,
    keeping,
    local_key,
    person,
    published,
    watch_commits,
)


def count(connection: Connection, table: Any = message) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


async def test_only_the_message_that_a_database_refuses_fails(keeper: Keeper, database: Database) -> None:
    good = [keeping(draft(person(str(n)))) for n in range(6)]
    bad = replace(keeping(draft(person("bad"))), pack=None)  # type: ignore[arg-type]
    answers = await asyncio.gather(*(keeper.keep(k) for k in (*good[:3], bad, *good[3:])), return_exceptions=True)
    assert [isinstance(answer, Exception) for answer in answers] == [False] * 3 + [True] + [False] * 3
    assert await database.read(count) == 6
    rows = await database.read(published)
    assert [row.message for row in rows] == [a.id for a in answers if not isinstance(a, BaseException)]


async def test_messages_that_wait_share_one_transaction(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = watch_commits(monkeypatch)
    keeper = Keeper(database, KEYS)
    futures = [keeper.keep(keeping(draft(person(str(n))))) for n in range(40)]
    await keeper.start()
    await asyncio.gather(*futures)
    await keeper.close()
    assert sizes == [40]


async def test_none_of_a_chain_is_kept_behind_one_that_could_not_be(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch_commits(monkeypatch, fails=lambda number: number == 1)
    monkeypatch.setattr(group_module, "GROUP_ROWS", 3)
    keeper, chain = Keeper(database, KEYS), Chain()
    rows = [keeper.keep(replace(keeping(draft(person("1"))), link=Link(chain))) for _ in range(5)]
    other = keeper.keep(keeping(draft(person("2"))))
    await keeper.start()
    answers = await asyncio.gather(*rows, return_exceptions=True)
    again = Chain()
    kept = [await keeper.keep(replace(keeping(draft(person("1"))), link=Link(again))) for _ in range(2)]
    await keeper.close()
    assert [type(answer) for answer in answers] == [Unavailable] * 5
    assert [row.message for row in await database.read(published)] == [(await other).id, *(each.id for each in kept)]


async def test_a_sender_that_disconnects_takes_nobody_with_it(database: Database) -> None:
    keeper = Keeper(database, KEYS)
    futures = [keeper.keep(keeping(draft(person(str(n))))) for n in range(3)]
    futures[1].cancel()
    await keeper.start()
    first, third = await asyncio.gather(futures[0], futures[2])
    await keeper.close()
    assert (first.status, third.status) == (Status.ACCEPTED, Status.ACCEPTED)
    assert await database.read(count) == 3, "what the one who left had sent is kept too"


async def test_a_full_queue_refuses_and_says_when_to_come_again(database: Database) -> None:
    keeper = Keeper(database, KEYS, rows=2)
    futures = [keeper.keep(keeping(draft(person("1")))) for _ in range(2)]
    with pytest.raises(Unavailable) as full:
        keeper.keep(keeping(draft(person("1"))))
    assert full.value.retry_after
    await keeper.start()
    await asyncio.gather(*futures)
    assert (await keeper.keep(keeping(draft(person("1"))))).status is Status.ACCEPTED
    await keeper.close()


async def test_a_queue_is_full_by_bytes_too(database: Database) -> None:
    keeper = Keeper(database, KEYS, size=100)
    futures = [keeper.keep(keeping(draft(person("1"))))]
    with pytest.raises(Unavailable):
        keeper.keep(keeping(draft(person("1"))))
    await keeper.start()
    await asyncio.gather(*futures)
    await keeper.close()


async def test_closing_answers_all_that_waits_and_takes_nothing_more(database: Database) -> None:
    keeper = Keeper(database, KEYS)
    futures = [keeper.keep(keeping(draft(person(str(n))))) for n in range(5)]
    await keeper.start()
    await keeper.close()
    assert all(future.done() for future in futures)
    with pytest.raises(Unavailable):
        keeper.keep(keeping(draft(person("1"))))


async def test_a_database_that_is_away_is_worth_trying_again(unused_tcp_port: int) -> None:
    database = Database(f"postgresql://nobody@127.0.0.1:{unused_tcp_port}/nowhere")
    await database.open()
    keeper = Keeper(database, KEYS)
    await keeper.start()
    with pytest.raises(Unavailable) as away:
        await keeper.keep(keeping(draft(person("1"))))
    assert away.value.issues[0].retryable
    await keeper.close()
    await database.close()


async def test_a_full_disk_is_worth_trying_again_and_leaves_nothing_behind(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hub.sqlite'}"
    await upgrade(url, "hub")
    database = Database(url)
    await database.open()
    await database.run(lambda c: c.exec_driver_sql("PRAGMA max_page_count = 1"))  # as many as there are
    keeper = Keeper(database, KEYS)
    await keeper.start()
    big = [keeping(draft(person("1"), body=bundle(note=os.urandom(200_000).hex()))) for _ in range(3)]
    answers = await asyncio.gather(*(keeper.keep(k) for k in big), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable] * 3
    assert [await database.read(count, table) for table in (message, message_key, event)] == [0, 0, 0]
    await database.run(lambda c: c.exec_driver_sql("PRAGMA max_page_count = 1000000"))
    assert (await keeper.keep(big[0])).status is Status.ACCEPTED
    await keeper.close()
    await database.close()


@pytest.mark.postgres
async def test_two_gateways_on_one_database_keep_each_persons_order(postgres_url: str) -> None:
    await upgrade(postgres_url, "hub")
    databases = [Database(postgres_url) for _ in range(2)]
    for database in databases:
        await database.open()
    keepers = [Keeper(database, KEYS) for database in databases]
    for keeper in keepers:
        await keeper.start()
    people = [person(str(n), None) for n in range(8)] + [person(f"n{n}", number) for n, number in enumerate(NUMBERS)]

    async def send(who: int) -> list[str]:
        """One person's messages, each sent when the one before is answered, now to this gateway, now to that."""
        kept = [await keepers[(who + n) % 2].keep(keeping(draft(people[who]))) for n in range(25)]
        return [k.id for k in kept]

    async with asyncio.timeout(60):
        sent = await asyncio.gather(*(send(who) for who in range(len(people))))
        same = keeping(draft(person("x")), id_="same")
        twice = await asyncio.gather(*(keepers[n % 2].keep(same) for n in range(10)))
    rows = await databases[0].read(published)
    for ids in sent:
        mine = [row for row in rows if row.message in ids]
        assert [row.message for row in mine] == ids
        assert [row.sequence for row in mine] == sorted(row.sequence for row in mine)
    assert sorted(k.status for k in twice) == [Status.ACCEPTED] + [Status.REPLAYED] * 9
    for keeper, database in zip(keepers, databases, strict=True):
        await keeper.close()
        await database.close()


NUMBERS = ("9000000009", "9449305552")


@pytest.mark.postgres
async def test_a_batch_of_all_persons_in_opposite_orders_does_not_deadlock(postgres_url: str) -> None:
    await upgrade(postgres_url, "hub")
    database = Database(postgres_url)
    await database.open()
    people = [person(str(n)) for n in range(60)]

    async def one(order: Sequence[Any]) -> None:
        entries = [prepare(keeping(draft(who)), KEYS) for who in order]
        await database.run(keep_batch, entries, Sharing(), lambda _: NOON + timedelta(seconds=1))

    async with asyncio.timeout(60):
        await asyncio.gather(*(one(people if n % 2 else people[::-1]) for n in range(16)))
    assert await database.read(count, event) == 16 * 60
    await database.close()


LOCK = "SELECT 1 FROM person WHERE key = $1 FOR UPDATE"
ADD_LINKED = """INSERT INTO person (key, national, flagged, created, merged_into)
VALUES ($1, false, false, now(), 'p1-number'), ('p1-number', true, false, now(), NULL)"""


@pytest.mark.postgres
@pytest.mark.parametrize(
    "hold",
    [
        LOCK,
        ADD_LINKED,
    ],
    ids=["a person known before", "a person that another gateway is just adding and linking"],
)
async def test_who_keeps_a_persons_event_waits_for_whoever_is_keeping_another(postgres_url: str, hold: str) -> None:
    """No sequence number may be drawn before that: it could become visible after a higher one was published."""
    await upgrade(postgres_url, "hub")
    database = Database(postgres_url)
    await database.open()
    keeper = Keeper(database, KEYS)
    await keeper.start()
    if hold == LOCK:
        await keeper.keep(keeping(draft(person("1"))))
    other = await asyncpg.connect(postgres_url)
    transaction = other.transaction()
    await transaction.start()
    await other.execute(hold, local_key("1"))
    before = await other.fetchval("SELECT last_value FROM event_sequence")
    answer = keeper.keep(keeping(draft(person("1"))))
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with asyncio.timeout(10):
        while await other.fetchval(waits) == 0:
            assert not answer.done()
            await other.execute("SELECT pg_stat_clear_snapshot()")
            await asyncio.sleep(0.01)
    assert await other.fetchval("SELECT last_value FROM event_sequence") == before
    await transaction.commit()
    assert (await answer).status is Status.ACCEPTED
    key = local_key("1") if hold == LOCK else "p1-number"
    assert {row.key for row in await database.read(published)} == {key}
    await other.close()
    await keeper.close()
    await database.close()
