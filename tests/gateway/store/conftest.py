"""Each test of the store runs on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.store.database import Database
from gateway.store.group import Keeper
from migrations.run import upgrade
from tests.gateway.store.making import KEYS
from tests.servers import Postgres


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of a fresh, empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'hub.sqlite'}"
    else:
        server: Postgres = request.getfixturevalue("postgres_server")
        with server.database() as fresh:
            yield fresh


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """Open, migrated and empty."""
    await upgrade(url, "hub")
    found = Database(url)
    await found.open()
    yield found
    await found.close()


@pytest.fixture
async def keeper(database: Database) -> AsyncIterator[Keeper]:
    found = Keeper(database, KEYS)
    await found.start()
    yield found
    await found.close()
