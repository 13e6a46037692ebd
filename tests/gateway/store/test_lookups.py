"""What senders and operators ask the store afterwards."""

from __future__ import annotations

import asyncio
import hashlib

from sqlalchemy import Connection, insert, update

from gateway.delivery import Row
from gateway.store.batch_leases import claim_batch, finish_batch, renew_lease
from gateway.store.batches import batch_by_id, batch_content, batch_rows, create_batch
from gateway.store.bodies import pack_body
from gateway.store.database import Database
from gateway.store.deadletters import get_dead_letter
from gateway.store.events import event_by_id
from gateway.store.group import Keeper
from gateway.store.health import count_open_dead_letters, last_seen, measure_backlog
from gateway.store.messages import message_by_id, messages_since
from gateway.store.models import credential, outbox
from gateway.store.models import source as source_table
from gateway.store.sources import all_sources, by_credential_hash, by_mllp_port, touch_last_seen
from tests.gateway.store.making import GP, KEYS, NOON, PAS, at, draft, keeping, later, person, refused, register

HASH = hashlib.sha256(b"a key").digest()


def give_key(connection: Connection, kind: str, holder: str, role: str) -> None:
    connection.execute(insert(credential).values(hash=HASH, kind=kind, holder=holder, role=role, created=NOON))


async def test_a_message_tells_where_its_events_went(keeper: Keeper, database: Database) -> None:
    kept = await keeper.keep(keeping(draft(person("1"))))
    await database.run(lambda c: c.execute(update(outbox).values(published=later(hours=1), partition=3, offset=17)))
    found = await database.read(message_by_id, kept.id, "dch-pas")
    assert found is not None
    [outlet] = found.events[0].outlets
    assert (outlet.topic, outlet.partition, outlet.offset) == ("care.qvv.acute.v1", 3, 17)
    assert outlet.published == later(hours=1)
    assert await database.read(event_by_id, kept.events[0].id) == found.events[0]


async def test_a_sender_sees_only_its_own(keeper: Keeper, database: Database) -> None:
    kept = await keeper.keep(keeping(draft(person("1"))))
    assert await database.read(message_by_id, kept.id, "gp-system") is None
    assert await database.read(event_by_id, kept.events[0].id, "gp-system") is None
    assert await database.read(messages_since, "gp-system", NOON, 10) == []


async def test_messages_since_a_time_come_in_pages(keeper: Keeper, database: Database) -> None:
    times = [later(hours=-1), NOON, NOON, NOON, later(hours=1)]
    kept = [await keeper.keep(keeping(draft(person("1")), received=time)) for time in times]
    first = await database.read(messages_since, "dch-pas", NOON, 3)
    rest = await database.read(messages_since, "dch-pas", NOON, 3, first[-1].id)
    assert [m.id for m in (*first, *rest)] == [k.id for k in kept[1:]]


async def test_a_dead_letter_is_kept_with_its_bytes(keeper: Keeper, database: Database) -> None:
    kept = await keeper.keep(keeping(refused(), content="the bytes"))
    found = await database.read(get_dead_letter, kept.id)
    assert found is not None
    assert (found[0].code, found[1]) == ("missing-field", b"the bytes")
    assert await database.read(count_open_dead_letters) == 1


def new_batch(connection: Connection, key: bytes = b"k" * 32, source: str = "dch-pas") -> tuple[str, bool]:
    found, created = create_batch(connection, source, key, "text/csv", NOON, pack_body(b"a,b\n1,2\n"))
    return found.id, created


async def test_the_same_file_is_the_same_batch(database: Database) -> None:
    first, again, other = [await database.run(new_batch, key) for key in (b"k" * 32, b"k" * 32, b"o" * 32)]
    assert (first[1], again, other[1]) == (True, (first[0], False), True)
    assert await database.read(batch_content, first[0]) == b"a,b\n1,2\n"


