"""Registered sources as the gateway reads them. They are added and changed by carehub.register."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, bindparam, or_, select

from contract.topics import Sector
from gateway.door import OPERATE, SEND, VIEW
from gateway.source import Ack, Principal, Source
from gateway.store.database import Database
from gateway.store.models import credential, source

SCOPES: Final[Mapping[str, frozenset[str]]] = {
    "send": frozenset({SEND}),
    "viewer": frozenset({VIEW}),
    "operator": frozenset({VIEW, OPERATE}),
}
"""What a credential's role may do."""


class StoredRegister:
    """The Register that a Door asks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def by_hash(self, digest: bytes) -> Principal | None:
        return await self._database.read(by_credential_hash, digest)

    async def by_port(self, port: int) -> Principal | None:
        return await self._database.read(by_mllp_port, port)


def by_credential_hash(connection: Connection, digest: bytes) -> Principal | None:
    """Whose credential has this SHA-256; None when it is unknown or revoked, or its source disabled."""
    found = connection.execute(
        select(credential).where(credential.c.hash == digest, credential.c.revoked.is_(None))
    ).first()
    if found is None:
        return None
    scopes = SCOPES.get(found.role, frozenset())
    if found.kind != "source":
        return Principal(found.kind, found.holder, scopes)
    known = get_source(connection, found.holder)
    return Principal("source", known.id, scopes, known) if known else None


def by_mllp_port(connection: Connection, port: int) -> Principal | None:
    """The source that a listener port is bound to; None when there is none, or it is disabled."""
    row = _open_source(connection, source.c.mllp_port == port)
    return sender_of(row) if row else None


def sender_of(known: Source) -> Principal:
    """Who sent what a source's message in the store is."""
    return Principal("source", known.id, SCOPES["send"], known)


def get_source(connection: Connection, source_id: str) -> Source | None:
    """None when there is none, or it is disabled."""
    return _open_source(connection, source.c.id == source_id)


def registered_source(connection: Connection, source_id: str) -> Source:
    """A source, also a disabled one: what it sent before is worked on to its end. Raises LookupError for none."""
    row = connection.execute(select(source).where(source.c.id == source_id)).first()
    if row is None:
        raise LookupError("there is no such source")
    return _source(row)


def all_sources(connection: Connection) -> list[Source]:
    """Every source that is not disabled, by id."""
    rows = connection.execute(select(source).where(source.c.disabled.is_(False)).order_by(source.c.id))
    return [_source(row) for row in rows]


def touch_last_seen(connection: Connection, seen: Mapping[str, datetime]) -> None:
    """Writes down when each source was last heard of; never an earlier time than stands there. Call it every few
    seconds: once a message would make gateways wait for each other."""
    if seen:
        connection.execute(
            source.update()
            .where(
                source.c.id == bindparam("of"), or_(source.c.last_seen.is_(None), source.c.last_seen < bindparam("at"))
            )
            .values(last_seen=bindparam("at")),
            [{"of": id_, "at": seen[id_]} for id_ in sorted(seen)],
        )


def _open_source(connection: Connection, which: ColumnElement[bool]) -> Source | None:
    row = connection.execute(select(source).where(which, source.c.disabled.is_(False))).first()
    return _source(row) if row else None


def _source(row: Any) -> Source:
    return Source(
        id=row.id,
        organisation=row.organisation,
        sector=Sector(row.sector),
        place=row.place,
        packs=tuple(row.packs),
        identifier_domain=row.identifier_domain,
        ack=Ack(row.ack),
        traced=row.traced,
        authority=row.authority,
        mllp_port=row.mllp_port,
        paused=row.paused,
    )
