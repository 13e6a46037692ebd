"""What decides which mapping a source runs: the places that it lies in, and the versions that they hold to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert as insert_pg
from sqlalchemy.dialects.sqlite import insert as insert_lite

from gateway.store.bulk import on_postgres
from gateway.store.models import counter, pack_pin, place, source
from mappings.language import Locality

_RELOADS: Final = "pack-reloads"


@dataclass(frozen=True, slots=True)
class Registered:
    """A source with the packs it sends for. What a disabled one sent before is still worked on."""

    id: str
    packs: tuple[str, ...]
    locality: Locality
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Register:
    """Every source by id, and how often gateways were asked to read their packs again."""

    sources: Mapping[str, Registered]
    reloads: int


def read_register(connection: Connection) -> Register:
    parents, pins = read_places(connection)
    rows = connection.execute(select(source.c.id, source.c.packs, source.c.place, source.c.disabled))
    sources = {
        row.id: Registered(row.id, tuple(row.packs), locality_at(row.place, parents, pins, row.id), row.disabled)
        for row in rows
    }
    asked = connection.execute(select(counter.c.value).where(counter.c.name == _RELOADS)).scalar()
    return Register(sources, asked or 0)


def read_places(connection: Connection) -> tuple[dict[str, str | None], dict[str, dict[str, str]]]:
    """Of each place its parent, and the versions that it pins, by pack."""
    parents = {row.code: row.parent for row in connection.execute(select(place.c.code, place.c.parent))}
    pins: dict[str, dict[str, str]] = {}
    for row in connection.execute(select(pack_pin)):
        pins.setdefault(row.place, {})[row.pack] = row.version
    return parents, pins


def locality_at(
    code: str, parents: Mapping[str, str | None], pins: Mapping[str, Mapping[str, str]], source_id: str | None = None
) -> Locality:
    """A place in what it lies in; of pins, the nearest holds."""
    places = tuple(reversed(ancestors(code, parents)))
    return Locality(places, source_id, {pack: v for each in places for pack, v in pins.get(each, {}).items()})


def ancestors(code: str, parents: Mapping[str, str | None]) -> list[str]:
    """The place itself, then what it lies in, up to the region."""
    chain: list[str] = []
    here: str | None = code
    while here is not None and here not in chain:
        chain.append(here)
        here = parents.get(here)
    return chain


def ask_reload(connection: Connection) -> int:
    """Every gateway of this hub reads its packs again when it next looks. The number of this request."""
    insert = insert_pg if on_postgres(connection) else insert_lite
    asked = insert(counter).values(name=_RELOADS, value=1)
    counted = asked.on_conflict_do_update(index_elements=["name"], set_={"value": counter.c.value + 1})
    return int(connection.execute(counted.returning(counter.c.value)).scalar_one())
