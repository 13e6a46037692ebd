"""What is settled at the first start and stays: the hub's id, and which secrets its database was filled with."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from carehub.secrets import NAMES, Secrets, load_or_make_secrets
from carehub.settings import Settings
from gateway.store.database import Database
from gateway.store.models import installation

HUB_ID: Final = "hub-id"


@dataclass(frozen=True, slots=True)
class Installation:
    """`hub_id` tells this hub from others on the same Kafka: its relays' transactional ids start with it."""

    hub_id: str
    secrets: Secrets


async def settle_installation(database: Database, settings: Settings) -> Installation:
    """This hub's id and secrets, made now if nobody has started it before. Of two gateways that start at once, one
    settles it. Raises Misconfigured when the secrets here are not those that the database was filled with."""
    secrets = load_or_make_secrets(settings, _fingerprints(await database.read(recorded_facts)))
    facts = await database.run(record_facts, secrets.fingerprints())
    return Installation(await settle_hub_id(database), load_or_make_secrets(settings, _fingerprints(facts)))


async def settle_hub_id(database: Database) -> str:
    """The hub's id: all that a relay needs, which has no business with secrets."""
    return (await database.run(record_facts, {HUB_ID: uuid.uuid4().hex[:12]}))[HUB_ID]


def recorded_facts(connection: Connection) -> dict[str, str]:
    return {row.name: row.value for row in connection.execute(select(installation))}


def record_facts(connection: Connection, facts: Mapping[str, str]) -> dict[str, str]:
    """Writes what is not settled yet; returns what is settled now."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    rows = [{"name": name, "value": value} for name, value in facts.items()]
    connection.execute(insert(installation).values(rows).on_conflict_do_nothing())
    return recorded_facts(connection)


def _fingerprints(facts: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in facts.items() if name in NAMES}
