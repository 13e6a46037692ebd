"""`carehub retention` as an operator meets it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from carehub.databases import open_hub
from carehub.retention import lifetimes_of
from carehub.settings import read_settings
from gateway.store.health import NO_NEWS, write_heartbeat
from gateway.store.models import audit
from tests.carehub.conftest import Cli
from tests.gateway.store.making import at

NOW = datetime.now(UTC)


async def write_old_rows() -> None:
    row = {"at": NOW - timedelta(days=3000), "actor": "ann", "action": "x", "subject": "y", "detail": {}}
    async with open_hub(read_settings()) as database:
        await database.run(lambda c: c.execute(audit.insert(), [row]))
        await database.run(write_heartbeat, "dead", "gateway", NO_NEWS, at(NOW - timedelta(days=2)))


def due(hub: Cli) -> dict[str, int]:
    return {each["kind"]: each["due"] for each in hub.json("retention", "show") if each["due"]}


def test_what_is_due_is_shown_counted_and_removed(hub: Cli) -> None:
    asyncio.run(write_old_rows())
    assert due(hub) == {"audit": 1, "heartbeats": 1}
    told = hub.json("retention", "run", "--dry-run")
    assert told["due"]["audit"] == 1
    assert due(hub) == {"audit": 1, "heartbeats": 1}, "a dry run removes nothing"
    assert hub.json("retention", "run") == {"removed": {"audit": 1, "heartbeats": 1}}
    assert due(hub) == {}
    [kind] = [each for each in hub.json("retention", "show") if each["kind"] == "messages"]
    assert (kind["setting"], kind["days"], kind["oldest"]) == ("CAREHUB_KEEP_MESSAGES_DAYS", 90.0, None)
    assert "CAREHUB_KEEP_AUDIT_DAYS" in hub.run("retention", "show")
    assert hub.json("status", code=1)["counts"]["retention"].startswith(str(datetime.now(UTC).date()))


def test_bytes_as_received_go_with_their_message_at_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAREHUB_KEEP_MESSAGES_DAYS", "30")
    assert lifetimes_of(read_settings()).bodies == timedelta(days=30)
    monkeypatch.setenv("CAREHUB_KEEP_BODIES_DAYS", "10")
    assert lifetimes_of(read_settings()).bodies == timedelta(days=10)
