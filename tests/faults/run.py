"""One run: load, faults by the schedule, peace until all is published and applied, and the comparison."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.faults.check import Applied, Verdict, judge
from tests.faults.handover import PROMISED_SECONDS, Handovers
from tests.faults.hub import Hub, until_flowing, until_quiet, what_is_left
from tests.faults.inject import Injector
from tests.faults.ledger import Ledger
from tests.faults.persons import SOURCES
from tests.faults.records import read_records
from tests.faults.schedule import Fault
from tests.faults.senders import Load

PAUSE_SECONDS: Final = 0.25
FLOWING_SECONDS: Final = 120.0
ANSWERED_SECONDS: Final = 90.0
QUIET_SECONDS: Final = 120.0
_WATCH_SECONDS: Final = 1.0


@dataclass
class Run:
    """`load` and `injector` tell how it goes while it goes; `ended` names processes that ended by themselves, `fenced`
    counts groups of shards whose former relay Kafka has turned away."""

    hub: Hub
    faults: Sequence[Fault]
    duration: float
    pause: float = PAUSE_SECONDS
    ended: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ledger = Ledger()
        self.load = Load(self.hub.http, self.hub.mllp, self.hub.keys, self.ledger, self.pause)
        self.handovers = Handovers(self.hub)
        self.injector = Injector(self.hub, self.load, self.handovers)
        self.fenced = 0
        self._begun: float | None = None

    @property
    def seconds(self) -> float:
        """Since the first events came through: the times of the schedule are counted from there."""
        return time.monotonic() - self._begun if self._begun is not None else 0.0

    async def go(self) -> Verdict:
        """Raises what a server that does not come back raises."""
        sending = asyncio.create_task(self.load.run())
        watching = asyncio.create_task(self._watch())
        try:
            if not await until_flowing(self.hub, FLOWING_SECONDS):
                self.ended.append(f"not flowing: no event has reached the apps after {FLOWING_SECONDS:.0f} s")
            self._begun = time.monotonic()
            async with asyncio.TaskGroup() as group:
                for fault in self.faults:
                    group.create_task(self._at_its_time(fault))
                group.create_task(asyncio.sleep(self.duration))
            self.load.stop.set()
            _, late = await asyncio.wait({sending}, timeout=ANSWERED_SECONDS)
            if late:
                self.ended.append("senders: some messages are still not answered")
            else:
                sending.result()
            if not await until_quiet(self.hub, QUIET_SECONDS):
                self.ended.append(f"not quiet: events unpublished or unapplied after {QUIET_SECONDS:.0f} s of peace")
                self.ended += await what_is_left(self.hub)
        finally:
            for task in (sending, watching):
                task.cancel()
            await asyncio.gather(sending, watching, return_exceptions=True)
        return await self._verdict()

    async def _at_its_time(self, fault: Fault) -> None:
        await asyncio.sleep(fault.at)
        await self.injector.carry_out(fault)

    async def _watch(self) -> None:
        """A process that ends without a fault of ours is started again, as a supervisor would, and told of."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            for name, service in self.hub.services.items():
                if self.injector.turns[name].locked():
                    continue
                async with self.injector.turns[name]:
                    if service.process is not None and (code := service.process.poll()) is not None:
                        self.ended.append(f"{name} ended by itself: exit code {code}; {service.tail()[-300:]}")
                        await asyncio.to_thread(self.hub.start_again, name)

    async def _verdict(self) -> Verdict:
        topics = sorted({each.topic_of(person) for each in SOURCES.values() for person in range(each.persons)})
        records = await read_records(self.hub.kafka, topics)
        tally = await self.hub.ask("SELECT json_build_array(topic, ce_id) FROM tally ORDER BY id")
        timeline = await self.hub.ask("SELECT json_build_array(topic, ce_id) FROM timeline")
        dead = await self.hub.ask("SELECT content_hash FROM dead_letter")
        verdict = judge(records, Applied(_pairs(tally), _pairs(timeline)), self.ledger, dead)
        verdict.surprises += self.ended
        self.fenced = self.hub.fenced()
        if self.handovers.longest > PROMISED_SECONDS:
            verdict.surprises.append(f"shards handed over late: after {self.handovers.longest:.1f} s")
        verdict.surprises += [f"a fault met no message in flight: {fault.kind}" for fault in self.injector.idle]
        return verdict


def _pairs(rows: Sequence[str]) -> list[tuple[str, str]]:
    return [(topic, ce_id) for topic, ce_id in map(json.loads, rows)]
