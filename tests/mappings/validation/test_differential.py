"""What the fast judge accepts, the reference accepts; and the fast one overlooks none of the faults that are seeded."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mappings.validation.fast import validate
from mappings.validation.primitives import SCHEMAS
from mappings.validation.reference import check_reference
from tests.mappings.validation.bundle import BUNDLE, FAULTS, mutants, with_fault


@pytest.mark.parametrize(("place", "value"), FAULTS.values(), ids=FAULTS.keys())
def test_the_fast_judge_sees_what_the_reference_sees(place: str, value: Any) -> None:
    bundle = with_fault(place, value)
    if check_reference(bundle):
        assert validate(bundle)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(mutants())
def test_what_the_fast_judge_accepts_the_reference_accepts(bundle: dict[str, Any]) -> None:
    if not validate(bundle):
        assert check_reference(bundle) == ()


def test_both_accept_the_bundle_itself() -> None:
    assert (validate(BUNDLE), check_reference(BUNDLE)) == ((), ())


PATTERNS = {name: schema["pattern"] for name, schema in SCHEMAS.items() if "pattern" in schema and name != "xhtml"}


@pytest.mark.parametrize("primitive", PATTERNS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_every_text_of_a_primitives_form_is_one_for_the_reference(primitive: str, data: st.DataObject) -> None:
    value = data.draw(st.from_regex(PATTERNS[primitive]))
    element = f"value{primitive[0].upper()}{primitive[1:]}"
    basic = {"resourceType": "Basic", "code": {"text": "x"}, "extension": [{"url": "urn:x", element: value}]}
    if not validate(basic):
        assert check_reference(basic) == ()
