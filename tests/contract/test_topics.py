"""Topic names say place, sector and who may read, and nothing else fits in them."""

import re

import pytest

from contract.topics import EVENT_TOPIC_PATTERN, Sector, Topic, dead_letter_topic, is_dead_letter_topic, parse_topic


@pytest.mark.parametrize(
    ("topic", "name"),
    [
        (Topic("qvv", Sector.ACUTE), "care.qvv.acute.v1"),
        (Topic("qvv", Sector.MENTAL_HEALTH, restricted=True), "care.qvv.mental-health.restricted.v1"),
        (Topic("qvv", Sector.ACUTE, project="flow"), "care.qvv.acute.deidentified.flow.v1"),
    ],
)
def test_names_are_read_back(topic: Topic, name: str) -> None:
    assert str(topic) == name
    assert parse_topic(name) == topic


@pytest.mark.parametrize("name", ["care.qvv.acute", "care.qvv.garden.v1", "care.replay.x", "care.QVV.acute.v1", ""])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="topic"):
        parse_topic(name)


def test_a_restricted_topic_has_no_deidentified_twin() -> None:
    with pytest.raises(ValueError, match="no de-identified twin"):
        Topic("qvv", Sector.ACUTE, restricted=True, project="flow")


def test_the_default_pattern_takes_no_restricted_deidentified_or_dead_letter_topic() -> None:
    taken = re.compile(EVENT_TOPIC_PATTERN)
    assert taken.match("care.qvv.primary-care.v1")
    assert not taken.match("care.qvv.acute.restricted.v1")
    assert not taken.match("care.qvv.acute.deidentified.flow.v1")
    assert not taken.match(dead_letter_topic("care.qvv.acute.v1", "timeline"))


def test_a_consumer_s_dead_letters_are_known_by_their_topic() -> None:
    assert is_dead_letter_topic(dead_letter_topic("care.qvv.acute.v1", "timeline"))
    assert not is_dead_letter_topic("care.qvv.acute.v1")
    assert not is_dead_letter_topic("somebody.else.deadletter")
