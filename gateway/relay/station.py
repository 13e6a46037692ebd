"""What everything that publishes in one process works with."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.store.database import Database


@dataclass(frozen=True, slots=True)
class Station:
    """The store that is read, the Kafka that is written, and as whom.

    `owner` names this process (host, role and a random part), `hub_id` the hub, whose transactional ids start with it.
    `transactional` is false on the stand-in alone, where there is no fencing and topics appear by themselves.
    `replication` is the number of copies of topics that it creates.
    """

    database: Database
    bootstrap: str
    hub_id: str
    transactional: bool
    owner: str
    replication: int = 1
