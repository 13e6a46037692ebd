"""The codes that code lists give under R4's own systems are R4's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from contract.errors import Misconfigured
from tests.conformance.tools import fetch_tools
from tests.conftest import missing
from tests.mappings.test_code_lists import rows, told
from tests.servers import UnstartableError, data_folder

pytestmark = pytest.mark.conformance

_FILES: Final = ("v2-tables.json", "v3-codesystems.json", "valuesets.json")
_NEWER: Final = "R4's table 0203 is older"


@pytest.fixture(scope="module")
def r4() -> dict[str, set[str]]:
    """The codes of each code system that R4 publishes whole, by its address."""
    try:
        folder = fetch_tools(data_folder(), print).schema.parent
    except Misconfigured as lacking:
        missing(UnstartableError(str(lacking)))
    return {system["url"]: set(_codes(system)) for file in _FILES for system in _systems(folder / file)}


def _systems(file: Path) -> Iterator[dict[str, Any]]:
    for entry in json.loads(file.read_bytes())["entry"]:
        if entry["resource"].get("content") == "complete":
            yield entry["resource"]


def _codes(owner: dict[str, Any]) -> Iterator[str]:
    for concept in owner.get("concept", ()):
        yield concept["code"]
        yield from _codes(concept)


def test_codes_under_r4_s_systems_are_r4_s(r4: dict[str, set[str]]) -> None:
    claimed = [(file, row) for file, row in rows() if row["target_system"] in r4 and _NEWER not in row["from"]]
    assert len(claimed) > 1500
    assert [told(*each) for each in claimed if each[1]["target_code"] not in r4[each[1]["target_system"]]] == []
