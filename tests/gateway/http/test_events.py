"""What a sender meets at POST /events and POST /fhir/$process-message: the status table of docs/send.md."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import httpx
import pytest

from contract.errors import (
    Code,
    Conflict,
    Forbidden,
    Issue,
    Refusal,
    TooLarge,
    TooMany,
    Unavailable,
    Undecodable,
    Unprocessable,
    refuse,
)
from gateway.delivery import Status
from gateway.door import SEND
from gateway.http.refusals import STATUS, refused
from gateway.limits import Limits
from gateway.source import Principal
from tests.gateway.fakes import KEY, OPERATOR_KEY, SOURCE, principal, sha256
from tests.gateway.http.conftest import House

ADT = b"MSH|^~\\&|PAS|RBD|HUB|QVV|20260101||ADT^A01^ADT_A01|C1|P|2.4\rPID|1||123^^^RBD||SMITH^JOHN\r"
DATE = Issue(Code.INVALID_DATE, "PID-7", "is not a date; write YYYYMMDD")


def outcome(response: httpx.Response) -> dict[str, object]:
    """The first issue of an OperationOutcome."""
    assert response.headers["content-type"] == "application/fhir+json"
    document = response.json()
    assert document["resourceType"] == "OperationOutcome"
    return document["issue"][0]


@pytest.mark.parametrize(("status", "code"), [(Status.ACCEPTED, 202), (Status.WAITING, 202), (Status.REPLAYED, 200)])
async def test_what_is_durable_gets_its_receipt(house: House, status: Status, code: int) -> None:
    house.intake.answer = status
    response = await house.send(ADT)
    assert response.status_code == code
    assert response.headers["location"] == "/messages/0197-message"
    assert response.json() == {
        "id": "0197-message",
        "status": str(status),
        "source": "dch-pas",
        "received": "2026-01-02T03:04:05.000Z",
        "events": [{"id": "0197-event", "type": "patient-admitted-1", "topics": ["care.qvv.acute.v1"]}],
    }


async def test_the_delivery_carries_what_the_sender_said(house: House) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await house.send(ADT, "application/HL7-v2; charset=utf-8", idempotency_key="K1", traceparent=trace)
    delivery = house.intake.taken[0]
    assert (delivery.principal.source, delivery.body) == (SOURCE, ADT)
    assert (delivery.content_type, delivery.idempotency_key) == ("application/hl7-v2", "K1")
    assert delivery.traceparent == trace
    await house.send(ADT, traceparent="00-zz-zz-01")
    assert house.intake.taken[1].traceparent is None


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (Undecodable(Issue(Code.MALFORMED_HL7V2, "MSH", "is missing")), 400),
        (Unprocessable(DATE), 422),
        (Conflict(Issue(Code.MESSAGE_ID_CONFLICT, "", "other content")), 409),
        (Forbidden(Issue(Code.FORBIDDEN, "", "not registered for CSV")), 403),
        (TooLarge(Issue(Code.TOO_LARGE, "ADT^A01", "an event would be too large")), 413),
        (TooMany(Issue(Code.TOO_MANY, "", "slow down", retryable=True), retry_after=2.0), 429),
        (refuse(Unavailable, Code.UNAVAILABLE, "the database is away"), 503),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Refusal) else value,
)
async def test_each_refusal_has_its_status_and_names_the_source_field(
    house: House, refusal: Refusal, status: int
) -> None:
    house.intake.answer = refusal
    response = await house.send(ADT)
    issue = outcome(response)
    assert response.status_code == status
    assert issue["details"]["coding"][0]["code"] == refusal.code  # type: ignore[index]
    assert issue.get("expression", [""]) == [refusal.issues[0].path]
    assert ("retry-after" in response.headers) == (status in (429, 503))


def test_every_refusal_has_a_status_and_every_code_an_issue_type() -> None:
    assert set(STATUS) == set(Refusal.__subclasses__())
    for code in Code:
        assert b'"code":"' in refused(Unprocessable(Issue(code, "", "text"))).body


async def test_a_fault_of_ours_shows_an_incident_and_nothing_else(house: House) -> None:
    house.intake.answer = KeyError("SMITH")
    response = await house.send(ADT)
    assert response.status_code == 500
    assert outcome(response)["code"] == "exception"
    assert "SMITH" not in response.text
    assert "Traceback" not in response.text


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer wrong", "Basic a2V5", f"Token {KEY}"])
async def test_without_a_good_key_there_is_no_way_in(house: House, header: str | None) -> None:
    del house.client.headers["authorization"]
    response = await house.send(ADT, **({"authorization": header} if header else {}))
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert outcome(response)["code"] == "login"
    assert not house.intake.taken


async def test_a_key_that_may_not_send_is_forbidden(house: House) -> None:
    response = await house.send(ADT, authorization=f"Bearer {OPERATOR_KEY}")
    assert response.status_code == 403


async def test_a_paused_source_is_told_when_to_come_again(house: House) -> None:
    house.register.by_digest[sha256(KEY)] = principal(replace(SOURCE, paused=True))
    response = await house.send(ADT)
    assert (response.status_code, response.headers["retry-after"]) == (503, "60")


@pytest.mark.parametrize("content_type", ["", "image/png", "application/x-www-form-urlencoded", "hl7"])
async def test_a_content_type_nobody_reads_is_refused_and_the_readable_ones_named(
    house: House, content_type: str
) -> None:
    response = await house.send(ADT, content_type)
    assert response.status_code == 415
    assert "application/hl7-v2" in response.text
    assert (await house.send(ADT, content_encoding="gzip")).status_code == 415


class TestProcessMessage:
    async def post(self, house: House, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = b'{"resourceType":"Bundle"}'
        named.setdefault("Content-Type", "application/fhir+json")
        return await house.client.post("/fhir/$process-message", content=content, headers=named)

    async def test_the_request_id_names_the_message(self, house: House) -> None:
        response = await self.post(house, X_Request_ID="R1", X_Correlation_ID="C1")
        assert response.status_code == 202
        assert house.intake.taken[0].request_id == "R1"
        assert (response.headers["x-request-id"], response.headers["x-correlation-id"]) == ("R1", "C1")

    async def test_a_repeat_of_the_request_id_is_a_bars_conflict(self, house: House) -> None:
        house.intake.answer = Status.REPLAYED
        response = await self.post(house, X_Request_ID="R1")
        assert response.status_code == 409
        codings = outcome(response)["details"]["coding"]  # type: ignore[index]
        assert {"system": "https://fhir.nhs.uk/CodeSystem/http-error-codes", "code": "REC_CONFLICT"} in codings

    async def test_without_a_request_id_a_repeat_is_a_repeat(self, house: House) -> None:
        house.intake.answer = Status.REPLAYED
        assert (await self.post(house)).status_code == 200

    async def test_it_takes_fhir_only(self, house: House) -> None:
        assert (await self.post(house, Content_Type="text/csv")).status_code == 415


class TestBodies:
    async def test_a_body_that_declares_too_much_is_refused_unread(self, house: House) -> None:
        head = "POST /events HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 999999999"
        async with house.raw(head) as (reader, _):
            answer = await asyncio.wait_for(reader.read(), 5)
        assert answer.startswith(b"HTTP/1.1 413")
        assert b"too-large" in answer

    async def test_a_body_that_declares_nothing_is_refused_once_it_is_too_much(self, house: House) -> None:
        async def chunks():  # type: ignore[no-untyped-def]
            for _ in range(100):
                yield b"x" * 1000

        headers = {"Content-Type": "text/plain"}
        response = await house.client.post("/events", content=chunks(), headers=headers)
        assert response.status_code == 413
        assert house.front.in_flight.held == 0

    async def test_a_single_message_has_a_smaller_limit_than_a_file(self, house: House) -> None:
        assert (await house.send(ADT + b"x" * 15_000)).status_code == 413
        assert (await house.send(b"{" + b" " * 15_000 + b"}", "application/fhir+json")).status_code == 413

    async def test_a_slow_body_is_given_up(self, house: House) -> None:
        head = "POST /events HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 100"
        async with house.raw(head) as (reader, writer):
            writer.write(b"MSH|")
            answer = await asyncio.wait_for(reader.read(), 5)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"OperationOutcome" in answer
        assert house.front.in_flight.held == 0

    async def test_a_sender_that_leaves_in_the_middle_of_its_body_costs_nothing(self, house: House) -> None:
        head = "POST /events HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 100"
        async with house.raw(head) as (_, writer):
            writer.write(b"MSH|")
            await writer.drain()
        assert (await house.send(ADT)).status_code == 202
        assert len(house.intake.taken) == 1

    async def test_a_sender_that_leaves_before_its_receipt_loses_nothing(self, house: House) -> None:
        house.intake.gate = asyncio.Event()
        head = f"POST /events HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: {len(ADT)}"
        async with house.raw(head) as (_, writer):
            writer.write(ADT)
            await writer.drain()
            async with asyncio.timeout(5):
                while house.front.in_flight.held == 0:
                    await asyncio.sleep(0.005)
        house.intake.gate.set()
        async with asyncio.timeout(5):
            while not house.intake.taken:
                await asyncio.sleep(0.005)
        assert house.intake.bodies == [ADT]


class TestCrowds:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(message=10_000, file=10_000, in_flight=15_000, at_once=2)

    async def crowd(self, house: House, bodies: list[bytes]) -> list[int]:
        house.intake.gate = asyncio.Event()
        sending = [asyncio.create_task(house.send(body)) for body in bodies]
        async with asyncio.timeout(5):
            while not any(task.done() for task in sending):
                await asyncio.sleep(0.005)
        house.intake.gate.set()
        return sorted([(await task).status_code for task in sending])

    async def test_a_source_has_only_so_many_requests_open(self, house: House) -> None:
        assert await self.crowd(house, [ADT] * 3) == [202, 202, 429]

    async def test_large_bodies_together_are_bounded(self, house: House) -> None:
        assert await self.crowd(house, [ADT + b"x" * 9000] * 2) == [202, 429]
        assert house.front.in_flight.held == 0


async def test_a_scope_is_asked_for_not_a_kind(house: House) -> None:
    house.register.by_digest[sha256("odd")] = Principal("source", "odd", frozenset({SEND}), SOURCE)
    assert (await house.send(ADT, authorization="Bearer odd")).status_code == 202
