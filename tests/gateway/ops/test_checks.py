"""The checks of a gateway on a real database: what they find when it is there, stuck, gone, or behind."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest

from contract.errors import Code, Unavailable, refuse
from gateway.ops.backlog import BacklogGuard, Budget
from gateway.ops.checks import (
    backlog_within_budget,
    clock_agrees,
    database_written,
    kafka_answers,
    messages_kept,
    sources_seen,
    work_left,
)
from gateway.ops.health import Check, Health
from gateway.ops.last_seen import LastSeen
from gateway.ops.metrics import Metrics
from gateway.store.batch_leases import claim_batch, release_lease
from gateway.store.batches import create_batch
from gateway.store.bodies import pack_body
from gateway.store.database import Database
from gateway.store.group import Keeper
from gateway.store.models import batch
from tests.gateway.store.making import KEYS, at, draft, keeping, person, refused
from tests.gateway.stored import Stored, stored


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Stored]:
    async with stored(tmp_path) as found:
        yield found


async def looked(*checks: Check) -> Health:
    health = Health(checks)
    await health.look()
    return health


async def test_a_database_that_takes_a_row_is_good(house: Stored) -> None:
    health = await looked(database_written(house.database, "gateway-1"))
    assert health.readiness().ok
    assert (await looked(database_written(house.database, "gateway-1"))).readiness().ok, "also the second time"


async def test_a_database_that_somebody_else_holds_locked_is_not_ready_in_time(house: Stored, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "hub.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    check = database_written(house.database, "gateway-1")
    health = Health([Check(check.name, check.look, seconds=0.3)])
    begun = time.monotonic()
    await health.look()
    assert time.monotonic() - begun < 2
    assert not health.readiness().ok
    other.rollback()
    other.close()
    async with asyncio.timeout(15):
        while not health.readiness().ok:
            await health.look()
            await asyncio.sleep(0.05)
    await health.stop()


async def test_a_database_that_answers_nothing_is_not_ready_in_time() -> None:
    held: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    database = Database(f"postgresql://nobody@127.0.0.1:{port}/hub")
    await database.open()
    check = database_written(database, "gateway-1")
    health = Health([Check(check.name, check.look, seconds=0.3)])
    begun = time.monotonic()
    await health.look()
    assert time.monotonic() - begun < 2
    assert health.readiness().reasons == ("database: no answer within 0.3 s",)
    await health.stop()
    for writer in held:
        writer.close()
    silent.close()
    await database.close()


async def test_a_database_that_takes_no_message_is_not_ready_though_it_takes_the_sign_of_life(house: Stored) -> None:
    """As PostgreSQL on a full disk: a page that is there can be written, a new one cannot."""
    now = 0.0
    keeper = Keeper(house.database, KEYS, monotonic=lambda: now)
    await keeper.start()
    checks = (database_written(house.database, "gateway-1"), messages_kept(keeper))
    assert (await looked(*checks)).readiness().ok

    async def no_message(*_: object) -> NoReturn:
        raise refuse(Unavailable, Code.UNAVAILABLE, "the hub's database cannot be used now; send the message again")

    keeper._database = SimpleNamespace(run=no_message)  # type: ignore[assignment]
    with pytest.raises(Unavailable):
        await keeper.keep(keeping(draft(person("1"))))
    assert (await looked(*checks)).readiness().reasons == (
        "intake: the database did not take the last messages: is its disk full?",
    )
    now = 6.0  # nobody has sent one since
    assert (await looked(*checks)).readiness().ok
    with pytest.raises(Unavailable):
        await keeper.keep(keeping(draft(person("1"))))
    assert not (await looked(*checks)).readiness().ok
    keeper._database = house.database
    await keeper.keep(keeping(draft(person("1"))))
    assert (await looked(*checks)).readiness().ok
    await keeper.close()


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
@pytest.mark.postgres
async def test_a_machine_whose_clock_is_off_is_told_by_how_much(url: str) -> None:
    database = Database(url)
    await database.open()
    for off, said in ((-2, ""), (-90, "90 s behind"), (3600, "3600 s ahead of")):

        def wall(off: int = off) -> datetime:
            return datetime.now(UTC) + timedelta(seconds=off)

        health = await looked(clock_agrees(database, wall))
        assert health.readiness().ok
        checks = health.report()["checks"]
        assert isinstance(checks, dict)
        assert checks["clock"]["ok"] is not bool(said)
        assert said in checks["clock"]["reason"]
        assert abs(checks["clock"]["secondsOff"] - off) < 5
    await database.close()


async def test_a_database_that_is_gone_is_not_ready() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/hub")
    await database.open()
    health = await looked(database_written(database, "gateway-1"))
    assert not health.readiness().ok
    assert "cannot be used now" in health.readiness().reasons[0]
    await database.close()


async def test_a_backlog_over_its_budget_turns_senders_away(house: Stored) -> None:
    metrics = Metrics()
    roomy, tight = BacklogGuard(house.database, Budget(10, 10**9)), BacklogGuard(house.database, Budget(2, 10**9))
    tight.admit()
    for _ in range(2):
        await house.hub.keeper.keep(keeping(draft(person("1"))))
    assert (await looked(backlog_within_budget(roomy, metrics))).readiness().ok
    roomy.admit()
    health = await looked(backlog_within_budget(tight, metrics))
    assert "budget is used up" in health.readiness().reasons[0]
    with pytest.raises(Unavailable) as refused:
        tight.admit()
    assert refused.value.retry_after
    assert "carehub_outbox_rows 2.0" in metrics.exposition().decode()


async def test_health_says_how_long_until_the_budget_is_used_up(house: Stored) -> None:
    metrics, now = Metrics(), 0.0
    guard = BacklogGuard(house.database, Budget(10, 10**9), lambda: now)
    check = backlog_within_budget(guard, metrics)
    told: list[object] = []
    shown: list[str] = []
    for rows in (1, 0, 3, 6):
        for _ in range(rows):
            await house.hub.keeper.keep(keeping(draft(person("1"))))
        checks = (await looked(check)).report()["checks"]
        assert isinstance(checks, dict)
        told.append(checks["outbox"]["secondsUntilFull"])
        lines = metrics.exposition().decode().splitlines()
        shown += [line.split()[1] for line in lines if line.startswith("carehub_outbox_until_full_seconds ")]
        now += 15
    assert told == [None, None, 30, 0]
    assert shown == ["+Inf", "+Inf", "30.0", "0.0"]


async def test_kafka_away_alone_does_not_make_unready() -> None:
    async def answers() -> bool:
        return False

    health = await looked(kafka_answers(answers, "127.0.0.1:9092"))
    assert health.readiness().ok
    assert "no broker answers" in str(health.report())


async def test_work_left_and_sources_are_counted(house: Stored) -> None:
    metrics = Metrics()
    await house.hub.keeper.keep(keeping(refused()))
    seen = LastSeen(house.database)
    seen.note("dch-pas")
    await seen.write()
    health = await looked(work_left(house.database, metrics), sources_seen(house.database))
    checks = health.report()["checks"]
    assert isinstance(checks, dict)
    assert checks["work"]["openDeadLetters"] == 1
    assert checks["sources"]["lastSeen"]["dch-pas"].endswith("Z")
    assert "carehub_dead_letters_open 1.0" in metrics.exposition().decode()


async def test_a_file_that_stands_still_is_told_as_wrong_after_a_minute(house: Stored) -> None:
    metrics, now = Metrics(), datetime.now(UTC)
    packed = pack_body(b"who,what\n1,event\n")
    file, _ = await house.database.run(create_batch, "dch-pas", b"k" * 32, "text/csv", now, packed)
    for minutes, well in ((0, True), (2, False)):
        await house.database.run(claim_batch, "gateway/0", 30.0)
        then = partial(release_lease, stopped="unavailable", clock=at(now - timedelta(minutes=minutes)))
        await house.database.run(then, file.id, "gateway/0")
        health = await looked(work_left(house.database, metrics))
        report = health.report()
        assert report["well"] is well
        assert report["checks"]["work"]["stoppedFiles"][0]["source"] == "dch-pas"
        await house.database.run(lambda c: c.execute(batch.update().values(stopped=None)))
    assert "a file of dch-pas has not gone on since" in str(report)
    assert "carehub_stopped_files 1.0" in metrics.exposition().decode()
