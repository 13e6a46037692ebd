"""The register of replays: which events are published once more, how far that is, and who is at it.

A replay walks the outbox by its ids from `first` to `last`, which were settled at its start: what comes later reaches
its own topic anyway.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, func, or_, select, text

from contract.event import rfc3339
from contract.topics import replay_topic
from gateway.store.auditing import note
from gateway.store.bulk import on_postgres
from gateway.store.clock import database_now
from gateway.store.models import outbox, replay
from gateway.store.numbers import new_id

LEASE: Final = timedelta(seconds=10)


class Status(StrEnum):
    RUNNING = "running"
    STOPPED = "stopped"
    DONE = "done"
    DROPPING = "dropping"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events: those accepted (`ce_received`, UTC) from `since` on and before `until`, of this source, type,
    person key and topic; None for any."""

    since: datetime | None = None
    until: datetime | None = None
    source: str | None = None
    type: str | None = None
    person_key: str | None = None
    topic: str | None = None

    def as_document(self) -> dict[str, str]:
        said = {name: value for name, value in asdict(self).items() if value is not None}
        return {name: rfc3339(value) if isinstance(value, datetime) else value for name, value in said.items()}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Wanted:
        times: dict[str, Any] = {n: datetime.fromisoformat(document[n]) for n in ("since", "until") if n in document}
        return cls(**{**document, **times})


@dataclass(frozen=True, slots=True)
class Replay:
    """`published` events are in its topic; `withheld` ones their persons' flags keep out of it. `error` is the class of
    what stops it just now."""

    id: str
    name: str
    wanted: Wanted
    restricted: bool
    rate: int
    reason: str
    status: Status
    first: int
    position: int
    last: int
    published: int
    withheld: int
    started: datetime
    finished: datetime | None
    error: str

    @property
    def topic(self) -> str:
        return replay_topic(self.name)

    @property
    def percent(self) -> float:
        """How much of what it goes through is behind it."""
        rows = self.last - self.first + 1
        return round(100 * (self.position - self.first + 1) / rows, 1) if rows > 0 else 100.0

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "id": self.id,
            "status": str(self.status),
            "topic": self.topic,
            "wanted": self.wanted.as_document(),
            "restricted": self.restricted,
            "rate": self.rate,
            "reason": self.reason,
            "published": self.published,
            "withheld": self.withheld,
            "percent": self.percent,
            "started": rfc3339(self.started),
            "finished": rfc3339(self.finished) if self.finished else None,
            "error": self.error or None,
        }


def start_replay(
    connection: Connection, name: str, wanted: Wanted, *, restricted: bool, rate: int, reason: str, actor: str
) -> Replay | None:
    """Registers a replay, which a relay then takes up; None when there is one of this name that is not dropped."""
    if replay_by_name(connection, name) is not None:
        return None
    last = _last_id(connection)
    now = database_now(connection)  # after it: whoever has drawn a lower id by then is waited for by `is_settled`
    first = _first_since(connection, wanted.since) if wanted.since else 1
    row = {
        "id": new_id(),
        "name": name,
        "wanted": wanted.as_document(),
        "restricted": restricted,
        "rate": rate,
        "reason": reason,
        "status": str(Status.RUNNING),
        "first": first,
        "position": first - 1,
        "last": last,
        "published": 0,
        "withheld": 0,
        "started": now,
    }
    connection.execute(replay.insert().values(row))
    detail = {"wanted": row["wanted"], "restricted": restricted, "reason": reason}
    note(connection, actor, "replay-started", f"replay {name}", now, **detail)
    return replay_by_name(connection, name)


def replay_by_name(connection: Connection, name: str) -> Replay | None:
    """The one of this name that is not dropped."""
    found = connection.execute(select(replay).where(replay.c.name == name, replay.c.status != Status.DROPPED)).first()
    return _replay(found) if found else None


def replay_by_id(connection: Connection, id_: str) -> Replay | None:
    found = connection.execute(select(replay).where(replay.c.id == id_)).first()
    return _replay(found) if found else None


def all_replays(connection: Connection, *, dropped: bool = False) -> list[Replay]:
    """The latest first."""
    wanted = select(replay).order_by(replay.c.started.desc(), replay.c.id.desc())
    return [_replay(row) for row in connection.execute(wanted if dropped else wanted.where(_not(Status.DROPPED)))]


