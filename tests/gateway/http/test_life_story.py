"""The life of a message from receipt to who has consumed it, on real Kafka."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from aiokafka.structs import TopicPartition

from gateway.limits import Limits
from gateway.relay.relay import Relay
from gateway.relay.station import Station
from tests.gateway.fakes import KEY, FakeRegister, principal, sha256
from tests.gateway.http.conftest import opened
from tests.gateway.relay.rows import all_published, relaying
from tests.gateway.store.making import PAS
from tests.gateway.stored import stored
from tests.gateway.test_consumption import commit

pytestmark = pytest.mark.kafka


async def test_a_sender_sees_where_its_event_went_and_who_has_consumed_it(tmp_path: Path, kafka_server: str) -> None:
    register = FakeRegister.usual()
    register.by_digest[sha256(KEY)] = principal(PAS)
    reader = f"timeline-{uuid.uuid4().hex[:8]}"
    async with (
        stored(tmp_path) as house,
        opened(house.hub, house.take, register, Limits(), kafka_server) as (_, front, client),
    ):
        sent = await client.post("/events", json={"who": "1", "what": "event"})
        where = f"/events/{sent.json()['events'][0]['id']}"
        hub = uuid.uuid4().hex[:8]
        relay = Relay(Station(house.database, kafka_server, hub, transactional=True, owner="this-relay"))
        async with relaying(relay):
            await all_published(house.database)
        told = (await client.get(where)).json()
        [outlet] = told["topics"]
        place = TopicPartition(outlet["topic"], outlet["partition"])
        assert told["consumersUnknown"] is None
        assert reader not in {each["group"] for each in outlet["consumedBy"]}
        for committed, consumed in ((outlet["offset"], False), (outlet["offset"] + 1, True)):
            await commit(kafka_server, reader, {place: committed})
            front.stories._groups._told.clear()  # what was told is kept for some seconds
            for path in (where, f"/messages/{sent.json()['id']}", "/messages"):
                found = (await client.get(path)).json()
                assert found["consumersUnknown"] is None
                message = found["messages"][0] if "messages" in found else found
                event = message["events"][0] if "events" in message else message
                assert {"group": reader, "consumed": consumed} in event["topics"][0]["consumedBy"]
