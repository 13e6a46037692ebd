"""An event reaches another place only where a rule says so."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import Connection, insert

from contract.identifiers import ODS_ORGANISATION_SYSTEM
from gateway.store.database import Database
from gateway.store.group import Keeper
from gateway.store.models import organisation_place, place, sharing_rule
from mappings.stages import Draft
from tests.gateway.store.making import PAS, bundle, draft, keeping, later, person, published, register

PRACTICE = [{"identifier": {"system": ODS_ORGANISATION_SYSTEM, "value": "J81010"}}]
HOME, SHARED = "care.qvv.acute.v1", "care.wilts.acute.v1"


def allow(connection: Connection, until: datetime | None = None, to_place: str = "wilts") -> None:
    register(connection, PAS)
    connection.execute(insert(place).values(code="wilts"))
    connection.execute(insert(organisation_place).values(organisation="J81010", place="wilts"))
    connection.execute(
        insert(sharing_rule).values(
            id="r", from_place="qvv", to_place=to_place, sector="acute", event_types=["patient-admitted-1"],
            legal_basis="direct care", until=until,
        )
    )  # fmt: skip


async def topics(keeper: Keeper, database: Database, one: Draft) -> list[str]:
    await keeper.keep(keeping(one))
    return [row.topic for row in await database.read(published)]


@pytest.mark.parametrize(
    "one",
    [
        draft(person("1"), body=bundle(generalPractitioner=PRACTICE)),
        draft(person("1"), addressed_to=("J81010",)),
    ],
    ids=["home of the practice", "addressed to it"],
)
async def test_it_reaches_the_place_that_a_rule_names(keeper: Keeper, database: Database, one: Draft) -> None:
    await database.run(allow)
    assert await topics(keeper, database, one) == [HOME, SHARED]


@pytest.mark.parametrize(
    "one",
    [
        draft(person("1"), "patient-moved-1", addressed_to=("J81010",)),
        draft(person("1"), addressed_to=("X99",)),
        draft(person("1")),
    ],
    ids=["another type", "an unknown organisation", "nobody there"],
)
async def test_it_stays_at_home_without_a_rule_for_it(keeper: Keeper, database: Database, one: Draft) -> None:
    await database.run(allow)
    assert await topics(keeper, database, one) == [HOME]


async def test_a_restricted_event_is_never_shared(keeper: Keeper, database: Database) -> None:
    await database.run(allow)
    restricted = draft(person("1"), addressed_to=("J81010",), restricted=True)
    assert await topics(keeper, database, restricted) == ["care.qvv.acute.restricted.v1"]


async def test_a_rule_ends_at_its_time(keeper: Keeper, database: Database) -> None:
    await database.run(allow, later(days=-1000))
    assert await topics(keeper, database, draft(person("1"), addressed_to=("J81010",))) == [HOME]
