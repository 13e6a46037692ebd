"""Corrections: what takes the place of an event, what is withheld of it today, and what it leaves as it is."""

from __future__ import annotations

from dataclasses import replace

import orjson
from sqlalchemy import select, update

from contract.links import link_of
from gateway.store.correct import publish_amendments
from gateway.store.corrections import (
    Addition,
    Amendment,
    Correction,
    Standing,
    correction_of,
    standing_events,
    stored_messages,
)
from gateway.store.database import Database
from gateway.store.group import Keeper
from gateway.store.messages import message_by_id
from gateway.store.models import audit, event, outbox
from gateway.store.sharing import Sharing
from mappings.restriction.rules import Scope, rules
from mappings.stages import Draft, FlagChange
from tests.gateway.store.making import (
    ADDRESS,
    ANN,
    NOON,
    PAS,
    PERSONS,
    bundle,
    draft,
    keeping,
    later,
    local_key,
    person,
    published,
)

HIDE = FlagChange("location-hiding", on=True)
ROUTING = FlagChange(next(r.name for r in rules().values() if r.scope is Scope.PERSON and r.routes), on=True)
NEW = bundle(active=True)


async def standing(database: Database, id_: str) -> list[Standing]:
    return (await database.read(standing_events, [id_])).get(id_, [])


async def corrected(database: Database, id_: str, made: Draft) -> Correction | None:
    (each,) = await standing(database, id_)
    return correction_of(id_, each, made, "1.1.0")


async def publish(database: Database, *corrections: Amendment | None) -> int:
    given = [each for each in corrections if each is not None]
    return await database.run(publish_amendments, given, PAS, Sharing(), "ann", NOON)


async def test_what_says_the_same_is_no_correction(keeper: Keeper, database: Database) -> None:
    kept = await keeper.keep(keeping(draft(person("1"))))
    reordered = orjson.dumps(dict(reversed(orjson.loads(bundle()).items())))
    assert await corrected(database, kept.id, draft(person("1"), body=reordered)) is None


async def test_a_correction_is_the_event_again_with_an_id_and_a_number_of_its_own(
    keeper: Keeper, database: Database
) -> None:
    kept = await keeper.keep(keeping(draft(person("1")), received=later(minutes=3)))
    made = await corrected(database, kept.id, draft(person("1"), body=NEW))
    assert await publish(database, made) == 1
    old, new = await database.read(published)
    assert (new.told, new.topic, new.message) == (old.told, old.topic, old.message)
    assert new.sequence > old.sequence
    assert new.bundle["entry"][1]["resource"]["active"] is True
    rows = await database.read(lambda c: c.execute(select(event).order_by(event.c.sequence)).all())
    assert (rows[1].corrects, rows[1].pack_version, rows[1].received) == (rows[0].id, "1.1.0", later(minutes=3))
    assert [row.action for row in await database.read(lambda c: c.execute(select(audit)).all())] == ["message-remapped"]


async def test_a_message_tells_of_its_corrections_and_its_receipt_does_not(keeper: Keeper, database: Database) -> None:
    given = keeping(draft(person("1")))
    kept = await keeper.keep(given)
    await publish(database, await corrected(database, kept.id, draft(person("1"), body=NEW)))
    life = await database.read(message_by_id, kept.id)
    assert life is not None
    first, second = life.events
    assert (first.corrects, first.pack_version) == (None, "1.0.0")
    assert (second.corrects, second.pack_version) == (first.id, "1.1.0")
    assert (await keeper.keep(given)).events == kept.events


async def test_once_corrected_it_differs_no_more(keeper: Keeper, database: Database) -> None:
    kept = await keeper.keep(keeping(draft(person("1"))))
    await publish(database, await corrected(database, kept.id, draft(person("1"), body=NEW)))
    assert await corrected(database, kept.id, draft(person("1"), body=NEW)) is None
    back = await corrected(database, kept.id, draft(person("1")))
    assert back is not None
    assert await publish(database, back) == 1
    ids = await database.read(lambda c: c.execute(select(event.c.corrects).order_by(event.c.sequence)).scalars().all())
    assert ids[1] == ids[2] is not None, "both correct the first"


