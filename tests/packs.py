"""The packs that come along, compiled once for all tests and for the processes that they start."""

from __future__ import annotations

from typing import Final

from mappings.language import Cache, CompiledPack, load_pack
from tests.servers import data_folder

COMPILED: Final = data_folder() / "packs"


def built_in(name: str) -> CompiledPack:
    return load_pack(name, cache=Cache(COMPILED))
