"""The relay's side of the outbox: what is next of a group, and what went where.

It reads `unpublished ORDER BY id`, always from the first: a cursor over the id would skip a row committed late.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Row, TextClause, bindparam, select, text, update

from contract.event import Envelope, source_uri
from gateway.store.bodies import bytes_of
from gateway.store.models import event, outbox

WINDOW_ROWS: Final = 2_000
WINDOW_BYTES: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to publish: `key` is the person key."""

    outbox_id: int
    topic: str
    key: str
    envelope: Envelope
    body: bytes


@dataclass(frozen=True, slots=True)
class Published:
    """Where a record went. `offset` is None when Kafka acknowledged a repeat without telling it."""

    outbox_id: int
    partition: int
    offset: int | None


def ready_shards(connection: Connection) -> frozenset[int]:
    """Shards with unpublished rows, held ones included. A handful of index probes, however long the backlog."""
    query = text(
        "WITH RECURSIVE ready(shard) AS ("
        " SELECT min(shard) FROM outbox WHERE published IS NULL"
        " UNION ALL SELECT (SELECT min(o.shard) FROM outbox o WHERE o.published IS NULL AND o.shard > ready.shard)"
        "  FROM ready WHERE ready.shard IS NOT NULL)"
        " SELECT shard FROM ready WHERE shard IS NOT NULL"
    )
    return frozenset(connection.execute(query).scalars())


def next_window(
    connection: Connection, shards: Collection[int], rows: int = WINDOW_ROWS, size: int = WINDOW_BYTES
) -> list[Outgoing]:
    """The first unpublished rows of these shards in the order of their ids: at most `rows`, and `size` bytes, but one.

    A row that must wait for another one (`after_outbox_id`) is left out, and with it all later rows of its person.
    """
    chosen: list[int] = []
    held: set[str] = set()
    total, start = 0, 0
    while len(chosen) < rows:
        page = _read_page(connection, shards, rows, start, held)
        for row in page:
            if row.person_key in held or row.waits:
                held.add(row.person_key)
                continue
            total += row.size
            if chosen and (total > size or len(chosen) == rows):
                return load(connection, chosen)
            chosen.append(row.id)
        if len(page) < rows:
            break
        start = page[-1].id
    return load(connection, chosen)


def mark_published(connection: Connection, published: Sequence[Published]) -> None:
    """Notes where each row went. A row that somebody else published first keeps what it has."""
    now = datetime.now(UTC)
    if connection.dialect.name == "postgresql":
        statement = text(
            'UPDATE outbox SET published = :now, "partition" = done.partition_, "offset" = done.offset_'
            " FROM unnest(CAST(:ids AS bigint[]), CAST(:partitions AS int[]), CAST(:offsets AS bigint[]))"
            " AS done(id, partition_, offset_) WHERE outbox.id = done.id AND outbox.published IS NULL"
        )
        columns = {
            "ids": [each.outbox_id for each in published],
            "partitions": [each.partition for each in published],
            "offsets": [each.offset for each in published],
        }
        connection.execute(statement, {"now": now, **columns})
        return
    by_row = update(outbox).where(outbox.c.id == bindparam("row"), outbox.c.published.is_(None))
    by_row = by_row.values(published=now, partition=bindparam("into"), offset=bindparam("at"))
    connection.execute(by_row, [{"row": p.outbox_id, "into": p.partition, "at": p.offset} for p in published])


@cache
def _page(shards: int, *, some_held: bool) -> TextClause:
    """One ordered walk of the partial index for each shard: a single `shard IN (…) ORDER BY id` would sort the whole
    backlog. As text, once: a union of eight selects costs more to put together than to run."""
    not_held = " AND person_key NOT IN :held" if some_held else ""
    walks = " UNION ALL ".join(
        "SELECT * FROM (SELECT id, person_key, size, after_outbox_id FROM outbox"  # noqa: S608 (numbers of our own)
        f" WHERE shard = :shard{number} AND published IS NULL AND id > :start{not_held}"
        f" ORDER BY id LIMIT :rows) walk{number}"
        for number in range(shards)
    )
    page = text(
        "SELECT first.id, first.person_key, first.size, prior.id IS NOT NULL AND prior.published IS NULL AS waits"  # noqa: S608
        f" FROM ({walks}) first LEFT JOIN outbox prior ON prior.id = first.after_outbox_id"
        " ORDER BY first.id LIMIT :rows"
    )
    return page.bindparams(bindparam("held", expanding=True)) if some_held else page


def _read_page(
    connection: Connection, shards: Collection[int], rows: int, start: int, held: Collection[str]
) -> Sequence[Row[*tuple[Any, ...]]]:
    values: dict[str, object] = {f"shard{number}": shard for number, shard in enumerate(shards)}
    if held:
        values["held"] = sorted(held)
    page = _page(len(shards), some_held=bool(held))
    return connection.execute(page, {**values, "start": start, "rows": rows}).all()


_RECORDS: Final = (
    select(
        outbox.c.id.label("outbox_id"),
        *(outbox.c[name] for name in ("topic", "place", "sector", "organisation", "person_key", "late")),
        *(event.c[name] for name in ("source", "type", "happened", "received", "sequence", "corrects", "traceparent")),
        event.c.id.label("event_id"),
        *(event.c[name] for name in ("body", "body_codec", "body_key")),
    )
    .join(event, event.c.id == outbox.c.event)
    .order_by(outbox.c.id)
)
_BY_IDS: Final = {
    "postgresql": _RECORDS.where(text("outbox.id = ANY(:ids)")),
    "sqlite": _RECORDS.where(outbox.c.id.in_(bindparam("ids", expanding=True))),
}


def load(connection: Connection, ids: Sequence[int]) -> list[Outgoing]:
    """These rows as records, in the order of their ids."""
    if not ids:
        return []
    found = connection.execute(_BY_IDS[connection.dialect.name], {"ids": list(ids)})
    return [_outgoing(row) for row in found]


def _outgoing(row: Row[*tuple[Any, ...]]) -> Outgoing:
    envelope = Envelope(
        id=row.event_id,
        source=source_uri(row.source),
        type=row.type,
        subject=row.person_key,
        time=row.happened,
        received=row.received,
        place=row.place,
        sector=row.sector,
        organisation=row.organisation,
        sequence=row.sequence,
        late=row.late,
        corrects=row.corrects,
        traceparent=row.traceparent,
    )
    return Outgoing(row.outbox_id, row.topic, row.person_key, envelope, bytes_of(row))
