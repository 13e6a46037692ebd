"""What keeps events from getting on to Kafka, in words: for health and status alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from contract.event import rfc3339
from gateway.relay.leases import Stop
from gateway.store.models import GROUPS

STUCK_SECONDS: Final = 60.0
"""Age of an unpublished event from which on something is stuck, not just busy."""

STOPPED_SECONDS: Final = 10.0
"""How long a group has been stopped before that is told as wrong: a handover stops one for a moment."""

_ACCESS: Final = "Kafka does not let the relay write: look at its access rules"
_BROKERS: Final = "Kafka has too few brokers in sync"
_REACH: Final = "the relay does not reach Kafka, or Kafka is too slow for it"
_ADVICE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "MessageSizeTooLargeError": "a topic's limit is below the hub's: carehub doctor",
        "UnknownTopicOrPartitionError": "a topic is gone, and is being made again: carehub doctor",
        "Misconfigured": "Kafka does not make a topic: the relay's log says why",
        "TopicAuthorizationFailedError": _ACCESS,
        "ClusterAuthorizationFailedError": _ACCESS,
        "TransactionalIdAuthorizationFailed": _ACCESS,
        "NotEnoughReplicasError": _BROKERS,
        "NotEnoughReplicasAfterAppendError": _BROKERS,
        "KafkaConnectionError": _REACH,
        "KafkaTimeoutError": _REACH,
        "RequestTimedOutError": _REACH,
        "TimeoutError": _REACH,
        "Unavailable": "the relay does not reach the database",
    }
)


def relay_faults(owned: int, stops: Mapping[int, Stop], oldest_seconds: float, now: datetime) -> list[str]:
    """A sentence for each thing that is wrong, empty when all is well. `owned` groups have an owner; the oldest event
    that is not published has waited for `oldest_seconds`, 0.0 when there is none."""
    found = []
    if owned < GROUPS:
        found.append(f"{GROUPS - owned} of {GROUPS} groups of shards have no owner: is a relay running?")
    lasting = {group: stop for group, stop in stops.items() if (now - stop.since).total_seconds() > STOPPED_SECONDS}
    for error in sorted({stop.error for stop in lasting.values()}):
        stopped = {group: stop.since for group, stop in lasting.items() if stop.error == error}
        which = f"{'groups' if len(stopped) > 1 else 'group'} {', '.join(map(str, stopped))} of shards"
        since = rfc3339(min(stopped.values()))
        advice = _ADVICE.get(error, "the relay's log says more")
        found.append(f"{which} stopped by {error} since {since}: {advice}")
    if oldest_seconds > STUCK_SECONDS:
        more = "" if found else ": look at the relay's log"
        found.append(f"the oldest event has waited {oldest_seconds:.0f} s to be published{more}")
    return found
