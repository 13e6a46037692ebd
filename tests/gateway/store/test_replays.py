"""Which events a replay brings once more, and with what left out today."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from contract.links import PERSON_LINKED
from gateway.relay.outbox import Outgoing
from gateway.relay.replays import next_window
from gateway.store.database import Database
from gateway.store.group import Keeper
from gateway.store.models import outbox, person
from gateway.store.persons import roots_of
from gateway.store.replays import (
    Replay,
    Status,
    Wanted,
    all_replays,
    claim_replays,
    note_progress,
    replay_by_name,
    start_replay,
    turn,
)
from mappings.restriction.rules import Scope, rules
from mappings.stages import FlagChange
from tests.gateway.store.making import ADDRESS, ANN, BEA, GP, NOON, PAS, draft, keeping, later, local_key, register
from tests.gateway.store.making import person as somebody

HIDE = FlagChange("location-hiding", on=True)
ROUTING = FlagChange(next(r.name for r in rules().values() if r.scope is Scope.PERSON and r.routes), on=True)


async def publish_all(database: Database) -> None:
    """As a relay would have."""
    await database.run(lambda c: c.execute(update(outbox).values(published=NOON, partition=0, offset=outbox.c.id)))


async def begun(database: Database, wanted: Wanted, *, restricted: bool = False) -> Replay:
    await publish_all(database)
    found = await database.run(start_replay, "again", wanted, restricted=restricted, rate=200, reason="", actor="ann")
    assert found is not None
    return found


async def records(database: Database, found: Replay, rows: int = 500) -> list[Outgoing]:
    """All windows to the end, each of which must get on."""
    gone_through, position = [], found.position
    while position < found.last:
        window = await database.read(next_window, replace(found, position=position), rows)
        assert window.position > position
        assert len(window.records) <= rows
        position = window.position
        gone_through += window.records
    return gone_through


def told(found: list[Outgoing]) -> list[tuple[str, str]]:
    return [(each.envelope.type, each.envelope.source.rpartition(":")[2]) for each in found]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(source="gp-system"), [("referral-received-1", "gp-system")]),
        (Wanted(type="patient-admitted-1"), [("patient-admitted-1", "dch-pas")] * 3),
        (Wanted(since=later(minutes=1)), [("patient-admitted-1", "dch-pas"), ("referral-received-1", "gp-system")]),
        (Wanted(until=later(minutes=1)), [("patient-admitted-1", "dch-pas")] * 2),
        (Wanted(since=later(minutes=1), until=later(minutes=2)), [("patient-admitted-1", "dch-pas")]),
        (Wanted(person_key=local_key("1")), [("patient-admitted-1", "dch-pas")] * 2),
        (Wanted(topic="care.qvv.primary-care.v1"), [("referral-received-1", "gp-system")]),
        (Wanted(topic="care.nowhere.acute.v1"), []),
    ],
    ids=lambda value: "-".join(value.as_document()) if isinstance(value, Wanted) else "",
)
async def test_it_brings_what_is_wanted_in_the_old_order(
    keeper: Keeper, database: Database, wanted: Wanted, expected: list[tuple[str, str]]
) -> None:
    await keeper.keep(keeping(draft(somebody("1")), received=NOON))
    await keeper.keep(keeping(draft(somebody("2")), received=NOON))
    await keeper.keep(keeping(draft(somebody("1")), received=later(minutes=1)))
    await keeper.keep(keeping(draft(somebody("7"), "referral-received-1"), source=GP, received=later(minutes=2)))
    found = await records(database, await begun(database, wanted))
    assert told(found) == expected
    sequences = [each.envelope.sequence for each in found]
    assert sequences == sorted(sequences)
    assert told(await records(database, await _named(database), rows=1)) == expected, "also one by one"


async def test_a_person_key_stands_for_the_events_of_all_keys_of_the_person(keeper: Keeper, database: Database) -> None:
    await keeper.keep(keeping(draft(somebody("1"))))
    await keeper.keep(keeping(draft(somebody("1", ANN))))
    await keeper.keep(keeping(draft(somebody("2"))))
    found = await records(database, await begun(database, Wanted(person_key=local_key("1"))))
    national = next(each.key for each in found if each.key != local_key("1"))
    assert [each.envelope.type for each in found].count("patient-admitted-1") == 2
    again = replace(await _named(database), wanted=Wanted(person_key=national))
    assert [each.envelope.id for each in await records(database, again)] == [each.envelope.id for each in found]


async def test_a_record_is_the_old_one_but_for_its_topic_and_its_mark(keeper: Keeper, database: Database) -> None:
    kept = await keeper.keep(keeping(draft(somebody("1"))))
    found = await begun(database, Wanted(source="dch-pas"))
    (record,) = await records(database, found)
    assert record.topic == "care.replay.again"
    assert record.envelope.replay == found.id
    assert record.envelope.id == kept.events[0].id
    assert record.key == record.envelope.subject == local_key("1")
    assert record.envelope.place == "qvv"
    assert ADDRESS.encode() in record.body


async def test_what_a_flag_withholds_today_is_left_out(keeper: Keeper, database: Database) -> None:
    await keeper.keep(keeping(draft(somebody("1", ANN))))
    await keeper.keep(keeping(draft(somebody("2", BEA))))
    await publish_all(database)
    await keeper.keep(keeping(draft(somebody("1", ANN), flags=(HIDE,))))
    found = await records(database, await begun(database, Wanted(source="dch-pas")))
    assert [ADDRESS.encode() in each.body for each in found] == [False, True, False]


async def test_a_flag_set_by_another_source_holds_for_the_events_of_all_keys_of_the_person(
    keeper: Keeper, database: Database
) -> None:
    await keeper.keep(keeping(draft(somebody("1"))))
    await keeper.keep(keeping(draft(somebody("1", ANN))))
    await publish_all(database)
    await keeper.keep(keeping(draft(somebody("7", ANN), flags=(HIDE,)), source=GP))
    found = await records(database, await begun(database, Wanted(source="dch-pas", type="patient-admitted-1")))
    assert len({each.key for each in found}) == 2
    assert not any(ADDRESS.encode() in each.body for each in found)


async def test_who_is_to_be_held_apart_today_is_not_in_it_and_counted(keeper: Keeper, database: Database) -> None:
    await keeper.keep(keeping(draft(somebody("1", ANN))))
    await keeper.keep(keeping(draft(somebody("2", BEA))))
    await publish_all(database)
    await keeper.keep(keeping(draft(somebody("1", ANN), flags=(ROUTING,))))
    found = await begun(database, Wanted(type="patient-admitted-1"))
    window = await database.read(next_window, found, 500)
    assert len(window.records) == 1
    assert window.withheld == 1  # the third was restricted when it was kept: it was never in an ordinary topic
    apart = await database.read(next_window, replace(found, restricted=True), 500)
    assert len(apart.records) == 2


async def test_links_are_in_both_kinds(keeper: Keeper, database: Database) -> None:
    await keeper.keep(keeping(draft(somebody("1"))))
    await keeper.keep(keeping(draft(somebody("1", ANN), restricted=True)))
    found = await begun(database, Wanted(source="dch-pas"))
    for restricted in (False, True):
        window = await database.read(next_window, replace(found, restricted=restricted), 500)
        assert [each.envelope.type for each in window.records].count(PERSON_LINKED) == 2


async def test_an_event_of_several_topics_comes_once(keeper: Keeper, database: Database) -> None:
    await keeper.keep(keeping(draft(somebody("1"))))

    def also(connection: Any) -> None:
        row = dict(connection.execute(outbox.select()).one()._mapping)
        connection.execute(outbox.insert().values(row | {"id": row["id"] + 1, "topic": "care.far.acute.v1"}))

    await database.run(also)
    (own,) = await records(database, await begun(database, Wanted(source="dch-pas")))
    assert own.envelope.place == "qvv"


async def test_what_was_never_published_is_not_in_it(keeper: Keeper, database: Database) -> None:
    await keeper.keep(keeping(draft(somebody("1"))))
    found = await begun(database, Wanted(source="dch-pas"))
    await database.run(lambda c: c.execute(update(outbox).values(published=None)))
    assert await records(database, found) == []


async def test_a_window_holds_no_more_bytes_than_it_may_but_one_record(keeper: Keeper, database: Database) -> None:
    for number in range(3):
        await keeper.keep(keeping(draft(somebody(str(number)))))
    found = await begun(database, Wanted(source="dch-pas"))
    window = await database.read(next_window, found, 500, 1)
    assert len(window.records) == 1
    rest = await database.read(next_window, replace(found, position=window.position), 500)
    assert len(rest.records) == 2


async def test_it_begins_near_the_time_that_is_wanted(keeper: Keeper, database: Database) -> None:
    for _ in range(40):
        await keeper.keep(keeping(draft(somebody("1"))))

    def aged(connection: Any) -> None:
        for number, id_ in enumerate(list(connection.execute(outbox.select().order_by(outbox.c.id)).scalars())):
            moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)
            connection.execute(update(outbox).where(outbox.c.id == id_).values(created=moment))

    await database.run(aged)
    found = await begun(database, Wanted(since=datetime(2026, 1, 2, tzinfo=UTC)))
    assert found.last - found.first == 15  # rows of the 24th hour and later


async def test_a_name_is_taken_until_it_is_dropped(keeper: Keeper, database: Database) -> None:
    await keeper.keep(keeping(draft(somebody("1"))))
    found = await begun(database, Wanted(source="dch-pas"))
    again = await database.run(
        start_replay, "again", Wanted(source="x"), restricted=False, rate=1, reason="", actor="ann"
    )
    assert again is None
    await database.run(turn, found, Status.DROPPED, "ann", "replay-dropped")
    assert (await begun(database, Wanted(source="dch-pas"))).id != found.id
    assert [each.status for each in await database.read(all_replays, dropped=True)] == ["running", "dropped"]


async def test_one_relay_at_a_time_is_at_a_replay_and_only_it_notes_how_far(keeper: Keeper, database: Database) -> None:
    await keeper.keep(keeping(draft(somebody("1"))))
    found = await begun(database, Wanted(source="dch-pas"))
    assert await database.run(claim_replays, "relay-a", 4) == [found.id]
    assert await database.run(claim_replays, "relay-b", 4) == []
    assert not await database.run(note_progress, found, "relay-b", found.last, 1, 0)
    assert (await _named(database)).position == found.position
    assert not await database.run(note_progress, found, "relay-a", found.last, 1, 0), "it is at its end"
    assert (await _named(database)).status is Status.DONE


async def test_flags_are_looked_up_for_the_person_who_stands_for_a_key_today(database: Database) -> None:
    await database.run(register, PAS)
    await database.run(
        lambda c: c.execute(
            person.insert(),
            [
                {"key": "a", "national": False, "merged_into": "b", "flagged": False, "created": NOON},
                {"key": "b", "national": False, "merged_into": "c", "flagged": False, "created": NOON},
                {"key": "c", "national": True, "merged_into": None, "flagged": True, "created": NOON},
            ],
        )
    )
    assert await database.read(roots_of, {"a", "b", "nobody"}) == {"a": "c", "b": "c", "nobody": "nobody"}


async def _named(database: Database) -> Replay:
    found = await database.read(replay_by_name, "again")
    assert found is not None
    return found
