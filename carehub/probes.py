"""Two questions of a gateway's health that only the composition root can ask: of Kafka, and of the relays."""

from __future__ import annotations

from datetime import UTC, datetime

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from carehub.relaying import relay_faults
from contract.event import rfc3339
from gateway.deadline import within
from gateway.ops.backlog import BacklogGuard
from gateway.ops.checks import KafkaProbe
from gateway.ops.health import Check, Finding
from gateway.relay.leases import group_owners, stops_of
from gateway.store.database import Database

_SECONDS = 3.0


def kafka_probe(bootstrap: str) -> KafkaProbe:
    """Asks for the cluster's metadata: a port that is open proves nothing."""

    async def ask() -> bool:
        try:
            return await within(_SECONDS, _brokers(bootstrap))
        except (KafkaError, OSError):
            return False

    return ask


async def _brokers(bootstrap: str) -> bool:
    client = AIOKafkaClient(
        bootstrap_servers=bootstrap, request_timeout_ms=int(_SECONDS * 1000), client_id="carehub-health"
    )
    try:
        await client.bootstrap()
        return bool(client.cluster.brokers())
    finally:
        await client.close()


def no_kafka_known() -> Check:
    """For a gateway that was told of none: relays elsewhere may well know it."""

    async def look() -> Finding:
        return Finding(False, "no Kafka is known here: set KAFKA_BOOTSTRAP_SERVERS")

    return Check("kafka", look, needed=False)


def shards_relayed(database: Database, guard: BacklogGuard) -> Check:
    """That events get on: each group of shards has an owner, nothing stops it, and no event has waited for long. Not
    needed: until then events are kept and wait."""

    async def look() -> Finding:
        owners = await database.read(group_owners)
        stops = stops_of(owners)
        detail = {
            "owners": {str(each.group): each.owner for each in owners},
            "stopped": {str(number): {"error": s.error, "since": rfc3339(s.since)} for number, s in stops.items()},
        }
        owned = sum(each.owner is not None for each in owners)
        faults = relay_faults(owned, stops, guard.oldest_seconds, datetime.now(UTC))
        return Finding(not faults, "; ".join(faults), detail)

    return Check("relay", look, needed=False)
