"""Dead letters worked through the real intake, with real packs and a real store."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from contract.errors import Code, Refusal, Unavailable, refuse
from gateway.ageing import Ageing
from gateway.delivery import Status
from gateway.hub import Hub
from gateway.intake import intake
from gateway.letters import Became, Worked, preview_letter, retry_letter
from gateway.ops.metrics import Metrics
from gateway.reception import Reception
from gateway.store.deadletters import list_dead_letters, told_letter
from gateway.store.health import measure_waiting
from gateway.store.messages import message_by_id
from gateway.store.models import dead_letter, message, outbox
from gateway.waiting_room import WaitingRoom
from mappings.stages import Mapped
from tests.gateway.fakes import shelf_of
from tests.gateway.store.making import NOON, at, published
from tests.gateway.test_intake import ACUTE, admission, count, delivery, hub, row, shelf

__all__ = ["hub", "shelf"]

WEEK = timedelta(days=7)
PATIENT = {"LocalPatientId": "L1", "NHSNumber": "9000000009", "NHSNumberStatus": "01"}
REFERRAL = {
    "ServiceRequestId": "R1",
    "LocalPatientId": "L1",
    "OrgIDComm": "QVV",
    "ReferralRequestReceivedDate": "2026-06-01",
}


def reception(hub: Hub) -> Reception:
    return Reception(partial(intake, hub=hub), Metrics())


async def refused(hub: Hub, monkeypatch: pytest.MonkeyPatch, body: bytes, **more: Any) -> str:
    """The id of the letter that a message becomes while its pack has a mistake."""
    with monkeypatch.context() as broken:
        broken.setattr("gateway.intake.mapped", _mistaken)
        with pytest.raises(Refusal):
            await intake(delivery(body, **more), hub)
    return (await hub.database.read(list_dead_letters, limit=1))[0].id


def _mistaken(*_: object) -> Mapped:
    from contract.errors import Unprocessable

    raise refuse(Unprocessable, Code.INVALID_FHIR, "it is no valid FHIR", "Patient.gender")


async def retry(hub: Hub, letter: str) -> Worked:
    worked = await retry_letter(letter, "ann", hub, reception(hub))
    assert worked is not None
    return worked


async def previewed(hub: Hub, letter: str) -> Worked:
    worked = await preview_letter(letter, hub)
    assert worked is not None
    return worked


async def test_a_preview_shows_what_a_retry_then_brings_and_keeps_nothing(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = await refused(hub, monkeypatch, admission())
    foreseen = await previewed(hub, letter)
    assert (foreseen.outcome, foreseen.events) == (
        Became.ACCEPTED,
        (("patient-admitted-1", ("care.qvv.acute.v1",)),),
    )
    assert [await count(hub, table) for table in (message, outbox)] == [0, 0]
    worked = await retry(hub, letter)
    assert (worked.outcome, worked.events) == (foreseen.outcome, foreseen.events)
    life = await hub.database.read(message_by_id, worked.message or "")
    assert life is not None
    assert (life.received, life.status) == (NOON, "accepted")
    assert (await intake(delivery(admission()), hub)).id == worked.message, "its sender's resend is a repeat"
    assert (await retry(hub, letter)).outcome is Became.CLOSED


async def test_a_preview_of_what_is_still_refused_says_where(hub: Hub) -> None:
    with pytest.raises(Refusal):
        await intake(delivery(admission(born="19651313")), hub)
    [letter] = await hub.database.read(list_dead_letters)
    foreseen = await previewed(hub, letter.id)
    assert (foreseen.outcome, foreseen.code, foreseen.path) == (Became.REFUSED, "invalid-date", "PID-7")
    worked = await retry(hub, letter.id)
    assert (worked.outcome, worked.path) == (Became.REFUSED, "PID-7")
    assert (await hub.database.read(list_dead_letters))[0].count == 1


async def test_a_request_id_that_is_not_kept_still_names_the_message(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    letter = await refused(hub, monkeypatch, admission(), request_id="r-1")
    worked = await retry(hub, letter)
    again = await intake(delivery(admission("other"), request_id="r-1"), hub)
    assert (again.status, again.id) == (Status.REPLAYED, worked.message)


async def test_a_conflict_is_closed_by_hand(hub: Hub) -> None:
    await intake(delivery(admission()), hub)
    with pytest.raises(Refusal):
        await intake(delivery(admission(name="JONES")), hub)
    [letter] = await hub.database.read(list_dead_letters)
    for worked in (await previewed(hub, letter.id), await retry(hub, letter.id)):
        assert worked.outcome is Became.CONFLICT
        assert "closed by hand" in worked.text
    assert await count(hub, outbox) == 1


async def test_the_later_of_two_letters_with_one_id_is_taken_and_closes_the_other(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await refused(hub, monkeypatch, admission(name="SMITH"))
    new = await refused(hub, monkeypatch, admission(name="JONES"), received=NOON + timedelta(hours=1))
    assert [(await previewed(hub, id_)).outcome for id_ in (old, new)] == [Became.SUPERSEDED, Became.ACCEPTED]
    assert [(await retry(hub, id_)).outcome for id_ in (old, new)] == [Became.SUPERSEDED, Became.ACCEPTED]
    assert await hub.database.read(list_dead_letters) == []
    assert b"JONES" in str(await hub.database.read(published)).encode()
    assert await count(hub, outbox) == 1


async def test_a_letter_whose_source_lost_its_pack_stays_as_it_is(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    letter = await refused(hub, monkeypatch, admission())
    other = shelf_of(replace(ACUTE, packs=("mhsds",)))
    worked = await retry(replace(hub, shelf=other), letter)
    assert (worked.outcome, worked.code) == (Became.REFUSED, "forbidden")
    assert (await hub.database.read(list_dead_letters))[0].code == "invalid-fhir"


async def test_while_nothing_can_be_kept_a_letter_is_as_it_was(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    letter = await refused(hub, monkeypatch, admission())
    full = Reception(partial(intake, hub=hub), Metrics(), admit=_full)
    with pytest.raises(Unavailable):
        await retry_letter(letter, "ann", hub, full)
    told = await hub.database.read(told_letter, letter)
    assert told is not None
    assert (told["status"], told["history"]) == ("open", [])


def _full() -> None:
    raise refuse(Unavailable, Code.UNAVAILABLE, "the backlog is full")


async def test_a_fault_of_our_own_leaves_the_letter_and_says_no_value(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = await refused(hub, monkeypatch, admission())

    async def broken(*_: object) -> None:
        raise RuntimeError("SMITH^ANN")

    worked = await retry_letter(letter, "ann", hub, Reception(broken, Metrics()))  # type: ignore[arg-type]
    assert worked is not None
    assert (worked.outcome, worked.code) == (Became.REFUSED, "internal-error")
    assert "SMITH" not in worked.text
    assert (await hub.database.read(list_dead_letters))[0].status == "open"


async def test_a_retry_is_no_sign_of_life_of_its_source(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    letter = await refused(hub, monkeypatch, admission())
    heard: list[str] = []
    await retry_letter(letter, "ann", hub, Reception(partial(intake, hub=hub), Metrics(), seen=heard.append))
    assert heard == []


async def test_what_is_not_there_is_none(hub: Hub) -> None:
    assert await preview_letter("none", hub) is None
    assert await retry_letter("none", "ann", hub, reception(hub)) is None


class TestWaits:
    def ageing(self, hub: Hub, now: datetime) -> Ageing:
        return Ageing(hub, reception(hub), WEEK.total_seconds(), clock=at(now))

    async def now(self, hub: Hub) -> datetime:
        """Some seconds after the messages began to wait."""
        _, seconds = await hub.database.read(measure_waiting, NOON + timedelta(days=10_000))
        return NOON + timedelta(days=10_000) - timedelta(seconds=seconds) + timedelta(seconds=5)

    async def test_a_parent_that_never_comes_makes_a_dead_letter_that_says_which_and_what_to_do(self, hub: Hub) -> None:
        await intake(row("MHS101", **REFERRAL), hub)
        now = await self.now(hub)
        assert await self.ageing(hub, now + timedelta(days=6)).end_waits() == 0
        assert await self.ageing(hub, now + WEEK).end_waits() == 1
        [letter] = await hub.database.read(list_dead_letters)
        assert (letter.code, letter.issues[0]["path"], letter.pack) == ("parent-never-came", "LocalPatientId", "mhsds")
        assert letter.issues[0]["text"].startswith("the Patient that this hangs on has not come")
        assert "retried" in letter.issues[0]["text"]
        assert await hub.database.read(measure_waiting, now) == (0, 0.0)
        assert await count(hub, message) == 0
        assert (await intake(row("MHS101", **REFERRAL), hub)).status is Status.WAITING, "its id is free again"

    async def test_when_the_parent_comes_later_a_retry_works(self, hub: Hub) -> None:
        await intake(row("MHS101", **REFERRAL), hub)
        await self.ageing(hub, await self.now(hub) + WEEK).end_waits()
        [letter] = await hub.database.read(list_dead_letters)
        assert (await previewed(hub, letter.id)).outcome is Became.WAITING
        await intake(row("MHS001", **PATIENT), hub)
        worked = await retry(hub, letter.id)
        assert (worked.outcome, [type_ for type_, _ in worked.events]) == (Became.ACCEPTED, ["referral-received-1"])
        assert [out.late for out in await hub.database.read(published) if out.type == "referral-received-1"] == [True]

    async def test_one_that_is_retried_too_early_waits_its_whole_time_again(self, hub: Hub) -> None:
        await intake(row("MHS101", **REFERRAL), hub)
        now = await self.now(hub)
        await self.ageing(hub, now + WEEK).end_waits()
        [letter] = await hub.database.read(list_dead_letters)
        assert (await retry(hub, letter.id)).outcome is Became.WAITING
        assert await self.ageing(hub, now + timedelta(days=6)).end_waits() == 0
        await intake(row("MHS001", **PATIENT), hub)
        assert await WaitingRoom(hub, reception(hub)).release() == 1
        assert await count(hub, outbox) == 2

    async def test_a_parent_that_comes_at_the_last_moment_still_counts(self, hub: Hub) -> None:
        await intake(row("MHS101", **REFERRAL), hub)
        await intake(row("MHS001", **PATIENT), hub)
        assert await self.ageing(hub, await self.now(hub) + WEEK).end_waits() == 1
        assert await hub.database.read(list_dead_letters) == []
        assert await count(hub, outbox) == 2

    async def test_of_two_gateways_one_ends_a_wait(self, hub: Hub) -> None:
        await intake(row("MHS101", **REFERRAL), hub)
        due = await self.now(hub) + WEEK
        turns = await asyncio.gather(*(self.ageing(hub, due).end_waits() for _ in range(3)))
        assert sorted(turns) == [0, 0, 1]

    async def test_what_a_gateway_died_over_is_taken_up_by_another_after_some_minutes(self, hub: Hub) -> None:
        await intake(row("MHS101", **REFERRAL), hub)
        due = await self.now(hub) + WEEK
        dying = Ageing(hub, Reception(_never, Metrics()), WEEK.total_seconds(), clock=at(due))
        assert await dying.end_waits() == 1
        assert await self.ageing(hub, due + timedelta(minutes=1)).end_waits() == 0
        assert await self.ageing(hub, due + timedelta(minutes=6)).end_waits() == 1
        assert await count(hub, dead_letter) == 1

    async def test_a_broken_source_does_not_keep_others_waiting(self, hub: Hub) -> None:
        await intake(row("MHS101", **REFERRAL), hub)
        await intake(row("MHS101", **REFERRAL | {"ServiceRequestId": "R2", "LocalPatientId": "L2"}), hub)
        due = await self.now(hub) + WEEK
        first = iter([True])

        async def once_broken(delivery: Any) -> Any:
            if next(first, False):
                raise refuse(Unavailable, Code.UNAVAILABLE, "its pack is broken")
            return await intake(delivery, hub)

        assert await Ageing(hub, Reception(once_broken, Metrics()), 1, clock=at(due)).end_waits() == 2
        assert await count(hub, dead_letter) == 1


async def _never(_: object) -> Any:
    raise refuse(Unavailable, Code.UNAVAILABLE, "away")
