"""What has been kept for long enough goes; nothing goes that is still owed to somebody, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection, Table, func, insert, select, update
from sqlalchemy.event import listen, remove

from contract.links import PERSON_LINKED
from gateway import retention
from gateway.delivery import Status
from gateway.ops.metrics import Metrics
from gateway.relay.outbox import Published as Done
from gateway.relay.outbox import mark_published, next_window
from gateway.retention import EVERY, Retention, count_due, sweep
from gateway.store import clock as shared_clock
from gateway.store import numbers
from gateway.store.batch_leases import finish_batch
from gateway.store.batch_rows import REFUSED
from gateway.store.batches import batch_by_id, create_batch
from gateway.store.bodies import bytes_of, pack_body
from gateway.store.corrections import stored_messages
from gateway.store.database import Database
from gateway.store.events import event_by_id
from gateway.store.group import Keeper
from gateway.store.health import NO_NEWS, write_heartbeat
from gateway.store.letter_work import discard, kept_letter
from gateway.store.messages import message_by_id
from gateway.store.models import (
    SHARDS,
    audit,
    batch_row,
    dead_letter,
    event,
    heartbeat,
    message,
    message_key,
    outbox,
    person,
    replay,
)
from gateway.store.replays import Wanted, start_replay
from gateway.store.retention import KINDS, Lifetimes, last_run, remove_due
from tests.gateway.store.making import (
    ANN,
    KEYS,
    NOON,
    PAS,
    at,
    draft,
    keeping,
    local_key,
    published,
    refused,
    register,
    waits,
)
from tests.gateway.store.making import (
    person as somebody,
)

NOW = NOON + timedelta(days=100)
KEPT = Lifetimes(*[timedelta(days=90)] * 4, audit=timedelta(days=365))


class Clock:
    """What the store takes for the time, ids included."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def time_ns(self) -> int:
        return int(self.now.timestamp() * 1_000_000_000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock(NOON)
    monkeypatch.setattr(numbers, "time", SimpleNamespace(time_ns=found.time_ns))
    return found


@pytest.fixture
async def keeper(database: Database, clock: Clock) -> AsyncIterator[Keeper]:
    await database.run(register, PAS)
    found = Keeper(database, KEYS, clock=lambda _: clock.now)
    await found.start()
    yield found
    await found.close()


async def send(keeper: Keeper, clock: Clock, *drafts: Any, **more: Any) -> str:
    return (await keeper.keep(keeping(drafts, received=clock.now, **more))).id


async def publish_all(database: Database) -> None:
    """As the relay does."""
    while window := await database.read(next_window, range(SHARDS)):
        await database.run(mark_published, [Done(each.outbox_id, 1, each.outbox_id) for each in window])


async def ids(database: Database, table: Table) -> set[Any]:
    [key, *_] = table.primary_key.columns
    return set(await database.read(lambda c: c.execute(select(key)).scalars().all()))


async def run(database: Database, kept: Lifetimes = KEPT, now: datetime = NOW, **more: Any) -> dict[str, int]:
    async def at_once(_: float) -> None:
        return None

    return dict((await sweep(database, kept, "tester", now, pause=at_once, **more)).removed)


async def test_old_messages_go_with_their_events_and_younger_ones_stay(
    keeper: Keeper, database: Database, clock: Clock
) -> None:
    old = [await send(keeper, clock, draft(somebody(str(n))), draft(somebody(str(n)))) for n in range(3)]
    clock.now += timedelta(days=10, minutes=-1)
    edge = await send(keeper, clock, draft(somebody("1")))
    clock.now += timedelta(minutes=2)
    young = await send(keeper, clock, draft(somebody("1")))
    await publish_all(database)
    gone_event = (await database.read(message_by_id, old[0])).events[0].id  # type: ignore[union-attr]
    due = await count_due(database, KEPT, NOW)
    assert (due["messages"], due["messageIds"]) == (4, 5)
    assert await run(database) == {"messages": 4, "events": 7, "outbox": 7, "messageIds": 5}
    assert await ids(database, message) == {young}
    assert await database.read(message_by_id, edge) is None
    assert await database.read(event_by_id, gone_event) is None
    assert [row.message for row in await database.read(published)] == [young]
    assert len(await ids(database, person)) == 3, "who a person is stays"
    assert await run(database) == {}


async def test_what_is_not_published_everywhere_stays_whole(keeper: Keeper, database: Database, clock: Clock) -> None:
    stuck = await send(keeper, clock, draft(somebody("1")), draft(somebody("2")))
    gone = await send(keeper, clock, draft(somebody("3")))
    await publish_all(database)
    last = max(row.id for row in await database.read(published) if row.message == stuck)
    await database.run(lambda c: c.execute(update(outbox).where(outbox.c.id == last).values(published=None)))
    assert (await run(database))["messages"] == 1
    assert await ids(database, message) == {stuck}
    assert gone not in await ids(database, message)
    [left] = await database.read(next_window, range(SHARDS))
    assert left.outbox_id == last
    assert len(await database.read(published)) == 2, "its other event too, for whoever asks what became of it"


async def test_what_something_unpublished_waits_for_stays(keeper: Keeper, database: Database, clock: Clock) -> None:
    await send(keeper, clock, draft(somebody("1")))
    await send(keeper, clock, draft(somebody("1", ANN)))
    await publish_all(database)
    rows = await database.read(published)
    links = [row for row in rows if row.type == PERSON_LINKED]
    behind = next(row for row in rows if row.after == links[0].id and row.type != PERSON_LINKED)
    await database.run(lambda c: c.execute(update(outbox).where(outbox.c.id == behind.id).values(published=None)))
    await run(database)
    assert {row.id for row in await database.read(published)} == {links[0].id, behind.id}
    await publish_all(database)
    assert (await run(database)) == {"messages": 1, "events": 2, "outbox": 2}
    assert await ids(database, event) == set()


async def test_what_a_running_replay_has_before_it_stays(keeper: Keeper, database: Database, clock: Clock) -> None:
    _, before = [await send(keeper, clock, draft(somebody("1"))) for _ in range(2)]
    await publish_all(database)
    options = {"restricted": False, "rate": 10, "reason": "test", "actor": "ann"}
    await database.run(start_replay, "mine", Wanted(), **options)  # type: ignore[arg-type]
    first = (await database.read(published))[0].id
    await database.run(lambda c: c.execute(update(replay).values(position=first)))
    assert (await run(database))["messages"] == 1
    assert await ids(database, message) == {before}
    await database.run(lambda c: c.execute(update(replay).values(status="done")))
    assert (await run(database))["messages"] == 1


async def test_what_a_repeat_is_answered_from_stays(keeper: Keeper, database: Database, clock: Clock) -> None:
    first = await send(keeper, clock, draft(somebody("1")), id_="A", content="x")
    await publish_all(database)
    week = NOON + timedelta(days=7)
    hours = replace(KEPT, messages=timedelta(hours=1))
    assert await run(database, hours, week) == {}
    again = await keeper.keep(keeping(draft(somebody("1")), id_="A", content="x", received=week))
    assert (again.id, again.status, len(again.events)) == (first, Status.REPLAYED, 1)
    assert (await run(database, hours, week + timedelta(seconds=1)))["messages"] == 1


async def test_messages_that_wait_and_open_letters_stay_and_a_letter_can_be_retried(
    keeper: Keeper, database: Database, clock: Clock
) -> None:
    waiting = (await keeper.keep(keeping(waits("episode-1"), received=NOON))).id
    letters = [(await keeper.keep(keeping(refused(), id_=id_, received=NOON))).id for id_ in ("A", "B", "C")]
    await send(keeper, clock, draft(somebody("1")), id_="B", content="good")
    await database.run(discard, [letters[2]], actor="ann", reason="test", now=NOON + timedelta(days=50))
    await publish_all(database)
    assert (await run(database))["deadLetters"] == 1
    assert await ids(database, message) == {waiting}
    assert await ids(database, dead_letter) == {letters[0], letters[2]}
    clock.now = NOW
    kept = await keeper.keep(keeping(draft(somebody("1")), id_="A", retries=letters[0], received=NOON))
    assert kept.status is Status.ACCEPTED
    [row] = await database.read(published)
    assert row.late, "what is no longer kept may have been of its person, and later"
    closed = await database.read(kept_letter, letters[0])
    assert closed is not None
    assert closed.status == "closed"
    assert (await run(database, now=NOW + timedelta(days=50)))["deadLetters"] == 1
    assert await ids(database, dead_letter) == {letters[0]}
    history = await database.read(lambda c: c.execute(select(audit.c.subject)).scalars().all())
    assert letters[2] in history, "that it was discarded stays on record"


async def test_a_link_is_told_where_events_went_that_are_no_longer_kept(
    keeper: Keeper, database: Database, clock: Clock
) -> None:
    await send(keeper, clock, draft(somebody("1"), restricted=True))
    await publish_all(database)
    await run(database)
    clock.now = NOW
    await send(keeper, clock, draft(somebody("1", ANN)))
    told = {row.topic for row in await database.read(published) if row.told == (PERSON_LINKED, local_key("1"))}
    assert told == {"care.qvv.acute.v1", "care.qvv.acute.restricted.v1"}


async def test_bodies_go_first_where_that_is_set_and_each_row_is_looked_at_once(
    keeper: Keeper, database: Database, clock: Clock
) -> None:
    month = replace(KEPT, bodies=timedelta(days=30))
    old = await send(keeper, clock, draft(somebody("1")), content="as received")
    await publish_all(database)
    at = NOON + timedelta(days=31)
    clock.now = at
    young = await send(keeper, clock, draft(somebody("1")), content="as received too")
    assert (await run(database, month, at))["bodies"] == 1
    rows = {row.id: row for row in await database.read(lambda c: c.execute(select(message)).fetchall())}
    with pytest.raises(ValueError, match="CAREHUB_KEEP_BODIES_DAYS"):
        bytes_of(rows[old])
    assert bytes_of(rows[young]) == b"as received too"
    assert (await count_due(database, month, at))["bodies"] == 0
    mappable = await database.read(stored_messages, PAS.id, NOON, at + timedelta(days=1), 10)
    assert [each.id for each in mappable] == [young], "what is gone is not mapped again"
    found = await database.read(message_by_id, old)
    assert found is not None
    assert len(found.events) == 1


async def test_files_that_are_done_go_row_by_row_and_others_stay(
    keeper: Keeper, database: Database, clock: Clock
) -> None:
    done, working = [
        (await database.run(create_batch, PAS.id, key * 32, "text/csv", NOON, pack_body(b"rows"), at(NOON)))[0].id
        for key in (b"a", b"b")
    ]
    rows = [{"batch": of, "number": n, "status": REFUSED} for of in (done, working) for n in range(600)]
    await database.run(lambda c: c.execute(insert(batch_row), rows))
    await database.run(finish_batch, done, 600, NOON + timedelta(days=5))
    assert (await count_due(database, KEPT, NOW))["files"] == 601
    assert await run(database) == {"files": 1, "fileRows": 600}
    assert await database.read(batch_by_id, done) is None
    left = await database.read(batch_by_id, working)
    assert left is not None
    assert left.refused == 600
    assert await run(database, now=NOW - timedelta(days=6)) == {}


async def test_audit_and_dead_processes(keeper: Keeper, database: Database) -> None:
    for days in (0, 1, 400):
        row = {"at": NOON + timedelta(days=days), "actor": "ann", "action": "x", "subject": str(days), "detail": {}}
        await database.run(lambda c, row=row: c.execute(insert(audit), [row]))
    await database.run(write_heartbeat, "dead", "gateway", NO_NEWS, at(NOW - timedelta(days=2)))
    await database.run(write_heartbeat, "alive", "gateway", NO_NEWS, at(NOW))
    assert await run(database, now=NOW) == {"heartbeats": 1}
    assert await ids(database, heartbeat) == {"alive"}
    assert (await run(database, now=NOON + timedelta(days=366, hours=-1)))["audit"] == 1
    subjects = await database.read(lambda c: c.execute(select(audit.c.subject).order_by(audit.c.id)).scalars().all())
    assert subjects[:2] == ["1", "400"]


async def test_ids_are_forgotten_when_their_time_is_over_and_not_before(
    keeper: Keeper, database: Database, clock: Clock
) -> None:
    await send(keeper, clock, draft(somebody("1")), remember=3600.0)
    await send(keeper, clock, draft(somebody("1")))
    assert await run(database, now=NOON + timedelta(hours=2)) == {"messageIds": 1}
    assert len(await ids(database, message_key)) == 1


async def test_of_several_gateways_one_does_the_run_and_it_is_on_record(
    keeper: Keeper, database: Database, clock: Clock
) -> None:
    await send(keeper, clock, draft(somebody("1")))
    await publish_all(database)
    metrics = Metrics()
    gateways = [Retention(database, KEPT, metrics, f"gateway-{n}", clock=at(NOW)) for n in range(3)]
    await asyncio.gather(*(each.look() for each in gateways))
    runs = await database.read(lambda c: c.execute(select(audit)).fetchall())
    assert [(row.action, row.detail["removed"]["messages"]) for row in runs] == [("retention-run", 1)]
    assert 'carehub_retention_removed_total{kind="messages"} 1.0' in metrics.exposition().decode()
    later = Retention(database, KEPT, metrics, "gateway-1", clock=at(NOW + EVERY))
    await later.look()
    last = await database.read(last_run)
    assert last is not None
    assert (last.at, last.removed, last.left) == (NOW + EVERY, {}, False)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
@pytest.mark.postgres
async def test_a_clock_that_leaps_takes_nothing_away(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway whose machine is years ahead of the database's."""
    await database.run(register, PAS)
    keeper = Keeper(database, KEYS)
    await keeper.start()
    await keeper.keep(keeping(draft(somebody("1")), received=datetime.now(UTC)))
    await keeper.close()
    await publish_all(database)
    leapt = SimpleNamespace(now=lambda _: datetime.now(UTC) + timedelta(days=4000))
    for module in (shared_clock, retention):
        monkeypatch.setattr(module, "datetime", leapt)
    await Retention(database, KEPT, Metrics(), "gateway-1").look()
    last = await database.read(last_run)
    assert last is not None
    assert not any(last.removed.values())
    assert abs(last.at - datetime.now(UTC)) < timedelta(minutes=1)
    assert len(await ids(database, event)) == 1


async def test_a_run_that_is_long_is_cut_off_and_the_next_goes_on(
    keeper: Keeper, database: Database, clock: Clock
) -> None:
    await send(keeper, clock, draft(somebody("1")))
    await publish_all(database)
    assert await run(database, longest=0.0) == {"messages": 1, "events": 1, "outbox": 1}
    last = await database.read(last_run)
    assert last is not None
    assert last.left
    assert await run(database) == {"messageIds": 1}


async def test_only_a_page_of_messages_is_in_a_transaction(
    keeper: Keeper, database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    for start in range(0, 600, 100):
        await asyncio.gather(*(send(keeper, clock, draft(somebody(str(n)))) for n in range(start, start + 100)))
    await publish_all(database)
    whole = Database.run

    async def counted(self: Database, fn: Any, *args: Any, **kwargs: Any) -> Any:
        before = await self.read(lambda c: c.execute(select(func.count()).select_from(message)).scalar_one())
        result = await whole(self, fn, *args, **kwargs)
        after = await self.read(lambda c: c.execute(select(func.count()).select_from(message)).scalar_one())
        sizes.append(before - after)
        return result

    monkeypatch.setattr(Database, "run", counted)
    assert (await run(database))["messages"] == 600
    assert max(sizes) == 250


async def test_old_rows_are_found_by_keys_and_not_by_looking_at_all(
    keeper: Keeper, database: Database, clock: Clock
) -> None:
    await send(keeper, clock, draft(somebody("1")))
    await publish_all(database)
    plans = await database.read(_plans)
    assert len(plans) > 20
    bare = "Seq Scan" if not database.on_sqlite else "SCAN"
    assert [line for line in plans if bare in line and "USING" not in line and "replay" not in line] == []


def _plans(connection: Connection) -> Sequence[str]:
    """How the statements of a run are done on tables that are large: without walking through a table where there is
    another way."""
    statements: list[tuple[str, Any]] = []

    def remember(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, parameters))

    listen(connection, "before_cursor_execute", remember)
    for kind in KINDS:
        remove_due(connection, kind, KEPT, NOW, None)
    remove(connection, "before_cursor_execute", remember)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    explain = "EXPLAIN " if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
    return [
        str(row[-1])
        for statement, parameters in statements
        if not statement.startswith("INSERT")
        for row in connection.exec_driver_sql(explain + statement, parameters)
    ]


def test_ids_and_times_go_together(clock: Clock) -> None:
    clock.now = datetime(2026, 3, 1, 12, 0, 0, 5000, tzinfo=UTC)
    made = numbers.new_id()
    assert numbers.earliest_id(clock.now) <= made < numbers.earliest_id(clock.now + timedelta(milliseconds=1))
    assert numbers.milliseconds_of(made) == round(clock.now.timestamp() * 1000)
