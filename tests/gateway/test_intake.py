"""The straight line with real packs and a real store: what each kind of message becomes, what its sender is told."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from contract.errors import Code, Conflict, Forbidden, Undecodable, Unprocessable
from contract.identifiers import ResourceIds
from contract.topics import Sector
from gateway import intake as module
from gateway.chain import Chain, Link
from gateway.delivery import Delivery, Receipt, Row, Status
from gateway.hub import Hub
from gateway.intake import intake
from gateway.shelf import Shelf
from gateway.source import Principal, Source
from gateway.store.batches import create_batch
from gateway.store.bodies import pack_body
from gateway.store.database import Database
from gateway.store.group import Keeper
from gateway.store.models import dead_letter, event, message, outbox
from migrations.run import upgrade
from tests.corpus import CORPUS
from tests.gateway.fakes import shelf_of
from tests.gateway.store.making import KEYS, NOON, register

ADMISSION = (
    "MSH|^~\\&|PAS|RBD|ROUTE|ROUTE|{sent}||ADT^A01^ADT_A01|{control}|P|2.4|||||GBR||EN||iTKv1.0\r"
    "EVN||202607011400||||202607011400\r"
    "PID|1||{person}^^^LOCALID||{name}^ANN||{born}|2\r"
    "PV1|1|I|RCB^W1^B2^RCB55|||||||||||||||||{person}V^^^VISITID|||||||||||||||||||||||||202607011400\r"
)
ACUTE = Source("dch-pas", "RBD", Sector.ACUTE, "qvv", ("hl7v2-itk",), "dch-pas")
MENTAL = Source("dhc-mh", "RDY", Sector.MENTAL_HEALTH, "qvv", ("mhsds",), "dhc-mh")


@pytest.fixture(scope="module")
def shelf() -> Shelf:
    return shelf_of(ACUTE, MENTAL)


@pytest.fixture
async def hub(tmp_path: Path, shelf: Shelf) -> AsyncIterator[Hub]:
    url = f"sqlite:///{tmp_path / 'hub.db'}"
    await upgrade(url, "hub")
    database = Database(url)
    await database.open()
    await database.run(register, ACUTE, MENTAL)
    keeper = Keeper(database, KEYS)
    await keeper.start()
    yield Hub(database, keeper, shelf, ResourceIds(b"k" * 32))
    await keeper.close()
    await database.close()


def admission(
    control: str = "1", *, person: str = "P1", name: str = "SMITH", born: str = "19651213", sent: str = "202607011418"
) -> bytes:
    return ADMISSION.format(control=control, person=person, name=name, born=born, sent=sent).encode()


def delivery(body: bytes, source: Source = ACUTE, content_type: str = "application/hl7-v2", **more: object) -> Delivery:
    principal = Principal("source", source.id, frozenset({"send"}), source)
    return replace(Delivery(principal, body, content_type, NOON), **more)  # type: ignore[arg-type]


def row(table: str, **columns: object) -> Delivery:
    body = json.dumps({"table": table, **columns}).encode()
    return delivery(body, MENTAL, "application/json")


async def count(hub: Hub, table: object) -> int:
    def counted(connection: Connection) -> int:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]

    return await hub.database.read(counted)


async def bundle_of(hub: Hub, receipt: Receipt) -> dict[str, object]:
    from gateway.store.bodies import bytes_of

    def load(connection: Connection) -> bytes:
        return bytes_of(connection.execute(select(event).where(event.c.id == receipt.events[0].id)).one())

    found: dict[str, object] = json.loads(await hub.database.read(load))
    return found


def test_the_line_reads_as_the_story_it_is() -> None:
    lines = inspect.getsource(intake).splitlines()
    assert len(lines) <= 40
    story = ["who_sent(", "decode(", "context_of(", "mapped(", "validated(", "restricted(", "keep(", "receipt("]
    body = "".join(lines)
    innermost_first = {"mapped(": "validated(", "validated(": "restricted("}
    assert all(stage in body for stage in story)
    assert all(body.index(outer) < body.index(inner) for inner, outer in innermost_first.items())
    straight = ["who_sent(", "decode(", "context_of(", "restricted(", "keeper.keep(", "return receipt("]
    assert [body.index(stage) for stage in straight] == sorted(body.index(stage) for stage in straight)


async def test_an_admission_is_accepted_with_its_event_and_topic(hub: Hub) -> None:
    receipt = await intake(delivery(admission()), hub)
    assert receipt.status is Status.ACCEPTED
    assert [(e.type, e.topics) for e in receipt.events] == [("patient-admitted-1", ("care.qvv.acute.v1",))]
    bundle = await bundle_of(hub, receipt)
    assert bundle["type"] == "message"


async def test_a_code_without_a_translation_is_kept_and_its_list_named(hub: Hub) -> None:
    body = admission().replace(b"|2\r", b"|2||||||||Q^Quaint\r")
    receipt = await intake(delivery(body), hub)
    assert receipt.unmapped == ("marital-status",)
    assert "Quaint" in json.dumps(await bundle_of(hub, receipt))
    assert "unmapped" not in receipt.as_dict()


async def test_the_same_message_again_gets_the_original_receipt(hub: Hub) -> None:
    first = await intake(delivery(admission()), hub)
    again = await intake(delivery(admission(sent="202607020900")), hub)
    assert again == replace(first, status=Status.REPLAYED), "MSH-7 may be stamped anew on a resend"
    assert await count(hub, event) == 1


async def test_the_same_id_with_other_content_is_a_conflict_and_kept(hub: Hub) -> None:
    await intake(delivery(admission()), hub)
    with pytest.raises(Conflict) as refused:
        await intake(delivery(admission(name="JONES")), hub)
    assert refused.value.code is Code.MESSAGE_ID_CONFLICT
    assert await count(hub, dead_letter) == 1
    assert await count(hub, event) == 1


async def test_one_control_id_on_two_message_types_is_two_messages(hub: Hub) -> None:
    await intake(delivery(admission("7")), hub)
    other = admission("7").replace(b"ADT^A01^ADT_A01", b"ADT^A02^ADT_A02")
    receipt = await intake(delivery(other), hub)
    assert receipt.events[0].type == "patient-transferred-1"


async def test_what_is_no_hl7_is_refused_and_kept(hub: Hub) -> None:
    with pytest.raises(Undecodable) as refused:
        await intake(delivery(b"PID|1||P1"), hub)
    assert refused.value.issues[0].path == "MSH"
    assert await count(hub, dead_letter) == 1
    assert await count(hub, message) == 0


async def test_an_impossible_birth_date_is_refused_by_its_field_without_its_value(hub: Hub) -> None:
    with pytest.raises(Unprocessable) as refused:
        await intake(delivery(admission(born="19651313")), hub)
    issue = refused.value.issues[0]
    assert (issue.code, issue.path) == (Code.INVALID_DATE, "PID-7")
    assert "19651313" not in str(refused.value)


async def test_a_corrected_message_may_use_the_id_of_a_refused_one(hub: Hub) -> None:
    with pytest.raises(Unprocessable):
        await intake(delivery(admission(born="19651313")), hub)
    assert (await intake(delivery(admission()), hub)).status is Status.ACCEPTED

    def status(connection: Connection) -> str:
        return str(connection.execute(select(dead_letter.c.status)).scalar_one())

    assert await hub.database.read(status) == "closed"


async def test_a_kind_of_message_that_no_pack_knows_is_refused_by_code(hub: Hub) -> None:
    with pytest.raises(Unprocessable) as refused:
        await intake(delivery(admission().replace(b"ADT^A01^ADT_A01", b"QRY^A19^QRY_A19")), hub)
    assert refused.value.code is Code.UNSUPPORTED_MESSAGE


async def test_a_source_may_send_only_what_it_is_registered_for(hub: Hub) -> None:
    with pytest.raises(Forbidden, match="hl7v2-itk"):
        await intake(delivery(b'{"table":"MHS001","LocalPatientId":"1"}', ACUTE, "application/json"), hub)
    assert await count(hub, dead_letter) == 0


async def test_a_request_id_names_the_message_whatever_it_holds(hub: Hub) -> None:
    await intake(delivery(admission("1"), request_id="r-1"), hub)
    again = await intake(delivery(admission("2", name="OTHER"), request_id="r-1"), hub)
    assert again.status is Status.REPLAYED
    assert await count(hub, dead_letter) == 0


async def test_a_row_waits_for_its_parent_and_says_so(hub: Hub) -> None:
    referral = row(
        "MHS101", ServiceRequestId="R1", LocalPatientId="L1", OrgIDComm="QVV", ReferralRequestReceivedDate="2026-06-01"
    )
    waiting = await intake(referral, hub)
    assert (waiting.status, waiting.events) == (Status.WAITING, ())
    assert await count(hub, outbox) == 0
    patient = row("MHS001", LocalPatientId="L1", NHSNumber="9000000009", NHSNumberStatus="01")
    assert (await intake(patient, hub)).status is Status.ACCEPTED
    resumed = await intake(replace(referral, resumes=waiting.id), hub)
    assert resumed.id == waiting.id
    assert [e.type for e in resumed.events] == ["referral-received-1"]


async def test_a_row_finds_the_parent_that_waits_to_be_kept_before_it(hub: Hub) -> None:
    patient = row("MHS001", LocalPatientId="L1", NHSNumber="9000000009", NHSNumberStatus="01")
    referral = row(
        "MHS101", ServiceRequestId="R1", LocalPatientId="L1", OrgIDComm="QVV", ReferralRequestReceivedDate="2026-06-01"
    )
    chain = Chain()
    before, behind = Link(chain), Link(chain)
    first = asyncio.create_task(intake(replace(patient, link=before), hub))
    await before.taken
    second = asyncio.create_task(intake(replace(referral, link=behind), hub))
    assert [(await each).status for each in (first, second)] == [Status.ACCEPTED, Status.ACCEPTED]


async def test_complaints_about_a_row_of_a_file_name_the_row(hub: Hub) -> None:
    bad = row("MHS101", ServiceRequestId="R1", LocalPatientId="", ReferralRequestReceivedDate="2026-06-01")
    batch, _ = await hub.database.run(create_batch, MENTAL.id, b"k" * 32, "application/json", NOON, pack_body(b"[]"))
    with pytest.raises(Unprocessable) as refused:
        await intake(replace(bad, row=Row(batch.id, 12)), hub)
    assert refused.value.issues[0].path.startswith("row 12, ")


async def test_a_fault_of_our_own_keeps_the_message_and_shows_no_value(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("SMITH^ANN")

    monkeypatch.setattr(module, "restrict", broken)
    with pytest.raises(Unprocessable) as refused:
        await intake(delivery(admission()), hub)
    assert refused.value.code is Code.INTERNAL_ERROR
    assert await count(hub, dead_letter) == 1
    told = capsys.readouterr()
    assert "SMITH" not in told.out + told.err + str(refused.value)


@pytest.mark.corpus
async def test_all_messages_of_the_corpus_twice_are_stored_once_and_never_conflict(hub: Hub) -> None:
    folder = CORPUS / "hl7v2"
    files = sorted(folder.glob("*.hl7"))
    if not files:
        pytest.skip(f"no real messages under {folder}: set CAREHUB_CORPUS")
    source = replace(ACUTE, packs=("hl7v2",))
    outcomes = []
    for turn in range(2):
        for file in files:
            when = NOON + timedelta(minutes=turn)
            try:
                receipt = await intake(delivery(file.read_bytes(), source, received=when), hub)
                outcomes.append((turn, file.name, str(receipt.status)))
            except (Unprocessable, Undecodable) as refusal:
                outcomes.append((turn, file.name, f"refused {refusal.code}"))
    first = [(name, outcome) for turn, name, outcome in outcomes if turn == 0]
    second = [(name, outcome.replace("replayed", "accepted")) for turn, name, outcome in outcomes if turn == 1]
    assert len(files) == 63
    assert "accepted" in {outcome for _, outcome in first} <= {"accepted", "refused unsupported-message"}
    assert first == second
    accepted = sum(outcome == "accepted" for _, outcome in first)
    assert await count(hub, message) == accepted
    assert await count(hub, dead_letter) == 63 - accepted
