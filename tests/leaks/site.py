"""The hub that is driven: its processes, its sources with their keys, and what a test asks of it."""

from __future__ import annotations

import json
import os
import ssl
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from unittest import mock

from confluent_kafka.admin import AdminClient
from typer.testing import CliRunner, Result

from carehub.broker.process import free_ports
from carehub.main import app
from carehub.settings import variables
from tests.gateway.mllp.certificates import Authority, client_context
from tests.packs import COMPILED
from tests.processes import Service

PACKS: Final = {
    "leaks-pas": ("hl7v2-itk", "hl7v2"),
    "leaks-ward": ("hl7v2-itk", "hl7v2"),
    "leaks-tls": ("hl7v2-itk", "hl7v2"),
    "leaks-bars": ("bars",),
    "leaks-cld": ("cld",),
    "leaks-mhsds": ("mhsds",),
    "leaks-paused": ("hl7v2",),
}
MAX_BODY: Final = 200_000
FAULTY_GATEWAY: Final = ("tests.leaks.faults",)
FAULTY_APP: Final = "tests.leaks.faulty"


@dataclass
class Site:
    """`keys` are those of the sources, and of the operators `view` and `operate`. `module` is what the gateway runs as,
    `consumer` the app that runs beside the timeline."""

    folder: Path
    database_url: str
    bootstrap: str
    module: tuple[str, ...] = FAULTY_GATEWAY
    consumer: str = FAULTY_APP
    place: str = field(default_factory=lambda: f"leaks-{uuid.uuid4().hex[:8]}")
    keys: dict[str, str] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.data = self.folder / "data"
        self.authority = Authority(self.folder, "authority")
        own, self._client = self.authority.issue("gateway"), self.authority.issue("leaks-tls")
        self.environment = {
            "CAREHUB_DATA": str(self.data),
            "CAREHUB_COMPILED_PACKS": str(COMPILED),
            "CAREHUB_MAX_BODY_BYTES": str(MAX_BODY),
            "CAREHUB_WAITING_SECONDS": "3",
            "CAREHUB_TLS_CERTIFICATE": str(own.certificate),
            "CAREHUB_TLS_KEY": str(own.key),
            "CAREHUB_TLS_CLIENT_CA": str(self.authority.file),
            "CAREHUB_LOG_LEVEL": "debug",
            "DATABASE_URL": self.database_url,
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
        }
        self.topics_before = frozenset(
            AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0}).list_topics(timeout=10).topics
        )
        self.ports = dict(zip(("leaks-pas", "leaks-ward"), free_ports(2), strict=True))

    @property
    def on_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    @property
    def http(self) -> str:
        return str(self.services["gateway"].ready["http"])

    @property
    def tls(self) -> tuple[int, ssl.SSLContext]:
        """The port where certificates name the source, and what the source of `leaks-tls` connects with."""
        return int(str(self.services["gateway"].ready["mllp"]).rpartition(":")[2]), client_context(
            self.authority.file, self._client
        )

    def carehub(self, *arguments: str, given: bytes = b"") -> Result:
        """Runs a command in this process."""
        own = {name: value for name, value in os.environ.items() if name not in variables()}
        with mock.patch.dict(os.environ, {**own, **self.environment}, clear=True):
            return CliRunner().invoke(app, list(arguments), input=given)

    def prepare(self) -> None:
        """Migrates, and registers everybody."""
        self._done("migrate")
        for source, packs in PACKS.items():
            wanted = [part for pack in packs for part in ("--pack", pack)]
            wanted += ["--mllp-port", str(self.ports[source])] if source in self.ports else []
            wanted += ["--certificate", str(self._client.certificate)] if source == "leaks-tls" else []
            wanted += ["--ack", "when-kept"] if source == "leaks-ward" else []
            registered = ("--organisation", "RBD", "--sector", "acute", "--place", self.place, *wanted, "--json")
            self.keys[source] = json.loads(self._done("sources", "add", source, *registered))["key"]
        for name, role in (("view", "viewer"), ("operate", "operator")):
            self.keys[name] = json.loads(self._done("operators", "add", name, "--role", role, "--json"))["key"]
        self._done("sources", "pause", "leaks-paused")

    def start(self) -> None:
        self._add("gateway", "gateway", "--port", "0", "--mllp-port", "0", module=self.module)
        if not self.on_sqlite:
            self._add("relay", "relay")
        self._add("consumer", "consume", "timeline", self.consumer)
        with ThreadPoolExecutor(len(self.services)) as threads:
            list(threads.map(Service.start, self.services.values()))

    def end(self) -> None:
        with ThreadPoolExecutor(max(1, len(self.services))) as threads:
            list(threads.map(Service.end, self.services.values()))

    def _add(self, name: str, *arguments: str, module: tuple[str, ...] = ("carehub",)) -> None:
        log = self.folder / f"{name}.log"
        self.services[name] = Service(list(arguments), self.environment, log, module=module)

    def _done(self, *arguments: str) -> str:
        result = self.carehub(*arguments)
        assert result.exit_code == 0, f"{arguments}: {result.stderr}{result.exception!r}"
        return result.stdout


@contextmanager
def running(site: Site) -> Iterator[Site]:
    with ExitStack() as stack:
        stack.callback(site.end)
        site.prepare()
        site.start()
        yield site


def bearer(key: str) -> Mapping[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}
