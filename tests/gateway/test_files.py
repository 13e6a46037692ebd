"""Files: durable first, then row by row, in order, whatever happens to worker or rows on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contract.errors import Code, Conflict, Forbidden, TooLarge, Unavailable, refuse
from gateway.batch_work import BatchWork
from gateway.delivery import Delivery
from gateway.door import SEND
from gateway.files import FileReceipt, Files, first_of_several
from gateway.source import Principal
from gateway.store.batches import Batch, RowReport, batch_by_id, batch_rows, claim_batch
from gateway.store.deadletters import list_dead_letters
from gateway.waiting_room import WaitingRoom
from tests.gateway.store.making import KEYS, PAS, published
from tests.gateway.stored import Stored, refuse_format, stored

CSV = b"who,what\n1,event\n2,bad\n3,event\n"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Stored]:
    async with stored(tmp_path) as found:
        yield found


def work(house: Stored, owner: str = "gateway-1") -> BatchWork:
    return BatchWork(house.hub, house.reception, house.metrics, owner)


async def sent(house: Stored, body: bytes = CSV, key: str | None = None) -> FileReceipt:
    first = await first_of_several(body, "text/csv")
    assert first is not None
    principal = Principal("source", PAS.id, frozenset({SEND}), PAS)
    delivery = Delivery(principal, body, "text/csv", datetime.now(UTC), idempotency_key=key)
    return await Files(house.hub, KEYS).take(delivery, first)


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
    assert await work(house).work_on_one()
    found, rows = await report(house, receipt.batch)
    assert (found.status, found.rows, found.accepted, found.refused) == ("done", 3, 2, 1)
    assert [row.status for row in rows] == ["accepted", "refused", "accepted"]
    assert rows[1].issues[0]["path"] == "row 2, when"
    assert [row["who"] for row in house.taken] == ["1", "2", "3"]
    assert len(await house.database.read(list_dead_letters)) == 1
    assert not await work(house).work_on_one(), "nothing is left"


async def test_the_same_file_again_is_the_same_batch(house: Stored) -> None:
    first = await sent(house)
    await work(house).work_on_one()
    again = await sent(house)
    assert (again.created, again.batch.id, again.batch.status) == (False, first.batch.id, "done")
    assert not await work(house).work_on_one()


async def test_another_file_under_the_same_key_is_a_conflict_and_kept(house: Stored) -> None:
    await sent(house, key="monday")
    assert not (await sent(house, key="monday")).created
    with pytest.raises(Conflict):
        await sent(house, b"who,what\n9,event\n", key="monday")
    assert len(await house.database.read(list_dead_letters)) == 1


async def test_after_a_crash_another_worker_goes_on_at_the_first_row_not_kept(house: Stored) -> None:
    receipt = await sent(house)
    house.raises = [refuse(Unavailable, Code.UNAVAILABLE, "away")] * 1000
    crashed = asyncio.create_task(work(house).work_on_one())
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
    await work(house, "gateway-2").work_on_one()
    found, rows = await report(house, receipt.batch)
    assert (found.status, [row.number for row in rows]) == ("done", [1, 2, 3])
    assert "1" not in [row["who"] for row in house.taken]
    assert len(await house.database.read(published)) == 2, "no row was published twice"


async def test_a_file_whose_worker_is_alive_is_left_to_it(house: Stored) -> None:
    receipt = await sent(house)
    claimed = await house.database.run(claim_batch, "gateway-1", 30.0)
    assert claimed is not None
    assert not await work(house, "gateway-2").work_on_one()
    assert (await report(house, receipt.batch))[0].status == "processing"


async def test_a_row_that_cannot_be_read_is_reported_with_its_reason(house: Stored) -> None:
    receipt = await sent(house, b"who,what\n1,event,too many\n2,event\n")
    await work(house).work_on_one()
    _, rows = await report(house, receipt.batch)
    assert [row.status for row in rows] == ["refused", "accepted"]
    assert rows[0].issues[0]["text"] == "the row has 3 values, the header 2 columns"


async def test_no_row_is_lost_for_a_reason_that_no_sender_would_keep(house: Stored) -> None:
    receipt = await sent(house, b"who,what\n1,event\n2,event\n")
    house.raises = [refuse(TooLarge, Code.TOO_LARGE, "too large"), KeyError("1")]
    await work(house).work_on_one()
    found, rows = await report(house, receipt.batch)
    assert (found.status, found.refused) == ("done", 2)
    assert [row.issues[0]["code"] for row in rows] == ["too-large", "internal-error"]
    assert rows[0].issues[0]["path"] == "row 1"


async def test_rows_wait_while_the_store_is_away(house: Stored) -> None:
    receipt = await sent(house, b"who,what\n1,event\n")
    house.raises = [refuse(Unavailable, Code.UNAVAILABLE, "away")]
    await work(house).work_on_one()
    assert (await report(house, receipt.batch))[0].accepted == 1


async def test_a_file_of_a_format_the_source_may_not_send_is_refused_at_the_door(house: Stored) -> None:
    house.shelf.refusal = refuse_format()
    with pytest.raises(Forbidden):
        await sent(house)


class TestWaitingRoom:
    async def test_children_are_released_in_order_when_their_parent_has_come(self, house: Stored) -> None:
        receipt = await sent(house, b"who,what,n\n1,child,a\n1,child,b\n1,parent,c\n")
        await work(house).work_on_one()
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
        await work(house).work_on_one()
        house.raises = [refuse(Forbidden, Code.FORBIDDEN, "its pack was taken away")]
        room = WaitingRoom(house.hub, house.reception)
        await room.release()
        assert await room.release() == 0
        found, _ = await report(house, receipt.batch)
        assert (found.waiting, found.refused) == (0, 1)
