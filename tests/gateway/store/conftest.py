"""Each test of the store runs on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.store.database import Database
from gateway.store.group import Keeper
from migrations.run import upgrade
from tests.gateway.store.making import KEYS


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
