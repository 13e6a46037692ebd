"""`carehub consumers`: what each group has not read, on real Kafka, by transactions as the relay publishes."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from carehub.broker.stand_in import StandIn
from contract.topics import dead_letter_topic
from tests.carehub.conftest import Cli
from tests.conftest import needed
from tests.servers import apache_kafka
from tests.topics import make_topic

pytestmark = pytest.mark.kafka

MOMENTS = [1_700_000_000_000 + 1000 * number for number in range(6)]
"""When the records of a partition were published, in milliseconds since 1970."""


@pytest.fixture(scope="module")
def kafka_server() -> Iterator[str]:
    """One in which nobody else has a group."""
    with needed(apache_kafka()) as kafka:
        yield kafka.address


@pytest.fixture
def topic(kafka_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """With six records in partition 0, of three transactions: offsets 0, 1, 3, 4, 6, 7, and behind each two an end."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka_server)
    name = f"care.t{uuid.uuid4().hex[:12]}.acute.v1"
    make_topic(kafka_server, name, partitions=2)
    producer = Producer({"bootstrap.servers": kafka_server, "transactional.id": name})
    producer.init_transactions(30)
    for pair in zip(MOMENTS[::2], MOMENTS[1::2], strict=True):
        producer.begin_transaction()
        for moment in pair:
            producer.produce(name, b"event", key=b"p", partition=0, timestamp=moment)
        producer.commit_transaction(30)
    return name


@pytest.fixture
def commits(kafka_server: str) -> Callable[[str, str, int], str]:
    """Makes a group that has committed an offset of partition 0 of a topic; returns its name."""

    def commit(name: str, topic: str, offset: int) -> str:
        group = f"{name}-{uuid.uuid4().hex[:8]}"
        consumer = Consumer({"bootstrap.servers": kafka_server, "group.id": group})
        consumer.commit(offsets=[TopicPartition(topic, 0, offset)], asynchronous=False)
        consumer.close()
        return group

    return commit


def remove_before(bootstrap: str, topic: str, offset: int) -> AdminClient:
    """As retention does."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for answer in admin.delete_records([TopicPartition(topic, 0, offset)]).values():
        answer.result()
    return admin


def told(hub: Cli, group: str, code: int = 0) -> dict[str, Any]:
    (found,) = [each for each in hub.json("consumers", code=code) if each["group"] == group]
    return found


def test_a_group_that_has_read_all_is_behind_nothing_though_a_transaction_ends_behind_its_offset(
    hub: Cli, topic: str, commits: Callable[[str, str, int], str]
) -> None:
    found = told(hub, commits("done", topic, 8))
    assert found == {**found, "members": 0, "topics": [topic], "unread": 0, "since": None, "missed": 0}


def test_of_a_group_that_is_behind_the_first_unread_event_tells_since_when(
    hub: Cli, topic: str, commits: Callable[[str, str, int], str]
) -> None:
    group = commits("behind", topic, 2)
    found = told(hub, group)
    assert datetime.fromisoformat(found["since"]) == datetime.fromtimestamp(MOMENTS[2] / 1000, UTC)
    assert found["unread"] == 7, "four events, and three ends of transactions"
    assert group in hub.run("consumers")
    since = datetime.fromtimestamp(MOMENTS[2] / 1000, UTC).strftime("%Y-%m-%d")
    assert re.search(
        rf"consumers +\d groups, .* behind: .*{group} since {since}.* \(7 events at most, 0 at work\)",
        hub.run("status", code=1),
    )


def test_what_kafka_removed_before_it_was_read_is_told_and_exits_1(
    hub: Cli, topic: str, kafka_server: str, commits: Callable[[str, str, int], str]
) -> None:
    group = commits("missed", topic, 1)
    admin = remove_before(kafka_server, topic, 4)
    try:
        found = told(hub, group, code=1)
        assert (found["missed"], datetime.fromisoformat(found["since"]).timestamp()) == (3, MOMENTS[3] / 1000)
        said = hub.both("consumers", code=1)[1]
        assert f"{group} has not read up to 3 events that Kafka no longer keeps" in said
        assert "carehub replay start" in said
    finally:
        admin.delete_consumer_groups([group])[group].result()


def test_a_group_that_had_read_all_has_missed_nothing_when_all_is_removed(
    hub: Cli, topic: str, kafka_server: str, commits: Callable[[str, str, int], str]
) -> None:
    group = commits("done", topic, 8)
    remove_before(kafka_server, topic, 9)
    found = told(hub, group)
    assert found == {**found, "unread": 0, "since": None, "missed": 0}


def test_topics_that_are_gone_and_those_of_dead_letters_do_not_count(
    hub: Cli, topic: str, kafka_server: str, commits: Callable[[str, str, int], str]
) -> None:
    letters = dead_letter_topic(topic, "timeline")
    make_topic(kafka_server, letters, partitions=1)
    gone = commits("gone", topic, 2)
    watches = commits("watches", letters, 0)
    admin = AdminClient({"bootstrap.servers": kafka_server})
    admin.delete_topics([topic])[topic].result()
    states = {each["group"]: each for each in hub.json("consumers")}
    assert watches not in states
    assert states.get(gone, {"unread": 0})["unread"] == 0


def test_the_stand_in_does_not_tell_its_groups(hub: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    with StandIn() as broker:
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.address)
        monkeypatch.setenv("CAREHUB_KAFKA_TRANSACTIONS", "false")
        assert "does not tell its groups" in hub.both("consumers", code=3)[1]
