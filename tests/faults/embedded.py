"""The embedded hub under test: one gateway process on SQLite that relays by itself, in front of a real Kafka."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from carehub.broker.local import LocalKafka
from carehub.broker.process import free_ports
from tests.faults.check import Verdict, judge
from tests.faults.ledger import Ledger
from tests.faults.persons import FILES, HTTP, MLLP, SOURCES, register_arguments
from tests.faults.records import read_records
from tests.faults.senders import Load
from tests.packs import COMPILED
from tests.processes import Service, run_carehub

PAUSE_SECONDS: Final = 0.25
ANSWERED_SECONDS: Final = 60.0
PUBLISHED_SECONDS: Final = 60.0


@dataclass
class Embedded:
    """`folder` holds everything the hub keeps."""

    folder: Path
    kafka: LocalKafka
    ledger: Ledger = field(default_factory=Ledger)

    def __post_init__(self) -> None:
        self.database = self.folder / "hub.sqlite"
        self.environment = {
            "CAREHUB_DATA": str(self.folder),
            "CAREHUB_COMPILED_PACKS": str(COMPILED),
            "DATABASE_URL": f"sqlite:///{self.database}",
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka.address,
        }
        self.port, mllp_port = free_ports(2)
        run_carehub(self.environment, "migrate", "hub")
        keys = {
            source.id: json.loads(run_carehub(self.environment, *register_arguments(source)))["key"]
            for source in (HTTP, FILES)
        }
        run_carehub(self.environment, *register_arguments(MLLP), "--mllp-port", str(mllp_port))
        log = self.folder.parent / f"{self.folder.name}.log"  # not on the disk that gets full
        self.gateway = Service(["gateway", "--port", str(self.port), "--mllp-port", "0"], self.environment, log)
        http, mllp = [("127.0.0.1", self.port)], [("127.0.0.1", mllp_port)]
        self.load = Load(http, mllp, keys, self.ledger, PAUSE_SECONDS)

    @asynccontextmanager
    async def under_load(self) -> AsyncIterator[None]:
        """Runs the gateway and the senders; at the end every sender has its last answer."""
        await asyncio.to_thread(self.gateway.start)
        sending = asyncio.create_task(self.load.run())
        try:
            yield
            self.load.stop.set()
            await asyncio.wait_for(sending, ANSWERED_SECONDS)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def verdict(self) -> Verdict:
        """Once files are worked and all is published, or the time for it is over; ends the gateway."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PUBLISHED_SECONDS
        while (self._unworked() or self.unpublished()) and loop.time() < deadline:
            await asyncio.sleep(0.5)
        await asyncio.to_thread(self.gateway.end)
        topics = sorted({each.topic_of(person) for each in SOURCES.values() for person in range(each.persons)})
        dead = [row[0] for row in self._ask("SELECT content_hash FROM dead_letter")]
        return judge(await read_records(self.kafka, topics), None, self.ledger, dead)

    def unpublished(self) -> int:
        ((count,),) = self._ask("SELECT count(*) FROM outbox WHERE published IS NULL")
        return int(count)

    def _unworked(self) -> int:
        ((count,),) = self._ask("SELECT count(*) FROM batch WHERE status = 'processing'")
        return int(count)

    def _ask(self, query: str) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()
