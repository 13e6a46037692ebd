"""Dead letters by HTTP: operators work them, viewers look, senders are told nothing here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import select

from contract.errors import Code, Issue, Unprocessable
from gateway.delivery import Delivery, Receipt
from gateway.door import VIEW
from gateway.limits import Limits
from gateway.source import Principal
from gateway.store.models import audit
from tests.gateway.fakes import KEY, OPERATOR_KEY, FakeRegister, principal, sha256
from tests.gateway.http.conftest import opened
from tests.gateway.http.test_events import outcome
from tests.gateway.store.making import PAS, published
from tests.gateway.stored import Stored, stored

OPERATOR = {"Authorization": f"Bearer {OPERATOR_KEY}"}
VIEWER = {"Authorization": "Bearer key-of-a-viewer"}
NO_LETTER = "01997b1e-0000-7000-8000-000000000000"
NO_GROUP = "0123456789abcdef"


@dataclass
class Desk:
    """A door whose intake refuses everything while its pack is broken."""

    house: Stored
    client: httpx.AsyncClient = field(default=None)  # type: ignore[assignment]
    broken: bool = True

    async def take(self, delivery: Delivery) -> Receipt:
        from gateway.intake import keeping, who_sent
        from gateway.store.keeping import Refused

        if not self.broken:
            return await self.house.take(delivery)
        refusal = Unprocessable(Issue(Code.INVALID_VALUE, "PID-8", "it is not one of the codes"))
        await self.house.hub.keeper.keep(keeping(delivery, who_sent(delivery), None, Refused(refusal.issues)))
        raise refusal

    async def send(self, number: int) -> None:
        body = orjson.dumps({"who": str(number), "what": "event"})
        answer = await self.client.post("/events", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (202, 422)

    async def get(self, path: str, headers: dict[str, str] = OPERATOR) -> Any:
        answer = await self.client.get(path, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, expected: int = 200, headers: dict[str, str] = OPERATOR, **body: Any) -> Any:
        answer = await self.client.post(path, json=body, headers=headers)
        assert answer.status_code == expected, answer.text
        return answer.json()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    register = FakeRegister.usual()
    register.by_digest[sha256(KEY)] = principal(PAS)
    register.by_digest[sha256("key-of-a-viewer")] = Principal("operator", "vera", frozenset({VIEW}))
    async with stored(tmp_path) as house:
        found = Desk(house)
        async with opened(house.hub, found.take, register, Limits()) as (_, _, client):
            found.client = client
            yield found


async def test_a_group_is_worked_page_by_page_in_the_order_received(desk: Desk) -> None:
    for number in range(5):
        await desk.send(number)
    [group] = (await desk.get("/deadletters"))["groups"]
    assert (group["source"], group["code"], group["path"], group["letters"]) == ("dch-pas", "invalid-value", "PID-8", 5)
    desk.broken = False
    chosen: dict[str, Any] = {"group": group["group"], "limit": 2}
    pages = []
    while not pages or chosen["after"]:
        pages.append(await desk.post("/deadletters/retry", **chosen))
        chosen["after"] = pages[-1]["next"]
    assert [(page["counts"], page["open"]) for page in pages] == [
        ({"accepted": 2}, 3),
        ({"accepted": 2}, 1),
        ({"accepted": 1}, 0),
    ]
    events = [each["events"][0] for page in pages for each in page["letters"]]
    assert events[0] == {"type": "patient-admitted-1", "topics": ["care.qvv.acute.v1"]}
    assert [row["who"] for row in desk.house.taken] == ["0", "1", "2", "3", "4"]
    again = await desk.post("/deadletters/retry", group=group["group"])
    assert (again["counts"], again["letters"], again["open"]) == ({}, [], 0)
    assert len(await desk.house.database.read(published)) == 5


async def test_a_letter_tells_what_was_done_with_it_and_by_whom(desk: Desk) -> None:
    await desk.send(1)
    [letter] = (await desk.get("/deadletters/letters"))["letters"]
    still = await desk.post("/deadletters/retry", letter=letter["id"])
    assert (still["counts"], still["letters"][0]["path"], still["next"]) == ({"refused": 1}, "PID-8", None)
    desk.broken = False
    worked = (await desk.post("/deadletters/retry", letter=letter["id"]))["letters"][0]
    told = await desk.get(f"/deadletters/{letter['id']}", VIEWER)
    assert (told["status"], told["message"]) == ("closed", worked["message"])
    assert [(each["actor"], each["outcome"]) for each in told["history"]] == [("ops", "refused"), ("ops", "accepted")]
    assert (await desk.get(f"/messages/{worked['message']}"))["status"] == "accepted"


async def test_letters_are_listed_in_pages(desk: Desk) -> None:
    for number in range(3):
        await desk.send(number)
    group = (await desk.get("/deadletters?source=dch-pas&status=open&limit=5"))["groups"][0]["group"]
    first = await desk.get(f"/deadletters/letters?group={group}&limit=2")
    rest = await desk.get(f"/deadletters/letters?group={group}&limit=2&after={first['next']}")
    assert [len(page["letters"]) for page in (first, rest)] == [2, 1]
    assert rest["next"] is None
    assert (await desk.get("/deadletters?status=closed"))["groups"] == []


async def test_discarding_needs_a_reason_and_stays_on_record(desk: Desk) -> None:
    for number in range(3):
        await desk.send(number)
    group = (await desk.get("/deadletters"))["groups"][0]["group"]
    for body in ({}, {"reason": ""}, {"reason": "   "}, {"reason": "a\x00b"}):
        assert "reason" in str(await desk.post("/deadletters/discard", 400, group=group, **body))
    told = str(await desk.post("/deadletters/discard", 400, group=group, reason="a test", Smith=1))
    assert "body: " in told
    assert "Smith" not in told, "a name that is none of a member's could be a person's"
    first = await desk.post("/deadletters/discard", group=group, reason="a test of the supplier", limit=2)
    assert (first["discarded"], first["open"]) == (2, 1)
    rest = await desk.post("/deadletters/discard", group=group, reason="a test of the supplier", after=first["next"])
    assert (rest["discarded"], rest["open"], rest["next"]) == (1, 0, None)
    records = await desk.house.database.read(lambda c: c.execute(select(audit)).fetchall())
    assert [(row.actor, row.action, row.detail) for row in records] == [
        ("ops", "dead-letter-discarded", {"reason": "a test of the supplier"})
    ] * 3
    desk.broken = False
    assert (await desk.post("/deadletters/retry", letter=records[0].subject))["counts"] == {"closed": 1}


async def test_who_only_looks_changes_nothing_and_a_sender_does_not_even_look(desk: Desk) -> None:
    await desk.send(1)
    [letter] = (await desk.get("/deadletters/letters", VIEWER))["letters"]
    for path in ("/deadletters/retry", "/deadletters/discard"):
        for key in (VIEWER, None):
            answer = await desk.client.post(path, json={"letter": letter["id"], "reason": "none"}, headers=key)
            assert answer.status_code == 403
    for path in ("/deadletters", "/deadletters/letters", f"/deadletters/{letter['id']}"):
        assert (await desk.client.get(path)).status_code == 403
    assert (await desk.client.post("/deadletters/preview", json={"letter": letter["id"]})).status_code == 403
    assert (await desk.get(f"/deadletters/{letter['id']}"))["status"] == "open"


async def test_a_sender_is_told_of_its_own_letter_where_it_asks_after_messages(desk: Desk) -> None:
    await desk.send(1)
    [letter] = (await desk.get("/deadletters/letters"))["letters"]
    told = (await desk.client.get(f"/messages/{letter['id']}")).json()
    assert (told["status"], told["deadLetter"], told["code"]) == ("refused", "open", "invalid-value")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"letter": 1}',
        b"{}",
        b'{"letter": "%s", "group": "%s"}' % (NO_LETTER.encode(), NO_GROUP.encode()),
        b'{"group": "%s", "limit": 0}' % NO_GROUP.encode(),
        b'{"group": "%s", "limit": "5"}' % NO_GROUP.encode(),
        b'{"group": "%s", "more": 1}' % NO_GROUP.encode(),
        b'{"group": "\\u0000123456789abcdef"}',
        b'{"letter": "\\ud800"}',
        b"\xff",
    ],
)
async def test_a_body_that_cannot_be_read_is_answered_400(desk: Desk, body: bytes) -> None:
    for path in ("/deadletters/retry", "/deadletters/preview"):
        answer = await desk.client.post(path, content=body, headers={**OPERATOR, "Content-Type": "application/json"})
        assert answer.status_code == 400, answer.text
        assert outcome(answer)["details"]["text"]
    assert (await desk.client.post("/deadletters/retry", content=body, headers=OPERATOR)).status_code == 415


@pytest.mark.parametrize(
    "path",
    [
        "/deadletters?status=all",
        "/deadletters?limit=0",
        "/deadletters?source=%00",
        "/deadletters/letters?group=x",
        "/deadletters/letters?after=x",
    ],
)
async def test_a_query_that_cannot_be_read_is_answered_400(desk: Desk, path: str) -> None:
    assert (await desk.client.get(path, headers=OPERATOR)).status_code == 400


async def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    for id_ in (NO_LETTER, "none", "%00"):
        assert (await desk.client.get(f"/deadletters/{id_}", headers=OPERATOR)).status_code == 404
    for path in ("/deadletters/preview", "/deadletters/retry", "/deadletters/discard"):
        reason = {"reason": "none"} if path.endswith("discard") else {}
        await desk.post(path, 404, letter=NO_LETTER, **reason)
        await desk.post(path, 404, group=NO_GROUP, **reason)
