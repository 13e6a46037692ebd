"""Files: durable first, then row by row, in order, whatever happens to worker or rows on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from contract.errors import Code, Conflict, Forbidden, TooLarge, Unavailable, refuse
from gateway import batch_work
from gateway.batch_work import BatchWork
from gateway.delivery import Delivery
from gateway.door import SEND
from gateway.files import FileReceipt, Files, first_of_several
from gateway.ops.files import file_faults
from gateway.source import Principal, Source
from gateway.store import group as group_module
from gateway.store.batch_leases import claim_batch, end_leases, finish_batch, stopped_files
from gateway.store.batches import Batch, RowReport, batch_by_id, batch_rows
from gateway.store.deadletters import list_dead_letters
from gateway.store.models import batch
from gateway.waiting_room import WaitingRoom
from tests.gateway.store.making import GP, KEYS, NOON, PAS, published, register, watch_commits
from tests.gateway.stored import Stored, refuse_format, stored

OTHER = replace(GP, place="qwe")
CSV = b"who,what\n1,event\n2,bad\n3,event\n"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Stored]:
    async with stored(tmp_path) as found:
        yield found


async def work(house: Stored, owner: str = "gateway-1") -> bool:
    """On one file; whether there was one."""
    return await BatchWork(house.hub, house.reception, house.metrics, "gateway").work_on_one(owner)


async def sent(
    house: Stored,
    body: bytes = CSV,
    key: str | None = None,
    source: Source = PAS,
    received: datetime | None = None,
) -> FileReceipt:
    first = await first_of_several(body, "text/csv")
    assert first is not None
    principal = Principal("source", source.id, frozenset({SEND}), source)
    delivery = Delivery(principal, body, "text/csv", received or datetime.now(UTC), idempotency_key=key)
    return await Files(house.hub, KEYS).take(delivery, first)


def many(rows: int) -> bytes:
    """Rows of a few persons, each of which is another message."""
    return b"who,what,n\n" + b"".join(b"%d,event,%d\n" % (n % 7, n) for n in range(rows))


async def report(house: Stored, batch: Batch) -> tuple[Batch, list[RowReport]]:
    found = await house.database.read(batch_by_id, batch.id)
    assert found is not None
    return found, await house.database.read(batch_rows, batch.id)


async def test_a_single_message_is_no_file() -> None:
    assert await first_of_several(b"MSH|^~\\&|A\rPID|1\r", "application/hl7-v2") is None
    assert await first_of_several(b"", "text/csv") is None
    assert await first_of_several(b'{"who": 1}', "application/json") is None


async def test_a_file_is_durable_before_it_is_worked(house: Stored) -> None:
    receipt = await sent(house)
    assert receipt.created
    found, rows = await report(house, receipt.batch)
    assert (found.status, found.rows, rows) == ("processing", None, [])
    assert house.taken == []


async def test_rows_are_taken_in_order_and_a_bad_one_stops_nobody(house: Stored) -> None:
    receipt = await sent(house)
    assert await work(house)
    found, rows = await report(house, receipt.batch)
    assert (found.status, found.rows, found.accepted, found.refused) == ("done", 3, 2, 1)
    assert [row.status for row in rows] == ["accepted", "refused", "accepted"]
    assert rows[1].issues[0]["path"] == "row 2, when"
    assert [row["who"] for row in house.taken] == ["1", "2", "3"]
    assert len(await house.database.read(list_dead_letters)) == 1
    assert not await work(house), "nothing is left"


async def test_the_same_file_again_is_the_same_batch(house: Stored) -> None:
    first = await sent(house)
    await work(house)
    again = await sent(house)
    assert (again.created, again.batch.id, again.batch.status) == (False, first.batch.id, "done")
    assert not await work(house)


async def test_another_file_under_the_same_key_is_a_conflict_and_kept(house: Stored) -> None:
    await sent(house, key="monday")
    assert not (await sent(house, key="monday")).created
    with pytest.raises(Conflict):
        await sent(house, b"who,what\n9,event\n", key="monday")
    assert len(await house.database.read(list_dead_letters)) == 1


async def test_after_a_crash_another_worker_goes_on_at_the_first_row_not_kept(house: Stored) -> None:
    receipt = await sent(house)
    house.raises = [refuse(Unavailable, Code.UNAVAILABLE, "away")] * 1000
    crashed = asyncio.create_task(work(house))
    async with asyncio.timeout(5):
        while not house.taken:
            await asyncio.sleep(0.01)
    house.raises = []
    async with asyncio.timeout(5):
        while len((await report(house, receipt.batch))[1]) < 1:
            await asyncio.sleep(0.01)
    crashed.cancel()
    await asyncio.wait([crashed])
    house.taken.clear()
    await work(house, "gateway-2")
    found, rows = await report(house, receipt.batch)
    assert (found.status, [row.number for row in rows]) == ("done", [1, 2, 3])
    assert "1" not in [row["who"] for row in house.taken]
    assert len(await house.database.read(published)) == 2, "no row was published twice"


async def test_a_file_whose_worker_is_alive_is_left_to_it(house: Stored) -> None:
    receipt = await sent(house)
    claimed = await house.database.run(claim_batch, "gateway-1", 30.0)
    assert claimed is not None
    assert not await work(house, "gateway-2")
    assert (await report(house, receipt.batch))[0].status == "processing"


async def test_files_of_a_source_are_worked_one_after_the_other_and_those_of_others_beside(house: Stored) -> None:
    await house.database.run(register, OTHER)
    first = await sent(house, b"who,what\n1,event\n", received=NOON)
    by_a_gateway_that_is_behind = NOON - timedelta(hours=1)
    second = await sent(house, b"who,what\n2,event\n", received=by_a_gateway_that_is_behind)
    other = await sent(house, b"who,what\n3,event\n", source=OTHER)
    claimed = [await house.database.run(claim_batch, f"gateway/{n}", 30.0) for n in range(3)]
    assert [each and each.id for each in claimed] == [first.batch.id, other.batch.id, None]
    await house.database.run(finish_batch, first.batch.id, 1, NOON)
    claimed = [await house.database.run(claim_batch, f"another/{n}", 30.0) for n in range(2)]
    assert [each and each.id for each in claimed] == [second.batch.id, None]


async def test_of_large_files_one_is_held_at_a_time(house: Stored) -> None:
    await house.database.run(register, OTHER)
    large = await sent(house, b"who,what\n" + b"".join(b"%d,event\n" % n for n in range(3000)))
    small = await sent(house, b"who,what\n3,event\n", source=OTHER)
    found = await house.database.run(partial(claim_batch, largest=1000), "gateway/1", 30.0)
    assert found is not None
    assert found.id == small.batch.id
    assert await house.database.run(partial(claim_batch, largest=1000), "gateway/2", 30.0) is None
    found = await house.database.run(claim_batch, "gateway/0", 30.0)
    assert found is not None
    assert found.id == large.batch.id
    assert found.body().count(b"event") == 3000


async def test_a_gateway_begins_no_second_large_file_while_it_has_one(
    house: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_work, "SMALL_BYTES", 100)
    await house.database.run(register, OTHER)
    files = [await sent(house, many(100)), await sent(house, many(100), source=OTHER)]
    house.raises = [refuse(Unavailable, Code.UNAVAILABLE, "its pack is broken")] * 1000
    running = asyncio.create_task(BatchWork(house.hub, house.reception, house.metrics, "gateway").run())
    async with asyncio.timeout(5):
        while len(house.taken) < 2:
            await asyncio.sleep(0.01)
    owners = await house.database.read(lambda c: {row.id: row.owner for row in c.execute(select(batch))})
    running.cancel()
    await asyncio.wait([running])
    assert owners == {files[0].batch.id: "gateway/0", files[1].batch.id: None}


async def test_rows_share_commits(house: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = watch_commits(monkeypatch)
    await sent(house, many(400))
    await work(house)
    assert sum(sizes) == 400
    assert len(sizes) < 100


async def test_rows_keep_their_order_though_commits_fail_between_them(
    house: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = watch_commits(monkeypatch, fails=lambda number: number % 10 == 0)
    monkeypatch.setattr(group_module, "GROUP_ROWS", 4)  # so that others wait while one fails
    receipt = await sent(house, many(200))
    await work(house)
    found, rows = await report(house, receipt.batch)
    assert (found.status, found.accepted) == ("done", 200)
    assert len(sizes) > 11, "no commit failed"
    assert [row.message for row in await house.database.read(published)] == [row.message for row in rows]


async def test_a_row_finds_the_parent_that_is_on_its_way_before_it(house: Stored) -> None:
    family = b"".join(b"%d,parent,p\n%d,child,c\n" % (n, n) for n in range(30))
    receipt = await sent(house, b"who,what,n\n" + family)
    await work(house)
    found, _ = await report(house, receipt.batch)
    assert (found.accepted, found.waiting) == (60, 0)


async def test_children_on_their_way_without_a_parent_stay_in_order_before_one_that_comes_behind_it(
    house: Stored,
) -> None:
    receipt = await sent(house, b"who,what,n\n1,child,a\n1,parent,b\n1,child,c\n")
    await work(house)
    assert (await report(house, receipt.batch))[0].waiting == 2, "the second waits behind the first"
    while await WaitingRoom(house.hub, house.reception).release():
        pass
    assert [row["n"] for row in house.taken] == ["a", "b", "c", "a", "c"]


async def test_a_file_that_cannot_go_on_gives_way_to_one_of_another_source(
    house: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_work, "PATIENCE_SECONDS", 0.0)
    await house.database.run(register, OTHER)
    stuck = await sent(house, b"who,what\n1,event\n")
    house.raises = [refuse(Unavailable, Code.UNAVAILABLE, "its pack is broken")] * 1000
    working = asyncio.create_task(work(house))
    async with asyncio.timeout(10):
        while len(house.taken) < 3:
            await asyncio.sleep(0.01)
        assert not working.done(), "nobody else waits"
        other = await sent(house, b"who,what\n3,event\n", source=OTHER)
        assert await working
    house.raises = []
    assert await work(house)
    assert not await work(house), "it waits for its turn"
    assert (await report(house, other.batch))[0].status == "done"
    waits, _ = await report(house, stuck.batch)
    assert waits.stopped
    assert (waits.status, waits.stopped.code) == ("processing", "unavailable")
    assert await house.database.read(stopped_files) == [(PAS.id, waits.stopped)]
    await house.database.run(end_leases)
    assert await work(house)
    assert (await report(house, stuck.batch))[0].stopped is None


async def test_a_worker_that_had_to_let_go_of_its_file_has_it_again_at_once(house: Stored) -> None:
    receipt = await sent(house)
    assert await house.database.run(claim_batch, "gateway-1", 30.0), "and then the database was away for a moment"
    assert not await work(house, "gateway-2")
    assert await work(house, "gateway-1")
    assert (await report(house, receipt.batch))[0].status == "done"


async def test_a_file_that_breaks_its_worker_gives_way_too(house: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.database.run(register, OTHER)
    breaks = await sent(house)
    with monkeypatch.context() as patched:
        patched.setattr(batch_work.formats, "split", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await work(house)
    other = await sent(house, b"who,what\n3,event\n", source=OTHER)
    assert await work(house)
    assert not await work(house)
    assert [(await report(house, each.batch))[0].status for each in (breaks, other)] == ["processing", "done"]
    ((source, stopped),) = await house.database.read(stopped_files)
    assert (source, stopped.code) == (PAS.id, "internal-error")
    assert file_faults([(source, stopped)], stopped.since + timedelta(seconds=60)) == []
    assert f"a file of {PAS.id}" in file_faults([(source, stopped)], stopped.since + timedelta(seconds=61))[0]


async def test_a_worker_ends_when_it_must_whatever_comes_in_between(
    house: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    await sent(house)
    house.raises = [refuse(Unavailable, Code.UNAVAILABLE, "away")] * 1000
    running = asyncio.create_task(BatchWork(house.hub, house.reception, house.metrics, "gateway").run())
    async with asyncio.timeout(5):
        while not house.taken:
            await asyncio.sleep(0.01)
    monkeypatch.setattr(batch_work, "release_lease", broken)
    running.cancel()
    await asyncio.wait([running], timeout=5)
    assert running.cancelled()


async def test_on_sqlite_nobody_waits_for_the_lease_of_a_killed_process(house: Stored) -> None:
    receipt = await sent(house)
    assert await house.database.run(claim_batch, "killed/0", 30.0)
    running = asyncio.create_task(BatchWork(house.hub, house.reception, house.metrics, "gateway").run())
    async with asyncio.timeout(5):
        while (await report(house, receipt.batch))[0].status != "done":
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait([running])


async def test_a_row_that_cannot_be_read_is_reported_with_its_reason(house: Stored) -> None:
    receipt = await sent(house, b"who,what\n1,event,too many\n2,event\n")
    await work(house)
    _, rows = await report(house, receipt.batch)
    assert [row.status for row in rows] == ["refused", "accepted"]
    assert rows[0].issues[0]["text"] == "the row has 3 values, the header 2 columns"


async def test_no_row_is_lost_for_a_reason_that_no_sender_would_keep(house: Stored) -> None:
    receipt = await sent(house, b"who,what\n1,event\n2,event\n")
    house.raises = [refuse(TooLarge, Code.TOO_LARGE, "too large"), KeyError("1")]
    await work(house)
    found, rows = await report(house, receipt.batch)
    assert (found.status, found.refused) == ("done", 2)
    assert [row.issues[0]["code"] for row in rows] == ["too-large", "internal-error"]
    assert rows[0].issues[0]["path"] == "row 1"


async def test_rows_wait_while_the_store_is_away(house: Stored) -> None:
    receipt = await sent(house, b"who,what\n1,event\n")
    house.raises = [refuse(Unavailable, Code.UNAVAILABLE, "away")]
    await work(house)
    assert (await report(house, receipt.batch))[0].accepted == 1


async def test_a_file_of_a_format_the_source_may_not_send_is_refused_at_the_door(house: Stored) -> None:
    house.shelf.refusal = refuse_format()
    with pytest.raises(Forbidden):
        await sent(house)


class TestWaitingRoom:
    async def test_children_are_released_in_order_when_their_parent_has_come(self, house: Stored) -> None:
        receipt = await sent(house, b"who,what,n\n1,child,a\n1,child,b\n1,parent,c\n")
        await work(house)
        assert (await report(house, receipt.batch))[0].waiting == 2
        house.taken.clear()
        assert await WaitingRoom(house.hub, house.reception).release() >= 1
        while await WaitingRoom(house.hub, house.reception).release():
            pass
        found, _ = await report(house, receipt.batch)
        assert (found.accepted, found.waiting) == (3, 0)
        assert [row["n"] for row in house.taken] == ["a", "b"]
        assert len(await house.database.read(published)) == 3

    async def test_a_child_that_turns_out_bad_becomes_a_dead_letter_and_waits_no_more(self, house: Stored) -> None:
        receipt = await sent(house, b"who,what,n\n1,child,a\n1,parent,b\n")
        await work(house)
        house.raises = [refuse(Forbidden, Code.FORBIDDEN, "its pack was taken away")]
        room = WaitingRoom(house.hub, house.reception)
        await room.release()
        assert await room.release() == 0
        found, _ = await report(house, receipt.batch)
        assert (found.waiting, found.refused) == (0, 1)
