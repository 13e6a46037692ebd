"""A leak that is planted on purpose is found in each channel: the search is worth something. On SQLite, where one
process is gateway and relay."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from carehub import stories
from carehub.broker.local import LocalKafka
from carehub.errors import Declined
from tests.leaks.channels import Channel, Piece, kept_by, leaks
from tests.leaks.drive import Driven, client, talk
from tests.leaks.marks import GIVEN
from tests.leaks.messages import HL7, hl7
from tests.leaks.site import Site, bearer, running

TOLD_SECONDS: Final = 60.0


@pytest.mark.kafka
def test_a_planted_leak_is_found_in_every_channel(
    kafka: LocalKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/data/hub.sqlite"
    careless = Site(tmp_path, url, kafka.address, ("tests.leaks.planted", GIVEN), "tests.leaks.talkative")
    with running(careless) as site:
        driven = Driven(site)
        asyncio.run(_drive(driven))
        _until_told(site)
        topic = f"care.{site.place}.{GIVEN.lower()}.v1"
        admin = AdminClient({"bootstrap.servers": site.bootstrap, "log_level": 0})
        admin.create_topics([NewTopic(topic, 1)])[topic].result()
        (site.data / f"{GIVEN}.tmp").write_text(GIVEN)
        _tell_by_commands(driven, monkeypatch)
        site.carehub("places", "add", "leaks-planted", "--name", GIVEN)
        found = leaks([*driven.pieces, *kept_by(site)])
        admin.delete_topics([topic])[topic].result()
    assert {leak.channel for leak in found if leak.mark == "given name"} == set(Channel)
    assert {leak.mark for leak in found} == {"given name"}, "and nothing else is told"


async def _drive(driven: Driven) -> None:
    """One message that is accepted and one that is refused, by each door."""
    site = driven.site
    as_source = {**bearer(site.keys["leaks-pas"]), "content-type": HL7}
    async with client(site) as http:
        for body in (hl7(), hl7(born="19310231")):
            driven.answered("/events", "a source", await http.post("/events", content=body, headers=as_source))
        response = await http.get("/metrics", headers=bearer(site.keys["view"]))
        driven.answered("/metrics", "a viewer", response)
    await talk(driven, site.ports["leaks-pas"], [hl7(), hl7(born="19310231")])


def _until_told(site: Site) -> None:
    """Until the consumer's app has told of an event, by which time everything before it is told."""
    deadline = time.monotonic() + TOLD_SECONDS
    while b'"applied"' not in site.services["consumer"].log.read_bytes():
        assert time.monotonic() < deadline, site.services["consumer"].tail()
        time.sleep(0.2)


def _tell_by_commands(driven: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> Any:
        raise Declined(f"{GIVEN} is not here")

    monkeypatch.setattr(stories, "batch_of", lambda _: {"patient": GIVEN})
    monkeypatch.setattr(stories, "event_of", refuse)
    for kind in ("batches", "events"):
        result = driven.site.carehub(kind, "show", "x", "--json")
        driven.pieces.append(Piece(Channel.OUTPUT, f"{kind} show", result.stdout.encode()))
        driven.pieces.append(Piece(Channel.ERRORS, f"{kind} show", result.stderr.encode()))
