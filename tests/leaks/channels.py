"""Where personal data could get to: everything of each channel, in pieces with their places, and which pieces may hold
personal data since they are content by design."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient
from confluent_kafka.admin import AdminClient

from tests.leaks.marks import marks_in
from tests.leaks.site import Site
from tests.topics import plain_records


class Channel(StrEnum):
    LOG = "log of gateway and relay"
    CONSUMER_LOG = "log of a consumer"
    METRIC = "metric"
    ANSWER = "HTTP answer"
    ACKNOWLEDGEMENT = "MLLP acknowledgement"
    OUTPUT = "standard output of a command"
    ERRORS = "standard error of a command"
    DEAD_LETTER = "dead letter's metadata"
    COLUMN = "column of the hub's database"
    CONSUMER_COLUMN = "column of a consumer's table"
    KEY = "Kafka key"
    HEADER = "Kafka header"
    TRACE = "trace context"
    NAME = "topic, group or client name on Kafka"
    FILE_NAME = "name of a file in the data folder"
    FILE = "file in the data folder"
    PROCESS = "arguments of a process"


@dataclass(frozen=True, slots=True)
class Piece:
    channel: Channel
    place: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Leak:
    channel: Channel
    place: str
    mark: str


CONTENT_BY_DESIGN: Final[tuple[tuple[Channel, str, str], ...]] = (
    (Channel.ANSWER, r"POST /events/preview as a source 200 body", "a dry run shows its sender what it sent, mapped"),
    (Channel.ANSWER, r".* header x-(request|correlation)-id", "the sender's own id goes back to the sender alone"),
    (Channel.ACKNOWLEDGEMENT, r"MSH", "the sender's own header, turned round, as HL7 wants it"),
    (Channel.ACKNOWLEDGEMENT, r"MSA-2", "the sender's own MSH-10, as HL7 wants it"),
    (Channel.OUTPUT, r"preview", "shows what would be published of the caller's own file; keeps nothing"),
    (Channel.OUTPUT, r"tail", "shows events of a topic to somebody who may read it"),
    (Channel.ERRORS, r".* \(argument\)", "what was typed comes back to who typed it, and goes nowhere else"),
    (Channel.COLUMN, r"\w+\.body", "content: compressed, and encrypted where that is switched on"),
    (Channel.DEAD_LETTER, r"\w+\.body", "content, as above"),
)
"""Channel, place (a pattern that must fit the whole place) and the reason."""


def leaks(pieces: Iterable[Piece]) -> set[Leak]:
    """Marks that stand where no content may stand."""
    return {
        Leak(piece.channel, piece.place, mark)
        for piece in pieces
        if not _is_content(piece)
        for mark in marks_in(piece.content)
    }


def _is_content(piece: Piece) -> bool:
    return any(piece.channel is channel and re.fullmatch(place, piece.place) for channel, place, _ in CONTENT_BY_DESIGN)


def kept_by(site: Site) -> Iterator[Piece]:
    """Everything that the site has kept and published until now, but for what is answered on asking."""
    for name, service in site.services.items():
        channel = Channel.CONSUMER_LOG if name == "consumer" else Channel.LOG
        for number, line in enumerate(service.log.read_bytes().splitlines(), 1):
            yield Piece(channel, f"{service.log.name}:{number}", line)
        assert service.process is not None
        for part in ("cmdline", "comm"):
            yield Piece(Channel.PROCESS, f"{name} {part}", Path(f"/proc/{service.process.pid}/{part}").read_bytes())
    yield from _files(site.data)
    if site.on_sqlite:
        for file in sorted(site.data.glob("*.sqlite")):
            yield from _sqlite_columns(file)
    else:
        yield from asyncio.run(_postgres_columns(site.database_url))
    yield from asyncio.run(_kafka(site))


def _files(folder: Path) -> Iterator[Piece]:
    for file in sorted(folder.rglob("*")):
        name = str(file.relative_to(folder))
        yield Piece(Channel.FILE_NAME, name, name.encode())
        if file.is_file() and ".sqlite" not in file.name:
            yield Piece(Channel.FILE, name, file.read_bytes())


CONSUMER_TABLES: Final = ("inbox", "timeline", "timeline_alias")


def _of_column(table: str, column: str, value: object) -> Piece:
    if table == "dead_letter":
        channel = Channel.DEAD_LETTER
    elif table in CONSUMER_TABLES:
        channel = Channel.CONSUMER_COLUMN
    else:
        channel = Channel.TRACE if column == "traceparent" else Channel.COLUMN
    content = bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
    return Piece(channel, f"{table}.{column}", content)


def _pieces_of_rows(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[Piece]:
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            if value not in (None, ""):
                yield _of_column(table, column, value)


def _sqlite_columns(file: Path) -> Iterator[Piece]:
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)
    try:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            found = connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608 (the database's own name)
            yield from _pieces_of_rows(table, [each[0] for each in found.description], found.fetchall())
    finally:
        connection.close()


async def _postgres_columns(url: str) -> list[Piece]:
    connection = await asyncpg.connect(url)
    try:
        names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        pieces: list[Piece] = []
        for (table,) in names:
            rows = await connection.fetch(f'SELECT * FROM "{table}"')  # noqa: S608 (the database's own name)
            pieces += _pieces_of_rows(table, list(rows[0].keys()) if rows else [], rows)
        return pieces
    finally:
        await connection.close()


async def _kafka(site: Site) -> list[Piece]:
    """Keys and headers of the topics that came since the site began, and all names; values are content by design."""
    known = AdminClient({"bootstrap.servers": site.bootstrap, "log_level": 0}).list_topics(timeout=10).topics
    topics = known.keys() - site.topics_before
    pieces = [Piece(Channel.NAME, "topic", topic.encode()) for topic in topics]
    for record in await plain_records(site.bootstrap, topics, isolation="read_uncommitted"):
        pieces.append(Piece(Channel.KEY, record.topic, record.key or b""))
        for name, value in record.headers:
            channel = Channel.TRACE if name.startswith("trace") else Channel.HEADER
            pieces.append(Piece(channel, f"{record.topic} {name}", name.encode() + b" " + value))
    admin = AIOKafkaAdminClient(bootstrap_servers=site.bootstrap)
    await admin.start()
    try:
        groups = await admin.list_consumer_groups()
        return pieces + [Piece(Channel.NAME, "group", str(group).encode()) for group in groups]
    finally:
        await admin.close()
