"""Who relays which group of shards: one row per group, timed by the database's clock.

A lease only keeps relays out of each other's way. That a former owner, stopped past its lease, gets nothing through is
Kafka's doing: each group has one transactional id, initialised anew by each owner.

On SQLite there is one process, which owns all groups from its start: nobody waits for the lease of a killed one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, bindparam, literal_column, select, text

from gateway.store.models import GROUPS, SHARDS, relay_lease

LEASE_SECONDS: Final = 6
RENEW_SECONDS: Final = 1.0
ROLE: Final = "relay"
_HANGS_SHORTLY: Final = text("SET LOCAL idle_in_transaction_session_timeout = '3s'")
"""A relay stopped in the middle of a round holds the rows it renews; others must get at them before they are due."""

_NOW: Final = {
    "postgresql": "clock_timestamp()",
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', 'now')",
}
_LATER: Final = {
    "postgresql": f"clock_timestamp() + interval '{LEASE_SECONDS} seconds'",
    "sqlite": f"strftime('%Y-%m-%d %H:%M:%f000', 'now', '+{LEASE_SECONDS} seconds')",
}

_GOES_ON: Final = "error = '', stopped = NULL"
"""What stopped the owner before says nothing of the next."""


@dataclass(frozen=True, slots=True)
class Leases:
    """What a relay holds after one round: `lost` it must stop at once, `surplus` it should finish and give back."""

    held: frozenset[int]
    taken: frozenset[int]
    lost: frozenset[int]
    surplus: frozenset[int]


@dataclass(frozen=True, slots=True)
class Stop:
    """What keeps a group's owner from publishing: the class of the error, and since when (UTC)."""

    error: str
    since: datetime


@dataclass(frozen=True, slots=True)
class GroupOwner:
    """Who owns a group now; None when its lease has run out. `epoch` counts its owners so far, `stop` is what its owner
    is stopped by."""

    group: int
    owner: str | None
    epoch: int
    stop: Stop | None = None


def shards_of(group: int) -> range:
    """The shards of a group: every one that leaves `group` when divided by the number of groups."""
    return range(group, SHARDS, GROUPS)


def prepare_leases(connection: Connection) -> None:
    """Writes the rows that are missing."""
    for group in range(GROUPS):
        connection.execute(
            text('INSERT INTO relay_lease ("group", epoch) VALUES (:group, 0) ON CONFLICT DO NOTHING'), {"group": group}
        )


def renew_leases(
    connection: Connection, owner: str, held: frozenset[int], first: bool, ending: Collection[int] = ()
) -> Leases:
    """One round: renews what is held, takes what is free up to a fair share among the relays that live.

    `first` is the relay's first round. A group that another took meanwhile is lost. `ending` are groups that it has not
    done with yet, and does not take.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_HANGS_SHORTLY)
    kept = _renew(connection, owner, held)
    if connection.dialect.name == "sqlite":
        taken = _take_all(connection, owner) if first else frozenset()
        return Leases(kept | taken, taken, held - kept, frozenset())
    _beat(connection, owner)
    fair = -(-GROUPS // _living(connection))
    taken = _take(connection, owner, fair - len(kept), ending) if len(kept) < fair else frozenset()
    surplus = frozenset(sorted(kept)[fair:])
    return Leases(kept | taken, taken, held - kept, surplus)


def note_stops(connection: Connection, owner: str, stops: Mapping[int, Stop | None]) -> None:
    """Writes what stops these groups, None for those that go on, where they are this relay's."""
    for group, stop in stops.items():
        connection.execute(
            relay_lease.update()
            .where(relay_lease.c.group == group, relay_lease.c.owner == owner)
            .values(error=stop.error if stop else "", stopped=stop.since if stop else None)
        )


def is_owner(connection: Connection, owner: str, group: int) -> bool:
    """Whether the group is still this relay's by the database's clock."""
    query = text(f'SELECT 1 FROM relay_lease WHERE "group" = :group AND owner = :owner AND until > {_now(connection)}')  # noqa: S608
    return connection.execute(query, {"group": group, "owner": owner}).first() is not None


