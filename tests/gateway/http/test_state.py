"""Health and metrics as machines and people see them."""

from __future__ import annotations

import pytest

from gateway.delivery import Status
from tests.gateway.fakes import OPERATOR_KEY
from tests.gateway.http.conftest import House
from tests.gateway.http.test_events import ADT, outcome

OPERATOR = {"Authorization": f"Bearer {OPERATOR_KEY}"}


async def test_machines_need_no_login_and_learn_no_names(house: House) -> None:
    del house.client.headers["authorization"]
    for path in ("live", "ready", "startup"):
        response = await house.client.get(f"/health/{path}")
        assert response.status_code == 200
        assert "dch-pas" not in response.text


async def test_not_ready_is_503_with_the_reason(house: House) -> None:
    house.front.health._found.clear()
    response = await house.client.get("/health/ready")
    assert response.status_code == 503
    assert response.json()["reasons"] == ["database: not checked yet"]
    assert response.headers["retry-after"]


@pytest.mark.parametrize("path", ["/health", "/metrics"])
async def test_what_names_sources_needs_an_operator(house: House, path: str) -> None:
    assert (await house.client.get(path)).status_code == 403
    assert (await house.client.get(path, headers={"Authorization": "Bearer wrong"})).status_code == 401
    assert "dch-pas" in (await house.client.get("/health", headers=OPERATOR)).text


async def test_metrics_count_what_happened(house: House) -> None:
    await house.send(ADT)
    await house.send(ADT, "image/png")
    text = (await house.client.get("/metrics", headers=OPERATOR)).text
    assert 'carehub_messages_total{door="http",outcome="accepted",sector="acute",source="dch-pas"} 1.0' in text
    assert 'carehub_refusals_total{code="unsupported-type",door="http",source="dch-pas"} 1.0' in text
    assert 'carehub_events_total{sector="acute",source="dch-pas",type="patient-admitted-1"} 1.0' in text
    assert 'carehub_http_requests_total{method="POST",route="/events",status="202"} 1.0' in text
    assert "carehub_ready 1.0" in text


async def test_codes_without_a_translation_are_counted_by_list_once_the_message_is_accepted(house: House) -> None:
    house.intake.unmapped = ("marital-status", "relationship", "relationship")
    answer = await house.send(ADT)
    assert "unmapped" not in answer.json()
    house.intake.answer = Status.REPLAYED
    await house.send(ADT)
    text = (await house.client.get("/metrics", headers=OPERATOR)).text
    assert 'carehub_unmapped_codes_total{code_list="marital-status",source="dch-pas"} 1.0' in text
    assert 'carehub_unmapped_codes_total{code_list="relationship",source="dch-pas"} 2.0' in text


async def test_what_is_not_there_is_an_outcome_too(house: House) -> None:
    assert outcome(await house.client.get("/nowhere"))["code"] == "not-found"
    response = await house.client.get("/fhir/$process-message")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert outcome(response)["code"] == "not-supported"


async def test_every_address_is_described(house: House) -> None:
    described = (await house.client.get("/openapi.json")).json()["paths"]
    routes = {(route.path, method) for route in _routes(house) for method in route.methods - {"HEAD"}}
    assert {(path, method.upper()) for path, methods in described.items() for method in methods} == routes


def _routes(house: House):  # type: ignore[no-untyped-def]
    from gateway.http.app import make_app

    return [route for route in make_app(house.front).routes if route.path != "/openapi.json"]  # type: ignore[attr-defined]
