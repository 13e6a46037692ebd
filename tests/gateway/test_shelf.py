"""A shelf follows its register, and gives a register that is away the time to come back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from contract.errors import Code, Unavailable, refuse
from gateway import shelf
from gateway.shelf import Shelf
from gateway.store.localities import Register
from mappings.language import Cache
from tests.mappings.language.folders import HL7, write_pack
from tests.packs import COMPILED


class Away:
    """A register that is away until the test says otherwise."""

    def __init__(self) -> None:
        self.asked = 0
        self.away = False

    async def __call__(self) -> Register:
        self.asked += 1
        await asyncio.sleep(0)  # without a pause it would be asked on and on, and nothing else run
        if self.away:
            raise refuse(Unavailable, Code.UNAVAILABLE, "the database is away")
        return Register({}, 0)


async def test_a_reload_asked_for_while_the_register_is_away_is_done_when_it_is_back_and_not_tried_without_a_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "LOOK_SECONDS", 0.05)
    register, reload = Away(), asyncio.Event()
    stands = Shelf(register, (tmp_path,), Cache(COMPILED), reload)
    await stands.fill()
    write_pack(tmp_path, HL7)
    following = asyncio.create_task(stands.run())
    register.away = True
    reload.set()
    await asyncio.sleep(0.5)
    assert 2 <= register.asked <= 15
    assert reload.is_set(), "it is still wanted"
    register.away = False
    async with asyncio.timeout(30):
        while "mine" not in stands.stock.packs:
            await asyncio.sleep(0.02)
    following.cancel()
