"""The stand-in where there is no Java: librdkafka's mock cluster, kept in memory and gone with its process.

Producing (idempotent), consuming and groups of one member work; there are no transactions, no admin requests and no
clean rebalance, topics appear on first use with 4 partitions, and of a partition only the last few megabytes are kept.
"""

from __future__ import annotations

import logging
import re
import threading
from types import TracebackType
from typing import Final

from confluent_kafka import Producer

from contract.errors import Misconfigured

ANNOUNCEMENT: Final = "this is a stand-in for Kafka, kept in memory: its events are gone when it ends"
_POLLS: Final = 100
_POLL_SECONDS: Final = 0.05


class StandIn:
    """`with StandIn() as broker:` serves on `broker.address` until the end of the block."""

    def __init__(self) -> None:
        self.address = ""
        self._ending = threading.Event()
        self._served: threading.Thread | None = None

    def __enter__(self) -> StandIn:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Starts the cluster and reads its address. Raises Misconfigured when librdkafka tells none."""
        heard = _AddressHearer()
        logger = logging.Logger("carehub.broker.stand_in")  # noqa: LOG001 (of this cluster alone, whatever root's level)
        logger.addHandler(heard)
        cluster = Producer({"test.mock.num.brokers": 1}, logger=logger)
        for _ in range(_POLLS):
            cluster.poll(_POLL_SECONDS)
            if heard.address:
                break
        else:
            raise Misconfigured("librdkafka's mock cluster told no address: set KAFKA_BOOTSTRAP_SERVERS instead")
        self.address = heard.address
        self._ending.clear()
        self._served = threading.Thread(target=self._serve, args=(cluster,), name="stand-in", daemon=True)
        self._served.start()

    def stop(self) -> None:
        """Ends the cluster; a second call does nothing."""
        self._ending.set()
        if self._served is not None:
            self._served.join()
            self._served = None

    def _serve(self, cluster: Producer) -> None:
        # the cluster lives as long as the producer object, whose queue must be polled
        while not self._ending.wait(_POLL_SECONDS):
            cluster.poll(0)


class _AddressHearer(logging.Handler):
    """librdkafka names the mock cluster's address only in a log line."""

    def __init__(self) -> None:
        super().__init__()
        self.address = ""

    def emit(self, record: logging.LogRecord) -> None:
        found = re.search(r"replaced with (127\.0\.0\.1:\d+)", record.getMessage())
        if found:
            self.address = found.group(1)
