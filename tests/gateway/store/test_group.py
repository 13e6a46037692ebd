"""Group commit: one bad message fails alone, nobody who leaves takes others with them, and what is full says so."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from contract.errors import Unavailable
from gateway.delivery import Status
from gateway.store import group as group_module
from gateway.store.database import Database
from gateway.store.entry import Entry
from gateway.store.group import Keeper
from gateway.store.keep import keep_batch
from gateway.store.models import event, message
from gateway.store.sharing import Sharing
from migrations import upgrade
from tests.gateway.store.making import KEYS, NOON, draft, keeping, person, published


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


async def test_messages_that_wait_share_one_transaction(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def noted(connection: Connection, entries: Sequence[Entry], *rest: Any) -> Any:
        sizes.append(len(entries))
        return keep_batch(connection, entries, *rest)

    monkeypatch.setattr(group_module, "keep_batch", noted)
    keeper = Keeper(database, KEYS)
    futures = [keeper.keep(keeping(draft(person(str(n))))) for n in range(40)]
    await keeper.start()
    await asyncio.gather(*futures)
    await keeper.close()
    assert sizes == [40]


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


async def test_when_the_outbox_is_full_nothing_is_accepted(database: Database) -> None:
    keeper = Keeper(database, KEYS, backlog_full=lambda: True)
    with pytest.raises(Unavailable):
        keeper.keep(keeping(draft(person("1"))))


async def test_closing_answers_all_that_waits_and_takes_nothing_more(database: Database) -> None:
    keeper = Keeper(database, KEYS)
    futures = [keeper.keep(keeping(draft(person(str(n))))) for n in range(5)]
    await keeper.start()
    await keeper.close()
    assert all(future.done() for future in futures)
    with pytest.raises(Unavailable):
        keeper.keep(keeping(draft(person("1"))))


async def test_a_database_that_is_away_is_worth_trying_again(keeper: Keeper, database: Database) -> None:
    await database.run(lambda c: c.exec_driver_sql("DROP TABLE waiting"))
    await database.close()
    elsewhere = Database("postgresql://nobody@127.0.0.1:1/nowhere")
    await elsewhere.open()
    with pytest.raises(Unavailable):
        await elsewhere.run(count)
    await elsewhere.close()
    await database.open()


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
        from gateway.store.entry import prepare

        entries = [prepare(keeping(draft(who)), KEYS) for who in order]
        await database.run(keep_batch, entries, Sharing(), NOON + timedelta(seconds=1))

    async with asyncio.timeout(60):
        await asyncio.gather(*(one(people if n % 2 else people[::-1]) for n in range(16)))
    assert await database.read(count, event) == 16 * 60
    await database.close()
