import asyncio
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, delete, func, select

from consumers.apps.timeline import app
from consumers.apps.timeline.queries import Entry, Standing, applied_at, timeline
from consumers.database import Database
from consumers.event import Event
from consumers.faults import PermanentFault
from consumers.models import inbox, timeline_alias
from consumers.models import timeline as table
from consumers.runtime.inbox import apply_events
from tests.consumers.events import NOON, bundle, encounter, envelope, event, keys_bundle

LOCAL, NHS, OTHER = "p1-local", "p1-nhs", "p1-other"


def admission(subject: str, identity: str = "enc-1", status: str = "in-progress", hours: int = 0) -> Event:
    sent = envelope(subject, time=NOON + timedelta(hours=hours))
    return event(sent, bundle(encounter(identity, status), focus=f"Encounter/{identity}"))


def link(old: str, new: str, subject: str, type_: str = "person-linked-1") -> Event:
    return event(envelope(subject, type_), keys_bundle(old, new))


async def apply(database: Database, *events: Event) -> None:
    for each in events:
        await database.run(apply_events, app, [each])


async def of(database: Database, key: str) -> list[Entry]:
    return await database.run(timeline, key)


def ids(entries: list[Entry]) -> list[str]:
    return [entry.ce_id for entry in entries]


async def test_a_person_s_events_are_told_across_sectors_in_the_order_they_happened(database: Database) -> None:
    later, earlier = admission(NHS, hours=2), admission(NHS, "enc-2", hours=1)
    referral = event(envelope(NHS, "referral-received-1", sector="mental-health", time=NOON))
    await apply(database, later, earlier, referral, admission(OTHER))
    entries = await of(database, NHS)
    assert ids(entries) == [referral.envelope.id, earlier.envelope.id, later.envelope.id]
    assert [entry.sector for entry in entries] == ["mental-health", "acute", "acute"]
    assert entries[1].summary == "Encounter IMP in-progress"
    assert entries[1].happened == NOON + timedelta(hours=1)


@pytest.mark.parametrize("type_", ["person-linked-1", "person-merged-1"])
async def test_a_link_moves_earlier_events_and_leads_later_ones(database: Database, type_: str) -> None:
    before, after = admission(LOCAL), admission(LOCAL, "enc-2", hours=1)
    links = link(LOCAL, NHS, LOCAL, type_), link(LOCAL, NHS, NHS, type_)
    await apply(database, before, *links, after)
    expected = [e.envelope.id for e in (before, *links, after)]
    for key in (LOCAL, NHS):
        assert sorted(ids(await of(database, key))) == sorted(expected)
    assert {entry.subject for entry in await of(database, NHS)} == {LOCAL, NHS}


async def test_links_are_followed_to_their_end_in_whatever_order_they_came(database: Database) -> None:
    first = admission("p1-a")
    await apply(database, first, link("p1-b", "p1-c", "p1-b"), link("p1-a", "p1-b", "p1-a"))
    assert first.envelope.id in ids(await of(database, "p1-c"))
    await apply(database, link("p1-c", "p1-d", "p1-c"))
    assert first.envelope.id in ids(await of(database, "p1-d"))
    assert ids(await of(database, "p1-a")) == ids(await of(database, "p1-d"))


async def test_a_person_linked_anew_takes_along_only_what_was_sent_as_theirs(database: Database) -> None:
    theirs, others = admission(LOCAL), admission(NHS, "enc-2")
    await apply(database, theirs, others, link(LOCAL, NHS, LOCAL), link(LOCAL, OTHER, LOCAL))
    assert theirs.envelope.id in ids(await of(database, OTHER))
    assert others.envelope.id in ids(await of(database, NHS))
    assert others.envelope.id not in ids(await of(database, OTHER))


async def test_an_older_link_that_comes_late_changes_nothing(database: Database) -> None:
    old, new = link(LOCAL, OTHER, LOCAL), link(LOCAL, NHS, LOCAL)
    first = admission(LOCAL)
    await apply(database, first, new, old)
    assert first.envelope.id in ids(await of(database, NHS))


async def test_links_that_lead_in_a_circle_follow_the_newest(database: Database) -> None:
    first = admission(LOCAL)
    await apply(database, first, link(LOCAL, NHS, LOCAL), link(NHS, LOCAL, NHS))
    assert first.envelope.id in ids(await of(database, LOCAL))
    assert ids(await of(database, LOCAL)) == ids(await of(database, NHS))


async def test_a_later_event_about_the_same_resource_is_shown_as_its_correction(database: Database) -> None:
    admitted, moved = admission(NHS), admission(NHS, hours=1)
    await apply(database, admitted, moved)
    first, second = await of(database, NHS)
    assert (first.standing, first.corrected_by) == (Standing.UPDATED, moved.envelope.id)
    assert (second.standing, second.corrected_by) == (Standing.CURRENT, None)
    cancelled = admission(NHS, status="cancelled", hours=2)
    await apply(database, cancelled)
    assert {(e.standing, e.corrected_by) for e in await of(database, NHS)} == {
        (Standing.WITHDRAWN, cancelled.envelope.id),
        (Standing.WITHDRAWN, None),
    }


async def test_links_of_different_persons_do_not_correct_each_other(database: Database) -> None:
    await apply(database, link(LOCAL, NHS, NHS), link("p1-x", OTHER, OTHER))
    (entry,) = await of(database, NHS)
    assert (entry.standing, entry.corrected_by) == (Standing.CURRENT, None)


async def test_an_event_that_comes_by_two_topics_is_one_row(database: Database) -> None:
    sent = admission(NHS)
    shared = Event(sent.envelope, sent.value, "care.qhm.acute.v1", 1, 9)
    await apply(database, sent, shared)
    (entry,) = await of(database, NHS)
    assert entry.ce_id == sent.envelope.id


