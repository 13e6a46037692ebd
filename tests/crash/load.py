"""A paced load: many persons, each sending its next event only when the last one was answered."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

ADMISSION = (
    "MSH|^~\\&|PAS|RBD|ROUTE|ROUTE|20260701{time}||ADT^A08^ADT_A01|{control}|P|2.4|||||GBR||EN||iTKv1.0\r"
    "EVN||20260701{time}\r"
    "PID|1||{person}^^^LOCALID||CRASH^TEST||19700101|1\r"
    "PV1|1|I|RCB^W1^B2^RCB55|||||||||||||||||{person}V^^^VISITID|||||||||||||||||||||||||20260701\r"
)


@dataclass
class Load:
    """`acknowledged` maps ce_id to (person, number); `pending` holds messages that are sent and not yet answered;
    `unanswered` counts those whose connection broke before the answer came."""

    url: Callable[[], str]
    key: str
    persons: int = 24
    pause: float = 0.15
    acknowledged: dict[str, tuple[int, int]] = field(default_factory=dict)
    receipts: dict[str, set[str]] = field(default_factory=dict)
    pending: set[tuple[int, int]] = field(default_factory=set)
    unanswered: int = 0
    refused: list[int] = field(default_factory=list)

    async def run(self, stop: asyncio.Event) -> None:
        """Sends until `stop` is set; then every person's last message is resent until it is answered."""
        limits = httpx.Limits(max_connections=self.persons, max_keepalive_connections=self.persons)
        async with httpx.AsyncClient(timeout=10.0, limits=limits) as client, asyncio.TaskGroup() as group:
            for person in range(self.persons):
                group.create_task(self._person(client, person, stop))

    async def _person(self, client: httpx.AsyncClient, person: int, stop: asyncio.Event) -> None:
        await asyncio.sleep(self.pause * person / self.persons)
        for number in itertools.count(1):
            if stop.is_set():
                return
            await self._deliver(client, person, number)
            await asyncio.sleep(self.pause)

    async def _deliver(self, client: httpx.AsyncClient, person: int, number: int) -> None:
        control = f"C{person:03d}-{number:06d}"
        seconds = number % 3600
        text = ADMISSION.format(
            time=f"{10 + number // 3600:02d}{seconds // 60:02d}{seconds % 60:02d}",
            control=control,
            person=f"CRASH{person:03d}",
        )
        while True:
            self.pending.add((person, number))
            try:
                answer = await client.post(
                    self.url() + "/events",
                    content=text.encode(),
                    headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/hl7-v2"},
                )
            except httpx.ConnectError:
                await asyncio.sleep(0.1)
                continue
            except httpx.HTTPError:
                self.unanswered += 1
                await asyncio.sleep(0.1)
                continue
            finally:
                self.pending.discard((person, number))
            if answer.status_code in (200, 202):
                receipt = answer.json()
                self.receipts.setdefault(control, set()).add(receipt["id"])
                for event in receipt["events"]:
                    if not event["type"].startswith("person-"):
                        self.acknowledged[event["id"]] = (person, number)
                return
            if answer.status_code != 503:
                self.refused.append(answer.status_code)
                return
            await asyncio.sleep(0.2)
