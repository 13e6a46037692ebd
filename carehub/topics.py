"""The topics that the registered sources fill, beside those that Kafka has."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from carehub.databases import open_hub
from carehub.kafka import find_kafka, need_kafka
from carehub.settings import Settings
from carehub.tail import sizes_of
from contract.topics import Sector, Topic
from gateway.relay.topics import create_topics
from gateway.store.models import source


@dataclass(frozen=True, slots=True)
class TopicState:
    """`partitions` and `events` are None while Kafka has no such topic, or no Kafka is known."""

    topic: str
    sources: tuple[str, ...]
    partitions: int | None
    events: int | None


async def topic_states(settings: Settings) -> list[TopicState]:
    """Ordinary and restricted topic of every place and sector that has a source, in alphabetical order."""
    expected = await _expected(settings)
    sizes = await sizes_of(settings, expected) if find_kafka(settings) else {}
    none = (None, None)
    return [TopicState(name, sources, *sizes.get(name, none)) for name, sources in sorted(expected.items())]


async def apply_topics(settings: Settings) -> list[str]:
    """Makes the expected topics that Kafka lacks, and returns their names. On the stand-in topics make themselves."""
    kafka = need_kafka(settings)
    expected = await _expected(settings)
    missing = sorted(set(expected) - set(await sizes_of(settings, expected)))
    if not missing or not kafka.transactional:
        return []
    await create_topics(kafka.bootstrap, missing, replication=settings.kafka_replication)
    return missing


async def _expected(settings: Settings) -> dict[str, tuple[str, ...]]:
    async with open_hub(settings) as database:
        return await database.read(topics_of_sources)


def topics_of_sources(connection: Connection) -> dict[str, tuple[str, ...]]:
    """Topic names, each with the ids of the sources that fill it; disabled sources fill none."""
    rows = connection.execute(select(source.c.id, source.c.place, source.c.sector).where(source.c.disabled.is_(False)))
    found: dict[str, tuple[str, ...]] = {}
    for row in rows:
        for restricted in (False, True):
            name = str(Topic(row.place, Sector(row.sector), restricted=restricted))
            found[name] = (*found.get(name, ()), row.id)
    return found