def stand(connection: Connection) -> set[tuple[str, str, str]]:
    """What a timeline and its aliases hold, which is then emptied."""
    rows = connection.execute(select(table.c.ce_id, table.c.subject, table.c.person_key)).all()
    aliases = connection.execute(select(timeline_alias.c.old_key, timeline_alias.c.new_key)).all()
    for each in (table, timeline_alias, inbox):
        connection.execute(delete(each))
    return {tuple(row) for row in rows} | {("alias", *row) for row in aliases}


@pytest.mark.parametrize("seed", range(4))
async def test_a_batch_of_rows_and_links_leaves_what_one_event_after_the_other_leaves(
    database: Database, seed: int
) -> None:
    choose = random.Random(seed)
    keys = [f"p1-{letter}" for letter in "abcdefgh"]

    def something() -> Event:
        subject = choose.choice(keys)
        if choose.random() < 0.7:
            return admission(subject, f"enc-{choose.randrange(3)}")
        old, new = choose.sample(keys, 2)
        return link(old, new, choose.choice((old, new)), choose.choice(("person-linked-1", "person-merged-1")))

    events = [something() for _ in range(40)]
    choose.shuffle(events)  # links that come late as well
    events += choose.sample(events, 5)
    await apply(database, *events)
    expected = await database.run(stand)
    cut = choose.randrange(1, 39)
    for batch in (events[:cut], events[cut:]):
        await database.run(apply_events, app, batch)
    assert await database.run(stand) == expected
    assert any(subject != person for each, subject, person in expected if each != "alias")


async def test_the_summary_holds_codes_and_no_words_of_a_person(database: Database) -> None:
    odd = {"resourceType": "Encounter", "id": "e", "status": "Mrs Smith is in", "class": {"code": "12 High St"}}
    await apply(database, event(envelope(NHS), bundle(odd, focus="Encounter/e")))
    (entry,) = await of(database, NHS)
    assert (entry.summary, entry.status) == ("Encounter", "")


async def test_a_bundle_that_is_no_message_or_a_link_without_keys_can_never_be_applied(database: Database) -> None:
    for value, type_ in ((b'{"entry":[]}', "patient-admitted-1"), (bundle(), "person-linked-1")):
        with pytest.raises(PermanentFault):
            await apply(database, event(envelope(NHS, type_), value))


async def test_when_an_event_was_applied_can_be_asked(database: Database) -> None:
    sent = admission(NHS)
    await apply(database, sent)
    assert list(await database.run(applied_at, [sent.envelope.id, "unknown"])) == [sent.envelope.id]


@pytest.mark.postgres
async def test_a_link_misses_no_row_that_another_process_writes_at_the_same_time(postgres_url: str) -> None:
    from consumers.models import metadata

    def count(connection: Connection, key: str) -> int:
        return int(connection.execute(select(func.count()).where(table.c.person_key == key)).scalar_one())

    async with Database(postgres_url) as one, Database(postgres_url) as other:
        await one.run(metadata.create_all)
        rows = [admission(f"p1-{n % 10}", f"enc-{n}") for n in range(150)]
        links = [link(f"p1-{n}", "p1-all", f"p1-{n}") for n in range(10)]
        await asyncio.gather(
            asyncio.create_task(apply(one, *rows)),
            asyncio.create_task(apply(other, *links)),
        )
        assert await one.run(count, "p1-all") == 160


def correction(of_: Event, status: str) -> Event:
    sent = envelope(of_.envelope.subject, corrects=of_.envelope.id, late=True)
    return event(sent, bundle(encounter("enc-1", status), focus="Encounter/enc-1"), offset=7)


async def test_a_correction_changes_the_row_of_its_event_and_adds_none(database: Database) -> None:
    first, later = admission(NHS, status="planned"), admission(NHS, hours=1, status="finished")
    await apply(database, first, later, correction(first, "arrived"), correction(first, "triaged"))
    entries = await of(database, NHS)
    assert ids(entries) == [first.envelope.id, later.envelope.id]
    assert [entry.summary for entry in entries] == ["Encounter IMP triaged", "Encounter IMP finished"]
    rows = await database.run(
        lambda c: c.execute(select(table.c.sequence, table.c.offset).order_by(table.c.sequence)).all()
    )
    assert [tuple(row) for row in rows] == [(first.envelope.sequence, 7), (later.envelope.sequence, 0)]


async def test_a_correction_that_is_here_before_its_event_stands(database: Database) -> None:
    first = admission(NHS, status="planned")
    await apply(database, correction(first, "arrived"), first)
    assert [(entry.ce_id, entry.summary) for entry in await of(database, NHS)] == [
        (first.envelope.id, "Encounter IMP arrived")
    ]


async def test_an_event_and_its_correction_in_one_batch_are_one_row(database: Database) -> None:
    first = admission(NHS, status="planned")
    await database.run(apply_events, app, [correction(first, "arrived"), first])
    assert [entry.summary for entry in await of(database, NHS)] == ["Encounter IMP arrived"]


async def test_a_replay_is_applied_once_for_each_replay(database: Database) -> None:
    first = admission(NHS)

    def again(replay: str) -> Event:
        return replace(first, envelope=replace(first.envelope, replay=replay), topic="care.replay.winter")

    applied = [await database.run(apply_events, app, [each]) for each in (first, again("a"), again("a"), again("b"))]
    assert applied == [1, 1, 0, 1]
    assert ids(await of(database, NHS)) == [first.envelope.id], "a timeline that has it stays as it is"
