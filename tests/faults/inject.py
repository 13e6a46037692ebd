"""How each fault is done and undone, and what is noted of it."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from contract.errors import Misconfigured
from tests.faults.broker import ProxiedKafka
from tests.faults.handover import Handovers
from tests.faults.hub import AWAY, Hub
from tests.faults.schedule import Fault, Kind
from tests.faults.senders import Load
from tests.faults.trees import signal_tree
from tests.servers import Postgres

IN_FLIGHT_SECONDS: Final = 20.0
_UNPUBLISHED_SECONDS: Final = 15.0
_LOOKS: Final = 40
_STARTS: Final = 5


@dataclass
class Injector:
    """Carries out faults, those of one target one after the other. `done` counts them by kind; `idle` are those that
    met no message in flight; `now` those that are under way. Who holds a target's lock of `turns` may stop and start
    it."""

    hub: Hub
    load: Load
    handovers: Handovers
    done: Counter[Kind] = field(default_factory=Counter)
    idle: list[Fault] = field(default_factory=list)
    now: list[Fault] = field(default_factory=list)
    turns: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def carry_out(self, fault: Fault) -> None:
        """Waits for the target's former fault to be over and for a message in flight; returns when all is mended."""
        async with self.turns[fault.target]:
            if not await self._in_flight():
                self.idle.append(fault)
            self.now.append(fault)
            try:
                await self._ways[fault.kind](fault)
            finally:
                self.now.remove(fault)
            self.done[fault.kind] += 1

    async def _in_flight(self) -> bool:
        for _ in range(round(IN_FLIGHT_SECONDS / 0.005)):
            if self.load.ledger.in_flight():
                return True
            await asyncio.sleep(0.005)
        return False

    @property
    def _ways(self) -> Mapping[Kind, Callable[[Fault], Awaitable[None]]]:
        return {
            Kind.GATEWAY_KILLED: self._kill_gateway,
            Kind.GATEWAY_STOPPED: self._stop,
            Kind.RELAY_KILLED: self._kill_relay,
            Kind.RELAY_STOPPED: self._stop_relay,
            Kind.CONSUMER_KILLED: self._kill,
            Kind.CONSUMER_STOPPED: self._stop,
            Kind.BROKER_STOPPED: self._freeze,
            Kind.BROKER_KILLED: self._crash,
            Kind.BROKER_RESTARTED: self._restart,
            Kind.DATABASE_STOPPED: self._freeze,
            Kind.DATABASE_KILLED: self._crash,
            Kind.DATABASE_RESTARTED: self._restart,
            Kind.CONNECTION_CUT: self._spoil,
            Kind.CONNECTION_SLOWED: self._spoil,
            Kind.CONNECTION_BLACK_HOLED: self._spoil,
            Kind.ANSWERS_LOST: self._spoil,
            Kind.CLOCK_JUMPED: self._jump,
            Kind.MESSAGES_DOUBLED: self._double,
            Kind.POISON_SENT: self._poison,
        }

    async def _kill(self, fault: Fault) -> None:
        await asyncio.to_thread(self.hub.services[fault.target].kill)
        await asyncio.to_thread(self.hub.start_again, fault.target)

    async def _kill_gateway(self, fault: Fault) -> None:
        """Stopped first, so that the request it has in hand is still in its hand when it is killed."""
        service, number = self.hub.services[fault.target], int(fault.target.split()[1])
        for _ in range(_LOOKS):
            service.stop_then()
            await asyncio.sleep(0.05)  # what was answered before the stop is read by now
            if self.load.ledger.in_flight(number):
                break
            service.resume()
            await asyncio.sleep(0.05)
        await self._kill(fault)

    async def _kill_relay(self, fault: Fault) -> None:
        """Stopped first, so that there are kept rows that it has not published."""
        async with self._stopped(fault):
            deadline = asyncio.get_running_loop().time() + _UNPUBLISHED_SECONDS
            while not await self._unpublished() and asyncio.get_running_loop().time() < deadline:
                await asyncio.sleep(0.05)
            handover = asyncio.create_task(self.handovers.await_others(fault, self.now))
            await self._kill(fault)
            await handover

    async def _stop_relay(self, fault: Fault) -> None:
        """Until another has taken over; then it wakes with what it had in hand, and must get none of it through."""
        async with self._stopped(fault):
            await self.handovers.await_others(fault, self.now)
            await asyncio.sleep(fault.lasts)

    async def _stop(self, fault: Fault) -> None:
        async with self._stopped(fault):
            await asyncio.sleep(fault.lasts)

    @asynccontextmanager
    async def _stopped(self, fault: Fault) -> AsyncIterator[None]:
        service = self.hub.services[fault.target]
        service.stop_then()
        try:
            yield
        finally:
            service.resume()

    async def _freeze(self, fault: Fault) -> None:
        server = self._server(fault)
        tree = server.process_id
        assert tree is not None
        await asyncio.to_thread(signal_tree, tree, signal.SIGSTOP)
        try:
            await asyncio.sleep(fault.lasts)
        finally:
            signal_tree(tree, signal.SIGCONT)

    async def _crash(self, fault: Fault) -> None:
        server = self._server(fault)
        assert server.process_id is not None
        await asyncio.to_thread(signal_tree, server.process_id, signal.SIGKILL)
        await self._stop_and_start(server, fault)

    async def _restart(self, fault: Fault) -> None:
        await self._stop_and_start(self._server(fault), fault)

    @staticmethod
    async def _stop_and_start(server: Postgres | ProxiedKafka, fault: Fault) -> None:
        await asyncio.to_thread(server.stop)
        await asyncio.sleep(fault.lasts)
        for attempt in range(1, _STARTS + 1):
            try:
                await asyncio.to_thread(server.start)
            except (OSError, asyncpg.PostgresError, Misconfigured):
                if attempt == _STARTS:
                    raise
                await asyncio.to_thread(server.stop)  # a killed server's remains are not all gone yet
                await asyncio.sleep(1)
            else:
                return

    async def _spoil(self, fault: Fault) -> None:
        proxies, links = self.hub.proxies, self.hub.links[fault.target]
        assert proxies is not None, "connections are spoilt through proxies"
        spoil = {
            Kind.CONNECTION_CUT: proxies.cut,
            Kind.CONNECTION_SLOWED: lambda name: proxies.slow(name, fault.strength),
            Kind.CONNECTION_BLACK_HOLED: proxies.black_hole,
            Kind.ANSWERS_LOST: proxies.lose_answers,
        }[fault.kind]
        try:
            for name in links:
                await asyncio.to_thread(spoil, name)
            await asyncio.sleep(fault.lasts)
        finally:
            for name in links:
                proxies.heal(name)

    async def _jump(self, fault: Fault) -> None:
        clock = self.hub.clocks[fault.target]
        clock.set(fault.strength)
        try:
            await asyncio.sleep(fault.lasts)
        finally:
            clock.set(0)

    async def _double(self, fault: Fault) -> None:
        self.load.twice = True
        try:
            await asyncio.sleep(fault.lasts)
        finally:
            self.load.twice = False

    async def _poison(self, fault: Fault) -> None:
        for _ in range(fault.strength):
            await self.load.send_poison()

    async def _unpublished(self) -> bool:
        try:
            return bool(await self.hub.ask("SELECT 1 FROM outbox WHERE published IS NULL LIMIT 1"))
        except AWAY:
            return False

    def _server(self, fault: Fault) -> Postgres | ProxiedKafka:
        return self.hub.kafka if fault.target == "broker" else self.hub.postgres
