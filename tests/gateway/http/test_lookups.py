"""What senders and operators ask afterwards, on a real store."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from gateway.batch_work import BatchWork
from gateway.consumption import NO_KAFKA
from gateway.limits import Limits
from gateway.retention import sweep
from gateway.store.models import outbox
from gateway.store.retention import Lifetimes
from tests.gateway.fakes import KEY, OPERATOR_KEY, OTHER_KEY, FakeRegister, principal, sha256
from tests.gateway.http.conftest import opened
from tests.gateway.http.test_events import outcome
from tests.gateway.store.making import NOON, PAS
from tests.gateway.stored import Stored, stored

CSV = b"who,what\n1,event\n2,bad\n3,event\n"
OTHER = {"Authorization": f"Bearer {OTHER_KEY}"}
OPERATOR = {"Authorization": f"Bearer {OPERATOR_KEY}"}


@dataclass
class Place:
    house: Stored
    client: httpx.AsyncClient

    async def get(self, path: str, headers: dict[str, str] | None = None) -> Any:
        response = await self.client.get(path, headers=headers)
        assert response.status_code == 200, response.text
        return response.json()

    async def send(self, body: bytes, content_type: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post("/events", content=body, headers={"Content-Type": content_type, **named})

    async def work(self) -> None:
        await BatchWork(self.house.hub, self.house.reception, self.house.metrics, "gateway").work_on_one("gateway/0")


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    register = FakeRegister.usual()
    register.by_digest[sha256(KEY)] = principal(PAS)
    async with stored(tmp_path) as house, opened(house.hub, house.take, register, Limits()) as (_, _, client):
        yield Place(house, client)


async def test_a_sender_sees_its_message_and_its_events_and_nobody_elses(place: Place) -> None:
    receipt = (await place.send(b'{"who":"1","what":"event"}', "application/json")).json()
    found = await place.get(f"/messages/{receipt['id']}")
    assert (found["status"], found["source"]) == ("accepted", "dch-pas")
    event = await place.get(f"/events/{receipt['events'][0]['id']}")
    assert event["type"] == "patient-admitted-1"
    assert event["topics"][0]["topic"] == "care.qvv.acute.v1"
    for path in (f"/messages/{receipt['id']}", f"/events/{event['id']}"):
        assert (await place.client.get(path, headers=OTHER)).status_code == 404
        assert await place.get(path, OPERATOR)


async def test_what_is_not_there_is_not_found(place: Place) -> None:
    for path in ("/messages/none", "/events/none", "/batches/none"):
        response = await place.client.get(path)
        assert response.status_code == 404
        assert outcome(response)["code"] == "not-found"
        assert (await place.client.get(path, headers={"Authorization": "Bearer wrong"})).status_code == 401


async def test_messages_since_a_moment_are_listed_in_pages(place: Place) -> None:
    ids = [(await place.send(b'{"who":"%d","what":"event"}' % n, "application/json")).json()["id"] for n in range(3)]
    first = (await place.get("/messages?limit=2"))["messages"]
    rest = (await place.get(f"/messages?limit=2&after={first[-1]['id']}"))["messages"]
    assert [life["id"] for life in first + rest] == ids
    assert (await place.get("/messages?since=2126-01-01T00:00:00Z"))["messages"] == []
    assert (await place.get("/messages", OTHER))["messages"] == []
    assert len((await place.get("/messages?source=dch-pas&since=2020-01-01T00:00:00+00:00", OPERATOR))["messages"]) == 3


@pytest.mark.parametrize(
    "query", ["since=yesterday", "since=2026-01-01T00:00:00", "limit=0", "limit=many", "limit=99999999999999999999"]
)
async def test_a_query_that_cannot_be_read_says_what_to_write(place: Place, query: str) -> None:
    response = await place.client.get(f"/messages?{query}")
    assert response.status_code == 400
    assert query.partition("=")[0] in response.text


class TestFiles:
    async def test_a_file_is_answered_at_once_and_reports_row_by_row(self, place: Place) -> None:
        answer = await place.send(CSV, "text/csv")
        assert answer.status_code == 202
        where = answer.headers["location"]
        assert where == f"/batches/{answer.json()['id']}"
        told = {"id", "status", "source", "received", "rows", "accepted", "waiting", "refused", "stopped"}
        assert set(answer.json()) == told
        assert answer.json()["stopped"] is None
        await place.work()
        found = await place.get(where)
        assert (found["status"], found["rows"], found["accepted"], found["refused"]) == ("done", 3, 2, 1)
        assert [row["status"] for row in found["report"]] == ["accepted", "refused", "accepted"]
        assert found["report"][1]["issues"][0]["path"] == "row 2, when"

    async def test_the_report_comes_in_pages(self, place: Place) -> None:
        where = (await place.send(CSV, "text/csv")).headers["location"]
        await place.work()
        page = await place.get(f"{where}?limit=2")
        assert [row["number"] for row in page["report"]] == [1, 2]
        assert [row["number"] for row in (await place.get(page["next"]))["report"]] == [3]

    async def test_the_same_file_again_is_the_same_batch(self, place: Place) -> None:
        first = await place.send(CSV, "text/csv")
        again = await place.send(CSV, "text/csv")
        assert again.status_code == 200
        assert again.json()["id"] == first.json()["id"]

    async def test_another_file_under_the_same_key_is_a_conflict(self, place: Place) -> None:
        await place.send(CSV, "text/csv", Idempotency_Key="monday")
        assert (await place.send(CSV + b"4,event\n", "text/csv", Idempotency_Key="monday")).status_code == 409

    async def test_a_file_is_its_senders_own(self, place: Place) -> None:
        where = (await place.send(CSV, "text/csv")).headers["location"]
        assert (await place.client.get(where, headers=OTHER)).status_code == 404
        assert await place.get(where, OPERATOR)

    async def test_a_refused_row_can_be_asked_after(self, place: Place) -> None:
        where = (await place.send(CSV, "text/csv")).headers["location"]
        await place.work()
        refused = (await place.get(where))["report"][1]
        letter = await place.get(f"/messages/{refused['message']}")
        assert (letter["status"], letter["code"]) == ("refused", "invalid-date")
        assert (await place.client.get(f"/messages/{refused['message']}", headers=OTHER)).status_code == 404


async def test_topics_are_those_of_the_senders_place(place: Place) -> None:
    found = (await place.get("/topics"))["topics"]
    assert [topic["topic"] for topic in found] == ["care.qvv.acute.v1", "care.qvv.acute.restricted.v1"]
    assert (await place.get("/topics", OTHER))["topics"] == []
    assert len((await place.get("/topics", OPERATOR))["topics"]) == 2


@pytest.mark.parametrize("who", [None, OPERATOR], ids=["sender", "operator"])
@pytest.mark.parametrize("address", ["/messages", "/events", "/batches"])
@pytest.mark.parametrize("id_", ["%00", "%ff", "a%20b", "x" * 300, "%F0%9F%8F%A5"])
async def test_what_is_no_id_is_not_found(place: Place, who: dict[str, str] | None, address: str, id_: str) -> None:
    response = await place.client.get(f"{address}/{id_}", headers=who)
    assert response.status_code == 404, response.text


@pytest.mark.parametrize(
    "query",
    [
        "after=%00",
        "source=%00",
        "source=a+b",
        "since=0001-01-01T00:00:00%2B14:00",
        "since=9999-12-31T23:59:59-14:00",
        "since=2026-01-01",
        "&".join(f"p{n}=1" for n in range(30)),
    ],
)
async def test_a_query_that_cannot_be_read_is_refused_with_what_to_write(place: Place, query: str) -> None:
    response = await place.client.get(f"/messages?{query}", headers=OPERATOR)
    assert response.status_code == 400, response.text
    assert response.json()["issue"][0]["details"]["text"]


@pytest.mark.parametrize(
    ("address", "methods"),
    [("/deadletters/retry", {"POST"}), ("/events/preview", {"POST"}), ("/messages/1", {"GET", "HEAD"})],
)
async def test_a_wrong_method_is_told_the_methods_of_that_very_address(
    place: Place, address: str, methods: set[str]
) -> None:
    response = await place.client.options(address)
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == methods


class TestByTheSendersOwnMessageId:
    async def test_a_message_is_found_by_its_idempotency_key_or_the_hash_of_its_bytes(self, place: Place) -> None:
        keyed = (await place.send(b'{"who":"1","what":"event"}', "application/json", Idempotency_Key="monday-1")).json()
        body = b'{"who":"2","what":"event"}'
        bare = (await place.send(body, "application/json")).json()
        [found] = (await place.get("/messages?message-id=monday-1"))["messages"]
        assert (found["id"], found["events"][0]["id"]) == (keyed["id"], keyed["events"][0]["id"])
        for digest in (sha256(body).hex(), sha256(body).hex().upper()):
            assert [each["id"] for each in (await place.get(f"/messages?message-id={digest}"))["messages"]] == [
                bare["id"]
            ]

    async def test_dead_letters_of_the_id_are_found_too(self, place: Place) -> None:
        first = (await place.send(b'{"who":"1","what":"event"}', "application/json", Idempotency_Key="b")).json()
        again = await place.send(b'{"who":"2","what":"event"}', "application/json", Idempotency_Key="b")
        assert again.status_code == 409
        taken, conflict = (await place.get("/messages?message-id=b"))["messages"]
        assert (taken["id"], taken["status"]) == (first["id"], "accepted")
        assert (conflict["status"], conflict["deadLetter"], conflict["code"]) == (
            "refused",
            "open",
            "message-id-conflict",
        )
        assert (await place.get(f"/messages/{conflict['id']}")) == {**conflict, "consumersUnknown": None}

    async def test_it_is_its_senders_own(self, place: Place) -> None:
        await place.send(b'{"who":"1","what":"event"}', "application/json", Idempotency_Key="mine")
        for query in ("message-id=mine", "message-id=mine&source=dch-pas"):
            assert (await place.get(f"/messages?{query}", OTHER))["messages"] == []
        assert (await place.client.get("/messages?message-id=mine", headers=OPERATOR)).status_code == 400
        assert len((await place.get("/messages?message-id=mine&source=dch-pas", OPERATOR))["messages"]) == 1
        assert (await place.get("/messages?message-id=mine&source=other", OPERATOR))["messages"] == []

    @pytest.mark.parametrize("written", ["%00", "x" * 1001, "a%0Ab"])
    async def test_what_is_no_message_id_is_refused(self, place: Place, written: str) -> None:
        response = await place.client.get(f"/messages?message-id={written}")
        assert response.status_code == 400
        assert "message-id" in response.text


async def test_a_look_up_without_kafka_says_that_consumers_are_not_known(place: Place) -> None:
    receipt = (await place.send(b'{"who":"1","what":"event"}', "application/json")).json()
    event = f"/events/{receipt['events'][0]['id']}"
    waits = await place.get(event)
    assert (waits["topics"][0]["consumedBy"], waits["consumersUnknown"]) == ([], None)
    published = update(outbox).values(published=NOON, partition=3, offset=7)
    await place.house.database.run(lambda connection: connection.execute(published))
    for path in (event, f"/messages/{receipt['id']}", "/messages"):
        found = await place.get(path)
        assert found["consumersUnknown"] == NO_KAFKA
        assert '"consumedBy": null' in json.dumps(found)


async def test_what_is_no_longer_kept_is_not_found_and_the_list_goes_on(place: Place) -> None:
    receipt = (await place.send(b'{"who":"1","what":"event"}', "application/json")).json()
    await place.house.database.run(lambda c: c.execute(outbox.update().values(published=datetime.now(UTC))))
    later = datetime.now(UTC) + timedelta(days=91)
    await sweep(place.house.database, Lifetimes(*[timedelta(days=90)] * 5), "tester", later)
    for path in (f"/messages/{receipt['id']}", f"/events/{receipt['events'][0]['id']}"):
        for headers in (None, OPERATOR):
            assert (await place.client.get(path, headers=headers)).status_code == 404
    assert (await place.get("/messages?since=2026-01-01T00:00:00Z"))["messages"] == []
    again = await place.send(b'{"who":"1","what":"event"}', "application/json")
    assert again.status_code == 202
