"""Mapping again for the command line: what the packs of today say of stored messages, and corrections of what differs.

It runs the straight line in this process, with the packs that stand on CAREHUB_PACKS now, beside the gateways that
serve. What was cut off is simply begun again: what is corrected no longer differs.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, TypeAlias

from carehub.adoption import bundle_differences, shown, without_positions
from carehub.composition import Line, composed_line
from carehub.errors import Declined
from carehub.letters import Progress
from carehub.register.credentials import account
from carehub.settings import Settings
from contract.errors import Misconfigured
from gateway.remapping import Remapped, remap
from gateway.source import Source
from gateway.store.correct import publish_amendments
from gateway.store.corrections import Correction, Stored, count_messages, standing_events, stored_messages
from gateway.store.sharing import Sharing
from gateway.store.sources import registered_source
from mappings.language.comparing import Difference

Shown: TypeAlias = Sequence[Mapping[str, Any]]
"""Differences with their messages and values: personal data."""

PAGE: Final = 100
BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Summary:
    """What is different, or was corrected: messages, events by type, elements, and what was not taken in. `corrected`
    messages are those of which corrections and additions say all that there is to say; `left` are events in addition
    that only taking the message in could make."""

    messages: int = 0
    same: int = 0
    corrected: int = 0
    corrections: Counter[str] = field(default_factory=Counter)
    elements: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    versions: Counter[tuple[str, str]] = field(default_factory=Counter)
    added: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    gone: Counter[str] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    waits: int = 0
    published: int = 0

    def add(self, found: Remapped) -> None:
        self.messages += 1
        self.same += found.same
        self.corrected += found.correctable and not found.same
        self.waits += found.waits
        self.added.update(each.draft.type for each in found.additions)
        self.left.update(found.left)
        self.gone.update(found.gone)
        if found.refused is not None:
            self.refused[str(found.refused.code), found.refused.path] += 1
        for amendment in found.amendments:
            self.versions[found.message.pack_version, amendment.pack_version] += 1
        for correction in found.corrections:
            self.corrections[correction.draft.type] += 1
            for path in elements_of(correction):
                self.elements[path] += 1
                self.examples.setdefault(path, found.message.id)

    def as_dict(self) -> dict[str, Any]:
        return {
            "messages": self.messages,
            "same": self.same,
            "corrections": dict(self.corrections.most_common()),
            "elements": [
                {"path": path, "events": count, "example": self.examples[path]}
                for path, count in self.elements.most_common()
            ],
            "versions": [{"from": old, "to": new, "events": n} for (old, new), n in self.versions.most_common()],
            "added": dict(self.added.most_common()),
            "left": dict(self.left.most_common()),
            "gone": dict(self.gone.most_common()),
            "refused": [{"code": code, "path": path, "messages": n} for (code, path), n in self.refused.most_common()],
            "waits": self.waits,
            "published": self.published,
        }


def elements_of(correction: Correction) -> set[str]:
    """The elements that differ, without a value of any."""
    standing = correction.standing
    found = {
        name
        for name, differs in (
            ("event.type", standing.type != correction.draft.type),
            ("event.topic", standing.restricted != correction.restricted),
        )
        if differs
    }
    return found | {without_positions(each.path) for each in _differences(correction)}


@dataclass(frozen=True, slots=True)
class Window:
    """Messages of a source, received from `since` on and before `until` (UTC)."""

    source: str
    since: datetime
    until: datetime


def differences(settings: Settings, window: Window, progress: Progress, values: int = 0) -> tuple[Summary, Shown]:
    """What the packs of today would change, and the first so many differences with their values. Raises Declined when
    there is no such source."""
    return asyncio.run(_go_through(settings, window, progress, values, publish=False))


def correct(settings: Settings, window: Window, progress: Progress) -> Summary:
    """Publishes a correction of every event that differs. Raises as `differences` does; Unavailable when it cannot go
    on: what it had done is done."""
    return asyncio.run(_go_through(settings, window, progress, 0, publish=True))[0]


async def _go_through(
    settings: Settings, window: Window, progress: Progress, values: int, *, publish: bool
) -> tuple[Summary, Shown]:
    summary, values_of, sharing = Summary(), list[Mapping[str, Any]](), Sharing()
    async with composed_line(settings) as line:
        source = await _source(line, window.source)
        shelved = line.hub.shelf.stock.sources.get(source.id)
        if broken := [each.name for each in (shelved.shelved if shelved else ()) if each.pack is None]:
            raise Misconfigured(f"{', '.join(broken)} cannot be loaded for this source: carehub packs lint says why")
        total = await line.hub.database.read(count_messages, source.id, window.since, window.until)
        with progress(total) as tell:
            async for page in _pages(line, window):
                found = await _remapped(line, source, page)
                for each in found:
                    summary.add(each)
                    values_of += _values(each, values - len(values_of))
                if publish:
                    summary.published += await _publish(line, source, sharing, found)
                tell(len(page))
    return summary, values_of


async def _source(line: Line, id_: str) -> Source:
    try:
        return await line.hub.database.read(registered_source, id_)
    except LookupError:
        raise Declined(f"there is no source {id_} (carehub sources list)") from None


async def _pages(line: Line, window: Window) -> AsyncIterator[list[Stored]]:
    after: Stored | None = None
    while page := await line.hub.database.read(stored_messages, window.source, window.since, window.until, PAGE, after):
        yield page
        after = page[-1]


async def _remapped(line: Line, source: Source, page: Sequence[Stored]) -> list[Remapped]:
    standing = await line.hub.database.read(standing_events, [each.id for each in page])
    return [await remap(each, source, standing.get(each.id, []), line.hub) for each in page]


async def _publish(line: Line, source: Source, sharing: Sharing, found: Sequence[Remapped]) -> int:
    amendments = [amendment for each in found for amendment in each.amendments]
    if not amendments:
        return 0
    await line.guard.measure()
    line.guard.admit()
    return await line.hub.database.run(publish_amendments, amendments, source, sharing, account(), datetime.now(UTC))


def _values(found: Remapped, limit: int) -> Shown:
    differing = (each for correction in found.corrections for each in _differences(correction))
    return [{"message": found.message.id, **shown(each)} for each in islice(differing, limit)]


def _differences(correction: Correction) -> Iterator[Difference]:
    return bundle_differences(json.loads(correction.standing.body), json.loads(correction.body))
