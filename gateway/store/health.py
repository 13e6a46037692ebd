"""What the tables say of the hub's state, and the proof that the database can really be written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, select

from gateway.store.clock import Clock, database_now
from gateway.store.models import dead_letter, heartbeat, outbox, source, waiting
from gateway.store.refusals import OPEN


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is not published yet. `size` in bytes of event bodies, `oldest_seconds` since the oldest was kept."""

    rows: int
    size: int
    oldest_seconds: float


def measure_backlog(connection: Connection, now: datetime) -> Backlog:
    rows, size, oldest = connection.execute(
        select(func.count(), func.coalesce(func.sum(outbox.c.size), 0), func.min(outbox.c.created)).where(
            outbox.c.published.is_(None)
        )
    ).one()
    return Backlog(rows, int(size), max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)


def measure_waiting(connection: Connection, now: datetime) -> tuple[int, float]:
    """Messages that wait for a parent, and for how many seconds the first of them has done so."""
    count, oldest = connection.execute(
        select(func.count(waiting.c.message.distinct()), func.min(waiting.c.since))
    ).one()
    return count, max(0.0, (now - oldest).total_seconds()) if oldest else 0.0


def count_open_dead_letters(connection: Connection) -> int:
    return connection.execute(
        select(func.count()).select_from(dead_letter).where(dead_letter.c.status == OPEN)
    ).scalar_one()


def last_seen(connection: Connection) -> dict[str, datetime | None]:
    """When each source that is not disabled was last heard of (UTC), by id."""
    rows = connection.execute(
        select(source.c.id, source.c.last_seen).where(source.c.disabled.is_(False)).order_by(source.c.id)
    )
    return {row.id: row.last_seen for row in rows}


class PackNews(NamedTuple):
    """What a gateway tells of its packs: the last request to read them again that it has followed, and what is wrong
    with them, a line each."""

    reloads: int = 0
    trouble: str = ""


NO_NEWS: Final = PackNews()


def write_heartbeat(
    connection: Connection, process: str, role: str, news: PackNews = NO_NEWS, clock: Clock = database_now
) -> None:
    """Writes this process's sign of life: if it commits, the database takes messages too."""
    told = {"at": clock(connection), "trouble": news.trouble, "reloads": news.reloads}
    signed = connection.execute(heartbeat.update().where(heartbeat.c.process == process).values(told))
    if signed.rowcount == 0:
        connection.execute(heartbeat.insert().values(process=process, role=role, **told))
