from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store.database import Database
from gateway.store.models import metadata


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def hub_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a fresh, empty hub database, once on each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'hub.sqlite'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def database(hub_url: str) -> AsyncIterator[Database]:
    database = Database(hub_url)
    await database.open()
    await database.run(metadata.create_all)
    yield database
    await database.close()


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[Database]:
    """A fresh hub database on PostgreSQL, for what SQLite does not promise: several relays."""
    database = Database(postgres_url)
    await database.open()
    await database.run(metadata.create_all)
    yield database
    await database.close()
