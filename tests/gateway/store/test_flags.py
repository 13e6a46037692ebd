"""What one source says must be withheld about a person is withheld in everything, from every source."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, select, update

from gateway.source import Source
from gateway.store.database import Database
from gateway.store.group import Keeper
from gateway.store.models import audit, outbox
from mappings.restriction.rules import Action, Scope, rules
from mappings.stages import FlagChange
from tests.gateway.store.making import (
    ADDRESS,
    ANN,
    GP,
    NOON,
    PAS,
    PDS,
    bundle,
    draft,
    keeping,
    person,
    published,
    register,
)

HIDE = "location-hiding"
ON, OFF = FlagChange(HIDE, on=True), FlagChange(HIDE, on=False)
OTHER_TRUST = Source("poole-pas", "RD3", PAS.sector, "qvv", (), "poole-pas")
ROUTING = next(r.name for r in rules().values() if r.scope is Scope.PERSON and r.routes)


async def addresses(database: Database) -> list[bool]:
    """For each outbox row with a patient: whether the address is in it."""
    rows = await database.read(published)
    return [ADDRESS in str(row.bundle) for row in rows if row.type != "person-linked-1"]


async def test_an_unpublished_event_loses_the_address_when_the_flag_is_set(keeper: Keeper, database: Database) -> None:
    await keeper.keep(keeping(draft(person("1", ANN))))
    await keeper.keep(keeping(draft(person("1", ANN), flags=(ON,))))
    await keeper.keep(keeping(draft(person("7", ANN)), source=GP))
    await keeper.keep(keeping(draft(person("2"))))
    rows = await database.read(published)
    assert await addresses(database) == [False, False, False, True]
    assert rows[0].size == len(orjson.dumps(rows[0].bundle))


async def test_a_published_event_is_not_rewritten(keeper: Keeper, database: Database) -> None:
    await keeper.keep(keeping(draft(person("1"))))
    await database.run(lambda c: c.execute(update(outbox).values(published=NOON)))
    await keeper.keep(keeping(draft(person("1"), flags=(ON,))))
    assert await addresses(database) == [True, False]


async def test_a_flag_holds_for_what_shares_its_group(keeper: Keeper, database: Database) -> None:
    await asyncio.gather(
        keeper.keep(keeping(draft(person("1", ANN)))),
        keeper.keep(keeping(draft(person("1", ANN), flags=(ON,)))),
        keeper.keep(keeping(draft(person("7", ANN)), source=GP)),
    )
    assert await addresses(database) == [False, False, False]


@pytest.mark.parametrize(
    ("lifting", "shown"), [(PAS, True), (PDS, True), (OTHER_TRUST, False)], ids=["its-source", "authority", "another"]
)
async def test_only_its_source_or_an_authority_lifts_a_flag(
    keeper: Keeper, database: Database, lifting: Source, shown: bool
) -> None:
    await keeper.keep(keeping(draft(person("1", ANN), flags=(ON,))))
    await keeper.keep(keeping(draft(person(None, ANN), flags=(OFF,)), source=lifting))
    await keeper.keep(keeping(draft(person("7", ANN)), source=GP))
    assert (await addresses(database))[-1] is shown


async def test_two_sources_that_set_a_flag_must_both_lift_it(keeper: Keeper, database: Database) -> None:
    for source in (PAS, OTHER_TRUST):
        await keeper.keep(keeping(draft(person(None, ANN), flags=(ON,)), source=source))
    for source in (PAS, OTHER_TRUST):
        await keeper.keep(keeping(draft(person(None, ANN), flags=(OFF,)), source=source))
    assert await addresses(database) == [False, False, False, True]


async def test_flags_follow_a_link_in_both_directions(keeper: Keeper, database: Database) -> None:
    await keeper.keep(keeping(draft(person("1"), flags=(ON,))))
    await keeper.keep(keeping(draft(person("9", ANN)), source=GP))
    await keeper.keep(keeping(draft(person("1", ANN))))
    await keeper.keep(keeping(draft(person("9")), source=GP))
    assert await addresses(database) == [False, False, False, False]


async def test_what_is_stored_under_a_local_key_meets_the_flags_of_the_number_it_is_linked_to(
    keeper: Keeper, database: Database
) -> None:
    await keeper.keep(keeping(draft(person(None, ANN), flags=(ON,)), source=PDS))
    await keeper.keep(keeping(draft(person("1"))))
    assert await addresses(database) == [False, True]
    await keeper.keep(keeping(draft(person("1", ANN))))
    assert await addresses(database) == [False, False, False]


async def test_flags_follow_a_merge(keeper: Keeper, database: Database) -> None:
    await keeper.keep(keeping(draft(person("new"))))
    await keeper.keep(keeping(draft(person("old"), flags=(ON,))))
    await keeper.keep(keeping(draft(person("new"), "patient-merged-1", prior=person("old"))))
    await keeper.keep(keeping(draft(person("new"))))
    assert await addresses(database) == [False] * 5


async def test_a_rule_that_routes_moves_unpublished_events_to_the_restricted_topic(
    keeper: Keeper, database: Database
) -> None:
    await database.run(register, PAS)
    await keeper.keep(keeping(draft(person("1"))))
    await keeper.keep(keeping(draft(person("1"), flags=(FlagChange(ROUTING, on=True),))))
    kept = await keeper.keep(keeping(draft(person("1"))))
    assert {row.topic for row in await database.read(published)} == {"care.qvv.acute.restricted.v1"}
    assert kept.events[0].topics == ("care.qvv.acute.restricted.v1",)


async def test_what_a_flag_rewrites_keeps_the_precision_of_decimals(keeper: Keeper, database: Database) -> None:
    body = bundle(extension=[{"url": "urn:x", "valueDecimal": 0}]).replace(b'"valueDecimal":0', b'"valueDecimal":1.50')
    await keeper.keep(keeping(draft(person("1"), body=body, flags=(ON,))))
    stored = await database.read(stored_bodies)
    assert b'"valueDecimal":1.50' in stored[0]
    assert ADDRESS.encode() not in stored[0]


async def test_setting_and_lifting_a_flag_is_audited(keeper: Keeper, database: Database) -> None:
    await keeper.keep(keeping(draft(person("1"), flags=(ON,))))
    await keeper.keep(keeping(draft(person("1"), flags=(ON,))))
    await keeper.keep(keeping(draft(person("1"), flags=(OFF,))))
    rows = await database.read(lambda c: c.execute(select(audit).order_by(audit.c.id)).fetchall())
    assert [(row.actor, row.action, row.detail["rule"]) for row in rows] == [
        ("dch-pas", "flag-set", HIDE),
        ("dch-pas", "flag-lifted", HIDE),
    ]


def test_there_is_a_rule_that_redacts() -> None:
    assert rules()[HIDE].action is Action.REDACT


def stored_bodies(connection: Connection) -> list[bytes]:
    from gateway.store.bodies import bytes_of
    from gateway.store.models import event

    found: list[Any] = connection.execute(select(event)).fetchall()
    return [bytes_of(row) for row in found]
