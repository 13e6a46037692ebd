"""Which broker this machine uses: a configured one, else Apache Kafka of its own, else the stand-in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from carehub.broker.jars import KAFKA, fetch_jars, jars_are_here
from carehub.broker.local import LocalKafka
from carehub.broker.maven import find_java, find_maven
from carehub.broker.stand_in import ANNOUNCEMENT, StandIn
from contract.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker to speak to. `transactional` is false for the stand-in only. `process_id` is that of a Kafka of ours."""

    address: str
    kind: Literal["configured", "kafka", "stand-in"]
    transactional: bool
    process_id: int | None = None


def why_no_kafka(data: Path) -> str | None:
    """What Apache Kafka lacks to run on this machine (Java, or Maven to fetch it), None when nothing."""
    try:
        find_java(KAFKA)
        if not jars_are_here(data):
            find_maven(KAFKA)
    except Misconfigured as missing:
        return str(missing)
    return None


@contextmanager
def running_broker(
    data: Path, configured: str, announce: Callable[[str], None], *, home: Path | None = None, port: int = 0
) -> Iterator[Broker]:
    """The broker, started if need be, ended with the block.

    `configured` is `host:port,…` or empty. `data` holds the jars; `home` the log of Apache Kafka (default: in `data`).
    `announce` gets lines for a person: what is fetched, and that a stand-in is a stand-in. Raises Misconfigured when
    the local Kafka does not start: the stand-in is for where Java or Maven are missing, never for after a failure.
    """
    if configured:
        yield Broker(configured, "configured", transactional=True)
        return
    missing = why_no_kafka(data)
    if missing is not None:
        with StandIn() as stand_in:
            announce(f"broker {stand_in.address}: {ANNOUNCEMENT} ({missing})")
            yield Broker(stand_in.address, "stand-in", transactional=False)
        return
    libs = fetch_jars(data, announce)
    with LocalKafka(libs, home or data / "kafka" / "home", port) as kafka:
        yield Broker(kafka.address, "kafka", transactional=True, process_id=kafka.process_id)
