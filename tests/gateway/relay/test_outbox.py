from sqlalchemy import select

from contract.event import Envelope
from gateway.relay.outbox import Published, mark_published, next_window, ready_shards
from gateway.store.database import Database
from gateway.store.models import outbox
from tests.gateway.relay.rows import NOON, put, shard_of

ALL = range(64)


async def test_rows_come_in_the_order_of_their_ids_with_envelope_and_bytes(database: Database) -> None:
    body = b'{"resourceType":"Bundle","type":"message"}' * 50
    first = await database.run(put, "care.qvv.acute.v1", "p1-a", body)
    second = await database.run(put, "care.qvv.acute.v1", "p1-b", late=True)
    window = await database.read(next_window, ALL)
    assert [row.outbox_id for row in window] == [first, second]
    assert window[0].body == body
    envelope = window[0].envelope
    assert (envelope.source, envelope.subject, envelope.received) == ("urn:carehub:source:dch-pas", "p1-a", NOON)
    assert Envelope.from_headers(window[1].envelope.headers()).late


async def test_a_group_reads_only_its_own_shards(database: Database) -> None:
    row = await database.run(put, "care.qvv.acute.v1", "p1-a")
    others = [shard for shard in ALL if shard != shard_of("p1-a")]
    assert await database.read(next_window, others) == []
    assert [each.outbox_id for each in await database.read(next_window, [shard_of("p1-a")])] == [row]
    assert await database.read(ready_shards) == {shard_of("p1-a")}


async def test_a_published_row_is_read_no_more_and_keeps_its_first_offset(database: Database) -> None:
    row = await database.run(put, "care.qvv.acute.v1", "p1-a")
    await database.run(mark_published, [Published(row, 7, 41)])
    await database.run(mark_published, [Published(row, 7, 99)])
    assert await database.read(next_window, ALL) == []
    assert await database.read(ready_shards) == frozenset()
    found = await database.read(lambda c: c.execute(select(outbox.c.partition, outbox.c.offset)).one())
    assert tuple(found) == (7, 41)


async def test_a_row_waits_for_the_one_it_names_and_its_person_waits_with_it(database: Database) -> None:
    old = await database.run(put, "care.qvv.acute.v1", "p1-old")
    linked = await database.run(put, "care.qvv.acute.v1", "p1-new", after=old)
    later = await database.run(put, "care.qvv.acute.v1", "p1-new")
    other = await database.run(put, "care.qvv.acute.v1", "p1-other")
    assert [row.outbox_id for row in await database.read(next_window, ALL)] == [old, other]
    await database.run(mark_published, [Published(old, 0, 0)])
    assert [row.outbox_id for row in await database.read(next_window, ALL)] == [linked, later, other]


async def test_rows_that_wait_do_not_starve_those_behind_them(database: Database) -> None:
    old = await database.run(put, "care.qvv.acute.v1", "p1-old")
    for number in range(12):
        await database.run(put, "care.qvv.acute.v1", f"p1-waits{number}", after=old)
    free = await database.run(put, "care.qvv.acute.v1", "p1-free")
    window = await database.read(next_window, [s for s in ALL if s != shard_of("p1-old")], 3)
    assert [row.outbox_id for row in window] == [free]


async def test_a_window_is_bounded_in_rows_and_bytes_but_never_empty(database: Database) -> None:
    rows = [await database.run(put, "care.qvv.acute.v1", "p1-a", b"x" * 1000) for _ in range(5)]
    assert [r.outbox_id for r in await database.read(next_window, ALL, 2)] == rows[:2]
    assert [r.outbox_id for r in await database.read(next_window, ALL, 9, 3000)] == rows[:3]
    assert [r.outbox_id for r in await database.read(next_window, ALL, 9, 10)] == rows[:1]
