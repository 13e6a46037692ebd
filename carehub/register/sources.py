"""Sources: registered sending systems. Gateways see a change within five seconds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from carehub.errors import Declined, WrongUsage
from carehub.register.credentials import add_certificate, new_key, note, revoke
from carehub.register.places import WORD, ensure_place
from gateway.store.models import source
from mappings.language import list_packs

_ODS: Final = re.compile(r"[A-Z0-9]{3,10}")


@dataclass(frozen=True, slots=True)
class NewSource:
    """As `carehub sources add` says. `shares_with` is the source whose identifier domain it uses."""

    id: str
    organisation: str
    sector: str
    place: str
    packs: tuple[str, ...]
    mllp_port: int | None = None
    certificate: Path | None = None
    ack: str = "when-mapped"
    traced: bool = False
    shares_with: str | None = None
    authority: bool = False


@dataclass(frozen=True, slots=True)
class Added:
    """`key` is the only copy there is."""

    key: str
    made_place: bool


def add_source(connection: Connection, new: NewSource, search: tuple[Path, ...]) -> Added:
    """`search` is where local packs are. Raises WrongUsage for what is no id, ODS code or pack, Declined for an id or
    port that is taken."""
    _check(new, search)
    if connection.execute(select(source.c.id).where(source.c.id == new.id)).first():
        raise Declined(f"there is a source {new.id} already (carehub sources show {new.id}); ids are never used again")
    if new.mllp_port and (taken := _bound_to(connection, new.mllp_port)):
        raise Declined(f"port {new.mllp_port} is bound to {taken}; a port is one source's alone")
    domain = _row(connection, new.shares_with).identifier_domain if new.shares_with else new.id
    made_place = ensure_place(connection, new.place)
    connection.execute(
        insert(source).values(
            id=new.id,
            organisation=new.organisation,
            sector=new.sector,
            place=new.place,
            packs=list(new.packs),
            identifier_domain=domain,
            ack=new.ack,
            traced=new.traced,
            authority=new.authority,
            mllp_port=new.mllp_port,
            paused=False,
            disabled=False,
            created=datetime.now(UTC),
        )
    )
    key = new_key(connection, "source", new.id, "send")
    if new.certificate:
        add_certificate(connection, new.id, new.certificate)
    note(connection, "source-added", new.id, place=new.place, packs=list(new.packs))
    return Added(key, made_place)


def all_sources(connection: Connection) -> list[dict[str, Any]]:
    return [_source_facts(row) for row in connection.execute(select(source).order_by(source.c.id))]


def source_of(connection: Connection, id_: str) -> dict[str, Any]:
    """Raises Declined when there is none."""
    return _source_facts(_row(connection, id_))


def disable_source(connection: Connection, id_: str) -> None:
    """Revokes its credentials and frees its port. Raises Declined when there is none."""
    _row(connection, id_)
    connection.execute(update(source).where(source.c.id == id_).values(disabled=True, mllp_port=None))
    revoke(connection, "source", id_)
    note(connection, "source-disabled", id_)


def pause_source(connection: Connection, id_: str, paused: bool) -> None:
    """Raises Declined when there is none, or it is disabled."""
    if _row(connection, id_).disabled:
        raise Declined(f"{id_} is disabled for good; register the system anew under another id")
    connection.execute(update(source).where(source.c.id == id_).values(paused=paused))
    note(connection, "source-paused" if paused else "source-resumed", id_)


def rotate_source(connection: Connection, id_: str, certificate: Path | None) -> str:
    """A new key in place of all credentials that it has. Raises Declined when there is none, or it is disabled."""
    if _row(connection, id_).disabled:
        raise Declined(f"{id_} is disabled for good; register the system anew under another id")
    revoke(connection, "source", id_)
    key = new_key(connection, "source", id_, "send")
    if certificate:
        add_certificate(connection, id_, certificate)
    note(connection, "source-key-rotated", id_)
    return key


def _check(new: NewSource, search: tuple[Path, ...]) -> None:
    if not WORD.fullmatch(new.id) or len(new.id) > 64:
        raise WrongUsage(f"{new.id!r} cannot be a source's id: use lower case letters, digits and hyphens")
    if not _ODS.fullmatch(new.organisation):
        raise WrongUsage(f"{new.organisation!r} is no ODS code: three to ten capital letters and digits, as RBD")
    if not WORD.fullmatch(new.place):
        raise WrongUsage(f"{new.place!r} cannot be a place: use lower case letters, digits and hyphens")
    known = [pack.name for pack in list_packs(search)]
    for name in new.packs:
        if name not in known:
            raise WrongUsage(f"there is no pack {name}; there are: {', '.join(known)}")


def _row(connection: Connection, id_: str) -> Row[Any]:
    row = connection.execute(select(source).where(source.c.id == id_)).first()
    if row is None:
        raise Declined(f"there is no source {id_} (carehub sources list)")
    return row


def _source_facts(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "organisation": row.organisation,
        "sector": row.sector,
        "place": row.place,
        "packs": list(row.packs),
        "mllp_port": row.mllp_port,
        "ack": row.ack,
        "nhs_number": "traced" if row.traced else "as-stated",
        "identifiers_shared_with": None if row.identifier_domain == row.id else row.identifier_domain,
        "authority": row.authority,
        "state": "disabled" if row.disabled else "paused" if row.paused else "open",
        "created": row.created,
        "last_seen": row.last_seen,
    }


def _bound_to(connection: Connection, port: int) -> str | None:
    return connection.execute(select(source.c.id).where(source.c.mllp_port == port)).scalar()
