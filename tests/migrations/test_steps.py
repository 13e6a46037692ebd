"""Every revision up and down with rows in every table: what was there stays as it was."""

from __future__ import annotations

from typing import Any

from alembic.script import ScriptDirectory
from sqlalchemy import Row, Table

from gateway.store.database import Database
from migrations import run
from migrations.run import downgrade, upgrade
from tests.migrations.rows import insert_everywhere, reflected, rows_of


def revisions() -> list[str]:
    """Of the hub, the first one first."""
    return [each.revision for each in ScriptDirectory.from_config(run._config("hub")).walk_revisions()][::-1]


async def test_rows_of_every_revision_live_through_every_step_up_and_down(url: str) -> None:
    database = Database(url)
    await database.open()
    tables: list[Table] = []
    rows: dict[str, list[Row[Any]]] = {}
    try:
        for revision in revisions():
            await upgrade(url, "hub", revision)
            assert await database.read(rows_of, tables) == rows, f"up to {revision}"
            tables = await database.read(reflected)
            await database.run(insert_everywhere, tables)
            rows = await database.read(rows_of, tables)
        assert all(rows.values()), "no table without a row"
        for revision in revisions()[-2::-1]:
            await downgrade(url, "hub", revision)
            tables = await database.read(reflected)
            found = await database.read(rows_of, tables)
            for table in tables:
                names = [column.name for column in table.columns]
                before = sorted((tuple(getattr(row, n) for n in names) for row in rows[table.name]), key=repr)
                assert [tuple(row) for row in found[table.name]] == before, f"{table.name}, down to {revision}"
    finally:
        await database.close()
