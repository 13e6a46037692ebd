"""Rows that hang on others: what is remembered of parents, who waits, and in which order they are released."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from gateway.delivery import Status
from gateway.store.database import Database
from gateway.store.group import Keeper
from gateway.store.keeping import Keeping, Waits
from gateway.store.models import dead_letter, message, waiting
from gateway.store.states import load_parents, releasable
from mappings.stages import ParentRef, ParentState, ResourceState
from tests.gateway.store.making import NOON, PAS, draft, keeping, later, person, published, refused, register, waits

ANN_STATE = ParentState({"resourceType": "Patient", "id": "p"}, {"referral": "EpisodeOfCare/e"})


def resource(id_: str, content: bytes = b"one", *, snapshot: bool = False) -> ResourceState:
    return ResourceState("EpisodeOfCare", id_, content.ljust(32), ANN_STATE, snapshot)


def parent(id_: str) -> Keeping:
    return keeping(draft(person("1"), "referral-received-1", states=(resource(id_),)))


@pytest.fixture(autouse=True)
async def _registered(database: Database) -> None:
    await database.run(register, PAS)


async def released(database: Database) -> list[str]:
    return [found.id for found in await database.read(releasable, 10)]


async def known(database: Database, *ids: str, resumes: str | None = None) -> dict[str, ParentState]:
    return await database.read(load_parents, "dch-pas", ids, resumes)


def count(connection: Connection, table: Any) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


async def test_what_a_parent_told_is_known_once_it_is_kept(keeper: Keeper, database: Database) -> None:
    assert await known(database, "r1") == {}
    await keeper.keep(parent("r1"))
    assert await known(database, "r1", "r2") == {"r1": ANN_STATE}


async def test_a_message_waits_publishes_nothing_and_is_released_when_its_parent_has_come(
    keeper: Keeper, database: Database
) -> None:
    child = await keeper.keep(keeping(waits("r1"), id_="child"))
    assert child.status is Status.WAITING
    again = await keeper.keep(keeping(waits("r1"), id_="child"))
    assert (again.status, again.id) == (Status.REPLAYED, child.id)
    assert await released(database) == []
    await keeper.keep(parent("r1"))
    [found] = await database.read(releasable, 10)
    assert (found.id, found.source, found.body, found.received) == (child.id, "dch-pas", b"child", NOON)
    resumed = await keeper.keep(keeping(draft(person("1"), "ward-stay-1"), id_="child", resumes=child.id))
    assert (resumed.id, resumed.status, [e.type for e in resumed.events]) == (
        child.id,
        Status.ACCEPTED,
        ["ward-stay-1"],
    )
    assert await released(database) == []
    rows = await database.read(published)
    assert [(row.type, row.late) for row in rows] == [("referral-received-1", False), ("ward-stay-1", True)]


async def test_two_that_take_the_same_message_up_publish_it_once(keeper: Keeper, database: Database) -> None:
    child = await keeper.keep(keeping(waits("r1"), id_="child"))
    await keeper.keep(parent("r1"))
    resumes = [keeping(draft(person("1")), id_="child", resumes=child.id) for _ in range(2)]
    first, second = [await keeper.keep(each) for each in resumes]
    assert (first.status, second.status) == (Status.ACCEPTED, Status.REPLAYED)
    assert second.events == first.events


async def test_a_younger_row_does_not_overtake_one_that_still_waits_for_the_same_parent(
    keeper: Keeper, database: Database
) -> None:
    both = Waits((ParentRef("EpisodeOfCare", "r1", "a"), ParentRef("EpisodeOfCare", "r2", "b")))
    older = await keeper.keep(keeping(both))
    await keeper.keep(parent("r1"))
    assert await known(database, "r1") == {}
    younger = await keeper.keep(keeping(waits("r1")))
    assert await released(database) == []
    await keeper.keep(parent("r2"))
    assert await released(database) == [older.id, younger.id]
    assert set(await known(database, "r1", "r2", resumes=older.id)) == {"r1", "r2"}
    assert await known(database, "r1", resumes=younger.id) == {}
    await keeper.keep(keeping(draft(person("1")), resumes=older.id))
    assert set(await known(database, "r1", resumes=younger.id)) == {"r1"}


async def test_one_that_waits_again_keeps_its_place(keeper: Keeper, database: Database) -> None:
    first = await keeper.keep(keeping(waits("r1")))
    second = await keeper.keep(keeping(waits("r2")))
    await keeper.keep(keeping(waits("r2"), resumes=first.id))
    await keeper.keep(parent("r2"))
    assert await released(database) == [first.id, second.id]


async def test_a_waiting_message_that_is_refused_in_the_end_becomes_a_dead_letter_and_frees_its_id(
    keeper: Keeper, database: Database
) -> None:
    child = await keeper.keep(keeping(waits("r1"), id_="child"))
    gone = await keeper.keep(keeping(refused(), id_="child", resumes=child.id))
    assert (gone.refused, gone.id) == (True, child.id), "whoever asks after it by its id finds the letter"
    assert [await database.read(count, table) for table in (message, waiting, dead_letter)] == [0, 0, 1]
    assert (await keeper.keep(keeping(draft(person("1")), id_="child"))).status is Status.ACCEPTED


async def test_what_is_released_first_after_nothing_younger_is_not_late(keeper: Keeper, database: Database) -> None:
    await keeper.keep(keeping(draft(person("2"), states=(resource("r1"),))))
    child = await keeper.keep(keeping(waits("r9")))
    await keeper.keep(keeping(draft(person("2"), states=(resource("r9"),))))
    await keeper.keep(keeping(draft(person("3")), resumes=child.id))
    assert [row.late for row in await database.read(published)] == [False, False, False]


async def test_a_row_of_a_snapshot_that_says_nothing_new_publishes_nothing(keeper: Keeper, database: Database) -> None:
    def row(content: bytes) -> Keeping:
        return keeping(draft(person("1"), states=(resource("r1", content, snapshot=True),)))

    kept = [await keeper.keep(row(content)) for content in (b"one", b"one", b"two", b"one")]
    assert [len(each.events) for each in kept] == [1, 0, 1, 1]
    together = await asyncio.gather(*(keeper.keep(row(content)) for content in (b"six", b"six")))
    assert [len(each.events) for each in together] == [1, 0]
    assert len(await database.read(published)) == 4


async def test_the_last_word_on_a_resource_stays(keeper: Keeper, database: Database) -> None:
    newer = ParentState({"id": "q"}, {})
    changed = ResourceState("EpisodeOfCare", "r1", b"2" * 32, newer)
    await asyncio.gather(
        keeper.keep(parent("r1")), keeper.keep(keeping(draft(person("1"), states=(changed,)), received=later(hours=1)))
    )
    assert await known(database, "r1") == {"r1": newer}
