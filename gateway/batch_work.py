"""Works on files: some at once, each of another source, rows in order; a bad row holds up nobody.

claim   the oldest file that is its source's next, under a lease that ends by itself if this process does
rows    those not kept before, each through intake; the lease is renewed on the way
finish  the file is done when every row is kept
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Final

import structlog

from contract.errors import CarehubError, Code, Issue, Refusal, Unavailable
from gateway.delivery import Delivery, Row
from gateway.hub import Hub
from gateway.ops.attempts import Attempts
from gateway.ops.metrics import Metrics
from gateway.pipeline import Pipeline
from gateway.reception import Reception
from gateway.rows import Worker
from gateway.source import Principal, Source
from gateway.store.batch_leases import (
    ClaimedBatch,
    claim_batch,
    end_leases,
    finish_batch,
    others_wait,
    release_lease,
    renew_lease,
)
from gateway.store.sources import registered_source, sender_of
from mappings import formats
from mappings.formats import Part

FILES_AT_ONCE: Final = 4
"""Of a gateway. A small file need not wait for a large one of another source."""

SMALL_BYTES: Final = 2 * 1024 * 1024
"""As it is stored. Of larger ones a gateway holds one at a time: a file is in memory while it is worked on."""

ROWS_AT_ONCE: Final = 16
"""Of all these files. More would make commits longer, for which those wait who stand at a door."""

LEASE_SECONDS: Final = 30.0
PATIENCE_SECONDS: Final = 10.0
"""How long a file may not go on before that is told, and before it gives way to others."""

WAY_SECONDS: Final = 30.0
"""How long a file waits for its turn after it gave way."""

_POLL_SECONDS: Final = 1.0
_READ_AHEAD: Final = 200

log = structlog.get_logger()


class LeaseLost(CarehubError):
    """Another worker has the file now."""


class GivesWay(CarehubError):
    """The file has waited, and others could be worked on meanwhile."""


class BatchWork:
    """`owner` names this process; `arrived` is set when there may be a new file."""

    def __init__(
        self, hub: Hub, reception: Reception, metrics: Metrics, owner: str, arrived: asyncio.Event | None = None
    ) -> None:
        self._hub = hub
        self._worker = Worker(hub, reception, "file")
        self._metrics = metrics
        self._owner = owner
        self._arrived = arrived or asyncio.Event()
        self._attempts = Attempts("batch-work")
        self._room = asyncio.Semaphore(ROWS_AT_ONCE)

    async def run(self) -> None:
        """Until cancelled; then other gateways can go on at once."""
        if self._hub.database.on_sqlite:
            with self._attempts.attempt():
                await self._hub.database.run(end_leases)
        async with asyncio.TaskGroup() as workers:
            for number in range(FILES_AT_ONCE):
                workers.create_task(self._run(f"{self._owner}/{number}", SMALL_BYTES if number else None))

    async def _run(self, owner: str, largest: int | None) -> None:
        while True:
            worked = False
            with self._attempts.attempt():
                try:
                    worked = await self.work_on_one(owner, largest)
                except LeaseLost:
                    worked = True
            if not worked:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_SECONDS):
                        await self._arrived.wait()
                self._arrived.clear()

    async def work_on_one(self, owner: str, largest: int | None = None) -> bool:
        """Whether there was a file to work on. Returns when all its rows are kept, or when it gives way to others.

        `owner` names the worker, `largest` is as for claim_batch. Raises LeaseLost, Unavailable when the database is
        away (then the file waits for this worker, or until its lease has ended), and what nobody foresaw.
        """
        claimed = await self._hub.database.run(claim_batch, owner, LEASE_SECONDS, largest=largest)
        if claimed is None:
            return False
        source = await self._hub.database.read(registered_source, claimed.source)
        log.info("batch-begun", batch=claimed.id, source=claimed.source, kept=len(claimed.done))
        lease = Lease(self._hub, claimed.id, owner)
        try:
            rows = await self._rows(claimed, sender_of(source), source, lease)
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):  # nothing may come in the way of the end
                await lease.release()
            raise
        except GivesWay:
            await lease.release(WAY_SECONDS)
            log.info("batch-gives-way", batch=claimed.id, source=claimed.source)
            return True
        except (LeaseLost, Unavailable):
            raise
        except Exception:
            # or this worker would have it again at once, and nothing else
            await lease.release(WAY_SECONDS, stopped=Code.INTERNAL_ERROR)
            raise
        await self._hub.database.run(finish_batch, claimed.id, rows, datetime.now(UTC))
        log.info("batch-done", batch=claimed.id, source=claimed.source, rows=rows)
        return True

    async def _rows(self, claimed: ClaimedBatch, principal: Principal, source: Source, lease: Lease) -> int:
        """Keeps every row that is not kept yet; returns how many rows the file has."""
        pipeline = Pipeline(self._worker, self._room, partial(self._metrics.row, source.id), lease.pause)
        parts = _parts(claimed)
        last = 0
        try:
            while ahead := await asyncio.to_thread(lambda: list(islice(parts, _READ_AHEAD))):
                for part in ahead:
                    last = part.number
                    if part.number in claimed.done:
                        continue
                    await lease.keep_up()
                    row = Row(claimed.id, part.number)
                    delivery = Delivery(principal, part.body, part.content_type, claimed.received, row=row)
                    await pipeline.put(delivery, part.issue)
            await pipeline.settle()
        finally:
            await pipeline.drop()
        return last


def _parts(claimed: ClaimedBatch) -> Iterator[Part]:
    """The rows of a file. One that turns out unreadable on the way ends with a row that says so."""
    number = 0
    try:
        body = claimed.body()
        parts = formats.split(body, claimed.content_type)
        for part in parts if parts is not None else [Part(1, body, claimed.content_type)]:
            number = part.number
            yield part
    except Refusal as refusal:
        yield Part(number + 1, b"", claimed.content_type, _first_issue(refusal))


def _first_issue(refusal: Refusal) -> Issue:
    return refusal.issues[0]


class Lease:
    """The right to work on one file, renewed long before it ends."""

    def __init__(self, hub: Hub, batch: str, owner: str) -> None:
        self._hub = hub
        self._batch = batch
        self._owner = owner
        self._renewed = asyncio.get_running_loop().time()
        self._waits_since: float | None = None

    async def keep_up(self) -> None:
        """A row is on its way. Raises LeaseLost when the file is somebody else's."""
        now = asyncio.get_running_loop().time()
        self._waits_since = None
        if now - self._renewed > LEASE_SECONDS / 3:
            await self._renew(stopped="")

    async def pause(self, seconds: float, refusal: Refusal) -> None:
        """Waits, and still holds the lease afterwards. Raises GivesWay when nothing has come on its way for a while,
        and another source has a file that nobody works on."""
        now = asyncio.get_running_loop().time()
        self._waits_since = now if self._waits_since is None else self._waits_since
        await asyncio.sleep(seconds)
        lasting = now - self._waits_since > PATIENCE_SECONDS
        await self._renew(stopped=str(refusal.code) if lasting else None)
        if lasting and await self._hub.database.read(others_wait):
            raise GivesWay(self._batch)

    async def release(self, seconds: float = 0.0, stopped: str | None = None) -> None:
        """Lets others go on, in so many seconds; with the database away, when the lease has ended."""
        with contextlib.suppress(Unavailable):
            await self._hub.database.run(release_lease, self._batch, self._owner, seconds, stopped=stopped)

    async def _renew(self, stopped: str | None) -> None:
        """`stopped` is as for renew_lease."""
        if not await self._hub.database.run(renew_lease, self._batch, self._owner, LEASE_SECONDS, stopped=stopped):
            log.info("batch-lease-lost", batch=self._batch)
            raise LeaseLost(self._batch)
        self._renewed = asyncio.get_running_loop().time()