async def test_what_somebody_else_corrected_meanwhile_is_left_out(keeper: Keeper, database: Database) -> None:
    kept = await keeper.keep(keeping(draft(person("1"))))
    made = await corrected(database, kept.id, draft(person("1"), body=NEW))
    assert await publish(database, made) == 1
    assert await publish(database, made) == 0


async def test_only_what_comes_behind_later_events_is_late(keeper: Keeper, database: Database) -> None:
    kept = [(await keeper.keep(keeping(draft(person("1"))))).id for _ in range(3)]
    for id_ in kept:  # one transaction each, as pages of a long run are
        await publish(database, await corrected(database, id_, draft(person("1"), body=NEW)))
    assert [row.late for row in await database.read(published)] == [False, False, False, True, True, False]
    await keeper.keep(keeping(draft(person("1"))))
    assert not (await database.read(published))[-1].late


async def test_corrections_of_one_transaction_are_late_by_the_same_rule(keeper: Keeper, database: Database) -> None:
    kept = [(await keeper.keep(keeping(draft(person("1"))))).id for _ in range(3)]
    await publish(database, *[await corrected(database, id_, draft(person("1"), body=NEW)) for id_ in kept])
    assert [row.late for row in await database.read(published)][3:] == [True, True, False]


async def test_what_a_flag_withholds_today_is_not_in_it_and_no_difference(keeper: Keeper, database: Database) -> None:
    kept = await keeper.keep(keeping(draft(person("1", ANN))))
    await database.run(lambda c: c.execute(update(outbox).values(published=NOON)))
    await keeper.keep(keeping(draft(person("1", ANN), flags=(HIDE,))))
    assert await corrected(database, kept.id, draft(person("1", ANN))) is None
    made = await corrected(database, kept.id, draft(person("1", ANN), body=NEW))
    assert made is not None
    assert ADDRESS.encode() not in made.body


async def test_who_is_held_apart_today_is_corrected_in_the_restricted_topic_alone(
    keeper: Keeper, database: Database
) -> None:
    kept = await keeper.keep(keeping(draft(person("1", ANN))))
    await database.run(lambda c: c.execute(update(outbox).values(published=NOON)))
    await keeper.keep(keeping(draft(person("1", ANN), flags=(ROUTING,))))
    await publish(database, await corrected(database, kept.id, draft(person("1", ANN), body=NEW)))
    assert (await database.read(published))[-1].topic == "care.qvv.acute.restricted.v1"


async def test_what_was_held_apart_once_is_never_let_out(keeper: Keeper, database: Database) -> None:
    kept = await keeper.keep(keeping(draft(person("1"), restricted=True)))
    assert await corrected(database, kept.id, draft(person("1"))) is None
    await publish(database, await corrected(database, kept.id, draft(person("1"), body=NEW)))
    assert (await database.read(published))[-1].topic == "care.qvv.acute.restricted.v1"


async def test_a_merge_that_was_found_out_stays_told(keeper: Keeper, database: Database) -> None:
    await keeper.keep(keeping(draft(person("2"))))
    merge = draft(person("1"), "person-merged-1", prior=person("2"))
    kept = await keeper.keep(keeping(merge))
    events = await standing(database, kept.id)
    assert {each.person_key for each in events} == {local_key("1"), local_key("2")}
    assert [correction_of(kept.id, each, merge, "1.1.0") for each in events] == [None, None]
    made = [correction_of(kept.id, each, replace(merge, body=NEW), "1.1.0") for each in events]
    assert all(each is not None and link_of(orjson.loads(each.body)) for each in made)


def added(id_: str, beside: Standing, made: Draft, stood: int = 1) -> Addition:
    return Addition(id_, beside, stood, made, "1.1.0")


