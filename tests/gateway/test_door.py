"""From a credential to a principal, and how long that is believed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from contract.errors import Code, Forbidden, Unauthenticated, Unavailable, refuse
from gateway.door import OPERATE, SEND, Door, require
from tests.gateway.fakes import KEY, OPERATOR_KEY, PORT, SOURCE, FakeRegister, principal, sha256


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_each_credential_names_its_principal() -> None:
    register = FakeRegister.usual()
    register.by_digest[sha256(b"DER")] = principal()
    door = Door(register)
    assert (await door.of_key(KEY)).source == SOURCE
    assert (await door.of_port(PORT)).id == "dch-pas"
    assert (await door.of_certificate(b"DER")).id == "dch-pas"
    assert (await door.of_key(OPERATOR_KEY)).kind == "operator"


async def test_an_unknown_credential_is_refused_and_never_quoted() -> None:
    door = Door(FakeRegister.usual())
    with pytest.raises(Unauthenticated) as refused:
        await door.of_key("guessed-key")
    assert "guessed-key" not in str(refused.value)
    with pytest.raises(Unauthenticated):
        await door.of_port(1)


async def test_a_paused_source_is_told_to_come_again() -> None:
    register = FakeRegister.usual()
    register.by_digest[sha256(KEY)] = principal(replace(SOURCE, paused=True))
    with pytest.raises(Unavailable) as refused:
        await Door(register).of_key(KEY)
    assert refused.value.retry_after


async def test_disabling_bites_within_five_seconds() -> None:
    clock, register = Clock(), FakeRegister.usual()
    door = Door(register, clock=clock)
    await door.of_key(KEY)
    register.by_digest.clear()
    assert await door.of_key(KEY), "believed for a moment"
    clock.now += 4.9
    with pytest.raises(Unauthenticated):
        await door.of_key(KEY)


async def test_many_messages_at_once_ask_once() -> None:
    register = FakeRegister.usual()
    door = Door(register)
    await asyncio.gather(*(door.of_key(KEY) for _ in range(100)))
    await door.of_key(KEY)
    assert register.asked == 1
    door.forget()
    await door.of_key(KEY)
    assert register.asked == 2


async def test_a_key_cannot_be_refused_because_the_database_is_away() -> None:
    register = FakeRegister.usual()
    register.away = refuse(Unavailable, Code.UNAVAILABLE, "away")
    with pytest.raises(Unavailable):
        await Door(register).of_key(KEY)
    register.away, register.hangs = None, True
    with pytest.raises(Unavailable):
        await Door(register, patience=0.01).of_key(KEY)


async def test_scopes_say_what_a_principal_may_do() -> None:
    door = Door(FakeRegister.usual())
    assert require(await door.of_key(KEY), SEND)
    with pytest.raises(Forbidden):
        require(await door.of_key(KEY), OPERATE)
