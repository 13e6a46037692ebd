"""Topic names: `care.<place>.<sector>.v1` and those that stand beside it (docs/consume.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PARTITIONS: Final = 24
"""Fixed for every event topic: growth would move keys to other partitions, and with them a person's order."""

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
"""The one size limit of topic, broker and producer."""

_LONGEST_NAME: Final = 64
_WORD = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class Sector(StrEnum):
    ACUTE = "acute"
    PRIMARY_CARE = "primary-care"
    MENTAL_HEALTH = "mental-health"
    SOCIAL_CARE = "social-care"
    COMMUNITY = "community"
    SELF_CARE = "self-care"


_DEAD_LETTERS: Final = ".deadletter"
_SECTORS: Final = frozenset(sector.value for sector in Sector)


@dataclass(frozen=True, slots=True)
class Topic:
    """An event topic's parts. `project` names the one recipient of a de-identified twin."""

    place: str
    sector: Sector
    restricted: bool = False
    project: str | None = None

    def __post_init__(self) -> None:
        for word in (self.place, self.project):
            if word is not None and not _WORD.fullmatch(word):
                raise ValueError(f"{word!r} cannot stand in a topic name: use lower case letters, digits and hyphens")
        if self.restricted and self.project:
            raise ValueError("restricted events have no de-identified twin")

    def __str__(self) -> str:
        base = f"care.{self.place}.{self.sector}"
        if self.restricted:
            return f"{base}.restricted.v1"
        if self.project:
            return f"{base}.deidentified.{self.project}.v1"
        return f"{base}.v1"


def parse_topic(name: str) -> Topic:
    """The parts of an event topic's name. Raises ValueError for any other name."""
    match name.split("."):
        case ["care", place, sector, "v1"] if sector in _SECTORS:
            return Topic(place, Sector(sector))
        case ["care", place, sector, "restricted", "v1"] if sector in _SECTORS:
            return Topic(place, Sector(sector), restricted=True)
        case ["care", place, sector, "deidentified", project, "v1"] if sector in _SECTORS:
            return Topic(place, Sector(sector), project=project)
    raise ValueError(f"{name!r} is not the name of an event topic")


def dead_letter_topic(topic: str, group: str) -> str:
    """Where a consumer group puts what it can never apply. Same access rules as `topic`."""
    return f"{topic}.{group}{_DEAD_LETTERS}"


def is_dead_letter_topic(name: str) -> bool:
    """Whether it is where some consumer group puts what it can never apply."""
    return name.startswith("care.") and name.endswith(_DEAD_LETTERS)


def replay_topic(name: str) -> str:
    """Where a replay of that name goes. Raises ValueError for a name that cannot stand in a topic's."""
    if not _WORD.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise ValueError(
            f"{name!r} cannot stand in a topic name: use lower case letters, digits and hyphens, at most 64"
        )
    return f"care.replay.{name}"


EVENT_TOPIC_PATTERN: Final = r"^care\.[a-z0-9-]+\.[a-z-]+\.v1$"
"""Every identifiable, unrestricted event topic; what a consumer with no wishes of its own subscribes to."""
