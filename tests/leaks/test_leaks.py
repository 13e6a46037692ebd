"""Personal data never leaks: every door, address, refusal and command is driven with a marked person, beside faults of
our own and servers that are away, and nothing that is not content by design holds a mark."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import asyncpg
import httpx
import pytest

from carehub.broker.local import LocalKafka
from contract.errors import Code
from tests.leaks.channels import CONTENT_BY_DESIGN, Channel, Piece, kept_by, leaks
from tests.leaks.commands import ELSEWHERE, all_commands, drive_commands
from tests.leaks.drive import Driven, drive_addresses, drive_doors, drive_letters, drive_while_away
from tests.leaks.marks import marks_in
from tests.leaks.site import Site, running
from tests.servers import Postgres

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.slow]

FAULTS: Final = {("POST /events", 500)}
"""Where a fault of ours, put there by tests.leaks.faults, is answered as one."""

SETTLE_SECONDS: Final = 60.0


@dataclass
class Story:
    driven: Driven
    commands: set[str]
    pieces: list[Piece]
    document: dict[str, dict[str, object]]


@pytest.fixture(scope="module")
def story(kafka: LocalKafka, postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("leaks")
    with postgres_server.database() as url, running(Site(folder, url, kafka.address)) as site:
        driven = Driven(site)
        asyncio.run(drive_doors(driven))
        until_settled(site)
        asyncio.run(drive_letters(driven))
        asyncio.run(drive_addresses(driven))
        files = folder / "files"
        files.mkdir()
        commands = drive_commands(driven, files)
        kafka.stop()
        asyncio.run(drive_while_away(driven, "without Kafka"))
        kafka.start()
        postgres_server.stop()
        asyncio.run(drive_while_away(driven, "without the database"))
        postgres_server.start()
        until_settled(site)
        document = httpx.get(f"{site.http}/openapi.json").json()
        yield Story(driven, commands, [*driven.pieces, *kept_by(site)], document["paths"])


def until_settled(site: Site) -> None:
    """Everything kept is published, the consumer has applied it, no file is at work and nothing waits."""
    left = """SELECT (SELECT count(*) FROM outbox WHERE published IS NULL) + (SELECT count(*) FROM waiting)
        + (SELECT count(*) FROM batch WHERE status = 'processing')
        + (SELECT count(*) FROM outbox WHERE topic NOT LIKE '%.restricted.%'
            AND NOT EXISTS (SELECT FROM timeline WHERE ce_id = event))"""

    async def ask() -> int:
        connection = await asyncpg.connect(site.database_url)
        try:
            return int(await connection.fetchval(left))
        finally:
            await connection.close()

    deadline = time.monotonic() + SETTLE_SECONDS
    while (found := asyncio.run(ask())) and time.monotonic() < deadline:
        time.sleep(0.3)
    assert found == 0, f"{found} things are left"


def test_nothing_but_content_holds_a_mark(story: Story, record_property: Callable[[str, object], None]) -> None:
    counted = Counter(piece.channel for piece in story.pieces)
    record_property("counted", "searched: " + ", ".join(f"{number} of {name}" for name, number in counted.items()))
    assert sorted(f"{each.channel}: {each.place}: {each.mark}" for each in leaks(story.pieces)) == []


def test_something_was_searched_in_every_channel(story: Story) -> None:
    filled = {piece.channel for piece in story.pieces if piece.content.strip()}
    assert filled == set(Channel)


def test_every_exception_is_needed(story: Story) -> None:
    """Each place that is content by design holds marks."""
    unused = [
        (channel, place)
        for channel, place, _ in CONTENT_BY_DESIGN
        if not any(p.channel is channel and re.fullmatch(place, p.place) and marks_in(p.content) for p in story.pieces)
    ]
    assert unused == []


def test_every_address_was_driven_and_answered_in_every_way(story: Story) -> None:
    described = {(method.upper(), path) for path, operations in story.document.items() for method in operations}
    assert described - story.driven.routes == set()
    assert all(status < 500 or status == 503 for _, status in story.driven.statuses - FAULTS)
    assert {status for _, status in story.driven.statuses} >= {200, 202, 400, 401, 403, 404, 409, 413, 415, 422, 503}


def test_every_command_was_driven(story: Story) -> None:
    assert all_commands() - story.commands - ELSEWHERE.keys() == set()
    assert ELSEWHERE.keys() <= all_commands()


def test_every_refusal_was_provoked(story: Story) -> None:
    assert {str(code) for code in Code} - story.driven.codes == set()
