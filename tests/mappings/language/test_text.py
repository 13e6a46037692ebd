"""docs/mapping.md tells every function as it is registered."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings.language.functions import REGISTRY

DOCUMENT = (Path(__file__).parents[3] / "docs" / "mapping.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_the_text_has_the_functions_row(name: str) -> None:
    function = REGISTRY[name]

    assert f"| `{function.signature()}` | {' or '.join(function.results)} | {function.says} |" in DOCUMENT
