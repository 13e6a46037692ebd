"""Two JSON values compared, path by path."""

from __future__ import annotations

import pytest

from mappings.language.comparing import ABSENT, Difference, differences
from mappings.stages import Json

BEFORE = {"a": [1, 2, 3], "b": {"c": "x", "d": None}, "e": True}


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (BEFORE, []),
        ({**BEFORE, "a": [0, 1, 2, 3]}, [("a[0]", ABSENT, 0)]),
        ({**BEFORE, "a": [1, 3]}, [("a[1]", 2, ABSENT)]),
        ({**BEFORE, "a": [1, 5, 3]}, [("a[1]", 2, 5)]),
        ({**BEFORE, "b": {"c": "y"}}, [("b.c", "x", "y"), ("b.d", None, ABSENT)]),
        ({**BEFORE, "e": 1}, [("e", True, 1)]),
        ({**BEFORE, "b": [], "f": {}}, [("b", {"c": "x", "d": None}, []), ("f", ABSENT, {})]),
    ],
)
def test_each_difference_has_its_path_and_both_sides(after: Json, found: list[tuple[str, Json, Json]]) -> None:
    assert list(differences(BEFORE, after, "")) == [Difference(*each) for each in found]
