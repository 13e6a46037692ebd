"""An app's database: PostgreSQL, or one SQLite file, with the same synchronous functions on both."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, StaticPool, create_engine, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from contract.errors import Misconfigured

P = ParamSpec("P")
T = TypeVar("T")

_SESSION: Final = {
    "application_name": "carehub-consumer",
    "jit": "off",
    "idle_in_transaction_session_timeout": "30s",
    "lock_timeout": "10s",
    "tcp_user_timeout": "10s",
    "tcp_keepalives_idle": "10s",
    "tcp_keepalives_interval": "5s",
    "tcp_keepalives_count": "3",
}
"""A consumer that stops or is cut off loses its session, and with it its locks, within seconds."""

LONGEST_SECONDS: Final = 120.0
"""Of a transaction. A connection that leads nowhere any more says so to nobody: partitions would wait for ever."""

_CLOSING_SECONDS: Final = 5.0
_HEEDING_SECONDS: Final = 1.0
"""How long what was given up may take to clean up before it is left to itself."""


class Database:
    """`async with Database(url) as database:` for a URL `sqlite:///FILE` or `postgresql://…`. On PostgreSQL a
    transaction takes at most `longest` seconds.

    Raises Misconfigured for another URL. Nothing is connected before the first `run`.
    """

    def __init__(self, url: str, longest: float = LONGEST_SECONDS) -> None:
        self._longest = longest
        if url.startswith("sqlite:///"):
            self._engine: Engine | AsyncEngine = _sqlite_engine(url)
        elif url.startswith("postgresql://"):
            self._engine = _postgres_engine(url)
        else:
            raise Misconfigured("an app's database is postgresql://USER@HOST/NAME or sqlite:///FILE")
        self._thread = ThreadPoolExecutor(1, "consumer-sqlite")

    async def __aenter__(self) -> Database:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def run(self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `fn(connection, …)` in one transaction, durable when this returns; rolled back when `fn` raises.

        Raises what `fn` raises, SQLAlchemy's or the operating system's errors when the database is away, and
        TimeoutError when it takes too long: whether it is committed in the end is then for the inbox to know.
        """
        if isinstance(self._engine, AsyncEngine):
            return await _within(self._longest, _transaction(self._engine, lambda sync: fn(sync, *args, **kwargs)))
        engine = self._engine

        def work() -> T:
            with engine.begin() as connection:
                return fn(connection, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def close(self) -> None:
        """Ends all connections; work under way is finished first. One that leads nowhere is left to itself."""
        await asyncio.to_thread(self._thread.shutdown)
        if isinstance(self._engine, AsyncEngine):
            with contextlib.suppress(TimeoutError):
                await _within(_CLOSING_SECONDS, self._engine.dispose())
        else:
            self._engine.dispose()


async def _within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns or raises; TimeoutError when it takes longer. A driver may not heed its cancellation."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            return task.result()
        raise TimeoutError(f"not done within {seconds:g} s")
    finally:
        if not task.done():
            task.cancel()
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            await asyncio.wait({task}, timeout=_HEEDING_SECONDS)


async def _transaction(engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
    async with engine.begin() as connection:
        return await connection.run_sync(work)


def _postgres_engine(url: str) -> AsyncEngine:
    parsed = make_url(url).set(drivername="postgresql+asyncpg")
    query = {("ssl" if name == "sslmode" else name): value for name, value in parsed.query.items()}
    return create_async_engine(
        parsed.set(query=query),
        pool_size=4,
        max_overflow=0,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"server_settings": _SESSION, "timeout": 5.0},
    )


def _sqlite_engine(url: str) -> Engine:
    file = make_url(url).database
    if not file or file == ":memory:":
        raise Misconfigured("SQLite needs a file: sqlite:///FILE")
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))  # it may hold personal data
    engine = create_engine(
        url, poolclass=StaticPool, hide_parameters=True, connect_args={"check_same_thread": False, "timeout": 10.0}
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