def release_leases(connection: Connection, owner: str, groups: Collection[int]) -> None:
    """Gives groups back, so that another need not wait until the lease has run out."""
    if groups:
        statement = text('UPDATE relay_lease SET owner = NULL, until = NULL WHERE owner = :owner AND "group" IN :held')
        statement = statement.bindparams(bindparam("held", expanding=True))
        connection.execute(statement, {"owner": owner, "held": sorted(groups)})


def leave(connection: Connection, owner: str, groups: Collection[int]) -> None:
    """Gives groups back and strikes this relay off the list of those that live."""
    release_leases(connection, owner, groups)
    if connection.dialect.name == "postgresql":
        connection.execute(text("DELETE FROM heartbeat WHERE process = :owner"), {"owner": owner})


def group_owners(connection: Connection) -> list[GroupOwner]:
    """Every group with its owner, for health and status, whichever process asks."""
    lease = relay_lease.c
    held: ColumnElement[bool] = literal_column(f"until > {_now(connection)}")
    told = (lease.group, lease.owner, held.label("held"), lease.epoch, lease.error, lease.stopped)
    rows = connection.execute(select(*told).order_by(lease.group))
    return [
        GroupOwner(
            row.group,
            row.owner if row.held else None,
            row.epoch,
            Stop(row.error, row.stopped) if row.held and row.error and row.stopped else None,
        )
        for row in rows
    ]


def stops_of(owners: Iterable[GroupOwner]) -> dict[int, Stop]:
    """What stops the owners of those groups that do not go on, by group."""
    return {each.group: each.stop for each in owners if each.stop}


def _now(connection: Connection) -> str:
    return _NOW[connection.dialect.name]


def _beat(connection: Connection, owner: str) -> None:
    now = _NOW["postgresql"]
    statement = text(
        f"INSERT INTO heartbeat (process, role, at) VALUES (:owner, :role, {now})"  # noqa: S608
        f" ON CONFLICT (process) DO UPDATE SET at = {now}"
    )
    connection.execute(statement, {"owner": owner, "role": ROLE})


def _living(connection: Connection) -> int:
    alive = f"at > clock_timestamp() - interval '{LEASE_SECONDS} seconds'"
    query = text(f"SELECT count(*) FROM heartbeat WHERE role = :role AND {alive}")  # noqa: S608
    return max(1, int(connection.execute(query, {"role": ROLE}).scalar_one()))


def _renew(connection: Connection, owner: str, held: frozenset[int]) -> frozenset[int]:
    if not held:
        return frozenset()
    statement = text(
        f"UPDATE relay_lease SET until = {_LATER[connection.dialect.name]}"  # noqa: S608
        ' WHERE owner = :owner AND "group" IN :groups RETURNING "group"'
    ).bindparams(bindparam("groups", expanding=True))
    return frozenset(connection.execute(statement, {"owner": owner, "groups": sorted(held)}).scalars())


def _take(connection: Connection, owner: str, count: int, ending: Collection[int]) -> frozenset[int]:
    statement = text(
        'WITH free AS (SELECT "group" FROM relay_lease WHERE (until IS NULL OR until < clock_timestamp())'  # noqa: S608
        '  AND "group" <> ALL(:ending) ORDER BY "group" LIMIT :count FOR UPDATE SKIP LOCKED)'
        f" UPDATE relay_lease SET owner = :owner, epoch = epoch + 1, {_GOES_ON}, until = {_LATER['postgresql']}"
        ' FROM free WHERE relay_lease."group" = free."group" RETURNING relay_lease."group"'
    )
    values = {"owner": owner, "count": count, "ending": list(ending)}
    return frozenset(connection.execute(statement, values).scalars())


def _take_all(connection: Connection, owner: str) -> frozenset[int]:
    statement = text(
        f"UPDATE relay_lease SET owner = :owner, epoch = epoch + 1, {_GOES_ON}, until = {_LATER['sqlite']}"  # noqa: S608
        ' RETURNING "group"'
    )
    return frozenset(connection.execute(statement, {"owner": owner}).scalars())
