"""What health and status say while events do not get on to Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from carehub.probes import shards_relayed
from carehub.relaying import relay_faults
from carehub.settings import Settings
from carehub.state import State, look
from gateway.ops.backlog import BacklogGuard, Budget
from gateway.ops.health import Health
from gateway.relay.leases import Stop, note_stops, prepare_leases, renew_leases
from gateway.store.models import outbox
from tests.carehub.conftest import Cli
from tests.gateway.relay.rows import a_topic, put
from tests.gateway.stored import Stored, stored

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
LIMIT = "MessageSizeTooLargeError"
TOO_SMALL = "a topic's limit is below the hub's: carehub doctor"
PLENTY = Budget(10**6, 10**9)


def stop(error: str, seconds: float) -> Stop:
    return Stop(error, NOW - timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("owned", "stops", "oldest", "said"),
    [
        (8, {}, 0.0, []),
        (8, {}, 59.0, []),
        (8, {}, 61.0, ["the oldest event has waited 61 s to be published: look at the relay's log"]),
        (5, {}, 0.0, ["3 of 8 groups of shards have no owner: is a relay running?"]),
        (8, {1: stop("FencedError", 9)}, 9.0, []),  # a handover
        (
            8,
            {
                1: stop(LIMIT, 90),
                4: stop(LIMIT, 80),
                6: stop("ASurprise", 11),
            },
            90.0,
            [
                "group 6 of shards stopped by ASurprise since 2026-11-26T11:59:49.000Z: the relay's log says more",
                f"groups 1, 4 of shards stopped by {LIMIT} since 2026-11-26T11:58:30.000Z: {TOO_SMALL}",
                "the oldest event has waited 90 s to be published",
            ],
        ),
    ],
)
def test_each_fault_is_a_sentence(owned: int, stops: dict[int, Stop], oldest: float, said: list[str]) -> None:
    assert relay_faults(owned, stops, oldest, NOW) == said


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Stored]:
    async with stored(tmp_path) as found:
        yield found


async def report(house: Stored) -> Any:
    guard = BacklogGuard(house.database, PLENTY)
    await guard.measure()
    health = Health([shards_relayed(house.database, guard)])
    await health.look()
    told = health.report()
    assert told["ready"], "events are kept and wait: senders notice nothing"
    return told


async def test_health_is_not_well_while_a_group_is_stopped(house: Stored) -> None:
    assert not (await report(house))["well"], "nobody relays"
    await house.database.run(prepare_leases)
    await house.database.run(renew_leases, "relay-1", frozenset(), True)
    assert (await report(house))["well"]

    since = datetime.now(UTC) - timedelta(seconds=30)
    await house.database.run(note_stops, "relay-1", {3: Stop("TopicAuthorizationFailedError", since)})
    told = await report(house)
    assert not told["well"]
    assert told["checks"]["relay"]["stopped"].keys() == {"3"}
    assert told["checks"]["relay"]["stopped"]["3"]["error"] == "TopicAuthorizationFailedError"
    assert "look at its access rules" in told["checks"]["relay"]["reason"]

    await house.database.run(note_stops, "relay-1", {3: None})
    assert (await report(house))["well"]


async def test_health_is_not_well_while_an_event_is_stuck(house: Stored) -> None:
    await house.database.run(prepare_leases)
    await house.database.run(renew_leases, "relay-1", frozenset(), True)
    id_ = await house.database.run(put, a_topic(), "p1-a")

    async def waits(seconds: float) -> Any:
        since = datetime.now(UTC) - timedelta(seconds=seconds)
        change = outbox.update().where(outbox.c.id == id_).values(created=since)
        await house.database.run(lambda c: c.execute(change).close())
        return await report(house)

    assert (await waits(50))["well"]
    told = await waits(70)
    assert not told["well"]
    assert "the oldest event has waited 70 s" in told["checks"]["relay"]["reason"]


async def test_status_says_what_stops_which_group(house: Stored, tmp_path: Path) -> None:
    await house.database.run(prepare_leases)
    await house.database.run(renew_leases, "relay-1", frozenset(), True)
    since = datetime.now(UTC) - timedelta(seconds=30)
    await house.database.run(note_stops, "relay-1", {3: Stop(LIMIT, since)})
    found: State = await look(Settings(data=tmp_path))
    assert found.counts.stopped.keys() == {3}
    assert any(each.startswith("group 3 of shards stopped by MessageSizeTooLargeError") for each in found.problems)


def test_status_shows_it_beside_the_relay(hub: Cli) -> None:
    from carehub.databases import open_hub
    from carehub.settings import read_settings

    async def prepare() -> None:
        async with open_hub(read_settings()) as database:
            await database.run(prepare_leases)
            await database.run(renew_leases, "relay-1", frozenset(), True)
            await database.run(note_stops, "relay-1", {3: Stop(LIMIT, datetime.now(UTC))})

    import asyncio

    asyncio.run(prepare())
    assert "groups 0, 1, 2, 3 (MessageSizeTooLargeError), 4, 5, 6, 7" in hub.run("status", code=1)
    assert hub.json("status", code=1)["counts"]["stopped"]["3"]["error"] == LIMIT
