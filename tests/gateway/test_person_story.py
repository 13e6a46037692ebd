"""One person's story on real Kafka: known by a local identity, then by NHS number, merged, and restricted meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest

from contract.event import Envelope
from contract.identifiers import ResourceIds
from contract.topics import Sector
from gateway.delivery import Delivery, Receipt
from gateway.hub import Hub
from gateway.intake import intake
from gateway.relay.relay import Relay
from gateway.relay.station import Station
from gateway.shelf import Shelf
from gateway.source import Principal, Source
from gateway.store.database import Database
from gateway.store.group import Keeper
from migrations.run import upgrade
from tests.gateway.fakes import shelf_of
from tests.gateway.store.making import ANN, KEYS, NOON, PERSONS, register
from tests.topics import TopicRecord, read_committed

pytestmark = pytest.mark.kafka

ADDRESS = "1 Hidden Lane"
PLACES = iter(range(1, 1000))

MESSAGE = (
    "MSH|^~\\&|PAS|RBD|ROUTE|ROUTE|202607011418||ADT^{trigger}|{control}|P|2.4|||||GBR||EN||iTKv1.0\r"
    "EVN||202607011400||||202607011400\r"
    "PID|1||{identifiers}||SMITH^ANN||19651213|2|||{address}^^POOLE^^BH15 1AA|||||||||||||||||||||{status}\r"
    "PV1|1|I|RCB^W1^B2^RCB55|||||||||||||||||V1^^^VISITID\r"
)


@pytest.fixture(scope="module")
def shelf() -> Shelf:
    sources = (Source(name, "RBD", Sector.ACUTE, "story", ("hl7v2-itk",), name) for name in ("dch-pas", "other-pas"))
    return shelf_of(*sources)


@dataclass
class Story:
    """A hub whose relay runs only when it is told to, so that a test decides what is still unpublished."""

    hub: Hub
    source: Source
    bootstrap: str
    count: int = 0

    async def told(
        self, trigger: str, identifiers: str, *, status: str = "", more: str = "", address: str = ADDRESS
    ) -> Receipt:
        self.count += 1
        body = MESSAGE.format(
            trigger=trigger, control=self.count, identifiers=identifiers, status=status, address=address
        )
        principal = Principal("source", self.source.id, frozenset({"send"}), self.source)
        delivery = Delivery(principal, (body + more).encode(), "application/hl7-v2", NOON)
        return await intake(delivery, self.hub)

    async def published(self, count: int) -> list[TopicRecord]:
        """Runs the relay until the ordinary topic holds `count` records; these, in the order of their sequence."""
        owner = f"test-{self.count}"
        station = Station(self.hub.database, self.bootstrap, self.source.place, transactional=True, owner=owner)
        relay = Relay(station)
        stop = asyncio.Event()
        running = asyncio.create_task(relay.run(stop))
        found: list[TopicRecord] = []
        for _ in range(100):
            found = await self.read()
            if len(found) >= count:
                break
            await asyncio.sleep(0.2)
        stop.set()
        await running
        assert len(found) == count, told(found)
        return found

    async def read(self) -> list[TopicRecord]:
        records = await read_committed(self.bootstrap, [f"care.{self.source.place}.acute.v1"])
        return sorted(records, key=lambda record: record.envelope.sequence)


@pytest.fixture
async def story(url: str, shelf: Shelf, kafka_server: str) -> AsyncIterator[Story]:
    await upgrade(url, "hub")
    database = Database(url)
    await database.open()
    source = Source("dch-pas", "RBD", Sector.ACUTE, f"story{next(PLACES)}", ("hl7v2-itk",), "dch-pas")
    await database.run(register, source)
    keeper = Keeper(database, KEYS)
    await keeper.start()
    yield Story(Hub(database, keeper, shelf, ResourceIds(b"k" * 32)), source, kafka_server)
    await keeper.close()
    await database.close()


def told(records: list[TopicRecord]) -> list[tuple[str, str | None]]:
    return [(record.envelope.type, record.key) for record in records]


def local(value: str) -> str:
    return PERSONS.of_local("dch-pas", "urn:carehub:source:dch-pas:LOCALID", value)


def patient_of(record: TopicRecord) -> dict[str, Any]:
    entries = orjson.loads(record.value)["entry"]
    found: dict[str, Any] = next(e["resource"] for e in entries if e["resource"]["resourceType"] == "Patient")
    return found


async def test_a_local_identity_is_linked_to_an_nhs_number_and_merged_in_order(story: Story) -> None:
    await story.told("A01^ADT_A01", "L1^^^LOCALID")
    await story.told("A08^ADT_A01", f"L1^^^LOCALID~{ANN}^^^NHS", status="NSTS01")
    await story.told("A01^ADT_A01", "L2^^^LOCALID")
    await story.told("A40^ADT_A39", f"L1^^^LOCALID~{ANN}^^^NHS", status="NSTS01", more="MRG|L2^^^LOCALID\r")
    records = await story.published(7)
    number = PERSONS.of_nhs_number(ANN)
    by_key: dict[str, list[str]] = {}
    for type_, key in told(records):
        by_key.setdefault(key, []).append(type_)
    assert len(by_key) == 3
    first, second = (key for key in by_key if key != number)
    assert by_key[first] == ["patient-admitted-1", "person-linked-1"], "the link is the last under the old key"
    assert by_key[number] == ["person-linked-1", "encounter-updated-1", "patient-merged-1"], "and the first of the new"
    assert by_key[second] == ["patient-admitted-1", "patient-merged-1"], "a merge goes under both keys"
    ids = [record.envelope.id for record in records]
    assert len(set(ids)) == len(ids), "each has a ce_id of its own"
    offsets = {record.envelope.id: record.envelope.sequence for record in records}
    assert sorted(offsets.values()) == list(offsets.values())
    assert patient_of(records[0])["id"] == patient_of(records[3])["id"], "Patient.id stays when the number turns up"


async def test_an_address_never_appears_once_the_person_is_flagged_though_it_was_kept_before(story: Story) -> None:
    await story.told("A01^ADT_A01", "L1^^^LOCALID")
    await story.told("A08^ADT_A01", "L1^^^LOCALID", more="ZU8||||1\r")
    await story.told("A02^ADT_A02", "L1^^^LOCALID")
    records = await story.published(3)
    assert [type_ for type_, _ in told(records)] == [
        "patient-admitted-1",
        "encounter-updated-1",
        "patient-transferred-1",
    ]
    everything = b"".join(record.value + _headers(record.envelope) + record.key.encode() for record in records)
    assert ADDRESS.encode() not in everything
    assert b"BH15" not in everything
    assert all("address" not in patient_of(record) for record in records)


async def test_a_lifted_flag_lets_the_next_address_through_and_no_earlier_one(story: Story) -> None:
    await story.told("A08^ADT_A01", "L1^^^LOCALID", more="ZU8||||1\r")
    await story.told("A08^ADT_A01", "L1^^^LOCALID", more="ZU8||||0\r", address="2 New Street")
    records = await story.published(2)
    assert "address" not in patient_of(records[0])
    assert "2 New Street" in orjson.dumps(patient_of(records[1])["address"]).decode()


async def test_a_flag_set_by_one_source_withholds_the_address_that_another_sends(story: Story) -> None:
    other = replace(story.source, id="other-pas", identifier_domain="other-pas")
    from sqlalchemy import insert

    from gateway.store.models import source as table

    def also(connection: Any) -> None:
        connection.execute(
            insert(table).values(
                id=other.id, organisation="RDZ", sector=other.sector, place=other.place, packs=list(other.packs),
                identifier_domain=other.id, ack=other.ack, traced=False, authority=False, paused=False,
                disabled=False, created=NOON,
            )
        )  # fmt: skip

    await story.hub.database.run(also)
    await story.told("A08^ADT_A01", f"L1^^^LOCALID~{ANN}^^^NHS", status="NSTS01", more="ZU8||||1\r")
    story.source = other
    await story.told("A08^ADT_A01", f"X9^^^LOCALID~{ANN}^^^NHS", status="NSTS01", more="ZU8||||0\r")
    records = await story.published(2)
    assert {record.key for record in records} == {PERSONS.of_nhs_number(ANN)}
    assert ADDRESS.encode() not in b"".join(record.value for record in records), "only who set it lifts it"


def _headers(envelope: Envelope) -> bytes:
    return b"".join(value for _, value in envelope.headers())
