from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from consumers.database import Database
from consumers.models import metadata


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def app_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a fresh, empty database of an app, once on each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'app.sqlite'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def database(app_url: str) -> AsyncIterator[Database]:
    async with Database(app_url) as database:
        await database.run(metadata.create_all)
        yield database
