"""A Kafka that tells each client another address of its own, so that a proxy stands on each client's connection."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from carehub.broker.local import LocalKafka
from carehub.broker.process import free_ports


class ProxiedKafka(LocalKafka):
    """Has one more listener for each of `clients`. `upstream` is where a client's proxy leads to; `advertise` says
    where the proxies are, and comes before `start`."""

    def __init__(self, libs: Path, home: Path, clients: list[str]) -> None:
        super().__init__(libs, home)
        self.upstream = {
            client: f"127.0.0.1:{port}" for client, port in zip(clients, free_ports(len(clients)), strict=True)
        }
        self.advertised: Mapping[str, str] = {}

    def advertise(self, addresses: Mapping[str, str]) -> None:
        """`addresses` has host:port of each client's proxy."""
        self.advertised = addresses

    def _properties(self) -> str:
        names = {client: client.upper().replace(" ", "_") for client in self.upstream}
        own = f"PLAINTEXT://{self.address}"
        controller = f"CONTROLLER://127.0.0.1:{self._controller}"
        listeners = [own, controller, *(f"{names[c]}://{at}" for c, at in self.upstream.items())]
        advertised = [own, *(f"{names[c]}://{self.advertised[c]}" for c in self.upstream)]
        protocols = [f"{name}:PLAINTEXT" for name in ("PLAINTEXT", "CONTROLLER", *names.values())]
        settings = {
            "listeners": ",".join(listeners),
            "advertised.listeners": ",".join(advertised),
            "listener.security.protocol.map": ",".join(protocols),
            "inter.broker.listener.name": "PLAINTEXT",
        }
        # of two lines with one name the later one counts
        return super()._properties() + "".join(f"{name}={value}\n" for name, value in settings.items())
