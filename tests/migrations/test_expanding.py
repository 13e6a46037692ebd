"""A revision only expands, so that processes of the version before it serve on; seen in what PostgreSQL is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event

from migrations import Which, run
from migrations.run import upgrade
from tests.migrations.expanding import COMMIT, faults_of, harmful


@contextmanager
def told() -> Iterator[list[str]]:
    """The statements that any database is told meanwhile."""
    statements: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    def commit(_connection: Any) -> None:
        statements.append(COMMIT)

    event.listen(Engine, "before_cursor_execute", listen)
    event.listen(Engine, "commit", commit)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", listen)
        event.remove(Engine, "commit", commit)


@pytest.mark.postgres
@pytest.mark.parametrize("which", ["hub", "consumers"])
async def test_every_revision_expands_or_says_that_it_contracts(postgres_url: str, which: Which) -> None:
    scripts = [*ScriptDirectory.from_config(run._config(which)).walk_revisions()][::-1]
    for script in scripts:
        with told() as statements:
            await upgrade(postgres_url, which, script.revision)
        assert any("alembic_version" in each for each in statements)
        assert faults_of(script.module, statements) == [], script.revision


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE event",
        "ALTER TABLE event DROP COLUMN source",
        "ALTER TABLE event RENAME source TO sender",
        "ALTER TABLE event ADD COLUMN colour TEXT NOT NULL",
        "ALTER TABLE event ALTER COLUMN source SET NOT NULL",
        "ALTER TABLE event ALTER COLUMN source TYPE VARCHAR(8)",
        "ALTER TABLE event ADD CONSTRAINT one UNIQUE (source)",
        "CREATE INDEX ix_event_source ON event (source)",
        "CREATE UNIQUE INDEX CONCURRENTLY ix_event_source ON event (source)",
        "DROP INDEX ix_event_source",
        "UPDATE event SET source = ''",
        "DELETE FROM event",
    ],
)
def test_what_drops_renames_tightens_or_holds_up_is_told(statement: str) -> None:
    assert list(harmful(["CREATE TABLE other (id INTEGER)", statement])) == [statement]


def test_what_only_adds_is_not() -> None:
    statements = [
        "\nCREATE TABLE other (\n\tid INTEGER NOT NULL\n)\n",
        "CREATE UNIQUE INDEX uq_other ON other (id)",
        "ALTER TABLE event ADD COLUMN a TEXT",
        "ALTER TABLE event ADD COLUMN b BIGINT DEFAULT '0' NOT NULL",
        "CREATE INDEX CONCURRENTLY ix_event_a ON event (a)",
    ]
    assert list(harmful(statements)) == []


def test_a_revision_holds_one_table_at_a_time() -> None:
    both = ["ALTER TABLE event ADD COLUMN a TEXT", "ALTER TABLE outbox ADD COLUMN a TEXT"]
    assert list(harmful(both)) == [f"{both[1]}, while event is held"]
    assert list(harmful([both[0], COMMIT, both[1]])) == []


def test_a_contract_is_of_what_an_earlier_release_expanded() -> None:
    def revision(**says: object) -> ModuleType:
        return cast(ModuleType, SimpleNamespace(**says))

    dropping = ["ALTER TABLE event DROP COLUMN source"]
    assert faults_of(revision(), dropping, "0006")
    assert faults_of(revision(contract=True), dropping, "0006")
    assert faults_of(revision(contract=True, expanded_by="0007"), dropping, "0006")
    assert faults_of(revision(contract=True, expanded_by="0006"), dropping, "0006") == []
