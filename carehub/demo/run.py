"""The demo, from an empty folder to the last event seen, and back to nothing."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from carehub.broker.process import free_ports
from carehub.commands import exits
from carehub.databases import open_database, open_hub
from carehub.demo import report, watch
from carehub.demo.doors import Senders, Sent
from carehub.demo.scenario import PLACE, PLACE_NAME, Door, named_apart, new_sources, sample_file, sendings
from carehub.household import House, interrupt_on_sigterm, running_house
from carehub.output import say
from carehub.register import places, sources
from carehub.register.session import in_hub_of
from carehub.settings import Settings
from carehub.tail import as_document
from carehub.topics import apply_topics
from contract.topics import parse_topic

_LOOK_SECONDS: Final = 0.5
HOST: Final = "127.0.0.1"


@dataclass(slots=True)
class Clock:
    """What took how long, told on standard error while it happens."""

    begun: float = field(default_factory=time.monotonic)
    took: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str, text: str) -> Iterator[None]:
        start = time.monotonic()
        say(f"{start - self.begun:5.1f} s  {text}")
        yield
        self.took.append((name, time.monotonic() - start))

    def tell(self, text: str) -> None:
        say(f"{time.monotonic() - self.begun:5.1f} s  {text}")

    def total(self) -> list[tuple[str, float]]:
        return [*self.took, ("in all", time.monotonic() - self.begun)]


def run_demo(settings: Settings, *, stay: bool) -> int:
    """The exit code: 0 when every event was seen, 1 when one is missing. Ends with nothing left running.

    Raises Misconfigured when a part does not start or a sample is refused.
    """
    interrupt_on_sigterm()
    clock = Clock()
    own = settings.model_copy(update={"data": (settings.data / "demo").absolute()})
    if settings.database_url:  # a database that stays has secrets that stay
        own = own.model_copy(update={"secrets": settings.secrets_folder.absolute()})
    shutil.rmtree(own.data, ignore_errors=True)
    port = free_ports(1)[0]
    keys: dict[str, str] = {}

    def register() -> None:
        clock.tell("database migrated; registering one source per sector, making their topics")
        keys.update(_register(own, port))
        asyncio.run(apply_topics(own))

    try:
        with _house(own, settings.data, clock, register) as house:
            lines = _show(own, house, clock, keys, port)
            if stay:
                _stay(house, next(iter(keys.values())))
            elif settings.database_url:
                for id_ in keys:
                    in_hub_of(own, sources.disable_source, id_)
    except KeyboardInterrupt:
        say("stopped")
        return exits.INTERRUPTED
    return exits.NO if not lines or any(line.missing for line in lines) else exits.DONE


def _stay(house: House, key: str) -> None:
    """Until Ctrl-C, which then is how it ends well."""
    report.print_invitation(house, key, str(sample_file("hl7v2-itk", "a04-outpatient-registered")))
    with contextlib.suppress(KeyboardInterrupt):
        while house.fallen() is None:
            time.sleep(_LOOK_SECONDS)


@contextmanager
def _house(own: Settings, jars: Path, clock: Clock, register: Callable[[], None]) -> Iterator[House]:
    gateway = ["--host", HOST, "--port", "0", "--mllp-port", "0"]
    start = time.monotonic()
    clock.tell("starting broker, database, gateway, relay and consumer")
    with running_house(own, gateway, clock.tell, prepare=register, jars=jars) as house:
        clock.took.append(("start", time.monotonic() - start))
        yield house


def _register(settings: Settings, mllp_port: int) -> dict[str, str]:
    """Keys by source, in the order of the scenario."""
    in_hub_of(settings, places.add_place, PLACE, None, PLACE_NAME)
    new = new_sources(mllp_port)
    if settings.database_url:
        new = tuple(named_apart(source) for source in new)
    return {source.id: in_hub_of(settings, sources.add_source, source, settings.packs).key for source in new}


def _show(settings: Settings, house: House, clock: Clock, keys: Mapping[str, str], mllp_port: int) -> list[report.Line]:
    since = datetime.now(UTC)
    senders = Senders(house.gateway["http"], dict(keys), (HOST, mllp_port))
    try:
        with clock.stage("send", "sending through HTTP and MLLP"):
            sent = [senders.send(sending) for sending in sendings(tuple(keys))]
            for each in sent:
                if each.sending.door is Door.FILE and each.id:
                    senders.file_report(each.sending.source, each.id)
        with clock.stage("arrive", "waiting for Kafka and the consumer"):
            lines, records = asyncio.run(_follow(settings, house, sent, since))
    finally:
        senders.close()
    report.print_events(lines)
    if records:
        report.print_event(as_document(records[0]))
    report.print_cost(house, lines, clock.total())
    return lines


async def _follow(
    settings: Settings, house: House, sent: Sequence[Sent], since: datetime
) -> tuple[list[report.Line], list[Any]]:
    """A line for each event of what was sent, and the records on Kafka, in the order of the lines."""
    sources_sent = {each.sending.source for each in sent}
    async with open_hub(settings) as database:
        await watch.none_waits(database, sources_sent, since)
        kept = await database.read(watch.kept_events, sources_sent, since)
        by_mllp = [each for each in sent if each.id is None]
        order = await database.read(watch.messages_in_order, by_mllp[0].sending.source, since) if by_mllp else []
    wanted = {(event.topic, event.id) for event in kept}
    told = {each.id: each for each in sent if each.id}
    told.update(zip([id_ for id_ in order if id_ not in told], by_mllp, strict=True))
    async with open_database(settings.consumers_database("timeline"), "consumers") as tables:
        records, seen = await asyncio.gather(
            watch.on_kafka(house.kafka.bootstrap, wanted),
            watch.seen_by_consumer(tables, {place for place in wanted if not parse_topic(place[0]).restricted}),
        )
    lines = []
    for event in kept:
        each = told.get(event.batch or event.message or "")
        record = records.get((event.topic, event.id))
        applied = seen.get((event.topic, event.id))
        at = each.at if each else event.received.timestamp()
        lines.append(
            report.Line(
                source=event.source,
                door=str(each.sending.door) if each else "-",
                sent=_what(each, event.row),
                event=event.type,
                topic=event.topic,
                partition=record.partition if record else None,
                offset=record.offset if record else None,
                held_apart=parse_topic(event.topic).restricted,
                seen_ms=round((applied.timestamp() - at) * 1000) if applied else None,
            )
        )
    return lines, [records[event.topic, event.id] for event in kept if (event.topic, event.id) in records]


def _what(sent: Sent | None, row: int | None) -> str:
    if sent is None:
        return "by the hub itself"
    return f"{sent.sending.what}, row {row}" if row else sent.sending.what
