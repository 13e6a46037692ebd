"""Places, and what lies in what."""

from __future__ import annotations

import re
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from carehub.errors import Declined, WrongUsage
from carehub.register.credentials import note
from gateway.store.localities import ancestors, locality_at, read_places
from gateway.store.models import place, source
from mappings.language import ANYWHERE, Locality

WORD: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
"""What may stand in a topic name."""


def add_place(connection: Connection, code: str, parent: str | None, name: str | None) -> dict[str, Any]:
    """Adds a place or changes one; its parent is made if unknown. Raises WrongUsage for a bad code or a circle."""
    for word in (code, parent):
        if word is not None and not WORD.fullmatch(word):
            raise WrongUsage(
                f"{word!r} cannot be a place: use lower case letters, digits and hyphens, as in topic names"
            )
    ensure_place(connection, code)
    if parent is not None:
        ensure_place(connection, parent)
        if code in _ancestors(connection, parent):
            raise WrongUsage(f"{code} cannot lie in {parent}, which lies in {code}")
    given = {key: value for key, value in (("parent", parent), ("name", name)) if value is not None}
    if given:
        connection.execute(update(place).where(place.c.code == code).values(**given))
    note(connection, "place-added", code, **given)
    row = connection.execute(select(place).where(place.c.code == code)).one()
    return {"code": row.code, "name": row.name, "parent": row.parent}


def all_places(connection: Connection) -> list[dict[str, Any]]:
    rows = connection.execute(select(place).order_by(place.c.code))
    return [{"code": row.code, "name": row.name, "parent": row.parent} for row in rows]


def place_of(connection: Connection, code: str) -> dict[str, Any]:
    """Raises Declined when there is none."""
    row = connection.execute(select(place).where(place.c.code == code)).first()
    if row is None:
        raise Declined(f"there is no place {code} (carehub places list)")
    ids = connection.execute(select(source.c.id).where(source.c.place == code).order_by(source.c.id)).scalars().all()
    parents, pins = read_places(connection)
    return {
        "code": code,
        "name": row.name,
        "lies_in": ancestors(code, parents)[1:],
        "sources": list(ids),
        "pins": pins.get(code, {}),
        "runs": dict(locality_at(code, parents, pins).pins),
    }


def ensure_place(connection: Connection, code: str) -> bool:
    """Whether the place had to be made."""
    if connection.execute(select(place.c.code).where(place.c.code == code)).first():
        return False
    connection.execute(insert(place).values(code=code))
    return True


def locality_of(connection: Connection, code: str | None, source_id: str | None) -> Locality | None:
    """Where a pack runs at a place, or for a source: its place unless another is given. None for a place that is not
    registered; raises Declined for no such source."""
    if source_id is not None:
        found = connection.execute(select(source.c.place).where(source.c.id == source_id)).scalar()
        if found is None:
            raise Declined(f"there is no source {source_id} (carehub sources list)")
        code = code or found
    if code is None:
        return ANYWHERE
    parents, pins = read_places(connection)
    return locality_at(code, parents, pins, source_id) if code in parents else None


def _ancestors(connection: Connection, code: str) -> list[str]:
    return ancestors(code, read_places(connection)[0])
