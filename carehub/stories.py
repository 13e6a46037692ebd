"""What the store and Kafka tell of one message, event or file, for the command line: never its content."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from carehub.databases import open_hub
from carehub.errors import Declined
from carehub.installation import settle_installation
from carehub.kafka import find_kafka
from carehub.register.session import in_hub
from carehub.settings import read_settings
from gateway.consumption import ConsumerGroups
from gateway.store import batches
from gateway.store.batch_rows import REFUSED
from gateway.store.database import Database
from gateway.store.entry import StoreKeys
from gateway.store.events import event_by_id
from gateway.stories import Stories

T = TypeVar("T")

ROWS: Final = 10_000
"""Rows of a file that are looked at for refusals."""


def message_of(id_: str) -> dict[str, Any]:
    """A message, or the dead letter that it became. Raises Declined when there is neither."""

    async def ask(stories: Stories, _: Database) -> dict[str, Any] | None:
        return await stories.of_message(id_)

    return _found(_told(ask), f"there is no message {id_}")


def event_of(id_: str) -> dict[str, Any]:
    """An event, with the person key that its sender is not told. Raises Declined when there is no such event."""

    async def ask(stories: Stories, database: Database) -> dict[str, Any] | None:
        told, life = await stories.of_event(id_), await database.read(event_by_id, id_)
        return {**told, "personKey": life.person_key} if told and life else None

    return _found(_told(ask), f"there is no event {id_}")


def messages_named(source: str, message_id: str) -> dict[str, Any]:
    """What became of a source's message by its sender's own id, as Stories.named says. Raises Declined when there is
    none, Misconfigured where the secrets are not at hand: only the hash of an id is kept."""

    async def ask(stories: Stories, database: Database) -> dict[str, Any] | None:
        secrets = (await settle_installation(database, read_settings())).secrets
        told = await stories.named(source, message_id, StoreKeys(secrets.person_keys, secrets.message_key))
        return told if told["messages"] else None

    text = f"{source} has sent no message of this id: is it written as docs/send.md says?"
    return _found(_told(ask), text)


def batch_of(id_: str) -> dict[str, Any]:
    """Raises Declined when there is no such file."""
    return _found(in_hub(_batch, id_), f"there is no file {id_}")


def _told(ask: Callable[[Stories, Database], Awaitable[T]]) -> T:
    settings = read_settings()

    async def run() -> T:
        async with open_hub(settings) as database:
            kafka = find_kafka(settings)
            return await ask(Stories(database, ConsumerGroups(kafka.bootstrap if kafka else None)), database)

    return asyncio.run(run())


def _batch(connection: Connection, id_: str) -> dict[str, Any] | None:
    found = batches.batch_by_id(connection, id_)
    if found is None:
        return None
    rows = batches.batch_rows(connection, id_, limit=ROWS)
    return {**found.as_dict(), "refusals": [row.as_dict() for row in rows if row.status == REFUSED]}


def _found(value: T | None, otherwise: str) -> T:
    if value is None:
        raise Declined(otherwise)
    return value
