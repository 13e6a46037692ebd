"""A Kafka of its own: the consumers here subscribe by pattern, and would first work off what other tests wrote."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from carehub.broker.local import LocalKafka
from tests.conftest import needed
from tests.servers import apache_kafka


@pytest.fixture(scope="package")
def kafka() -> Iterator[LocalKafka]:
    """One that a test may stop and start again (and must leave running)."""
    with needed(apache_kafka()) as server:
        yield server
