"""When a person comes under a flag, what is stored of them and not yet published is gone through in the same commit."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, select

from contract.links import PERSON_LINKED
from contract.topics import parse_topic
from gateway.store.bodies import bytes_of, pack_body
from gateway.store.bulk import any_of
from gateway.store.flags import Flags
from gateway.store.models import event, outbox, source
from gateway.store.persons import keys_standing_for
from gateway.store.withholding import routed, withheld


def rewrite_unpublished(connection: Connection, flags: Flags, written: Collection[str]) -> None:
    """Withholds, and reroutes to the restricted topic, what waits in the outbox of persons whose flags were raised.

    `written` are the events of this very group, to which the flags were applied before.
    """
    for key in sorted(flags.raised):
        rules = flags.rules(key)
        if rules:
            for row in _unpublished(connection, keys_standing_for(connection, key)):
                if row.id not in written:
                    _rewrite(connection, row, rules)


def _unpublished(connection: Connection, keys: Collection[str]) -> list[Any]:
    waiting = select(outbox.c.id).where(outbox.c.event == event.c.id, outbox.c.published.is_(None))
    return list(
        connection.execute(
            select(event, source.c.place)
            .outerjoin(source, source.c.id == event.c.source)
            .where(any_of(connection, event.c.person_key, keys), waiting.exists(), event.c.type != PERSON_LINKED)
        )
    )


def _rewrite(connection: Connection, row: Any, rules: frozenset[str]) -> None:
    before = bytes_of(row)
    after = withheld(before, rules)
    if after is not before:
        connection.execute(event.update().where(event.c.id == row.id).values(**pack_body(after).columns()))
        connection.execute(_waiting_rows(row.id).values(size=len(after)))
    if routed(rules) and not row.restricted:
        connection.execute(event.update().where(event.c.id == row.id).values(restricted=True))
        _reroute(connection, row.id, row.place)


def _reroute(connection: Connection, event_id: str, own_place: str | None) -> None:
    """The row of the source's own place goes to the restricted topic; those of other places go nowhere any more."""
    rows = connection.execute(
        select(outbox.c.id, outbox.c.topic).where(outbox.c.event == event_id, outbox.c.published.is_(None))
    )
    for row in rows.fetchall():
        topic = parse_topic(row.topic)
        if topic.place == own_place:
            restricted = str(type(topic)(topic.place, topic.sector, restricted=True))
            connection.execute(outbox.update().where(outbox.c.id == row.id).values(topic=restricted))
        else:
            connection.execute(outbox.delete().where(outbox.c.id == row.id))


def _waiting_rows(event_id: str) -> Any:
    return outbox.update().where(outbox.c.event == event_id, outbox.c.published.is_(None))
