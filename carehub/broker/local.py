"""A single-node Apache Kafka on this machine: one process, loopback only, its log in the data folder."""

from __future__ import annotations

import base64
import subprocess
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from carehub.broker.jars import KAFKA
from carehub.broker.maven import find_java
from carehub.broker.process import free_ports, start_on_leash, stop_on_leash
from contract.errors import Misconfigured
from contract.topics import MAX_MESSAGE_BYTES, PARTITIONS

START_SECONDS: Final = 60.0
_JAVA_OPTIONS: Final = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

_LOGGING: Final = """status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %m (%c)%n%throwable{short}
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
"""


class LocalKafka:
    """Apache Kafka from the jars in `libs`, with its log in `home`, which outlives the process.

    `with LocalKafka(libs, home) as kafka:` starts it, waits until it serves, and ends it. `address` is its bootstrap
    address. `port` 0 takes a free one.
    """

    def __init__(self, libs: Path, home: Path, port: int = 0) -> None:
        self._libs = libs.resolve()
        self._home = home.resolve()
        broker, self._controller = (port, *free_ports(1)) if port else free_ports(2)
        self.address = f"127.0.0.1:{broker}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> LocalKafka:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def process_id(self) -> int | None:
        """Id of the process group that Kafka runs in, None while it does not run."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Formats the log once, starts the broker and waits until it answers. Raises Misconfigured when it does not."""
        java = find_java(KAFKA)
        self._home.mkdir(parents=True, exist_ok=True)
        (self._home / "log4j2.properties").write_text(_LOGGING)
        (self._home / "server.properties").write_text(self._properties())
        if not (self._home / "log" / "meta.properties").exists():
            self._format(java)
        with (self._home / "kafka.out").open("wb") as output:
            self._process = start_on_leash([*self._java(java), "kafka.Kafka", self._settings_path()], output)
        try:
            self._await_answer()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends the broker, cleanly when it lets us; a second call does nothing."""
        if self._process is not None:
            process, self._process = self._process, None
            stop_on_leash(process)

    def _java(self, java: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self._home / 'log4j2.properties'}"
        return [java, *_JAVA_OPTIONS, logging, "-cp", f"{self._libs}/*"]

    def _settings_path(self) -> str:
        return str(self._home / "server.properties")

    def _format(self, java: str) -> None:
        # an id that starts with a hyphen would be read as an option
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
        command = [*self._java(java), "kafka.tools.StorageTool", "format", "-t", cluster, "-c", self._settings_path()]
        # what it prints holds secrets in some set-ups, so it is thrown away
        done = subprocess.run(  # noqa: S603
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=START_SECONDS, check=False
        )
        if done.returncode != 0:
            raise Misconfigured(f"Kafka could not prepare its log in {self._home}: is the disk full or read-only?")

    def _await_answer(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        client = AdminClient({"bootstrap.servers": self.address, "log_level": 0, "reconnect.backoff.max.ms": 200})
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise Misconfigured(f"the local Kafka ended at once; {self._home / 'kafka.out'} says why")
            try:
                client.list_topics(timeout=0.5)
            except KafkaException:
                continue
            return
        raise Misconfigured(f"the local Kafka did not answer on {self.address} within {START_SECONDS:.0f} s")

    def _properties(self) -> str:
        controller = f"127.0.0.1:{self._controller}"
        settings = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self._home / "log",
            "auto.create.topics.enable": "false",
            "num.partitions": PARTITIONS,
            "message.max.bytes": MAX_MESSAGE_BYTES,
            "replica.fetch.max.bytes": MAX_MESSAGE_BYTES,
            "offsets.topic.num.partitions": 8,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.num.partitions": 8,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())
