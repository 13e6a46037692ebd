"""What is settled at the first start: gateways of one database hold the same secrets, or do not start."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from carehub.databases import open_hub
from carehub.installation import Installation, settle_hub_id, settle_installation
from carehub.settings import Settings
from contract.errors import Misconfigured
from migrations import run as migrations


@pytest.fixture
async def first(tmp_path: Path) -> Settings:
    url = f"sqlite:///{tmp_path / 'hub.sqlite'}"
    await migrations.upgrade(url, "hub")
    return Settings(data=tmp_path / "first", DATABASE_URL=url)  # type: ignore[call-arg]


async def settle(settings: Settings) -> Installation:
    async with open_hub(settings) as database:
        return await settle_installation(database, settings)


async def test_the_second_start_finds_what_the_first_one_settled(first: Settings) -> None:
    settled = await settle(first)
    assert await settle(first) == settled


async def test_gateways_that_start_at_once_settle_on_one_installation(first: Settings) -> None:
    settled = await asyncio.gather(*(settle(first) for _ in range(4)))
    assert len({each.hub_id for each in settled}) == 1
    assert len({each.secrets for each in settled}) == 1


async def test_a_gateway_on_another_machine_needs_the_secrets_of_the_first(first: Settings, tmp_path: Path) -> None:
    settled = await settle(first)
    second = first.model_copy(update={"data": tmp_path / "second"})
    with pytest.raises(Misconfigured, match="Copy them from the gateway that made them"):
        await settle(second)
    second.secrets_folder.mkdir(mode=0o700, parents=True)
    for file in first.secrets_folder.iterdir():
        copy = second.secrets_folder / file.name
        copy.write_bytes(file.read_bytes())
        copy.chmod(0o600)
    assert await settle(second) == settled


async def test_a_relay_learns_the_hubs_id_without_secrets(first: Settings) -> None:
    async with open_hub(first) as database:
        before = await settle_hub_id(database)
    assert not first.secrets_folder.exists()
    assert (await settle(first)).hub_id == before
