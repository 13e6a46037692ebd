"""Which Kafka this machine's processes speak to: the configured one, or the one that a process here has started.

`carehub up`, `carehub broker` and a gateway on SQLite start one where none is configured, and leave its address in the
data folder for as long as they run, so that `carehub tail` in another window finds it.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from carehub.settings import Settings
from contract.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Kafka:
    """`bootstrap` is `host:port,…`; `kind` is `configured`, `kafka` (one of our own) or `stand-in`."""

    bootstrap: str
    transactional: bool
    kind: str

    def environment(self) -> Mapping[str, str]:
        """What a process of ours is given to speak to it."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "CAREHUB_KAFKA_TRANSACTIONS": "true" if self.transactional else "false",
        }


def find_kafka(settings: Settings) -> Kafka | None:
    """The configured Kafka, else the one that a living process of this data folder runs, else None."""
    if settings.kafka_bootstrap_servers:
        return Kafka(settings.kafka_bootstrap_servers, settings.kafka_transactions, "configured")
    try:
        told = json.loads(_note(settings).read_text())
        os.kill(told["process"], 0)
        return Kafka(told["bootstrap"], told["transactional"], told["kind"])
    except (OSError, ValueError, KeyError):
        return None


def need_kafka(settings: Settings) -> Kafka:
    """As find_kafka. Raises Misconfigured when there is none."""
    found = find_kafka(settings)
    if found is None:
        raise Misconfigured("there is no Kafka: set KAFKA_BOOTSTRAP_SERVERS, or start one with `carehub broker`")
    return found


@contextmanager
def running_kafka(
    settings: Settings, announce: Callable[[str], None], port: int = 0, jars: Path | None = None
) -> Iterator[Kafka]:
    """The Kafka that find_kafka knows, else one that is started here and ends with the block.

    `jars` is the data folder where Apache Kafka lies, if not this installation's own.
    """
    found = find_kafka(settings)
    if found is not None:
        yield found
        return
    from carehub.broker.choice import running_broker

    home = settings.data / "kafka" / "home"
    with running_broker(jars or settings.data, "", announce, home=home, port=port) as broker:
        kafka = Kafka(broker.address, broker.transactional, broker.kind)
        note = _note(settings)
        note.write_text(
            json.dumps(
                {
                    "bootstrap": kafka.bootstrap,
                    "transactional": kafka.transactional,
                    "kind": kafka.kind,
                    "process": os.getpid(),
                }
            )
        )
        try:
            yield kafka
        finally:
            with contextlib.suppress(FileNotFoundError):
                note.unlink()


def _note(settings: Settings) -> Path:
    return settings.data / "kafka.json"