async def test_a_batch_has_one_worker_until_its_lease_runs_out(keeper: Keeper, database: Database) -> None:
    older, _ = await database.run(new_batch, b"1" * 32)
    younger, _ = await database.run(new_batch, b"2" * 32, "gp-system")
    first = await database.run(claim_batch, "a", 30.0, at(NOON))
    second = await database.run(claim_batch, "b", 30.0, at(NOON))
    assert first is not None
    assert second is not None
    assert (first.id, second.id) == (older, younger)
    assert await database.run(claim_batch, "c", 30.0, at(NOON)) is None
    await keeper.keep(keeping(draft(person("1")), row=Row(older, 1)))
    taken_over = await database.run(claim_batch, "c", 30.0, at(later(minutes=1)))
    assert taken_over is not None
    assert (taken_over.id, taken_over.done) == (older, frozenset({1}))
    assert not await database.run(renew_lease, older, "a", 30.0, at(later(minutes=1)))
    assert await database.run(renew_lease, older, "c", 30.0, at(later(minutes=1)))


async def test_a_batch_counts_its_rows(keeper: Keeper, database: Database) -> None:
    id_, _ = await database.run(new_batch)
    outcomes = (draft(person("1")), refused(), draft(person("2")))
    await asyncio.gather(*(keeper.keep(keeping(o, row=Row(id_, n))) for n, o in enumerate(outcomes, 1)))
    await database.run(finish_batch, id_, 3, NOON)
    found = await database.read(batch_by_id, id_, "dch-pas")
    assert found is not None
    assert (found.status, found.rows, found.accepted, found.waiting, found.refused) == ("done", 3, 2, 0, 1)
    page = await database.read(lambda c: batch_rows(c, id_, after=1, limit=1))
    assert [(row.number, row.status) for row in page] == [(2, "refused")]
    assert await database.read(batch_by_id, id_, "gp-system") is None


async def test_a_credential_stands_for_its_source_until_either_is_taken_away(database: Database) -> None:
    await database.run(register, PAS, GP)
    await database.run(give_key, "source", "dch-pas", "send")
    found = await database.read(by_credential_hash, HASH)
    assert found is not None
    assert (found.kind, found.scopes, found.source) == ("source", {"send"}, PAS)
    await database.run(lambda c: c.execute(update(credential).values(revoked=NOON)))
    assert await database.read(by_credential_hash, HASH) is None
    await database.run(lambda c: c.execute(update(credential).values(revoked=None)))
    await database.run(lambda c: c.execute(update(source_table).values(disabled=True)))
    assert await database.read(by_credential_hash, HASH) is None
    assert await database.read(all_sources) == []


async def test_a_port_stands_for_the_source_it_is_bound_to(database: Database) -> None:
    await database.run(register, PAS)
    await database.run(lambda c: c.execute(update(source_table).values(mllp_port=2576)))
    found = await database.read(by_mllp_port, 2576)
    assert found is not None
    assert found.id == "dch-pas"
    assert await database.read(by_mllp_port, 2577) is None


async def test_the_time_a_source_was_last_seen_never_goes_back(database: Database) -> None:
    await database.run(register, PAS)
    for moment in (NOON, later(hours=1), later(minutes=5)):
        await database.run(touch_last_seen, {"dch-pas": moment})
    assert await database.read(last_seen) == {"dch-pas": later(hours=1)}


async def test_the_backlog_counts_what_is_not_published(database: Database) -> None:
    keeper = Keeper(database, KEYS, clock=lambda _: NOON)
    await keeper.start()
    size = len(draft(None).body)
    for _ in range(2):
        await keeper.keep(keeping(draft(person("1"))))
    found = await database.read(measure_backlog, later(seconds=90))
    assert (found.rows, found.size, found.oldest_seconds) == (2, 2 * size, 90.0)
    await database.run(lambda c: c.execute(update(outbox).values(published=NOON)))
    assert (await database.read(measure_backlog, NOON)).rows == 0
    await keeper.close()
