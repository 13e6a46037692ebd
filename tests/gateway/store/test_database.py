"""A transaction takes no longer than it may, whatever its driver does."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import NoReturn

import asyncpg
import pytest
from sqlalchemy import Connection

from contract.errors import Unavailable
from gateway.store.database import Database


async def test_a_transaction_that_hangs_is_given_up(tmp_path: Path) -> None:
    database, over = Database(f"sqlite:///{tmp_path / 'hub.sqlite'}", longest=0.2), threading.Event()
    await database.open()

    def hang(_: Connection) -> None:
        over.wait()

    for wait in (database.run, database.read):
        with pytest.raises(Unavailable):
            await wait(hang)
    over.set()
    assert await database.read(lambda connection: connection.exec_driver_sql("SELECT 1").scalar()) == 1
    await database.close()


@pytest.mark.postgres
async def test_a_connection_that_was_cut_in_an_answer_is_a_database_that_is_away(postgres_url: str) -> None:
    """As asyncpg answers when the server is restarted in the middle of one: `cannot switch to state 12`."""
    database = Database(postgres_url)
    await database.open()

    async def confused(*_: object, **__: object) -> NoReturn:
        raise asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress")

    def ask(connection: Connection) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncpg.connection.Connection, "prepare", confused)
            connection.exec_driver_sql("SELECT 2")

    for wait in (database.run, database.read):
        with pytest.raises(Unavailable):
            await wait(ask)
    assert await database.read(lambda connection: connection.exec_driver_sql("SELECT 1").scalar()) == 1
    await database.close()
