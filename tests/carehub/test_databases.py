"""What commands say of a database that is at another revision than their version's, and what they do."""

from __future__ import annotations

import asyncio

import pytest

from carehub.settings import read_settings
from migrations import NEWEST
from migrations.run import upgrade
from tests.carehub.conftest import Cli
from tests.migrations.rows import set_revision
from tests.packs import COMPILED


@pytest.fixture(autouse=True)
def _quickly(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packs as they were compiled before, and no Kafka to start."""
    monkeypatch.setenv("CAREHUB_COMPILED_PACKS", str(COMPILED))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")


def test_on_an_older_schema_nothing_starts_until_it_is_migrated(cli: Cli) -> None:
    settings = read_settings()
    settings.make_data()
    asyncio.run(upgrade(settings.hub_database, "hub", "0003"))
    for command in (("gateway", "--port", "0"), ("status",), ("sources", "list")):
        _, said = cli.both(*command, code=3)
        assert f"is at revision 0003, and this version needs {NEWEST['hub']}: run `carehub migrate`" in said
    [finding] = [each for each in cli.json("doctor", code=1)["findings"] if each["what"] == "database"]
    assert "run `carehub migrate`" in finding["advice"]
    cli.run("migrate")
    assert cli.json("sources", "list") == []


def test_on_a_newer_schema_everything_goes_on_and_migrate_changes_nothing(hub: Cli) -> None:
    asyncio.run(set_revision(read_settings().hub_database, "9999"))
    assert hub.json("sources", "list") == []
    assert hub.json("migrate")["hub"] == "9999"
    [finding] = [each for each in hub.json("doctor", code=1)["findings"] if each["what"] == "database"]
    assert finding["ok"]
    assert "migrated by a newer version" in finding["found"]


def test_a_database_that_was_never_migrated_is_told_as_that(cli: Cli) -> None:
    settings = read_settings()
    settings.make_data()
    asyncio.run(upgrade(settings.hub_database, "consumers"))
    assert "has no tables of carehub's yet: run `carehub migrate`" in cli.both("status", code=3)[1]
