"""The embedded hub, on SQLite: its one process killed, and its disk full."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from carehub.broker.local import LocalKafka
from tests.conftest import missing, needed
from tests.faults.embedded import Embedded
from tests.faults.ledger import Answer
from tests.servers import UnstartableError, apache_kafka

KILLS = 3
DISK_MEGABYTES = 48

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

Counted = Callable[[str, object], None]


@pytest.fixture
def own_kafka() -> Iterator[LocalKafka]:
    """One whose topics nobody has written to."""
    with needed(apache_kafka()) as kafka:
        yield kafka


async def until(happened: Callable[[], bool], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not happened():
            await asyncio.sleep(0.02)


async def test_nothing_acknowledged_is_lost_when_the_only_process_is_killed(
    tmp_path: Path, own_kafka: LocalKafka, record_property: Counted
) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    hub = Embedded(folder, own_kafka)
    try:
        async with hub.under_load():
            for at_this_moment in (hub.ledger.in_flight, hub.unpublished) * KILLS:
                await asyncio.sleep(0.5)
                while not stopped_while(hub, at_this_moment):
                    await asyncio.sleep(0.2)
                hub.gateway.kill()
                await asyncio.to_thread(hub.gateway.start)
            await hub.load.send_poison()
        verdict = await hub.verdict()
    finally:
        hub.gateway.end()
    record_property("counted", f"SQLite, {2 * KILLS} kills: {verdict.line()}")
    assert verdict.clean, verdict.told()
    assert verdict.refused_and_kept == len(hub.ledger.refused) > 2, "one by each door, and one in each file"


def stopped_while(hub: Embedded, at_this_moment: Callable[[], int]) -> bool:
    """Stops the gateway; lets it go on when there is nothing in its hands."""
    hub.gateway.stop_then()
    if at_this_moment():
        return True
    hub.gateway.resume()
    return False


async def test_a_full_disk_stops_the_intake_and_loses_nothing(
    tmp_path: Path, own_kafka: LocalKafka, record_property: Counted
) -> None:
    with small_disk(tmp_path / "disk") as disk:
        hub = Embedded(disk, own_kafka)
        try:
            async with hub.under_load():
                await until(lambda: len(hub.ledger.acknowledged) > 50)
                with full(disk):
                    refused = hub.ledger.attempts[Answer.LATER]
                    await until(lambda: hub.ledger.attempts[Answer.LATER] > refused + 50)
                    accepted = len(hub.ledger.acknowledged)
                    await until(lambda: not is_ready(hub))
                    assert len(hub.ledger.acknowledged) == accepted, "acknowledged on a full disk"
                    hub.gateway.kill()
                await asyncio.to_thread(hub.gateway.start)
                await until(lambda: len(hub.ledger.acknowledged) > accepted + 50)
                await until(lambda: is_ready(hub))
            verdict = await hub.verdict()
        finally:
            hub.gateway.end()
    record_property("counted", f"SQLite, disk full: {verdict.line()}")
    assert verdict.clean, verdict.told()


def is_ready(hub: Embedded) -> bool:
    return httpx.get(f"http://127.0.0.1:{hub.port}/health/ready", timeout=5).status_code == 200


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A tmpfs of its own."""
    if os.geteuid() != 0:
        missing(UnstartableError("mounting a small disk needs root"))
    folder.mkdir()
    size = f"size={DISK_MEGABYTES}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Every byte that is left is taken, again and again: what the hub frees meanwhile too."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while shutil.disk_usage(disk).free:
                    file.write(b"\0" * size)
            except OSError:
                continue
    try:
        yield
    finally:
        ballast.unlink()
