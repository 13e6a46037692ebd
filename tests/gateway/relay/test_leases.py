import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from gateway.relay.leases import (
    LEASE_SECONDS,
    Stop,
    group_owners,
    is_owner,
    leave,
    note_stops,
    prepare_leases,
    renew_leases,
)
from gateway.store.database import SESSION, Database, postgres_engine
from tests.gateway.relay.rows import stops

ALL = frozenset(range(8))
NONE: frozenset[int] = frozenset()


async def test_the_first_relay_takes_every_group(database: Database) -> None:
    await database.run(prepare_leases)
    await database.run(prepare_leases)
    leases = await database.run(renew_leases, "a", NONE, True)
    assert (leases.held, leases.taken, leases.lost) == (ALL, ALL, NONE)
    again = await database.run(renew_leases, "a", ALL, False)
    assert (again.held, again.taken, again.lost) == (ALL, NONE, NONE)
    assert {each.owner for each in await database.read(group_owners)} == {"a"}


@pytest.mark.postgres
async def test_a_second_relay_gets_its_share_and_nothing_before(postgres: Database) -> None:
    await postgres.run(prepare_leases)
    await postgres.run(renew_leases, "a", NONE, True)
    assert (await postgres.run(renew_leases, "b", NONE, True)).held == NONE
    given = (await postgres.run(renew_leases, "a", ALL, False)).surplus
    assert given == {4, 5, 6, 7}
    await postgres.run(leave, "a", given)
    assert (await postgres.run(renew_leases, "b", NONE, False)).taken == given


@pytest.mark.postgres
async def test_a_group_that_is_not_done_with_is_left_to_others(postgres: Database) -> None:
    await postgres.run(prepare_leases)
    assert (await postgres.run(renew_leases, "a", NONE, True, {2, 5})).taken == ALL - {2, 5}
    assert (await postgres.run(renew_leases, "b", NONE, True)).taken == {2, 5}


@pytest.mark.postgres
async def test_a_lease_that_ran_out_is_taken_and_its_owner_learns_it(postgres: Database) -> None:
    await postgres.run(prepare_leases)
    await postgres.run(renew_leases, "a", NONE, True)
    # a stopped for long: its leases and its heartbeat are old by the database's clock
    await postgres.run(lambda c: c.execute(text("UPDATE relay_lease SET until = until - interval '1 hour'")).close())
    await postgres.run(lambda c: c.execute(text("UPDATE heartbeat SET at = at - interval '1 hour'")).close())
    assert (await postgres.run(renew_leases, "b", NONE, True)).taken == ALL
    assert not await postgres.read(is_owner, "a", 0)
    assert (await postgres.run(renew_leases, "a", ALL, False)).lost == ALL
    assert {each.epoch for each in await postgres.read(group_owners)} == {2}


@pytest.mark.postgres
async def test_a_relay_that_hangs_while_renewing_keeps_no_group(postgres: Database, postgres_url: str) -> None:
    await postgres.run(prepare_leases)
    await postgres.run(renew_leases, "a", NONE, True)
    await postgres.run(lambda c: c.execute(text("UPDATE relay_lease SET until = until - interval '1 hour'")).close())
    await postgres.run(lambda c: c.execute(text("UPDATE heartbeat SET at = at - interval '1 hour'")).close())
    engine = postgres_engine(postgres_url, 1, SESSION)
    async with engine.connect() as hanging:
        await hanging.run_sync(renew_leases, "a", ALL, False)
        assert (await postgres.run(renew_leases, "b", NONE, True)).taken == NONE
        async with asyncio.timeout(LEASE_SECONDS):
            while (await postgres.run(renew_leases, "b", NONE, False)).taken != ALL:
                await asyncio.sleep(0.2)
        await hanging.invalidate()
    await engine.dispose()


@pytest.mark.postgres
async def test_two_relays_at_once_never_hold_the_same_group(postgres: Database) -> None:
    await postgres.run(prepare_leases)
    rounds = await asyncio.gather(*(postgres.run(renew_leases, name, NONE, True) for name in "abcdef"))
    taken = [group for leases in rounds for group in leases.taken]
    assert len(taken) == len(set(taken))


async def test_what_stopped_an_owner_says_nothing_of_the_next(database: Database) -> None:
    stop = Stop("TopicAuthorizationFailedError", datetime.now(UTC))
    await database.run(prepare_leases)
    await database.run(renew_leases, "a", NONE, True)
    await database.run(note_stops, "a", {3: stop, 4: stop})
    await database.run(note_stops, "b", {5: stop, 4: None})  # not its own
    await database.run(note_stops, "a", {4: None})
    assert await stops(database) == {3: stop}
    await database.run(lambda c: c.execute(text("UPDATE relay_lease SET until = NULL")).close())
    assert await stops(database) == {}
    assert 3 in (await database.run(renew_leases, "b", NONE, True)).taken
    assert await stops(database) == {}


@pytest.mark.parametrize("hub_url", ["sqlite"], indirect=True)
async def test_on_sqlite_a_restarted_process_takes_over_at_once(database: Database) -> None:
    await database.run(prepare_leases)
    await database.run(renew_leases, "killed", NONE, True)
    assert (await database.run(renew_leases, "restarted", NONE, True)).taken == ALL