async def test_an_addition_is_an_event_of_its_message_that_corrects_nothing(keeper: Keeper, database: Database) -> None:
    given = keeping(draft(person("1")), received=later(minutes=3))
    kept = await keeper.keep(given)
    (beside,) = await standing(database, kept.id)
    assert await publish(database, added(kept.id, beside, draft(person("1"), "allergy-recorded-1"))) == 1
    old, new = await database.read(published)
    assert new.told == ("allergy-recorded-1", old.key)
    assert (new.topic, new.message, new.late) == (old.topic, old.message, False)
    rows = await database.read(lambda c: c.execute(select(event).order_by(event.c.sequence)).all())
    assert (rows[1].corrects, rows[1].number, rows[1].pack_version) == (None, 1, "1.1.0")
    assert (rows[1].received, rows[1].happened) == (later(minutes=3), NOON)
    assert (await keeper.keep(given)).events == kept.events, "a receipt is what the sender was told"
    assert len(await standing(database, kept.id)) == 2


async def test_what_somebody_else_added_meanwhile_is_left_out(keeper: Keeper, database: Database) -> None:
    kept = await keeper.keep(keeping(draft(person("1"))))
    (beside,) = await standing(database, kept.id)
    made = [added(kept.id, beside, draft(person("1"), type_)) for type_ in ("allergy-recorded-1", "consent-recorded-1")]
    assert await publish(database, *made) == 2
    assert await publish(database, *made) == 0
    numbers = await database.read(
        lambda c: c.execute(select(event.c.number).order_by(event.c.sequence)).scalars().all()
    )
    assert numbers == [0, 1, 2]


async def test_an_addition_takes_its_message_s_place_in_the_order(keeper: Keeper, database: Database) -> None:
    kept = [(await keeper.keep(keeping(draft(person("1"))))).id for _ in range(3)]
    made = [
        added(id_, (await standing(database, id_))[0], draft(person("1"), "allergy-recorded-1"))
        for id_ in reversed(kept)
    ]
    await publish(database, *made)
    rows = (await database.read(published))[3:]
    assert [row.message for row in rows] == kept
    assert [row.late for row in rows] == [True, True, False]


async def test_an_addition_goes_to_the_person_of_today(keeper: Keeper, database: Database) -> None:
    kept = await keeper.keep(keeping(draft(person("1"))))
    await keeper.keep(keeping(draft(person("1", ANN))))  # the number turns up: the local key stands for nobody now
    (beside,) = await standing(database, kept.id)
    await publish(database, added(kept.id, beside, draft(person("1"), "allergy-recorded-1")))
    assert beside.person_key == local_key("1")
    assert (await database.read(published))[-1].told == ("allergy-recorded-1", PERSONS.of_nhs_number(ANN))


async def test_today_s_flags_hold_an_addition_apart(keeper: Keeper, database: Database) -> None:
    kept = await keeper.keep(keeping(draft(person("1", ANN))))
    await database.run(lambda c: c.execute(update(outbox).values(published=NOON)))
    await keeper.keep(keeping(draft(person("1", ANN), flags=(ROUTING, HIDE))))
    (beside,) = await standing(database, kept.id)
    await publish(database, added(kept.id, beside, draft(person("1", ANN), "allergy-recorded-1")))
    last = (await database.read(published))[-1]
    assert last.topic == "care.qvv.acute.restricted.v1"
    assert ADDRESS not in str(last.bundle)


async def test_messages_come_in_pages_in_the_order_received(keeper: Keeper, database: Database) -> None:
    ids = [(await keeper.keep(keeping(draft(person("1")), received=later(seconds=n % 3)))).id for n in range(7)]
    seen, after = [], None
    while page := await database.read(stored_messages, "dch-pas", NOON, later(minutes=1), 2, after):
        seen += page
        after = page[-1]
    assert sorted(each.id for each in seen) == sorted(ids)
    assert [each.received for each in seen] == sorted(each.received for each in seen)
    assert await database.read(stored_messages, "dch-pas", later(seconds=2), later(minutes=1), 10) == seen[-2:]
