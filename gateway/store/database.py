"""The hub's database: one interface over SQLite and PostgreSQL, on which the same synchronous functions run.

    SQLite       one writer thread with `BEGIN IMMEDIATE`, a few reader threads; WAL, synchronous=FULL
    PostgreSQL   SQLAlchemy's asyncio engine over asyncpg, the function run inside it

A function gets a Connection inside a transaction, and whatever it needs as arguments; it never commits.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event, make_url

from contract.errors import Misconfigured
from gateway.deadline import within
from gateway.store.faults import passes, runs_again, unavailable

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

P = ParamSpec("P")
T = TypeVar("T")

CLOSING_SECONDS: Final = 5.0
"""How long connections may take to be closed."""

ATTEMPTS: Final = 5
"""How often a transaction runs that others keep rolling back, before the sender is asked to come again."""

READERS: Final = 2
BUSY_SECONDS: Final = 10.0

SESSION: Final = {
    "application_name": "carehub",
    "synchronous_commit": "on",
    "jit": "off",
    "idle_in_transaction_session_timeout": "10s",
    "lock_timeout": "5s",
    "statement_timeout": "30s",
    "tcp_user_timeout": "10s",
    "tcp_keepalives_idle": "10s",
    "tcp_keepalives_interval": "5s",
    "tcp_keepalives_count": "3",
}
"""A gateway that stops or is cut off loses its session, and with it its locks, within seconds."""


class Engines(Protocol):
    """The two ways to a database. `write` and `read` run `work` in a transaction of their own."""

    async def write(self, work: Callable[[Connection], T]) -> T: ...

    async def read(self, work: Callable[[Connection], T]) -> T: ...

    async def close(self) -> None: ...


class Database:
    """`url` is `sqlite:///FILE` or `postgresql://…`. Opening it connects to nothing yet. `longest` is how long a
    transaction may take, in seconds, whatever its driver does.

    `run` and `read` raise Unavailable when the database cannot be used now, and what the function itself raises.
    """

    def __init__(self, url: str, *, connections: int = 10, longest: float | None = None) -> None:
        self._url = url
        self._connections = connections
        self._longest = longest
        self._engines: Engines | None = None

    @property
    def on_sqlite(self) -> bool:
        return self._url.startswith("sqlite:")

    async def open(self) -> None:
        if self._engines is None:
            self._engines = (
                _SqliteEngines(self._url) if self.on_sqlite else _PostgresEngines(self._url, self._connections)
            )

    async def close(self) -> None:
        engines, self._engines = self._engines, None
        if engines is not None:
            await engines.close()

    async def run(self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `fn(connection, …)` in one write transaction, durable when this returns.

        It runs again from the start when another transaction made it roll back, so it must change nothing but the
        database. Cancelling the awaiting task may come too late to stop the commit.
        """
        return await self._settle(self._open_engines().write, lambda connection: fn(connection, *args, **kwargs))

    async def read(self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `fn(connection, …)` in a transaction that keeps nothing."""
        return await self._settle(self._open_engines().read, lambda connection: fn(connection, *args, **kwargs))

    def _open_engines(self) -> Engines:
        if self._engines is None:
            raise RuntimeError("the database is used before open() or after close()")
        return self._engines

    async def _settle(self, run: Callable[[Callable[[Connection], T]], Any], work: Callable[[Connection], T]) -> T:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                result: T = await (run(work) if self._longest is None else within(self._longest, run(work)))
            except Exception as error:
                if runs_again(error) and attempt < ATTEMPTS:
                    continue
                if passes(error):
                    raise unavailable() from error
                raise
            else:
                return result
        raise AssertionError("unreachable: the last attempt returns or raises")


class _SqliteEngines:
    """One connection that writes, in a thread of its own, and a few that read beside it."""

    def __init__(self, url: str) -> None:
        file = make_url(url).database
        if not file or file == ":memory:":
            raise Misconfigured("SQLite needs a file: sqlite:///FILE")
        _make_private(Path(file))
        self._writer = _sqlite_engine(url, 1, "BEGIN IMMEDIATE")
        self._reader = _sqlite_engine(url, READERS, "BEGIN")
        self._writing = ThreadPoolExecutor(1, "sqlite-writer")
        self._reading = ThreadPoolExecutor(READERS, "sqlite-reader")

    async def write(self, work: Callable[[Connection], T]) -> T:
        def run() -> T:
            with self._writer.begin() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._writing, run)

    async def read(self, work: Callable[[Connection], T]) -> T:
        def run() -> T:
            with self._reader.connect() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._reading, run)

    async def close(self) -> None:
        for threads, engine in ((self._writing, self._writer), (self._reading, self._reader)):
            await asyncio.to_thread(threads.shutdown)
            engine.dispose()


class _PostgresEngines:
    def __init__(self, url: str, connections: int) -> None:
        self._engine = postgres_engine(url, connections, SESSION)

    async def write(self, work: Callable[[Connection], T]) -> T:
        async with self._engine.begin() as connection:
            return await connection.run_sync(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        async with self._engine.connect() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        with contextlib.suppress(TimeoutError, ConnectionAbortedError):  # of a connection that leads nowhere
            await within(CLOSING_SECONDS, self._engine.dispose())


def postgres_engine(
    url: str, connections: int, session: dict[str, str], *, patience: float | None = 40.0
) -> AsyncEngine:
    """The engine over asyncpg for a `postgresql://` URL, with libpq's `sslmode` understood. `patience` is that of a
    statement, in seconds."""
    from sqlalchemy.ext.asyncio import create_async_engine  # which a hub on SQLite never loads

    parsed = make_url(url).set(drivername="postgresql+asyncpg")
    query = {("ssl" if name == "sslmode" else name): value for name, value in parsed.query.items()}
    return create_async_engine(
        parsed.set(query=query),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=5.0,
        pool_recycle=1800,
        hide_parameters=True,
        connect_args={"server_settings": session, "timeout": 5.0, "command_timeout": patience},
    )


def _make_private(file: Path) -> None:
    """The file holds messages: nobody else may read it, nor what SQLite puts beside it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))


def _sqlite_engine(url: str, connections: int, begin: str) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
