"""What messages take up: `python -m tests.bench.size` prints bytes per message in each table, of each kind, as JSON.

Samples of the packs, each message with a control id of its own and four messages to a person, go through the whole hub:
PostgreSQL, SQLite's file, and the log of a real Kafka with one copy. carehub/size.py holds the figures.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, text

from carehub.composition import composed_line, make_relays
from carehub.databases import migrate_hub
from carehub.kafka import Kafka
from carehub.register.session import in_hub_of
from carehub.settings import Settings
from contract.topics import Sector
from gateway.delivery import Delivery
from gateway.door import SEND
from gateway.source import Principal, Source
from gateway.store.database import Database
from gateway.store.models import metadata
from tests.gateway.relay.rows import all_published
from tests.gateway.store.making import register
from tests.servers import apache_kafka, throw_away_postgres

PACKS: Final = Path(__file__).parents[2] / "mappings" / "packs"
KINDS: Final = {
    "admission": (PACKS / "hl7v2-itk" / "samples" / "a01-admission" / "message.hl7", 10_000),
    "report": (PACKS / "hl7v2-itk" / "samples" / "oru-r01-pathology" / "message.hl7", 7_000),
    "letter": (PACKS / "hl7v2" / "samples" / "mdm-t02-letter" / "message.hl7", 3_000),
}
PAS: Final = Source("bench-pas", "RBD", Sector.ACUTE, "bench", ("hl7v2-itk",), "bench-pas")
AT_ONCE: Final = 200
PER_PERSON: Final = 4


def numbered(sample: str, number: int) -> bytes:
    """The sample with a control id and a person of its own."""
    person = number // PER_PERSON
    lines = sample.replace("\r", "\n").strip().split("\n")
    for at, line in enumerate(lines):
        fields = line.split("|")
        if fields[0] == "MSH":
            fields[9] = f"SIZE{number:09}"
        elif fields[0] == "PID":
            fields[3] = f"{nhs_number(person)}^^^NHS~{person:07}^^^LOCALID"
        elif fields[0] == "PV1" and len(fields) > 19:
            fields[19] = re.sub(r"\d+", f"{number:07}", fields[19], count=1)
        lines[at] = "|".join(fields)
    return "\r".join(lines).encode()


def nhs_number(person: int) -> str:
    """Of the range that is never given out, valid by Modulus 11."""
    for nine in range(999_000_000 + person * 3, 999_999_999):
        check = 11 - sum(int(digit) * weight for digit, weight in zip(str(nine), range(10, 1, -1), strict=True)) % 11
        if check != 10:
            return f"{nine}{check % 11}"
    raise ValueError("too many persons")


async def fill(settings: Settings, kafka: Kafka, sample: str, count: int) -> tuple[float, float]:
    """Seconds that it took to keep them, and to publish them."""
    principal = Principal("source", PAS.id, frozenset({SEND}), PAS)
    async with composed_line(settings) as line:
        begun = time.monotonic()
        for start in range(0, count, AT_ONCE):
            bodies = [numbered(sample, number) for number in range(start, min(count, start + AT_ONCE))]
            now = datetime.now(UTC)
            deliveries = [Delivery(principal, body, "application/hl7-v2", now) for body in bodies]
            await asyncio.gather(*(line.reception.receive(each, "http") for each in deliveries))
        kept = time.monotonic()
        relays = make_relays(settings, line.hub.database, kafka, "size", "size")
        stop = asyncio.Event()
        running = asyncio.create_task(relays.relay.run(stop))
        await all_published(line.hub.database, 300)
        stop.set()
        await running
        return kept - begun, time.monotonic() - kept


def sizes(connection: Connection) -> dict[str, int]:
    """Bytes of each table with its indexes and what is kept beside it."""
    connection.execute(text("ANALYZE"))
    return {
        name: connection.execute(text(f"SELECT pg_total_relation_size('\"{name}\"')")).scalar_one()
        for name in metadata.tables
    }


def average_event(connection: Connection) -> tuple[int, int]:
    return tuple(connection.execute(text("SELECT count(*), sum(size) FROM outbox")).one())  # type: ignore[return-value]


async def read(settings: Settings, work: Any) -> Any:
    database = Database(settings.hub_database)
    await database.open()
    try:
        return await database.read(work)
    finally:
        await database.close()


def measure(kind: str, url: str, folder: Path, kafka: Kafka, log: Path) -> dict[str, Any]:
    path, count = KINDS[kind]
    sample = path.read_text(encoding="utf-8")
    settings = Settings(data=folder, DATABASE_URL=url)
    migrate_hub(settings)
    in_hub_of(settings, register, PAS)
    on_postgres = url.startswith("postgresql")
    before = asyncio.run(read(settings, sizes)) if on_postgres else {"file": _file(folder)}
    kafka_before = _folder(log)
    keeping, publishing = asyncio.run(fill(settings, kafka, sample, count))
    after = asyncio.run(read(settings, sizes)) if on_postgres else {"file": _file(folder)}
    rows, size = asyncio.run(read(settings, average_event))
    grown = {name: round((after[name] - before[name]) / count) for name in after}
    return {
        "message": len(numbered(sample, 1)),
        "tables": {name: each for name, each in grown.items() if each > 1},
        "kept_per_second": round(count / keeping),
        "published_per_second": round(rows / publishing),
        "events": rows / count,
        "event": round(int(size) / rows),
        "kafka": round((_folder(log) - kafka_before) / rows),
    }


def _file(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.glob("hub.sqlite") if each.exists())


def _folder(log: Path) -> int:
    """Bytes of the records in a log; index files are made at their full size before they are used."""
    return sum(each.stat().st_size for each in log.rglob("*.log") if "care." in str(each))


def main() -> None:
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as home, apache_kafka() as server, throw_away_postgres() as postgres:
        kafka = Kafka(server.address, transactional=True, kind="kafka")
        of = partial(measure, kafka=kafka, log=server._home)
        for kind in KINDS:
            with postgres.database() as url:
                found[kind] = {"postgresql": of(kind, url, Path(home) / f"{kind}-p")}
            folder = Path(home) / f"{kind}-s"
            found[kind]["sqlite"] = of(kind, f"sqlite:///{folder / 'hub.sqlite'}", folder)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
