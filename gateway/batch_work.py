"""Works on files: one leased worker for each, rows in order, a bad row holds up nobody.

claim   the oldest file nobody works on, under a lease that ends by itself if this process does
rows    those not kept before, each through intake; the lease is renewed on the way
finish  the file is done when every row is kept
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Final

import structlog

from contract.errors import CarehubError, Issue, Refusal
from gateway.delivery import Delivery, Row
from gateway.hub import Hub
from gateway.ops.attempts import Attempts
from gateway.ops.metrics import Metrics
from gateway.reception import Reception
from gateway.rows import Worker
from gateway.source import Principal, Source
from gateway.store.batches import ClaimedBatch, claim_batch, finish_batch, release_lease, renew_lease
from gateway.store.sources import registered_source, sender_of
from mappings import formats
from mappings.formats import Part

LEASE_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 1.0
_READ_AHEAD: Final = 200

log = structlog.get_logger()


class LeaseLost(CarehubError):
    """Another worker has the file now."""


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

    async def run(self) -> None:
        """Until cancelled; then another worker can go on at once."""
        while True:
            worked = False
            with self._attempts.attempt():
                try:
                    worked = await self.work_on_one()
                except LeaseLost:
                    worked = True
            if not worked:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_SECONDS):
                        await self._arrived.wait()
                self._arrived.clear()

    async def work_on_one(self) -> bool:
        """Whether there was a file to work on. Returns when all its rows are kept.

        Raises LeaseLost, and Unavailable when the database is away; then the file waits until its lease has ended.
        """
        claimed = await self._hub.database.run(claim_batch, self._owner, LEASE_SECONDS)
        if claimed is None:
            return False
        source = await self._hub.database.read(registered_source, claimed.source)
        log.info("batch-begun", batch=claimed.id, source=claimed.source, kept=len(claimed.done))
        try:
            rows = await self._rows(claimed, sender_of(source), source)
        except asyncio.CancelledError:
            await self._hub.database.run(release_lease, claimed.id, self._owner)
            raise
        await self._hub.database.run(finish_batch, claimed.id, rows, datetime.now(UTC))
        log.info("batch-done", batch=claimed.id, source=claimed.source, rows=rows)
        return True

    async def _rows(self, claimed: ClaimedBatch, principal: Principal, source: Source) -> int:
        """Settles every row that is not kept yet; returns how many rows the file has."""
        lease = Lease(self._hub, claimed.id, self._owner)
        parts = _parts(claimed)
        last = 0
        while ahead := await asyncio.to_thread(lambda: list(islice(parts, _READ_AHEAD))):
            for part in ahead:
                last = part.number
                if part.number in claimed.done:
                    continue
                await lease.keep_up()
                delivery = Delivery(
                    principal, part.body, part.content_type, claimed.received, row=Row(claimed.id, part.number)
                )
                await self._worker.settle(delivery, lease.pause, part.issue)
                self._metrics.row(source.id)
        return last


def _parts(claimed: ClaimedBatch) -> Iterator[Part]:
    """The rows of a file. One that turns out unreadable on the way ends with a row that says so."""
    number = 0
    try:
        parts = formats.split(claimed.body, claimed.content_type)
        for part in parts if parts is not None else [Part(1, claimed.body, claimed.content_type)]:
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

    async def keep_up(self) -> None:
        """Raises LeaseLost when it is somebody else's."""
        now = asyncio.get_running_loop().time()
        if now - self._renewed > LEASE_SECONDS / 3:
            await self._renew()

    async def pause(self, seconds: float) -> None:
        """Waits, and still holds the lease afterwards."""
        await asyncio.sleep(seconds)
        await self._renew()

    async def _renew(self) -> None:
        if not await self._hub.database.run(renew_lease, self._batch, self._owner, LEASE_SECONDS):
            log.info("batch-lease-lost", batch=self._batch)
            raise LeaseLost(self._batch)
        self._renewed = asyncio.get_running_loop().time()
