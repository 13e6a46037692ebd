"""A transaction takes no longer than it may, whatever its driver does."""

from __future__ import annotations

import threading
from pathlib import Path

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
