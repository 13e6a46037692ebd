"""A whole hub on one machine: broker, migrated databases, gateway, relay and consumers, each a process of its own."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from carehub.kafka import Kafka, find_kafka, running_kafka
from carehub.lifetime import announce
from carehub.output import say
from carehub.services import Service, start_service, stop_services
from carehub.settings import Settings
from contract.errors import Misconfigured

APPS: Final = ("timeline",)
"""Consumers that come with the house."""

_LOOK_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class House:
    """A running hub. `gateway` is what its ready line said: http, mllp, kafka, database."""

    kafka: Kafka
    gateway: dict[str, Any]
    services: tuple[Service, ...]

    def fallen(self) -> Service | None:
        """The first of its processes that runs no more."""
        return next((service for service in self.services if not service.alive()), None)


@contextmanager
def running_house(
    settings: Settings,
    gateway: Sequence[str],
    tell: Callable[[str], None],
    *,
    prepare: Callable[[], None] = lambda: None,
    jars: Path | None = None,
) -> Iterator[House]:
    """Starts everything, yields when all of it is ready, and ends it with the block.

    `gateway` holds the arguments of `carehub gateway`; `tell` gets lines for a person; `prepare` runs when the database
    is migrated, before anything uses it; `jars` is as in running_kafka. Raises Misconfigured when a part does not
    start; what had started by then is ended.
    """
    from carehub.databases import migrate_all

    settings.make_data()
    logs = settings.data / "logs"
    with ExitStack() as stack, ThreadPoolExecutor(1) as beside:
        migrated = beside.submit(migrate_all, settings)  # while the broker starts
        kafka = stack.enter_context(running_kafka(settings, tell, jars=jars))
        migrated.result()
        prepare()
        services: list[Service] = []
        stack.callback(stop_services, services)
        folders = {"CAREHUB_DATA": settings.data, "CAREHUB_SECRETS": settings.secrets_folder}
        environment = {**kafka.environment(), **{name: str(path.absolute()) for name, path in folders.items()}}
        services.append(start_service("gateway", *gateway, environment=environment, logs=logs))
        if not settings.on_sqlite:
            services.append(start_service("relay", environment=environment, logs=logs))
        services.append(start_service("consume", *APPS, environment=environment, logs=logs))
        ready = [service.await_ready() for service in services]
        yield House(kafka, ready[0], tuple(services))


def keep_house(settings: Settings, gateway: Sequence[str], *, as_json: bool) -> None:
    """`carehub up`: until Ctrl-C or SIGTERM. Raises Misconfigured when a part of the house ends by itself."""
    interrupt_on_sigterm()
    try:
        with running_house(settings, gateway, say) as house:
            announce(_ready_text(house), house.gateway, as_json=as_json)
            while (fallen := house.fallen()) is None:
                time.sleep(_LOOK_SECONDS)
            raise Misconfigured(f"carehub {fallen.name} has ended by itself; {fallen.log} says why")
    except KeyboardInterrupt:
        say("stopped")


def keep_broker(settings: Settings, port: int, *, as_json: bool) -> None:
    """`carehub broker`: until Ctrl-C or SIGTERM. Raises Misconfigured when another one runs already."""
    if settings.kafka_bootstrap_servers in (f"127.0.0.1:{port}", f"localhost:{port}"):
        settings = settings.model_copy(update={"kafka_bootstrap_servers": ""})  # others are to use what is started here
    known = find_kafka(settings)
    if known is not None:
        advice = "; without KAFKA_BOOTSTRAP_SERVERS this command starts one here" if known.kind == "configured" else ""
        raise Misconfigured(f"this installation uses the Kafka at {known.bootstrap}: no second one is started{advice}")
    interrupt_on_sigterm()
    try:
        with running_kafka(settings, say, port) as kafka:
            facts = {"kafka": kafka.bootstrap, "kind": kafka.kind, "transactional": kafka.transactional}
            announce(f"ready: Kafka {kafka.bootstrap}", facts, as_json=as_json)
            while True:
                time.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        say("stopped")


@contextmanager
def kafka_of_gateway(settings: Settings) -> Iterator[Kafka | None]:
    """On SQLite the gateway relays itself and needs a Kafka: one is started where none is known. With PostgreSQL
    publishing is the relays' business, and None is a Kafka that this gateway knows nothing of."""
    if not settings.on_sqlite:
        yield find_kafka(settings)
        return
    settings.make_data()
    with running_kafka(settings, say) as kafka:
        yield kafka


def interrupt_on_sigterm() -> None:
    """Makes SIGTERM end a command the way Ctrl-C does: with everything put away."""

    def interrupt(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def _ready_text(house: House) -> str:
    stand_in = ", a stand-in in memory" if house.kafka.kind == "stand-in" else ""
    return f"ready: {house.gateway['http']} · Kafka {house.kafka.bootstrap}{stand_in} · {house.gateway['database']}"
