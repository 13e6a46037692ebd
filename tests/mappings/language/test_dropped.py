"""References to resources of which the message says nothing: they go, and with them what may not be without them."""

from __future__ import annotations

from typing import Any

import pytest

from contract.errors import Code
from mappings.language.runtime import bundle
from mappings.language.runtime.state import REFERENCE, State
from tests.mappings.language.folders import CONTEXT


def to(identity: str) -> dict[str, str]:
    return {"reference": REFERENCE + identity}


def provenance(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Provenance",
        "id": "said",
        "target": [to("order")],
        "recorded": "2026-07-01T10:00:00Z",
        "agent": [{"who": to("ward")}, {"who": to("clerk")}],
        **more,
    }


@pytest.fixture
def state() -> State:
    return State(CONTEXT, "A01")


def left(state: State, *resources: dict[str, Any], gone: str) -> list[dict[str, Any]]:
    state.pruned.add(gone)
    header = {"resourceType": "MessageHeader", "id": "h", "source": {"endpoint": "x"}, "eventUri": "x"}
    found = list(resources)
    bundle._drop_references(state, {**header, "focus": [to(r["id"]) for r in resources]}, found)
    assert {issue.code for issue in state.issues} <= {Code.DROPPED_REFERENCE}
    return found


def test_a_part_that_may_not_be_without_it_goes_and_the_rest_stays(state: State) -> None:
    (found,) = left(state, provenance(), gone="clerk")
    assert found["agent"] == [{"who": to("ward")}]
    assert found["target"] == [to("order")]


def test_a_resource_that_may_not_be_without_it_goes_and_so_do_references_to_that(state: State) -> None:
    task = {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "code": {"text": "x"},
        "derivedFrom": [to("said")],
    }
    (found,) = left(state, provenance(), task, gone="order")
    assert found == {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "x"}}


def test_an_element_that_may_be_missing_goes_alone(state: State) -> None:
    (found,) = left(state, provenance(location=to("nowhere")), gone="nowhere")
    assert found == provenance()


def test_what_refers_to_nothing_that_is_gone_stays_as_it_is(state: State) -> None:
    assert left(state, provenance(), gone="somebody") == [provenance()]
    assert state.issues == []
