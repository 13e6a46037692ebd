"""What an MLLP sender meets: the status table of docs/send.md, order, and bounds on time and memory."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
import structlog

from contract.errors import (
    Code,
    Conflict,
    Issue,
    Refusal,
    TooLarge,
    TooMany,
    Unavailable,
    Undecodable,
    Unprocessable,
    UnsupportedType,
    refuse,
)
from gateway.delivery import Status
from gateway.limits import Limits
from gateway.source import Ack
from tests.gateway.fakes import SOURCE, principal
from tests.gateway.mllp.conftest import Site
from tests.sockets import reset

DATE = Issue(Code.INVALID_DATE, "PID-7", "is not a date; write YYYYMMDD")


def adt(control_id: str = "C1", version: str = "2.5", tail: str = "") -> bytes:
    return (
        f"MSH|^~\\&|PAS|RBD|HUB|QVV|20260101||ADT^A01^ADT_A01|{control_id}|P|{version}{tail}\r"
        "PID|1||123^^^RBD||SMITH^JOHN\r"
    ).encode()


def msa(ack: bytes) -> list[str]:
    return next(line for line in ack.decode().split("\r") if line.startswith("MSA")).split("|")[1:3]


@pytest.mark.parametrize("status", list(Status))
async def test_what_is_durable_is_acknowledged(site: Site, status: Status) -> None:
    site.intake.answer = status
    async with site.peer() as peer:
        assert msa(await peer.ask(adt("C7"))) == ["AA", "C7"]
    assert site.intake.taken[0].principal.source == SOURCE
    assert site.intake.bodies == [adt("C7")]


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (Undecodable(Issue(Code.MALFORMED_HL7V2, "", "no MSH")), "AR"),
        (Unprocessable(DATE), "AE"),
        (Conflict(Issue(Code.MESSAGE_ID_CONFLICT, "", "other content")), "AE"),
        (TooLarge(Issue(Code.TOO_LARGE, "ADT", "too large")), "AR"),
        (UnsupportedType(Issue(Code.UNSUPPORTED_TYPE, "", "not taken")), "AR"),
        (TooMany(Issue(Code.TOO_MANY, "", "slow down", retryable=True)), "AR"),
        (refuse(Unavailable, Code.UNAVAILABLE, "the database is away"), "AE"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Refusal) else value,
)
async def test_each_refusal_has_its_acknowledgement_with_err(site: Site, refusal: Refusal, code: str) -> None:
    site.intake.answer = refusal
    async with site.peer() as peer:
        ack = await peer.ask(adt())
    assert msa(ack) == [code, "C1"]
    assert b"\rERR|" in ack
    assert str(refusal.issues[0].code).encode() in ack
    assert (b"retryable" in ack) == refusal.issues[0].retryable


async def test_when_kept_does_not_let_one_bad_message_stall_the_feed(site: Site) -> None:
    site.bind(site.port, replace(SOURCE, ack=Ack.WHEN_KEPT))
    site.intake.answer = Unprocessable(DATE)
    async with site.peer() as peer:
        assert msa(await peer.ask(adt())) == ["AA", "C1"]
        site.intake.answer = refuse(Unavailable, Code.UNAVAILABLE, "away")
        assert msa(await peer.ask(adt())) == ["AE", "C1"]


async def test_a_fault_of_ours_is_an_error_without_its_text(site: Site) -> None:
    site.intake.answer = ValueError("SMITH is no number")
    async with site.peer() as peer:
        ack = await peer.ask(adt())
    assert msa(ack)[0] == "AE"
    assert b"SMITH" not in ack
    assert b"retryable" in ack


async def test_a_source_disabled_meanwhile_is_refused_and_cut_off(site: Site) -> None:
    async with site.peer() as peer:
        assert msa(await peer.ask(adt()))[0] == "AA"
        site.register.by_number.clear()
        assert msa(await peer.ask(adt()))[0] == "AR"
        assert await peer.answer() == b""
    assert len(site.intake.taken) == 1


async def test_a_paused_source_is_told_to_send_again(site: Site) -> None:
    async with site.peer() as peer:
        await peer.ask(adt())
        site.register.by_number[site.port] = principal(replace(SOURCE, paused=True))
        ack = await peer.ask(adt())
    assert msa(ack)[0] == "AE"
    assert b"retryable" in ack


async def test_answers_come_in_order_even_to_a_sender_that_does_not_wait(site: Site) -> None:
    async with site.peer() as peer:
        await peer.send(*(adt(f"C{n}") for n in range(50)))
        assert [msa(await peer.answer())[1] for _ in range(50)] == [f"C{n}" for n in range(50)]


async def test_several_messages_in_one_frame_are_answered_one_by_one(site: Site) -> None:
    async with site.peer() as peer:
        await peer.send(adt("C1") + adt("C2"))
        assert [msa(await peer.answer())[1] for _ in range(2)] == ["C1", "C2"]


async def test_a_sender_that_wants_no_answer_gets_none_unless_nothing_was_kept(site: Site) -> None:
    silent = adt("C1", tail="|||NE|NE")
    async with site.peer() as peer:
        await peer.send(silent, adt("C2"))
        assert msa(await peer.answer())[1] == "C2"
        site.intake.answer = refuse(Unavailable, Code.UNAVAILABLE, "away")
        await peer.send(silent)
        assert await peer.answer() == b"", "closed: the only way left to say no"


async def test_an_oversized_message_is_refused_by_its_control_id_and_the_next_one_taken(site: Site) -> None:
    async with site.peer() as peer:
        await peer.send(adt("BIG") + b"OBX|" + b"x" * 200_000, adt("C2"))
        assert msa(await peer.answer()) == ["AR", "BIG"]
        assert msa(await peer.answer()) == ["AA", "C2"]
    assert site.in_flight.held == 0


async def test_a_sender_that_leaves_before_its_answer_loses_nothing(site: Site) -> None:
    site.intake.gate = asyncio.Event()
    async with site.peer() as peer:
        await peer.send(adt())
        peer.writer.write_eof()
    site.intake.gate.set()
    async with asyncio.timeout(5):
        while not site.intake.taken:
            await asyncio.sleep(0.01)


async def test_a_sender_that_is_reset_before_its_answer_is_told_as_lost_and_not_as_a_fault_of_ours(site: Site) -> None:
    site.intake.gate = asyncio.Event()
    with structlog.testing.capture_logs() as lines:
        async with site.peer() as peer, asyncio.timeout(5):
            await peer.send(adt())
            while not site.intake.come:
                await asyncio.sleep(0.01)
            reset(peer.writer)
        await asyncio.sleep(0.1)  # the hub reads of it while the message is at work
        site.intake.gate.set()
        async with asyncio.timeout(5):
            while not lines:
                await asyncio.sleep(0.01)
    assert site.intake.bodies == [adt()]
    assert [line["event"] for line in lines] == ["mllp-connection-lost"]


class TestPatience:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(message=1000, frame_seconds=0.2, idle_seconds=0.2, connections=2)

    async def test_a_peer_that_stalls_is_closed(self, site: Site) -> None:
        async with site.peer() as peer:
            await peer.send_raw(b"\x0bMSH|^~\\&|half a fra")
            assert await peer.answer() == b""
        assert 'reason="frame-too-slow"' in site.metrics.exposition().decode()
        assert site.in_flight.held == 0

    async def test_a_peer_that_trickles_is_closed(self, site: Site) -> None:
        async with site.peer() as peer, asyncio.timeout(5):
            await peer.send_raw(b"\x0b")
            ended = asyncio.ensure_future(peer.answer())
            while not (ended.done() or peer.writer.transport.is_closing()):
                peer.writer.write(b"x")
                await asyncio.sleep(0.02)
            assert await ended == b""
        assert 'reason="frame-too-slow"' in site.metrics.exposition().decode()

    async def test_a_silent_peer_is_closed(self, site: Site) -> None:
        async with site.peer() as peer:
            assert await peer.answer() == b""
        assert 'reason="idle"' in site.metrics.exposition().decode()

    async def test_a_peer_that_never_ends_its_frame_is_closed(self, site: Site) -> None:
        async with site.peer() as peer, asyncio.timeout(5):
            peer.writer.write(b"\x0b" + b"x" * 10_000)
            assert await peer.answer() == b""
        assert 'reason="not-mllp"' in site.metrics.exposition().decode()
        assert site.in_flight.held == 0

    async def test_a_listener_takes_only_so_many_connections(self, site: Site) -> None:
        async with site.peer() as first, site.peer() as second:
            assert msa(await first.ask(adt()))[0] == "AA"
            assert msa(await second.ask(adt()))[0] == "AA"
            async with site.peer() as third:
                assert await third.answer() == b""
