"""`carehub topics apply` and what doctor and status say of topics, on real Kafka."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from confluent_kafka import Producer

from carehub.topics import settings_of
from contract.topics import MAX_MESSAGE_BYTES, dead_letter_topic
from tests.carehub.conftest import Cli
from tests.topics import make_topic

pytestmark = pytest.mark.kafka


@pytest.fixture
def place() -> str:
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def placed(hub: Cli, kafka_server: str, place: str, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A hub with one source, whose topics nobody else has."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka_server)
    hub.run("sources", "add", "pas", "--organisation", "RBD", "--sector", "acute", "--place", place, "--pack", "hl7v2")
    return hub


def doctor(placed: Cli, code: int) -> list[dict[str, Any]]:
    return [each for each in placed.json("doctor", code=code)["findings"] if each["what"] == "topics"]


def test_what_is_missing_is_made_and_what_is_there_is_set(placed: Cli, kafka_server: str, place: str) -> None:
    topic, apart = f"care.{place}.acute.v1", f"care.{place}.acute.restricted.v1"
    make_topic(kafka_server, topic, max_message_bytes="1000", cleanup_policy="compact", retention_ms="3600000")
    said = {(each["found"], each["advice"]) for each in doctor(placed, 1)}
    assert said == {
        (f"{topic} has max.message.bytes 1000, not {MAX_MESSAGE_BYTES}", "carehub topics apply"),
        (f"{topic} has cleanup.policy compact, not delete", "carehub topics apply"),
    }

    applied = placed.json("topics", "apply")
    assert applied["made"] == [apart]
    assert {(each["topic"], each["setting"]) for each in applied["changed"]} == {
        (topic, "max.message.bytes"),
        (topic, "cleanup.policy"),
    }
    now = settings_of(kafka_server, [topic])[topic]
    assert (now["max.message.bytes"], now["cleanup.policy"]) == (str(MAX_MESSAGE_BYTES), "delete")
    assert now["retention.ms"] == "3600000", "how long Kafka keeps events is the operators' choice"
    assert [each["ok"] for each in doctor(placed, 0)] == [True]
    assert placed.json("topics", "apply") == {"made": [], "changed": [], "left": []}


def test_partitions_are_told_and_left(placed: Cli, kafka_server: str, place: str) -> None:
    topic = f"care.{place}.acute.v1"
    make_topic(kafka_server, topic, partitions=3)
    [left] = placed.json("topics", "apply", code=1)["left"]
    assert left == {"topic": topic, "setting": "partitions", "found": "3", "needed": "24"}
    assert [each["found"] for each in doctor(placed, 1)] == [f"{topic} has partitions 3, not 24"]


def test_a_hub_without_topics_is_well(placed: Cli) -> None:
    assert [each["ok"] for each in doctor(placed, 0)] == [True]


def test_status_tells_what_consumers_could_not_apply(placed: Cli, kafka_server: str, place: str) -> None:
    topic = dead_letter_topic(f"care.{place}.acute.v1", "beds")
    make_topic(kafka_server, topic, partitions=2)
    assert topic not in placed.json("status", code=1)["buried"], "there is nothing in it"
    producer = Producer({"bootstrap.servers": kafka_server})
    for partition in (0, 1, 1):
        producer.produce(topic, b"{}", partition=partition)
    assert producer.flush(10) == 0
    assert placed.json("status", code=1)["buried"][topic] == 3
    assert f"3 in {topic}" in placed.run("status", code=1)
