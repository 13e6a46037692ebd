"""Ports that open and close while the gateway runs, and the TLS port where the client certificate names the source."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from contract.errors import Misconfigured
from gateway.mllp.listeners import server_tls
from tests.gateway.fakes import SOURCE, principal, sha256
from tests.gateway.mllp.certificates import Authority, client_context
from tests.gateway.mllp.conftest import Peer, Site, free_port
from tests.gateway.mllp.test_connection import adt, msa


async def asked_once(port: int, context: ssl.SSLContext) -> bytes:
    """Raises EOFError when the hub hangs up instead of answering."""
    peer = Peer(*await asyncio.open_connection("127.0.0.1", port, ssl=context))
    answer = await peer.ask(adt())
    if not answer:
        raise EOFError
    return answer


async def becomes(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.01)


async def test_a_port_opens_when_its_source_is_added_and_closes_when_it_is_disabled(site: Site) -> None:
    port = free_port()
    site.bind(port, replace(SOURCE, id="second"))
    await becomes(lambda: port in site.listeners.ports)
    async with site.peer(port) as peer:
        assert msa(await peer.ask(adt()))[0] == "AA"
        assert site.intake.taken[-1].principal.id == "second"
        del site.bound[port]
        assert await peer.answer() == b"", "its connections end with it"
    await becomes(lambda: port not in site.listeners.ports)
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_port_that_moves_to_another_source_sends_for_that_one(site: Site) -> None:
    site.bind(site.port, replace(SOURCE, id="successor"))
    await becomes(lambda: site.listeners.ports.get(site.port) == "successor")
    async with site.peer() as peer:
        await peer.ask(adt())
    assert site.intake.taken[-1].principal.id == "successor"


async def test_a_port_that_is_taken_is_reported_and_tried_again(site: Site) -> None:
    port = free_port()
    squatter = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", port)
    site.bind(port)
    await becomes(lambda: port in site.listeners.failed)
    squatter.close()
    await squatter.wait_closed()
    await becomes(lambda: port in site.listeners.ports)
    assert not site.listeners.failed


async def test_stopping_lets_the_message_at_hand_be_answered(site: Site) -> None:
    site.intake.gate = asyncio.Event()
    async with site.peer() as busy, site.peer() as idle:
        await busy.send(adt("LAST"))
        await asyncio.sleep(0.05)
        stopping = asyncio.create_task(site.listeners.stop(patience=5))
        assert await idle.answer() == b""
        site.intake.gate.set()
        assert msa(await busy.answer()) == ["AA", "LAST"]
        assert await busy.answer() == b""
        await stopping


class TestTls:
    @pytest.fixture
    def authority(self, tmp_path: Path) -> Authority:
        return Authority(tmp_path, "authority")

    async def opened(self, site: Site, authority: Authority) -> int:
        own = authority.issue("hub")
        await site.listeners.stop(patience=1)
        await site.listeners.start(0, server_tls(own.certificate, own.key, authority.file))
        assert site.listeners.tls_port
        return site.listeners.tls_port

    async def test_the_client_certificate_names_the_source(self, site: Site, authority: Authority) -> None:
        port = await self.opened(site, authority)
        sender = authority.issue("ambulance")
        site.register.by_digest[sha256(sender.der)] = principal(replace(SOURCE, id="ambulance"))
        context = client_context(authority.file, sender)
        peer = Peer(*await asyncio.open_connection("127.0.0.1", port, ssl=context))
        assert msa(await peer.ask(adt()))[0] == "AA"
        assert site.intake.taken[-1].principal.id == "ambulance"
        peer.writer.close()
        await peer.writer.wait_closed()

    async def test_a_certificate_that_is_registered_for_nobody_is_cut_off(
        self, site: Site, authority: Authority
    ) -> None:
        port = await self.opened(site, authority)
        context = client_context(authority.file, authority.issue("stranger"))
        peer = Peer(*await asyncio.open_connection("127.0.0.1", port, ssl=context))
        assert await peer.answer() == b""
        assert not site.intake.taken
        peer.writer.close()

    @pytest.mark.parametrize("signed_by_another", [True, False], ids=["foreign authority", "no certificate"])
    async def test_without_a_certificate_of_a_known_authority_there_is_no_connection(
        self, site: Site, authority: Authority, tmp_path: Path, signed_by_another: bool
    ) -> None:
        port = await self.opened(site, authority)
        own = Authority(tmp_path, "foreign").issue("ambulance") if signed_by_another else None
        with pytest.raises((ssl.SSLError, OSError, EOFError)):
            await asked_once(port, client_context(authority.file, own))
        assert not site.intake.taken

    def test_a_missing_file_is_named(self, tmp_path: Path, authority: Authority) -> None:
        with pytest.raises(Misconfigured, match="nowhere"):
            server_tls(tmp_path / "nowhere.pem", tmp_path / "nowhere.key", authority.file)
