"""Life stories, as senders and operators are told them: what the store knows of a message or an event, and from Kafka
who has consumed it. Never its content."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from gateway.consumption import ConsumerGroups, Consumption, Place
from gateway.store.database import Database
from gateway.store.deadletters import DeadLetter, get_dead_letter, letters_named
from gateway.store.entry import StoreKeys, hash_message_id
from gateway.store.events import EventLife, Outlet, event_by_id
from gateway.store.keeping import NamedBy, stored_name
from gateway.store.messages import MessageLife, message_by_id, messages_named, messages_since

_SHA256: Final = re.compile(r"[0-9A-Fa-f]{64}")


class Stories:
    """Where `source` is given, what is not of this source is not there."""

    def __init__(self, database: Database, groups: ConsumerGroups) -> None:
        self._database = database
        self._groups = groups

    async def of_event(self, id_: str, source: str | None = None) -> dict[str, Any] | None:
        """None when there is no such event."""
        life = await self._database.read(event_by_id, id_, source)
        if life is None:
            return None
        consumption = await self._groups.look(_places([life]))
        return {**_event(life, consumption), "consumersUnknown": consumption.unknown}

    async def of_message(self, id_: str, source: str | None = None) -> dict[str, Any] | None:
        """A message, or the dead letter that it became; None when there is neither."""
        found = await self._database.read(_by_id, id_, source)
        if found is None:
            return None
        [told], unknown = await self._tell([found])
        return {**told, "consumersUnknown": unknown}

    async def since(self, source: str, since: datetime, limit: int, after: str | None) -> dict[str, Any]:
        """A source's messages, oldest first, as messages_since finds them."""
        return await self._page(await self._database.read(messages_since, source, since, limit, after))

    async def named(self, source: str, message_id: str, keys: StoreKeys) -> dict[str, Any]:
        """What became of a source's message by the id that it has for its sender: the message, and each dead letter of
        that id, in the order received. `keys` make the hashes by which it is found."""
        return await self._page(await self._database.read(_by_name, source, hashes_of(keys, source, message_id)))

    async def _page(self, found: Sequence[MessageLife | DeadLetter]) -> dict[str, Any]:
        told, unknown = await self._tell(found)
        return {"messages": told, "consumersUnknown": unknown}

    async def _tell(self, found: Sequence[MessageLife | DeadLetter]) -> tuple[list[dict[str, Any]], str | None]:
        events = [event for each in found if isinstance(each, MessageLife) for event in each.events]
        consumption = await self._groups.look(_places(events))
        return [_message(each, consumption) for each in found], consumption.unknown


def hashes_of(keys: StoreKeys, source: str, message_id: str) -> frozenset[bytes]:
    """All that a message of this id may be kept under: nobody who asks need know by what it was named. The kind of an
    HL7 v2 message is kept in capitals, and a hash of bytes in small letters."""
    *kind, own_id = message_id.split("^", 2)
    written = {message_id, "^".join([*map(str.upper, kind), own_id])}
    names = [stored_name(by, own) for by in (NamedBy.REQUEST, NamedBy.MESSAGE, NamedBy.KEY) for own in written]
    if _SHA256.fullmatch(message_id):
        names.append(stored_name(NamedBy.CONTENT, message_id.lower()))
    return frozenset(hash_message_id(keys, source, name) for name in names)


def _by_id(connection: Connection, id_: str, source: str | None) -> MessageLife | DeadLetter | None:
    life = message_by_id(connection, id_, source)
    if life is not None:
        return life
    letter = get_dead_letter(connection, id_)
    return letter[0] if letter and source in (None, letter[0].source) else None


def _by_name(connection: Connection, source: str, hashes: frozenset[bytes]) -> list[MessageLife | DeadLetter]:
    lives, letters = messages_named(connection, source, hashes), letters_named(connection, source, hashes)
    return sorted([*lives, *letters], key=_received)


def _received(found: MessageLife | DeadLetter) -> datetime:
    return found.received if isinstance(found, MessageLife) else found.first_received


def _message(found: MessageLife | DeadLetter, consumption: Consumption) -> dict[str, Any]:
    if isinstance(found, DeadLetter):
        return found.as_refused()
    return {**found.as_dict(), "events": [_event(event, consumption) for event in found.events]}


def _event(life: EventLife, consumption: Consumption) -> dict[str, Any]:
    topics = [{**outlet.as_dict(), "consumedBy": _consumed_by(outlet, consumption)} for outlet in life.outlets]
    return {**life.as_dict(), "topics": topics}


def _consumed_by(outlet: Outlet, consumption: Consumption) -> list[dict[str, object]] | None:
    """None when it cannot be known: Kafka told nothing, or did not tell the offset when it took the event."""
    if outlet.published is None:
        return []
    if consumption.unknown or outlet.partition is None or outlet.offset is None:
        return None
    groups = consumption.of(outlet.topic, outlet.partition, outlet.offset)
    return [{"group": group, "consumed": consumed} for group, consumed in groups.items()]


def _places(events: Iterable[EventLife]) -> frozenset[Place]:
    """Where these events lie in Kafka."""
    outlets = (outlet for event in events for outlet in event.outlets)
    return frozenset((each.topic, each.partition) for each in outlets if each.partition is not None)
