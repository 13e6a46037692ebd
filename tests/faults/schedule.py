"""Which faults come when, on whom and for how long: drawn from the seed alone, so that a run can be had again."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tests.faults.hub import INSTANCES, LINKS


class Kind(StrEnum):
    GATEWAY_KILLED = "gateway killed"
    GATEWAY_STOPPED = "gateway stopped and continued"
    RELAY_KILLED = "relay killed"
    RELAY_STOPPED = "relay stopped and continued"
    CONSUMER_KILLED = "consumer killed"
    CONSUMER_STOPPED = "consumer stopped and continued"
    BROKER_STOPPED = "broker stopped and continued"
    BROKER_KILLED = "broker killed"
    BROKER_RESTARTED = "broker restarted"
    DATABASE_STOPPED = "database stopped and continued"
    DATABASE_KILLED = "database killed"
    DATABASE_RESTARTED = "database restarted"
    CONNECTION_CUT = "connection cut"
    CONNECTION_SLOWED = "connection slowed"
    CONNECTION_BLACK_HOLED = "connection black-holed"
    CLOCK_JUMPED = "clock jumped"
    ANSWERS_LOST = "answers lost"
    MESSAGES_DOUBLED = "messages doubled"
    POISON_SENT = "poison sent"


NETWORK_AND_CLOCKS: Final = frozenset(
    {
        Kind.CONNECTION_CUT,
        Kind.CONNECTION_SLOWED,
        Kind.CONNECTION_BLACK_HOLED,
        Kind.ANSWERS_LOST,
        Kind.CLOCK_JUMPED,
    }
)
"""What needs toxiproxy and libfaketime."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`at` is in seconds from the start of the load, `target` an instance, a server or a link, `lasts` in seconds until
    it is undone; `strength` is milliseconds of delay, seconds of a clock's jump, or a number of messages."""

    at: float
    kind: Kind
    target: str
    lasts: float = 0.0
    strength: int = 0


QUIET_BEFORE: Final = 3.0
QUIET_AFTER: Final = 12.0
"""No fault begins so near to the start and the end of the load."""

ROUND_SECONDS: Final = 95.0
_BREAK_SECONDS: Final = {
    # what is stopped past its session or lease is taken for dead; both are drawn
    Kind.GATEWAY_STOPPED: (1.0, 8.0),
    Kind.RELAY_STOPPED: (0.5, 3.0),  # after its shards were taken over, which the fault waits for
    Kind.CONSUMER_STOPPED: (1.0, 14.0),
    Kind.BROKER_STOPPED: (1.0, 7.0),
    Kind.DATABASE_STOPPED: (1.0, 7.0),
    Kind.BROKER_KILLED: (0.0, 4.0),
    Kind.BROKER_RESTARTED: (0.0, 4.0),
    Kind.DATABASE_KILLED: (0.0, 4.0),
    Kind.DATABASE_RESTARTED: (0.0, 4.0),
    Kind.CONNECTION_CUT: (0.5, 1.5),
    Kind.CONNECTION_SLOWED: (4.0, 8.0),
    Kind.CONNECTION_BLACK_HOLED: (4.0, 12.0),
    Kind.CLOCK_JUMPED: (4.0, 8.0),
    Kind.ANSWERS_LOST: (0.5, 2.0),
    Kind.MESSAGES_DOUBLED: (2.0, 4.0),
}
_JUMPS: Final = (-7200, -600, -45, 45, 600, 7200)


def draw(seed: int, duration: float, kinds: Collection[Kind] = tuple(Kind)) -> list[Fault]:
    """The faults of a run of `duration` seconds, in the order of their times: every kind once in each round, in an
    order of that round's own, evenly spread but for a little."""
    dice = random.Random(f"faults {seed} {duration:.0f}")
    rounds = max(1, round(duration / ROUND_SECONDS))
    order = [kind for _ in range(rounds) for kind in dice.sample(sorted(kinds), len(kinds))]
    step = max(0.0, duration - QUIET_BEFORE - QUIET_AFTER) / len(order)
    return [
        _fault(dice, kind, round(QUIET_BEFORE + step * (number + dice.uniform(0, 0.8)), 3))
        for number, kind in enumerate(order)
    ]


def _fault(dice: random.Random, kind: Kind, at: float) -> Fault:
    target = dice.choice(_targets(kind))
    lasts = round(dice.uniform(*_BREAK_SECONDS.get(kind, (0.0, 0.0))), 3)
    strength = {
        Kind.CONNECTION_SLOWED: dice.randrange(200, 1200),
        Kind.CLOCK_JUMPED: dice.choice(_JUMPS),
        Kind.POISON_SENT: dice.randrange(2, 8),
    }.get(kind, 0)
    return Fault(at, kind, target, lasts, strength)


def _targets(kind: Kind) -> list[str]:
    match kind.split()[0]:
        case "connection":
            return list(LINKS)
        case "answers":
            return [link for link in LINKS if link.startswith("senders")]
        case "clock":
            return list(INSTANCES)
        case "messages" | "poison":
            return ["senders"]
        case "broker" | "database" as server:
            return [server]
        case role:
            return [name for name in INSTANCES if name.startswith(role)]
