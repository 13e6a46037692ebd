"""What the store decides of docs/send.md's table of answers: accepted, replayed, conflict, refused, waiting."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from contract.errors import Code, TooLarge
from contract.topics import MAX_MESSAGE_BYTES
from gateway.delivery import Row, Status
from gateway.store import clock
from gateway.store.bodies import bytes_of
from gateway.store.database import Database
from gateway.store.group import Keeper
from gateway.store.keeping import Kept
from gateway.store.models import batch, batch_row, dead_letter, event, message, message_key, waiting
from tests.gateway.store.making import GP, KEYS, NOON, draft, keeping, later, person, published, refused, waits

ANYBODY = person("1234567")


@dataclass(slots=True)
class Timed:
    """Keeps messages of one id at so many minutes past noon."""

    database: Database
    minutes: int = 0

    def clock(self, _connection: Connection) -> datetime:
        return later(minutes=self.minutes)

    async def keep(self, minutes: int, **more: Any) -> Kept:
        self.minutes = minutes
        keeper = Keeper(self.database, KEYS, clock=self.clock)
        await keeper.start()
        try:
            return await keeper.keep(keeping(draft(ANYBODY), id_="A", **more))
        finally:
            await keeper.close()


@pytest.fixture
def timed(database: Database) -> Timed:
    return Timed(database)


def dead_letters(connection: Connection) -> list[tuple[str, str, int]]:
    found = connection.execute(select(dead_letter).order_by(dead_letter.c.first_received, dead_letter.c.id))
    return [(row.code, row.status, row.count) for row in found]


def count(connection: Connection, table: Any) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


async def test_an_accepted_message_is_stored_with_its_events_and_outbox_rows(
    keeper: Keeper, database: Database
) -> None:
    kept = await keeper.keep(keeping((draft(ANYBODY), draft(ANYBODY, "patient-moved-1")), content="MSH|" + "x" * 2000))
    assert kept.status is Status.ACCEPTED
    assert [(e.type, e.topics) for e in kept.events] == [
        ("patient-admitted-1", ("care.qvv.acute.v1",)),
        ("patient-moved-1", ("care.qvv.acute.v1",)),
    ]
    stored = await database.read(lambda c: c.execute(select(message)).one())
    assert bytes_of(stored) == b"MSH|" + b"x" * 2000
    assert len(stored.body) < 200, "a large body is compressed"
    rows = await database.read(published)
    assert [(row.message, row.type) for row in rows] == [(kept.id, e.type) for e in kept.events]
    assert rows[0].sequence < rows[1].sequence
    assert rows[0].size == len(draft(ANYBODY).body)


async def test_the_same_message_again_gets_the_original_receipt(keeper: Keeper, database: Database) -> None:
    first = await keeper.keep(keeping(draft(ANYBODY), id_="A"))
    again = await keeper.keep(keeping(draft(ANYBODY), id_="A", received=later(hours=1)))
    assert (again.status, again.id, again.events) == (Status.REPLAYED, first.id, first.events)
    assert again.received == NOON
    assert await database.read(count, event) == 1


async def test_the_same_id_with_other_content_is_a_conflict_and_kept(keeper: Keeper, database: Database) -> None:
    await keeper.keep(keeping(draft(ANYBODY), id_="A"))
    other = await keeper.keep(keeping(draft(ANYBODY), id_="A", content="other"))
    await keeper.keep(keeping(draft(ANYBODY), id_="A", content="other"))
    assert other.conflict
    assert await database.read(dead_letters) == [("message-id-conflict", "open", 2)]
    assert await database.read(count, event) == 1


async def test_ids_of_two_sources_have_nothing_to_do_with_each_other(keeper: Keeper) -> None:
    await keeper.keep(keeping(draft(ANYBODY), id_="A"))
    other = await keeper.keep(keeping(draft(ANYBODY), id_="A", content="other", source=GP))
    assert other.status is Status.ACCEPTED
    assert not other.conflict


async def test_equal_ids_that_come_together_are_settled_in_their_order(keeper: Keeper, database: Database) -> None:
    first, repeat, conflict = await asyncio.gather(
        keeper.keep(keeping(draft(ANYBODY), id_="A")),
        keeper.keep(keeping(draft(ANYBODY), id_="A")),
        keeper.keep(keeping(draft(ANYBODY), id_="A", content="other")),
    )
    assert (first.status, repeat.status, conflict.conflict) == (Status.ACCEPTED, Status.REPLAYED, True)
    assert repeat.events == first.events
    assert await database.read(count, event) == 1


async def test_an_id_is_forgotten_after_its_time(timed: Timed) -> None:
    await timed.keep(0, remember=3600)
    known, forgotten, known_anew = [await timed.keep(minutes) for minutes in (59, 61, 62)]
    assert [k.status for k in (known, forgotten, known_anew)] == [Status.REPLAYED, Status.ACCEPTED, Status.REPLAYED]
    assert known_anew.id == forgotten.id


@pytest.mark.parametrize("off", [timedelta(days=-400), timedelta(days=400)])
async def test_an_id_is_remembered_whatever_the_gateways_clocks_say(keeper: Keeper, off: timedelta) -> None:
    first = await keeper.keep(keeping(draft(ANYBODY), id_="A", received=NOON + off))
    again = await keeper.keep(keeping(draft(ANYBODY), id_="A", received=NOON))
    once_more = await keeper.keep(keeping(draft(ANYBODY), id_="A", received=NOON + off))
    assert [k.status for k in (first, again, once_more)] == [Status.ACCEPTED, Status.REPLAYED, Status.REPLAYED]


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_how_long_an_id_is_remembered_and_a_row_waits_is_counted_by_the_databases_clock(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "database_now", lambda _: NOON)
    keeper = Keeper(database, KEYS)
    await keeper.start()
    await keeper.keep(keeping(waits("parent"), id_="A", received=later(days=9), remember=3600.0))
    await keeper.close()

    found = select(message_key.c.until, waiting.c.since).where(message_key.c.message == waiting.c.message)
    until, since = await database.read(lambda connection: connection.execute(found).one())

    assert timedelta() <= until - later(hours=1) < timedelta(minutes=1)
    assert timedelta() <= since - NOON < timedelta(minutes=1)


async def test_a_refused_message_is_kept_once_and_counted(keeper: Keeper, database: Database) -> None:
    first = await keeper.keep(keeping(refused(), id_="A"))
    again = await keeper.keep(keeping(refused(), id_="A"))
    assert first.refused
    assert again.id == first.id
    assert await database.read(dead_letters) == [("missing-field", "open", 2)]
    assert await database.read(count, message) == 0


async def test_a_good_resend_closes_the_dead_letter_and_may_use_its_id(keeper: Keeper, database: Database) -> None:
    await keeper.keep(keeping(refused(), id_="A"))
    good = await keeper.keep(keeping(draft(ANYBODY), id_="A", content="corrected"))
    assert good.status is Status.ACCEPTED
    assert not good.conflict
    assert await database.read(dead_letters) == [("missing-field", "closed", 1)]


async def test_a_good_resend_does_not_close_a_conflict(timed: Timed, database: Database) -> None:
    await timed.keep(0, remember=60)
    await timed.keep(0, content="other")
    await timed.keep(60, content="third")
    assert await database.read(dead_letters) == [("message-id-conflict", "open", 1)]


async def test_a_message_that_was_accepted_stays_so_when_a_newer_pack_refuses_it(keeper: Keeper) -> None:
    first = await keeper.keep(keeping(draft(ANYBODY), id_="A"))
    again = await keeper.keep(keeping(refused(), id_="A"))
    assert (again.status, again.id) == (Status.REPLAYED, first.id)


async def test_text_that_a_database_cannot_hold_does_not_stop_a_dead_letter(keeper: Keeper, database: Database) -> None:
    from contract.errors import Issue
    from gateway.store.keeping import Refused

    kept = await keeper.keep(keeping(Refused((Issue(Code.MALFORMED_CSV, "row 1, a\x00b\ud800", "it is broken"),))))
    assert kept.refused


async def test_an_event_that_no_topic_takes_is_refused_before_it_is_kept(keeper: Keeper) -> None:
    with pytest.raises(TooLarge):
        keeper.keep(keeping(draft(ANYBODY, body=b"x" * (MAX_MESSAGE_BYTES + 1))))


async def test_a_row_of_a_file_is_kept_once_however_often_the_worker_starts_over(
    keeper: Keeper, database: Database
) -> None:
    await database.run(add_batch)
    rows = [
        keeping(draft(ANYBODY), id_="row A", row=Row("batch-1", 1)),
        keeping(refused(), id_="row B", row=Row("batch-1", 2)),
        keeping(draft(ANYBODY), id_="row A", row=Row("batch-1", 3)),
    ]
    first = await asyncio.gather(*(keeper.keep(row) for row in rows))
    again = await asyncio.gather(*(keeper.keep(row) for row in rows))
    assert [(k.id, k.status, k.refused, k.events) for k in again] == [
        (k.id, k.status, k.refused, k.events) for k in first
    ]
    assert await database.read(row_report) == [
        (1, "accepted", None),
        (2, "refused", ["missing-field"]),
        (3, "replayed", None),
    ]
    assert await database.read(dead_letters) == [("missing-field", "open", 1)]
    assert await database.read(count, event) == 1


def add_batch(connection: Connection) -> None:
    connection.execute(
        batch.insert().values(
            id="batch-1", source="dch-pas", key_hash=b"k" * 32, content_type="text/csv", status="processing",
            received=NOON, body=b"",
        )
    )  # fmt: skip


def row_report(connection: Connection) -> list[tuple[int, str, list[str] | None]]:
    rows = connection.execute(select(batch_row).order_by(batch_row.c.number))
    return [(row.number, row.status, row.issues and [issue["code"] for issue in row.issues]) for row in rows]
