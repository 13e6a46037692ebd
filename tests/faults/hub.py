"""The whole under test: two gateways, two relays, two consumer instances, PostgreSQL and Kafka, as real processes, with
a proxy on every connection between them and on those of the senders."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg

from carehub.broker.jars import fetch_jars
from carehub.broker.process import free_ports
from contract.errors import Misconfigured
from gateway.relay.publisher import FencedError
from gateway.store.models import GROUPS
from tests.faults.broker import ProxiedKafka
from tests.faults.clocks import Clock, faketime_library
from tests.faults.persons import FILES, HTTP, MLLP, register_arguments
from tests.faults.proxies import Proxies, running_proxies
from tests.faults.senders import Address
from tests.packs import COMPILED
from tests.processes import Service, run_carehub
from tests.servers import Postgres, UnstartableError, data_folder, postgres_binaries

EACH: Final = 2
ROLES: Final = ("gateway", "relay", "consumer")
INSTANCES: Final = tuple(f"{role} {number}" for role in ROLES for number in range(EACH))
HOSTS: Final = ("127.0.0.1", "127.0.0.2")
"""Each gateway listens on an address of its own, since the port that a source is bound to is the same everywhere."""

LINKS: Final = (
    *(f"senders to {name}" for name in INSTANCES if name.startswith("gateway")),
    *(f"{name} to database" for name in INSTANCES),
    *(f"{name} to broker" for name in INSTANCES if not name.startswith("gateway")),
)
_START_SECONDS: Final = 120.0

AWAY: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What `Hub.ask` raises while the database is away."""


@dataclass
class Hub:
    """`services` by instance; `links` holds the names of proxies by link. Without `proxies` connections are direct, and
    clocks true. `sabotage` names what is taken out of every process (tests.faults.sabotage), empty for nothing."""

    folder: Path
    postgres: Postgres
    kafka: ProxiedKafka
    proxies: Proxies | None
    database: str
    sabotage: str = ""
    services: dict[str, Service] = field(default_factory=dict)
    clocks: dict[str, Clock] = field(default_factory=dict)
    links: dict[str, list[str]] = field(default_factory=dict)
    http: list[Address] = field(default_factory=list)
    mllp: list[Address] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)

    def prepare(self) -> None:
        """Lays proxies, starts the servers, migrates the databases and registers the sources."""
        self.kafka.advertise(
            {client: self._link(f"{client} to broker", upstream) for client, upstream in self.kafka.upstream.items()}
        )
        self.kafka.start()
        self.postgres.start()
        self.postgres.run_sql(f'CREATE DATABASE "{self.database}"')
        self.carehub("migrate")
        (mllp_port,) = free_ports(1)
        for source in (HTTP, FILES):
            self.keys[source.id] = json.loads(self.carehub(*register_arguments(source)))["key"]
        self.carehub(*register_arguments(MLLP), "--mllp-port", str(mllp_port))
        for name in INSTANCES:
            if self.proxies is not None:
                self.clocks[name] = Clock(faketime_library(), self.folder / f"{name.replace(' ', '-')}.clock")
            self.services[name] = self._service(name, mllp_port)

    def start(self) -> None:
        first, *others = self.services.values()
        first.start()  # alone: it compiles the packs for all
        with ThreadPoolExecutor(len(others)) as threads:
            list(threads.map(Service.start, others))

    def end(self) -> None:
        with ThreadPoolExecutor(len(INSTANCES)) as threads:
            list(threads.map(Service.end, self.services.values()))

    def carehub(self, *arguments: str) -> str:
        """What a `carehub` command prints. It goes past the proxies."""
        return run_carehub(self._environment(self.postgres.port, self.kafka.address), *arguments)

    async def ask(self, query: str, *values: object) -> list[Any]:
        """The first column of a question to the database, past the proxies."""
        connection = await asyncpg.connect(self.postgres.url(self.database), timeout=5)
        try:
            return [row[0] for row in await connection.fetch(query, *values, timeout=30)]
        finally:
            await connection.close()

    def start_again(self, name: str) -> None:
        """As a supervisor would: until it gets ready, since what it needs may be away just now."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.services[name].start()
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
            else:
                return

    def fenced(self) -> int:
        """How many times Kafka turned a relay away that had lost a group of shards, by the relays' logs."""
        logs = (service.log for name, service in self.services.items() if name.startswith("relay"))
        return sum(log.read_text().count(FencedError.__name__) for log in logs)

    def _service(self, name: str, mllp_port: int) -> Service:
        role, number = name.split()
        database_port = int(self._link(f"{name} to database", f"127.0.0.1:{self.postgres.port}").split(":")[1])
        if role == "gateway":
            host = HOSTS[int(number)]
            (port,) = free_ports(1)
            arguments = ["gateway", "--host", host, "--port", str(port), "--mllp-port", "0"]
            self.http.append(_address(self._link(f"senders to {name}", f"{host}:{port}")))
            self.mllp.append(_address(self._link(f"senders to {name}", f"{host}:{mllp_port}")))
            broker = self.kafka.address
        else:
            arguments = ["relay"] if role == "relay" else ["consume", "timeline", "tests.faults.tally"]
            broker = self.kafka.advertised[name]
        clock = self.clocks[name].environment() if name in self.clocks else {}
        environment = {**self._environment(database_port, broker), **clock}
        module = ("tests.faults.sabotage", self.sabotage) if self.sabotage else ("carehub",)
        return Service(arguments, environment, self.folder / f"{name.replace(' ', '-')}.log", module=module)

    def _environment(self, database_port: int, broker: str) -> Mapping[str, str]:
        return {
            "CAREHUB_DATA": str(self.folder / "data"),
            "CAREHUB_COMPILED_PACKS": str(COMPILED),
            "DATABASE_URL": f"postgresql://carehub@127.0.0.1:{database_port}/{self.database}",
            "KAFKA_BOOTSTRAP_SERVERS": broker,
        }

    def _link(self, name: str, upstream: str) -> str:
        """Lays one more proxy on a link, where there are any; returns where to connect."""
        if self.proxies is None:
            return upstream
        proxies = self.links.setdefault(name, [])
        proxies.append(f"{name.replace(' ', '-')}-{len(proxies)}")
        return f"127.0.0.1:{self.proxies.add(proxies[-1], upstream).port}"