def turn(connection: Connection, found: Replay, status: Status, actor: str, done: str) -> None:
    """What an operator has it do from now on, on record as `done`."""
    now = database_now(connection)
    finished = None if status in (Status.RUNNING, Status.DROPPING) else now
    connection.execute(
        replay.update().where(replay.c.id == found.id).values(status=status, finished=finished, error="")
    )
    note(connection, actor, done, f"replay {found.name}", now, published=found.published)


def claim_replays(connection: Connection, owner: str, limit: int) -> list[str]:
    """Holds on to the owner's own replays, and takes up some that nobody is at; the ids of all that it is at now."""
    now = database_now(connection)
    until = {"owner": owner, "lease_until": now + LEASE}
    goes_on = replay.c.status.in_((Status.RUNNING, Status.DROPPING))
    own = replay.update().where(replay.c.owner == owner, goes_on).values(until).returning(replay.c.id)
    held = list(connection.execute(own).scalars())
    free = (
        select(replay.c.id)
        .where(goes_on, or_(replay.c.lease_until.is_(None), replay.c.lease_until < now))
        .order_by(replay.c.started, replay.c.id)
        .limit(max(0, limit - len(held)))
        .with_for_update(skip_locked=True)
    )
    taken = list(connection.execute(free).scalars())
    if taken:
        connection.execute(replay.update().where(replay.c.id.in_(taken)).values(until))
    return [*held, *taken]


def leave_replays(connection: Connection, owner: str) -> None:
    """Another relay need not wait until the leases have run out."""
    connection.execute(replay.update().where(replay.c.owner == owner).values(owner=None, lease_until=None))


def note_progress(connection: Connection, found: Replay, owner: str, position: int, sent: int, withheld: int) -> bool:
    """Writes down how far it is, if it is still the owner's; returns whether it goes on. At its end it is done."""
    mine = replay.update().where(replay.c.id == found.id, replay.c.owner == owner)
    told = {
        "position": position,
        "published": replay.c.published + sent,
        "withheld": replay.c.withheld + withheld,
        "error": "",
    }
    row = connection.execute(mine.values(told).returning(replay.c.status, replay.c.published)).first()
    if row is None or row.status != Status.RUNNING:
        return False
    if position < found.last:
        return True
    now = database_now(connection)
    connection.execute(replay.update().where(replay.c.id == found.id).values(status=Status.DONE, finished=now))
    note(connection, owner, "replay-done", f"replay {found.name}", now, published=row.published)
    return False


def note_error(connection: Connection, id_: str, error: str) -> None:
    connection.execute(replay.update().where(replay.c.id == id_).values(error=error))


def finish_drop(connection: Connection, found: Replay, owner: str) -> None:
    """Its topic is gone."""
    now = database_now(connection)
    connection.execute(replay.update().where(replay.c.id == found.id).values(status=Status.DROPPED, finished=now))
    note(connection, owner, "replay-dropped", f"replay {found.name}", now)


def is_settled(connection: Connection, moment: datetime) -> bool:
    """Whether every transaction that was under way then has ended: one of them may hold rows with lower ids than those
    that could be seen. SQLite has one writer at a time."""
    if not on_postgres(connection):
        return True
    query = text(
        "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND xact_start <= :moment AND backend_xid IS NOT NULL)"
    )
    return bool(connection.execute(query, {"moment": moment}).scalar())


def _last_id(connection: Connection) -> int:
    return connection.execute(select(func.max(outbox.c.id))).scalar() or 0


def _first_since(connection: Connection, since: datetime) -> int:
    """The lowest outbox id of what was kept at or after that time: ids and times grow together, so it is halved for."""
    low, high = 1, _last_id(connection) + 1
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(
            select(outbox.c.id, outbox.c.created).where(outbox.c.id >= middle).order_by(outbox.c.id).limit(1)
        ).first()
        if row is not None and row.created < since - _OUT_OF_STEP:
            low = row.id + 1
        else:
            high = middle
    return low


_OUT_OF_STEP: Final = timedelta(minutes=1)
"""By how much the clocks of gateways, and with them the times of rows, may be out of the order of their ids."""


def _not(status: Status) -> ColumnElement[bool]:
    return replay.c.status != status


def _replay(row: Any) -> Replay:
    told = {each.name: getattr(row, each.name) for each in fields(Replay)}
    return Replay(**told | {"wanted": Wanted.from_document(row.wanted), "status": Status(row.status)})
