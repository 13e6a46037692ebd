"""What is wrong with this installation, and what to do: each finding is one line a person can act on."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from carehub.broker.choice import why_no_kafka
from carehub.databases import open_hub
from carehub.heartbeat import alive
from carehub.installation import recorded_facts
from carehub.kafka import find_kafka
from carehub.packs import cache_of
from carehub.restore.sample import topics_cut_short
from carehub.secrets import NAMES, load_or_make_secrets, load_secrets, secret_files
from carehub.settings import Settings, unknown_variables
from carehub.tail import topics_of
from carehub.topics import unfit_of_sources
from contract.errors import Misconfigured
from gateway.store.models import heartbeat, source
from mappings.language import Catalogue, PackError, load_pack
from mappings.language.subjects import subjects
from migrations import NEWEST, revision_of

LEAST_FREE_BYTES: Final = 1024**3
"""Free space in the data folder below which a backlog could fill the disk soon."""

_BRING_BACK: Final = "carehub restore check; docs/backup.md says how they come back"
_MAKE_ANEW: Final = (
    "persons' keys lie otherwise than in the hub's other topics: drain it, delete it, carehub topics apply"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` was looked at, what was `found`, and for what is not ok the `advice`."""

    what: str
    ok: bool
    found: str
    advice: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """Looks at everything; whatever is wrong with one thing, the others are looked at too."""
    here = [_python(), *_variables(), *_packs(settings), _disk(settings)]
    found = [await look(settings) for look in (_database, _secrets, _kafka, _tls)]
    return [*here, *found, *await _topics(settings), *await _gateways(settings)]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    return Finding("Python", good, version, "" if good else "carehub needs Python 3.11 or later")


def _variables() -> Iterator[Finding]:
    for name, meant in unknown_variables(os.environ).items():
        yield Finding("settings", False, f"{name} is no setting", f"did you mean {meant}?" if meant else "remove it")


def _packs(settings: Settings) -> Iterator[Finding]:
    """Packs and overlays: an overlay is tried over its pack alone. One that cannot be read at all is told too."""
    cache = cache_of(settings)
    known, good = subjects(settings.packs), []
    for name, subject in known.items():
        try:
            load_pack(subject.pack, settings.packs, cache, subject.locality)
            good.append(name)
        except Misconfigured as broken:
            yield Finding("packs", False, f"{name} does not compile", f"carehub packs lint: {_reason(broken)}")
    for folder in Catalogue(settings.packs).overlays:
        if folder.manifest is None:
            said = f"the overlay {folder.root.name} cannot be read"
            yield Finding("packs", False, said, f"carehub packs lint: {folder.problems[0].place}")
    yield Finding("packs", bool(good), ", ".join(good) or "none", "" if good else "look at CAREHUB_PACKS")


def _disk(settings: Settings) -> Finding:
    folder = settings.data if settings.data.exists() else settings.data.absolute().parent
    free = shutil.disk_usage(folder).free
    found = f"{free / 1024**3:.1f} GiB free for {settings.data}"
    return Finding("disk", free > LEAST_FREE_BYTES, found, "" if free > LEAST_FREE_BYTES else "make room")


async def _database(settings: Settings) -> Finding:
    async def look() -> str:
        async with open_hub(settings) as database:
            count = await database.read(_sources)
            found = await database.read(revision_of, "hub") or ""
        newer = " by a newer version, for which this one is to be replaced" if found > NEWEST["hub"] else ""
        return f"{'SQLite' if settings.on_sqlite else 'PostgreSQL'}, migrated{newer}, {count} sources"

    return await _finding("database", look)


async def _gateways(settings: Settings) -> list[Finding]:
    """What running gateways say of their packs: there, files may stand that are not here, or not any more."""

    def read(connection: Connection) -> list[tuple[str, str]]:
        rows = connection.execute(select(heartbeat).where(*alive(connection, "gateway")))
        return [(line, row.process) for row in rows for line in row.trouble.splitlines()]

    try:
        async with open_hub(settings) as database:
            told = await database.read(read)
    except Misconfigured:
        return []  # the database's own finding says so
    processes: dict[str, list[str]] = {}
    for line, process in told:
        processes.setdefault(line, []).append(process)
    return [
        Finding("gateway packs", False, f"{line} (on {', '.join(on)})", "carehub packs lint; then carehub packs reload")
        for line, on in processes.items()
    ]


async def _secrets(settings: Settings) -> Finding:
    async def look() -> str:
        async with open_hub(settings) as database:
            recorded = {k: v for k, v in (await database.read(recorded_facts)).items() if k in NAMES}
        if not recorded and not any(path.exists() for path in secret_files(settings).values()):
            return "none yet: the first start makes them"
        (load_or_make_secrets(settings, recorded) if recorded else load_secrets(settings))
        return f"in {settings.secrets_folder}, readable by their owner alone"

    return await _finding("secrets", look)


async def _kafka(settings: Settings) -> Finding:
    async def look() -> str:
        kafka = find_kafka(settings)
        if kafka is None:
            lacking = why_no_kafka(settings.data)
            return "none runs; `carehub up` starts " + (f"a stand-in ({lacking})" if lacking else "Apache Kafka")
        await topics_of(kafka.bootstrap)
        return f"{kafka.bootstrap} answers"

    return await _finding("Kafka", look)


async def _topics(settings: Settings) -> list[Finding]:
    """Whether Kafka has topics set as the hub needs them, and still has what was published last."""
    kafka = find_kafka(settings)
    if kafka is None or not kafka.transactional:
        return []
    try:
        unfit, short = await unfit_of_sources(settings), await topics_cut_short(settings)
    except Misconfigured:
        return []  # the findings of database and Kafka say so
    found = [Finding("topics", False, f"{name} lacks events that were published to it", _BRING_BACK) for name in short]
    for each in unfit:
        advice = "carehub topics apply" if each.changeable else _MAKE_ANEW
        found.append(
            Finding("topics", False, f"{each.topic} has {each.setting} {each.found}, not {each.needed}", advice)
        )
    return found or [Finding("topics", True, "set as the hub needs them, with what was published to them")]


async def _tls(settings: Settings) -> Finding:
    async def look() -> str:
        given = (settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
        if not any(given):
            return "off: MLLP listens only on ports bound to sources"
        return f"certificate {settings.tls_certificate}" if tls_of(settings) else ""

    from carehub.composition import tls_of

    return await _finding("MLLP TLS", look)


async def _finding(what: str, look: Callable[[], Awaitable[str]]) -> Finding:
    try:
        return Finding(what, True, await look())
    except Misconfigured as wrong:
        return Finding(what, False, "not well", _first_line(wrong))


def _sources(connection: Connection) -> int:
    return len(connection.execute(select(source.c.id)).all())


def _reason(error: Misconfigured) -> str:
    """Of a pack the first mistake, in one line."""
    first = next(iter(error.problems), None) if isinstance(error, PackError) else None
    return f"{first.place}  {first.text}" if first is not None else _first_line(error)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
