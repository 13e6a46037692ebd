"""The migrations make what the models describe, on both databases, there and back."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect

from gateway.store.database import Database
from migrations import Which, check, current, downgrade, head, upgrade
from tests.servers import Postgres


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'hub.sqlite'}"
    else:
        server: Postgres = request.getfixturevalue("postgres_server")
        with server.database() as fresh:
            yield fresh


async def tables(url: str) -> set[str]:
    database = Database(url)
    await database.open()
    try:
        return set(await database.read(lambda c: inspect(c).get_table_names()))
    finally:
        await database.close()


async def test_hub_and_consumers_share_a_database_and_agree_with_their_models(url: str) -> None:
    for which in ("hub", "consumers"):
        await upgrade(url, which)  # type: ignore[arg-type]
    for which in ("hub", "consumers"):
        assert await check(url, which) == []  # type: ignore[arg-type]
        assert await current(url, which) == head(which)  # type: ignore[arg-type]


@pytest.mark.parametrize("which", ["hub", "consumers"])
async def test_going_back_leaves_nothing_and_forward_again_works(url: str, which: Which) -> None:
    await upgrade(url, which)
    await downgrade(url, which, "base")
    assert await tables(url) <= {f"alembic_version_{which}", "sqlite_sequence"}
    await upgrade(url, which)
    assert await check(url, which) == []


async def test_a_table_that_differs_from_the_models_is_told(url: str) -> None:
    await upgrade(url, "hub")
    database = Database(url)
    await database.open()
    await database.run(lambda c: c.exec_driver_sql("ALTER TABLE heartbeat ADD COLUMN colour TEXT"))
    await database.close()
    [difference] = await check(url, "hub")
    assert "colour" in difference


async def test_upgrading_twice_changes_nothing(url: str) -> None:
    await upgrade(url, "hub")
    await upgrade(url, "hub")
    assert await current(url, "hub") == head("hub")


@pytest.mark.postgres
async def test_processes_that_start_together_migrate_one_after_the_other(postgres_url: str) -> None:
    code = "import asyncio, sys, migrations; asyncio.run(migrations.upgrade(sys.argv[1], 'hub'))"
    started = [await asyncio.create_subprocess_exec(sys.executable, "-c", code, postgres_url) for _ in range(3)]
    assert [await process.wait() for process in started] == [0, 0, 0]
    assert await check(postgres_url, "hub") == []
