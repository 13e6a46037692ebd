"""The MLLP ports of one gateway: one per source that is bound to a port, and one for TLS where the client certificate
names the source. Ports open and close while the gateway runs, as sources are added and disabled."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import structlog

from contract.errors import Code, Misconfigured, Unauthenticated, Unavailable, refuse
from gateway.door import Door
from gateway.mllp.connection import Connection, Desk, WhoSent
from gateway.source import Principal

BoundPorts: TypeAlias = Callable[[], Awaitable[Mapping[int, str]]]
"""Ports that sources are bound to now, each with the id of its source; without disabled ones."""

_HANDSHAKE_SECONDS: Final = 10.0
_BACKLOG: Final = 100

log = structlog.get_logger()


class Listener:
    """One open port. `label` is the source it is bound to, or `tls`."""

    def __init__(self, label: str, desk: Desk) -> None:
        self.label = label
        self._desk = desk
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], Connection] = {}

    @property
    def port(self) -> int:
        if self._server is None:
            raise RuntimeError("the listener is not open")
        return int(self._server.sockets[0].getsockname()[1])

    async def open(
        self, host: str, port: int, who: Callable[[asyncio.StreamWriter], WhoSent], tls: ssl.SSLContext | None
    ) -> None:
        """Raises OSError when the port cannot be had."""
        self._server = await asyncio.start_server(
            partial(self._serve, who),
            host,
            port,
            ssl=tls,
            ssl_handshake_timeout=_HANDSHAKE_SECONDS if tls else None,
            backlog=_BACKLOG,
        )

    async def close(self, patience: float) -> None:
        """Takes no more connections; lets messages at hand be answered for `patience` seconds."""
        if self._server is not None:
            self._server.close()
        for connection in self._open.values():
            connection.stop()
        if self._open:
            _, late = await asyncio.wait(list(self._open), timeout=patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _serve(
        self, who: Callable[[asyncio.StreamWriter], WhoSent], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if len(self._open) >= self._desk.limits.connections:
            self._desk.metrics.closed("too-many")
            log.warning("mllp-connection-refused", source=self.label, code=str(Code.TOO_MANY))
            writer.close()
            return
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a connection is served in a task")
        connection = Connection(reader, writer, who(writer), self._desk, self.label)
        self._open[task] = connection
        self._desk.metrics.connections(self.label).inc()
        try:
            await connection.serve()
        finally:
            del self._open[task]
            self._desk.metrics.connections(self.label).dec()


class Listeners:
    """All MLLP ports of a gateway on one host address. Every `poll` seconds the bound ports are looked up."""

    def __init__(self, host: str, door: Door, bound: BoundPorts, desk: Desk, poll: float = 2.0) -> None:
        self._host = host
        self._door = door
        self._bound = bound
        self._desk = desk
        self._poll = poll
        self._by_port: dict[int, Listener] = {}
        self._tls: Listener | None = None
        self._watching: asyncio.Task[None] | None = None
        self.failed: dict[int, str] = {}
        """Ports that could not be opened, with the reason; for health."""

    @property
    def ports(self) -> dict[int, str]:
        """Open plain ports and the sources they are bound to."""
        return {port: listener.label for port, listener in self._by_port.items()}

    @property
    def tls_port(self) -> int | None:
        return self._tls.port if self._tls else None

    async def start(self, tls_port: int | None = None, tls: ssl.SSLContext | None = None) -> None:
        """Opens the ports and keeps watching. Raises Misconfigured when the TLS port cannot be had."""
        if tls_port is not None and tls is not None:
            self._tls = Listener("tls", self._desk)
            try:
                await self._tls.open(self._host, tls_port, self._by_certificate, tls)
            except OSError as error:
                raise Misconfigured(
                    f"the MLLP port {tls_port} on {self._host} cannot be opened: {error.strerror}"
                ) from None
        await self._look()
        self._watching = asyncio.create_task(self._watch())

    async def stop(self, patience: float) -> None:
        """Closes all ports; messages at hand are answered within `patience` seconds."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        listeners = [*self._by_port.values(), *([self._tls] if self._tls else [])]
        await asyncio.gather(*(listener.close(patience) for listener in listeners))
        self._by_port.clear()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._poll)
            await self._look()

    async def _look(self) -> None:
        """Makes the open ports those that the sources say. With the database away they stay as they are."""
        try:
            async with asyncio.timeout(self._poll + 1.0):
                wanted = await self._bound()
        except (TimeoutError, Unavailable) as fault:
            log.warning("mllp-ports-unknown", fault=type(fault).__name__)
            return
        for port in [port for port, listener in self._by_port.items() if wanted.get(port) != listener.label]:
            listener = self._by_port.pop(port)
            await listener.close(self._poll)
            log.info("mllp-port-closed", port=port, source=listener.label)
        self.failed = {}
        for port, source in wanted.items():
            if port not in self._by_port:
                await self._open(port, source)

    async def _open(self, port: int, source: str) -> None:
        listener = Listener(source, self._desk)
        try:
            await listener.open(self._host, port, lambda _: partial(self._door.of_port, port), None)
        except OSError as error:
            self.failed[port] = error.strerror or "cannot be opened"
            log.warning("mllp-port-failed", port=port, source=source, errno=error.errno)
            return
        self._by_port[port] = listener
        log.info("mllp-port-open", port=port, source=source)

    def _by_certificate(self, writer: asyncio.StreamWriter) -> WhoSent:
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)

        async def who_sent() -> Principal:
            if not der:
                raise refuse(Unauthenticated, Code.UNAUTHENTICATED, "this port needs a client certificate")
            return await self._door.of_certificate(der)

        return who_sent


def server_tls(certificate: Path, key: Path, client_authorities: Path) -> ssl.SSLContext:
    """TLS 1.2 or later that demands a client certificate signed by one of the authorities (all files PEM).

    Raises Misconfigured when a file is missing or is no certificate or key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(client_authorities)
    except OSError as error:  # ssl.SSLError is one
        names = f"{certificate}, {key}, {client_authorities}"
        raise Misconfigured(f"TLS for MLLP cannot be set up from {names}: {error.strerror}") from None
    return context
