"""The topics that the registered sources fill, beside those that Kafka has, and how they are set there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)
from sqlalchemy import Connection, select

from carehub.databases import open_hub
from carehub.kafka import find_kafka, need_kafka
from carehub.settings import Settings
from carehub.tail import ANSWER_SECONDS, sizes_of, topics_of
from contract.errors import Misconfigured
from contract.topics import MAX_MESSAGE_BYTES, PARTITIONS, Sector, Topic
from gateway.relay.topics import create_topics
from gateway.store.models import source

_LIMIT: Final = "max.message.bytes"
_CLEANUP: Final = "cleanup.policy"
_PARTITIONS: Final = "partitions"
_SHOWN_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class TopicState:
    """`partitions` and `events` are None while Kafka has no such topic, or no Kafka is known."""

    topic: str
    sources: tuple[str, ...]
    partitions: int | None
    events: int | None


@dataclass(frozen=True, slots=True)
class Unfit:
    """A setting of a topic that Kafka has otherwise than the hub needs it. `partitions` cannot be changed in place."""

    topic: str
    setting: str
    found: str
    needed: str

    @property
    def changeable(self) -> bool:
        return self.setting != _PARTITIONS


@dataclass(frozen=True, slots=True)
class Applied:
    """What `carehub topics apply` did, and what it cannot do."""

    made: tuple[str, ...] = ()
    changed: tuple[Unfit, ...] = ()
    left: tuple[Unfit, ...] = ()


async def topic_states(settings: Settings) -> list[TopicState]:
    """Ordinary and restricted topic of every place and sector that has a source, in alphabetical order."""
    expected = await _expected(settings)
    sizes = await sizes_of(settings, expected) if find_kafka(settings) else {}
    none = (None, None)
    return [TopicState(name, sources, *sizes.get(name, none)) for name, sources in sorted(expected.items())]


async def apply_topics(settings: Settings) -> Applied:
    """Makes the expected topics that Kafka lacks, and sets those that are unfit as the hub needs them. On the stand-in
    topics make themselves. Raises Misconfigured with Kafka's reason when it refuses."""
    kafka = need_kafka(settings)
    expected = await _expected(settings)
    missing = sorted(set(expected) - (await topics_of(kafka.bootstrap)).keys())
    if not kafka.transactional:
        return Applied()
    if missing:
        await create_topics(kafka.bootstrap, missing, replication=settings.kafka_replication)
    unfit = await unfit_topics(kafka.bootstrap, expected)
    changed = tuple(each for each in unfit if each.changeable)
    await asyncio.to_thread(_set, kafka.bootstrap, changed)
    return Applied(tuple(missing), changed, tuple(each for each in unfit if not each.changeable))


async def unfit_of_sources(settings: Settings) -> list[Unfit]:
    """As unfit_topics, of the topics that the registered sources fill."""
    return await unfit_topics(need_kafka(settings).bootstrap, await _expected(settings))


async def unfit_topics(bootstrap: str, names: Collection[str]) -> list[Unfit]:
    """Of those that Kafka has: an event too large for its topic holds up all behind it, and a compacted topic keeps one
    event of each person. Raises Misconfigured when Kafka is away."""
    there = {name: len(numbers) for name, numbers in (await topics_of(bootstrap)).items() if name in names}
    set_so = await asyncio.to_thread(settings_of, bootstrap, sorted(there))
    found = []
    for name, count in sorted(there.items()):
        told = set_so.get(name, {})
        if count != PARTITIONS:
            found.append(Unfit(name, _PARTITIONS, str(count), str(PARTITIONS)))
        if int(told.get(_LIMIT, MAX_MESSAGE_BYTES)) < MAX_MESSAGE_BYTES:
            found.append(Unfit(name, _LIMIT, told[_LIMIT], str(MAX_MESSAGE_BYTES)))
        if told.get(_CLEANUP, "delete") != "delete":
            found.append(Unfit(name, _CLEANUP, told[_CLEANUP], "delete"))
    return found


def settings_of(bootstrap: str, topics: Collection[str]) -> Mapping[str, Mapping[str, str]]:
    """The settings of each topic, by name; a topic that the broker tells nothing of is missing."""
    if not topics:
        return {}
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    asked = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, name) for name in topics])
    found = {}
    for resource, answer in asked.items():
        try:
            found[resource.name] = {name: each.value for name, each in answer.result(timeout=ANSWER_SECONDS).items()}
        except KafkaException:
            continue
    return found


def retention_of(set_so: Mapping[str, Mapping[str, str]]) -> dict[str, int | None]:
    """For how many ms each topic is kept, None for ever, and where a broker does not tell."""
    told = {name: int(each.get("retention.ms", -1)) for name, each in set_so.items()}
    return {name: None if ms < 0 else ms for name, ms in told.items()}


def _set(bootstrap: str, wanted: Collection[Unfit]) -> None:
    changes: dict[str, list[ConfigEntry]] = {}
    for each in wanted:
        entry = ConfigEntry(each.setting, each.needed, incremental_operation=AlterConfigOpType.SET)
        changes.setdefault(each.topic, []).append(entry)
    if not changes:
        return
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    resources = [
        ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=entries)
        for name, entries in changes.items()
    ]
    for resource, answer in admin.incremental_alter_configs(resources).items():
        try:
            answer.result(timeout=ANSWER_SECONDS)
        except KafkaException as refused:
            said = refused.args[0].name()
            raise Misconfigured(f"Kafka did not change the settings of {resource.name}: {said}") from None
    deadline = time.monotonic() + ANSWER_SECONDS  # brokers show it a moment later, and whoever looks next is to see it
    while not _all_shown(bootstrap, wanted) and time.monotonic() < deadline:
        time.sleep(_SHOWN_SECONDS)


def _all_shown(bootstrap: str, wanted: Collection[Unfit]) -> bool:
    now = settings_of(bootstrap, {each.topic for each in wanted})
    return all(now.get(each.topic, {}).get(each.setting) == each.needed for each in wanted)


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
