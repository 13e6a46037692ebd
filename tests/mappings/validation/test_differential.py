"""What the fast judge accepts, the reference accepts; and the fast one overlooks none of the faults that are seeded."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from mappings.validation.fast import validate
from mappings.validation.reference import check_reference
from tests.mappings.validation.bundle import BUNDLE, FAULTS, mutants, with_fault


@pytest.mark.parametrize(("place", "value"), FAULTS.values(), ids=FAULTS.keys())
def test_the_fast_judge_sees_what_the_reference_sees(place: str, value: Any) -> None:
    bundle = with_fault(place, value)
    if check_reference(bundle):
        assert validate(bundle)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(mutants())
def test_what_the_fast_judge_accepts_the_reference_accepts(bundle: dict[str, Any]) -> None:
    if not validate(bundle):
        assert check_reference(bundle) == ()


def test_both_accept_the_bundle_itself() -> None:
    assert (validate(BUNDLE), check_reference(BUNDLE)) == ((), ())
