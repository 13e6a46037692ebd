"""Dead letters taken in again: under their own id, in their old place, once, and closed by what they became."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from contract.errors import Code
from gateway.delivery import Row, Status
from gateway.store.database import Database
from gateway.store.deadletters import told_letter
from gateway.store.group import Keeper
from gateway.store.keeping import Keeping, NamedBy
from gateway.store.models import batch_row, dead_letter, message, waiting
from gateway.store.states import releasable
from mappings.stages import ParentState, ResourceState
from tests.gateway.store.making import (
    KEYS,
    NOON,
    PAS,
    draft,
    keeping,
    later,
    person,
    published,
    refused,
    register,
    waits,
)
from tests.gateway.store.test_keep import add_batch

ANN = person("1")


@pytest.fixture
async def keeper(database: Database) -> AsyncIterator[Keeper]:
    """Whose clock stands when the messages of these tests come in."""
    found = Keeper(database, KEYS, clock=lambda _: NOON)
    await found.start()
    yield found
    await found.close()


@pytest.fixture(autouse=True)
async def _registered(database: Database) -> None:
    await database.run(register, PAS)


def letters(connection: Connection) -> dict[str, tuple[str, str, int]]:
    """By id: code, status, and how often it was received."""
    rows = connection.execute(select(dead_letter).order_by(dead_letter.c.first_received, dead_letter.c.id))
    return {row.id: (row.code, row.status, row.count) for row in rows}


async def told(database: Database, letter: str) -> dict[str, Any]:
    found = await database.read(told_letter, letter)
    assert found is not None
    return found


def again(letter: str, id_: str, content: str | None = None, **more: Any) -> Keeping:
    return keeping(draft(ANN), id_=id_, content=content, retries=letter, **more)


async def test_a_letter_becomes_a_message_under_its_id_and_is_closed_on_record(
    keeper: Keeper, database: Database
) -> None:
    letter = (await keeper.keep(keeping(refused(), id_="A"))).id
    kept = await keeper.keep(again(letter, "A"))
    assert kept.status is Status.ACCEPTED
    found = await told(database, letter)
    assert (found["status"], found["message"]) == ("closed", kept.id)
    assert [(h["actor"], h["action"], h["outcome"], h["message"]) for h in found["history"]] == [
        ("ann", "dead-letter-retried", "accepted", kept.id)
    ]
    resent = await keeper.keep(keeping(draft(ANN), id_="A"))
    assert (resent.status, resent.id, resent.events) == (Status.REPLAYED, kept.id, kept.events)


async def test_a_letter_that_is_retried_twice_is_published_once(keeper: Keeper, database: Database) -> None:
    letter = (await keeper.keep(keeping(refused(), id_="A"))).id
    first, second = await asyncio.gather(keeper.keep(again(letter, "A")), keeper.keep(again(letter, "A")))
    third = await keeper.keep(again(letter, "A"))
    assert first.status is Status.ACCEPTED
    assert [(kept.id, kept.status, kept.events) for kept in (second, third)] == [(letter, Status.REPLAYED, ())] * 2
    assert len(await database.read(published)) == 1
    assert len((await told(database, letter))["history"]) == 1


async def test_a_letter_that_is_still_refused_stays_open_with_todays_reason(keeper: Keeper, database: Database) -> None:
    letter = (await keeper.keep(keeping(refused(), id_="A"))).id
    before = (await told(database, letter))["group"]
    kept = await keeper.keep(keeping(refused(Code.INVALID_DATE), id_="A", retries=letter))
    assert (kept.id, kept.refused) == (letter, True)
    assert await database.read(letters) == {letter: ("invalid-date", "open", 1)}
    found = await told(database, letter)
    assert found["group"] != before
    assert [h["outcome"] for h in found["history"]] == ["refused"]


@pytest.mark.parametrize(("named_by", "sent"), [(NamedBy.REQUEST, "other content"), (NamedBy.KEY, "content")])
async def test_a_letter_keeps_the_name_that_only_its_sender_knows(keeper: Keeper, named_by: NamedBy, sent: str) -> None:
    """The request id or Idempotency-Key is not kept; what the sender sends again under it is a repeat all the same."""
    of_id = b"c" * 32 if named_by is NamedBy.REQUEST else None
    letter = (await keeper.keep(keeping(refused(), id_="R", content="content", named_by=named_by, comparable=of_id))).id
    retried = again(letter, "sha256:content", "content", named_by=NamedBy.CONTENT, remember=3600)
    kept = await keeper.keep(retried)
    resent = keeping(draft(ANN), id_="R", content=sent, named_by=named_by, comparable=of_id, received=later(days=1))
    assert (await keeper.keep(resent)).id == kept.id


async def test_an_id_is_remembered_from_the_retry_on(database: Database) -> None:
    found = Keeper(database, KEYS, clock=lambda _: later(days=30))
    await found.start()
    letter = (await found.keep(keeping(refused(), id_="A"))).id
    kept = await found.keep(again(letter, "A"))
    resent = await found.keep(keeping(draft(ANN), id_="A", received=later(days=31)))
    await found.close()
    assert resent.id == kept.id


async def test_what_comes_after_a_later_event_of_its_person_is_late(keeper: Keeper, database: Database) -> None:
    first, second = [(await keeper.keep(keeping(refused(), id_=id_))).id for id_ in "AB"]
    await keeper.keep(keeping(draft(ANN, "patient-moved-1"), id_="C"))
    third = (await keeper.keep(keeping(refused(), id_="D"))).id
    for letter, id_ in ((first, "A"), (second, "B"), (third, "D")):
        await keeper.keep(again(letter, id_))
    await keeper.keep(keeping(draft(ANN, "patient-discharged-1"), id_="E"))
    rows = await database.read(published)
    assert [row.late for row in rows] == [False, True, True, False, False]
    assert [row.sequence for row in rows] == sorted(row.sequence for row in rows)


async def test_letters_of_one_person_retried_in_their_order_are_not_late_for_each_other(
    keeper: Keeper, database: Database
) -> None:
    kept = [(await keeper.keep(keeping(refused(), id_=id_))).id for id_ in "ABC"]
    await keeper.keep(again(kept[1], "B"))
    await keeper.keep(again(kept[2], "C"))
    await keeper.keep(again(kept[0], "A"))
    assert [row.late for row in await database.read(published)] == [False, False, True]


async def test_an_id_that_stands_for_other_content_by_now_is_a_conflict(keeper: Keeper, database: Database) -> None:
    letter = (await keeper.keep(keeping(refused(), id_="hash of the bytes", content="one"))).id
    await keeper.keep(keeping(draft(ANN), id_="A", content="two"))
    kept = await keeper.keep(again(letter, "A", "one"))
    assert (kept.conflict, kept.id) == (True, letter)
    assert await database.read(letters) == {letter: ("message-id-conflict", "open", 1)}
    assert len(await database.read(published)) == 1


async def test_a_message_that_was_accepted_before_closes_its_letter(keeper: Keeper, database: Database) -> None:
    letter = (await keeper.keep(keeping(refused(), id_="hash of the bytes", content="one"))).id
    sent = await keeper.keep(keeping(draft(ANN), id_="A", content="one"))
    kept = await keeper.keep(again(letter, "A", "one"))
    assert (kept.status, kept.id) == (Status.REPLAYED, sent.id)
    assert (await told(database, letter))["status"] == "closed"
    assert len(await database.read(published)) == 1


async def test_a_retry_closes_older_letters_of_its_id_and_no_newer_one(keeper: Keeper, database: Database) -> None:
    ids = [
        (await keeper.keep(keeping(refused(), id_="A", content=content, received=later(hours=n)))).id
        for n, content in enumerate(("one", "two", "three"))
    ]
    await keeper.keep(again(ids[1], "A", "two", received=later(hours=1)))
    assert [status for _, status, _ in (await database.read(letters)).values()] == ["closed", "closed", "open"]


async def test_a_row_of_a_file_is_reported_as_what_it_became(keeper: Keeper, database: Database) -> None:
    await database.run(add_batch)
    place = Row("batch-1", 2)
    letter = (await keeper.keep(keeping(refused(), id_="A", row=place))).id
    kept = await keeper.keep(again(letter, "A", row=place))
    [row] = await database.read(lambda c: c.execute(select(batch_row)).fetchall())
    assert (row.number, row.status, row.message, row.issues) == (2, "accepted", kept.id, None)
    assert await database.read(lambda c: c.execute(select(message.c.batch, message.c.row)).one()) == ("batch-1", 2)


async def test_a_letter_that_waits_stands_before_those_that_came_after_it(keeper: Keeper, database: Database) -> None:
    letter = (await keeper.keep(keeping(refused(), id_="A"))).id
    younger = await keeper.keep(keeping(waits("r1"), id_="B"))
    kept = await keeper.keep(keeping(waits("r1"), id_="A", retries=letter))
    assert kept.status is Status.WAITING
    assert (await told(database, letter))["status"] == "closed"
    state = ResourceState("EpisodeOfCare", "r1", b"h" * 32, ParentState({"id": "p"}, {}))
    await keeper.keep(keeping(draft(ANN, states=(state,))))
    assert [found.id for found in await database.read(releasable, 10)] == [kept.id, younger.id]


async def test_one_that_waited_under_a_name_of_its_sender_and_is_refused_gives_that_name_back(
    keeper: Keeper, database: Database
) -> None:
    child = await keeper.keep(keeping(waits("r1"), id_="key", content="child", named_by=NamedBy.KEY))
    await keeper.keep(
        keeping(refused(), id_="hash", content="child", named_by=NamedBy.CONTENT, resumes=child.id, remember=3600)
    )
    assert await database.read(lambda c: c.execute(select(waiting)).fetchall()) == []
    corrected = await keeper.keep(keeping(draft(ANN), id_="key", content="corrected", named_by=NamedBy.KEY))
    assert corrected.status is Status.ACCEPTED
    assert [status for _, status, _ in (await database.read(letters)).values()] == ["closed"]


async def test_a_letter_of_an_earlier_version_without_a_place_counts_as_older_than_all(
    keeper: Keeper, database: Database
) -> None:
    letter = (await keeper.keep(keeping(refused(), id_="A"))).id
    await database.run(lambda c: c.execute(update(dead_letter).values(number=None, named_by="", fingerprint="")))
    await keeper.keep(keeping(draft(ANN), id_="B"))
    await keeper.keep(again(letter, "A"))
    assert [row.late for row in await database.read(published)] == [False, True]
