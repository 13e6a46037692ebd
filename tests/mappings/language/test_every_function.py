"""Whatever text a function gets, what it gives is what FHIR R4 lets stand in an element of that type."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.formats.hl7v2.delimiters import Delimiters, in_their_places
from mappings.language.functions import REGISTRY
from mappings.language.runtime.reading import text_of
from mappings.language.runtime.state import State
from mappings.validation import validate
from tests.mappings.language.folders import CONTEXT

PIECES = (
    *("", " ", "\t", "\n", "\xa0", "\x85", "\u2028", "\u3000", "\x7f", "\U0001f600"),
    *('""', "^", "&", "~", "\\.br\\", "\\X0A\\", "\\XEFBBBF\\", "\\X00\\", "\\T\\", "\\"),
    *("x", "Ab", "0", "-1", "1.50", "1e9", "<", ">=", "-", ":", "/", "9" * 40, "0." + "0" * 40 + "1"),
    *("20260601", "20260230", "202606010830", "20260601083015.12+0100", "99991231235959-1400", "2026-06-01", "08:30"),
    *("min", "d", "JVBERi0=", "=", "Base64", "Hex", "ISO", "1.2.3", "URI", "urn:x y", "true", "943 476 5919"),
)
RAW = st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join)


DELIMITERS = [Delimiters("|", *in_their_places(each)) for each in ("^~\\&", "^~\\", "^~&", "^~", "#:*!")]


def as_taken(parameter: str, state: State) -> st.SearchStrategy[Any]:
    """What compiled code hands over for a parameter of this name: texts are never blank, composites may be."""
    kind, optional, every = parameter.rstrip("?*[]"), "?" in parameter, "[*]" in parameter
    text = RAW.map(lambda raw: text_of(state, raw)).filter(lambda found: isinstance(found, str))
    if kind == "number":
        return st.integers(1, 9).map(str)
    one = RAW.filter(bool) if kind.isupper() else text
    if every:
        return st.lists(one, max_size=4)
    return st.none() | one if optional else one


def resource_with(kind: str, value: Any) -> dict[str, Any]:
    about = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    if kind == "xhtml":
        return {**about, "text": {"status": "generated", "div": value}}
    return {**about, "extension": [{"url": "urn:x", f"value{kind[0].upper()}{kind[1:]}": value}]}


@pytest.mark.parametrize("name", sorted(REGISTRY))
@settings(max_examples=200, deadline=None, derandomize=True)
@given(data=st.data())
def test_what_it_gives_is_valid(name: str, data: st.DataObject) -> None:
    function = REGISTRY[name]
    state = State(CONTEXT, "R01", data.draw(st.sampled_from(DELIMITERS)))
    taken = [data.draw(as_taken(each, state), label=each) for each in function.parameters]

    found = function.run(state, "OBX-5", *taken)

    if found is not None:
        kind, value = found if len(function.results) > 1 else (function.results[0], found)
        assert kind in function.results
        assert not validate(resource_with(kind, value)), value
