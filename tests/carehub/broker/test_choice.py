import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from carehub.broker import choice
from carehub.broker.choice import running_broker
from carehub.broker.stand_in import StandIn


def test_a_configured_broker_is_taken_as_it_is(tmp_path: Path) -> None:
    said: list[str] = []
    with running_broker(tmp_path, "kafka-1:9092,kafka-2:9092", said.append) as broker:
        assert (broker.address, broker.kind, broker.transactional) == ("kafka-1:9092,kafka-2:9092", "configured", True)
    assert said == []


def test_without_java_a_stand_in_says_in_one_line_what_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    said: list[str] = []
    with running_broker(tmp_path, "", said.append) as broker:
        assert (broker.kind, broker.transactional) == ("stand-in", False)
    assert len(said) == 1
    assert "stand-in" in said[0]
    assert "kept in memory" in said[0]
    assert "no java on PATH" in said[0]


def test_without_maven_kafka_still_runs_from_jars_that_were_fetched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(choice, "find_java", lambda needed_by: "java")
    monkeypatch.setattr(choice, "jars_are_here", lambda data: True)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert choice.why_no_kafka(tmp_path) is None


async def test_the_stand_in_takes_idempotent_producers_and_a_group_of_one() -> None:
    with StandIn() as broker:
        async with AIOKafkaProducer(bootstrap_servers=broker.address, enable_idempotence=True) as producer:
            for value in (b"1", b"2"):
                await producer.send_and_wait("care.qvv.acute.v1", value, key=b"p1-a", headers=[("ce_id", value)])
        consumer = AIOKafkaConsumer(
            "care.qvv.acute.v1", bootstrap_servers=broker.address, group_id="g", auto_offset_reset="earliest"
        )
        async with consumer, asyncio.timeout(20):
            records = [await consumer.getone(), await consumer.getone()]
    assert [(r.key, r.value, r.headers) for r in records] == [
        (b"p1-a", b"1", (("ce_id", b"1"),)),
        (b"p1-a", b"2", (("ce_id", b"2"),)),
    ]
