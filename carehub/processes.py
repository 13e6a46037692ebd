"""Gateway and relay from start to end: ready line, SIGTERM, clean stop.

gateway stops    no new connections → messages in flight answered → files and relay put down → last group committed
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

from carehub.composition import Gateway, Relays, composed_gateway, make_relays, tls_of
from carehub.databases import open_hub, shown
from carehub.heartbeat import process_name
from carehub.installation import settle_hub_id
from carehub.kafka import Kafka, need_kafka
from carehub.lifetime import announce, reload_by_signal, run_parts, stopped_by_signal
from carehub.settings import Settings
from carehub.warmth import warm_up
from contract.errors import Misconfigured
from gateway.http.protocol import PatientProtocol

RELAY_CONNECTIONS: Final = 10
RELAY_TRANSACTION_SECONDS: Final = 60.0
"""Beyond all patience of the driver: a transaction that takes longer hangs, and a group of shards with it."""

_BACKLOG: Final = 1024
_KEEP_ALIVE_SECONDS: Final = 75
_CLEAN_UP_SECONDS: Final = 5.0


async def run_gateway(
    settings: Settings, host: str, port: int, mllp_port: int, kafka: Kafka | None, *, as_json: bool
) -> None:
    """`carehub gateway`. Raises Misconfigured as composed_gateway does, and when a port cannot be had."""
    with stopped_by_signal() as asked, reload_by_signal() as reload, listening_socket(host, port) as http:
        async with composed_gateway(settings, host, kafka, reload) as gateway:
            await gateway.listeners.start(mllp_port, tls_of(settings))
            tls_port = gateway.listeners.tls_port
            facts = {
                "http": f"http://{host}:{http.getsockname()[1]}",
                "mllp": f"{host}:{tls_port}" if tls_port else None,
                "kafka": kafka.bootstrap if kafka else None,
                "database": shown(settings.hub_database),
            }
            parts = gateway_parts(gateway, settings, http, asked)
            announce(f"ready: {' · '.join(str(v) for v in facts.values() if v)}", facts, as_json=as_json)
            await run_parts(asked, parts, settings.stop_seconds + _CLEAN_UP_SECONDS)


def gateway_parts(
    gateway: Gateway, settings: Settings, http: socket.socket, asked: asyncio.Event
) -> dict[str, Coroutine[Any, Any, None]]:
    """What runs until `asked` is set, by name."""
    config = uvicorn.Config(
        gateway.app,
        loop="none",
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # nobody asks for a sender's address
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=round(settings.stop_seconds),
    )

    async def mllp() -> None:
        await asked.wait()
        await gateway.listeners.stop(settings.stop_seconds)

    parts = {
        "HTTP": _serve(Server(config), http, asked),
        "MLLP": mllp(),
        "work on files": _until(asked, gateway.batches.run()),
        "waiting room": _until(asked, gateway.waiting.run()),
        "ageing": _until(asked, gateway.ageing.run()),
        "retention": _until(asked, gateway.retention.run()),
        "last seen": _until(asked, gateway.seen.run()),
        "packs": _until(asked, gateway.shelf.run()),
        "warm-up": warm_up(asked),
    }
    if gateway.relays is not None:
        parts |= relay_parts(gateway.relays, asked)
    return parts


async def run_relay(settings: Settings, *, as_json: bool) -> None:
    """`carehub relay`. Raises Misconfigured when Kafka is not known, or the database is away or not migrated."""
    kafka = need_kafka(settings)
    async with open_hub(settings, connections=RELAY_CONNECTIONS, longest=RELAY_TRANSACTION_SECONDS) as database:
        relays = make_relays(settings, database, kafka, await settle_hub_id(database), process_name("relay"))
        with stopped_by_signal() as asked:
            facts = {"kafka": kafka.bootstrap, "database": shown(settings.hub_database)}
            announce(f"ready: relay from {facts['database']} to {facts['kafka']}", facts, as_json=as_json)
            await run_parts(asked, relay_parts(relays, asked), settings.stop_seconds)


def relay_parts(relays: Relays, asked: asyncio.Event) -> dict[str, Coroutine[Any, Any, None]]:
    return {"relay": relays.relay.run(asked), "replays": relays.replayer.run(asked)}


class Server(uvicorn.Server):
    """Leaves signals to carehub.lifetime."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def listening_socket(host: str, port: int) -> Iterator[socket.socket]:
    """Raises Misconfigured when the port cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as error:
            text = f"the HTTP port {port} on {host} cannot be opened: {error.strerror}; choose another with --port"
            raise Misconfigured(text) from None
        listening.listen(_BACKLOG)
        yield listening


async def _serve(server: Server, http: socket.socket, asked: asyncio.Event) -> None:
    async def end() -> None:
        await asked.wait()
        server.should_exit = True

    ending = asyncio.create_task(end())
    try:
        await server.serve(sockets=[http])
    finally:
        ending.cancel()


async def _until(asked: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Runs `work`, which has no end of its own, until `asked` is set; then cancels it and lets it put things away."""
    task = asyncio.create_task(work)
    stop = asyncio.create_task(asked.wait())
    await asyncio.wait([task, stop], return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if task.done():
        task.result()
        return
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
