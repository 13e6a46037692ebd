"""The migrations make what the models describe, on both databases, there and back."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime

import pytest
from sqlalchemy import inspect, select

from gateway.store.database import Database
from gateway.store.deadletters import list_groups
from gateway.store.fingerprints import name_unnamed
from gateway.store.models import dead_letter
from migrations import NEWEST, Which, revision_of
from migrations.run import check, current, downgrade, head, upgrade
from tests.migrations.rows import set_revision


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


@pytest.mark.parametrize("which", ["hub", "consumers"])
async def test_a_database_tells_its_revision_and_the_code_is_written_for_the_newest(url: str, which: Which) -> None:
    async def told() -> str | None:
        database = Database(url)
        await database.open()
        try:
            return await database.read(revision_of, which)
        finally:
            await database.close()

    await upgrade(url, "consumers" if which == "hub" else "hub")
    assert await told() is None
    await upgrade(url, which)
    assert await told() == NEWEST[which] == head(which)


async def test_a_database_that_a_newer_version_has_migrated_stays_as_it_is(url: str) -> None:
    await upgrade(url, "hub")
    await set_revision(url, "9999")
    await upgrade(url, "hub")
    assert await current(url, "hub") == "9999"


async def test_a_dead_letter_of_an_earlier_revision_goes_up_and_down_and_gets_its_group(url: str) -> None:
    row = {"id": "l1", "source": "pas", "key_hash": b"k", "content_hash": b"c", "content_type": "text/plain"}
    row |= {"pack": "mine", "pack_version": "1.0.0", "code": "invalid-date", "count": 1, "status": "open", "body": b"x"}
    row |= {"issues": [{"code": "invalid-date", "path": "OBX[2]-14"}]}
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    named = dead_letter.insert().values(**row, first_received=moment, last_received=moment)
    await upgrade(url, "hub", "0003")
    database = Database(url)
    await database.open()
    try:
        await database.run(lambda c: c.execute(named))
        await upgrade(url, "hub")
        assert await database.run(name_unnamed, 10) == 1
        [group] = await database.read(list_groups)
        assert (group.letters, group.as_dict()["path"]) == (1, "OBX-14")
        await downgrade(url, "hub", "0003")
        kept = await database.read(lambda c: c.execute(select(dead_letter.c.id)).scalars().all())
    finally:
        await database.close()
    assert kept == ["l1"]


async def test_upgrading_twice_changes_nothing(url: str) -> None:
    await upgrade(url, "hub")
    await upgrade(url, "hub")
    assert await current(url, "hub") == head("hub")


@pytest.mark.postgres
async def test_processes_that_start_together_migrate_one_after_the_other(postgres_url: str) -> None:
    code = "import asyncio, sys; from migrations.run import upgrade; asyncio.run(upgrade(sys.argv[1], 'hub'))"
    started = [await asyncio.create_subprocess_exec(sys.executable, "-c", code, postgres_url) for _ in range(3)]
    assert [await process.wait() for process in started] == [0, 0, 0]
    assert await check(postgres_url, "hub") == []