def _address(text: str) -> Address:
    host, port = text.split(":")
    return host, int(port)


@contextmanager
def running_hub(sabotage: str = "", *, processes_only: bool = False) -> Iterator[Hub]:
    """A hub that takes messages in. Raises UnstartableError, saying what is missing on this machine. With
    `processes_only` connections and clocks are left alone, and neither toxiproxy nor libfaketime is needed."""
    data = data_folder()
    try:
        libs = fetch_jars(data, print)
    except Misconfigured as missing:
        raise UnstartableError(str(missing)) from None
    postgres_binaries()
    if not processes_only:
        faketime_library()
    folder = Path(tempfile.mkdtemp(prefix="carehub-faults-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        proxies = None
        if not processes_only:
            proxies = stack.enter_context(running_proxies(data, folder / "toxiproxy.log"))
        home = Path(tempfile.mkdtemp(prefix="carehub-pg-"))  # of its own: PostgreSQL runs as another user
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        postgres = Postgres(home)
        stack.callback(postgres.stop)
        clients = [name for name in INSTANCES if not name.startswith("gateway")]
        kafka = ProxiedKafka(libs, folder / "kafka", clients)
        stack.callback(kafka.stop)
        hub = Hub(folder, postgres, kafka, proxies, "faults", sabotage)
        stack.callback(hub.end)
        hub.prepare()
        hub.start()
        yield hub


_LEFT: Final = """
    published IS NULL
        OR NOT EXISTS (SELECT FROM tally WHERE tally.topic = outbox.topic AND ce_id = event)
        OR topic NOT LIKE '%.restricted.%' AND NOT EXISTS (SELECT FROM timeline WHERE ce_id = event)
    """
_FILES: Final = "SELECT count(*) FROM batch WHERE status = 'processing'"
_KEPT_AND_LEFT: Final = f"SELECT json_build_array(count(*), count(*) FILTER (WHERE {_LEFT}) + ({_FILES})) FROM outbox"  # noqa: S608
_WHAT_FILES: Final = """
    SELECT json_build_object('file', id, 'owner', owner, 'lease ends', lease_until, 'now', now(),
        'rows kept', (SELECT count(*) FROM batch_row WHERE batch = batch.id))
    FROM batch WHERE status = 'processing' ORDER BY id
    """
_WHAT_IS_LEFT: Final = f"""
    SELECT json_build_object('group', shard % {GROUPS}, 'topic', topic, 'partition', "partition", 'rows', count(*),
        'unpublished', count(*) FILTER (WHERE published IS NULL), 'first', min(id), 'last', max(id),
        'behind another', count(after_outbox_id), 'owner', min(owner), 'lease ends', min(until), 'now', now())
    FROM outbox LEFT JOIN relay_lease ON "group" = shard % {GROUPS} WHERE {_LEFT}
    GROUP BY shard % {GROUPS}, topic, "partition"
    """  # noqa: S608 (text and numbers of our own)
_QUIET_LOOKS: Final = 3
_SAID_CHARACTERS: Final = 2_000


async def until_flowing(hub: Hub, seconds: float) -> bool:
    """Whether, within this time, events come through to both apps."""
    flowing = "SELECT EXISTS (SELECT FROM tally) AND EXISTS (SELECT FROM timeline)"
    return await _until(hub, flowing, lambda answers: answers[-1] is True, seconds)


async def until_quiet(hub: Hub, seconds: float) -> bool:
    """Whether, within this time, every file was worked, everything kept was published, and everything published was
    applied by both apps; for some looks, in which nothing more was kept: a gateway may have taken in what it has not
    kept yet."""

    def quiet(answers: Sequence[str]) -> bool:
        last = answers[-_QUIET_LOOKS:]
        return len(last) == _QUIET_LOOKS and len(set(last)) == 1 and json.loads(last[0])[1] == 0

    return await _until(hub, _KEPT_AND_LEFT, quiet, seconds)


async def what_is_left(hub: Hub) -> list[str]:
    """Why it does not get quiet: what is unpublished or unapplied, whose that is, and what the processes last said."""
    left = [f"left: {row}" for query in (_WHAT_IS_LEFT, _WHAT_FILES) for row in await hub.ask(query)]
    return [*left, *(f"{name} said: {service.tail()[-_SAID_CHARACTERS:]}" for name, service in hub.services.items())]


async def _until(hub: Hub, query: str, reached: Callable[[Sequence[Any]], bool], seconds: float) -> bool:
    deadline = asyncio.get_running_loop().time() + seconds
    answers: list[Any] = []
    while asyncio.get_running_loop().time() < deadline:
        with contextlib.suppress(*AWAY):
            answers += await hub.ask(query)
            if reached(answers):
                return True
        await asyncio.sleep(1)
    return False
