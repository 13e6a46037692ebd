"""Dead letters for the command line: looked at, tried out, taken in again, put away.

Previews and retries run the straight line in this process, with the packs that stand on CAREHUB_PACKS now, beside the
gateways that serve. A retry that was cut off is simply begun again: what it had done is closed.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from carehub.composition import Line, composed_line
from carehub.databases import open_hub
from carehub.errors import Declined
from carehub.register.credentials import account
from carehub.register.session import in_hub
from carehub.settings import Settings
from gateway.letters import Became, Worked, preview_letter, retry_letter
from gateway.store import deadletters
from gateway.store.database import Database
from gateway.store.letter_work import count_letters, discard, kept_letter, open_letters

Progress: TypeAlias = Callable[[int], AbstractContextManager[Callable[[int], None]]]
"""Shows how far a work of so many letters is; what it yields is told how many more are done."""

PAGE: Final = 500
_GROUP: Final = re.compile(r"[0-9a-f]{16}")
_LEFT: Final = frozenset({Became.REFUSED, Became.CONFLICT, Became.SUPERSEDED})


@dataclass(frozen=True, slots=True)
class Reason:
    """Why letters are not accepted, how many, and one of them."""

    text: str
    example: str
    count: int = 0


@dataclass(slots=True)
class Summary:
    """What became of letters, or would: by outcome, by event type and topic, and why not (outcome, code, path)."""

    letters: int = 0
    outcomes: Counter[Became] = field(default_factory=Counter)
    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: dict[tuple[str, str, str], Reason] = field(default_factory=dict)

    def add(self, worked: Worked) -> None:
        self.letters += 1
        self.outcomes[worked.outcome] += 1
        self.events.update((type_, topic) for type_, topics in worked.events for topic in topics)
        if worked.text:
            why = (str(worked.outcome), worked.code, worked.path)
            known = self.reasons.setdefault(why, Reason(worked.text, worked.letter))
            self.reasons[why] = replace(known, count=known.count + 1)

    @property
    def ok(self) -> bool:
        """Whether none of them is left for somebody to look at."""
        return not _LEFT & self.outcomes.keys()

    def as_dict(self) -> dict[str, Any]:
        return {
            "letters": self.letters,
            "outcomes": {str(outcome): number for outcome, number in self.outcomes.items()},
            "events": [{"type": t, "topic": topic, "count": n} for (t, topic), n in self.events.most_common()],
            "reasons": [
                {
                    "outcome": outcome,
                    "code": code or None,
                    "path": path or None,
                    "text": reason.text,
                    "count": reason.count,
                    "example": reason.example,
                }
                for (outcome, code, path), reason in self.reasons.items()
            ],
        }


def groups(source: str | None, status: str | None, limit: int) -> list[dict[str, Any]]:
    """Those of the latest letters first; of every source and status where None is given."""
    found = in_hub(deadletters.list_groups, source=source, status=status, limit=limit)
    return [group.as_dict() for group in found]


def letters(source: str | None, status: str | None, group: str | None, limit: int) -> list[dict[str, Any]]:
    """The latest first."""
    found = in_hub(deadletters.list_dead_letters, source=source, status=status, group=group, limit=limit)
    return [letter.as_dict() for letter in found]


def letter_of(id_: str) -> dict[str, Any]:
    """One letter and what was done with it. Raises Declined when there is none."""
    found = in_hub(deadletters.told_letter, id_)
    if found is None:
        raise Declined(f"there is no dead letter {id_}")
    return found


def preview(settings: Settings, id_: str, limit: int | None, progress: Progress) -> Summary:
    """What a retry of a letter, or of a group's first `limit`, would bring. Raises Declined when there is none."""
    return asyncio.run(_work(settings, id_, limit, progress, lambda each, line: preview_letter(each, line.hub)))


def retry(settings: Settings, id_: str, limit: int | None, progress: Progress) -> Summary:
    """Takes a letter, or a group's first `limit`, in again. Raises Declined when there is none, Unavailable when it
    cannot go on: what it had done is done."""
    actor = account()
    return asyncio.run(
        _work(settings, id_, limit, progress, lambda each, line: retry_letter(each, actor, line.hub, line.reception))
    )


def put_away(settings: Settings, id_: str, reason: str, progress: Progress) -> int:
    """Discards a letter, or a group's open ones; how many. Raises Declined when there is none."""
    return asyncio.run(_put_away(settings, id_, reason, progress))


async def _work(
    settings: Settings,
    id_: str,
    limit: int | None,
    progress: Progress,
    step: Callable[[str, Line], Awaitable[Worked | None]],
) -> Summary:
    summary = Summary()
    async with composed_line(settings) as line:
        total = await _known(line.hub.database, id_)
        with progress(min(total, limit or total)) as tell:
            async for page in _pages(line.hub.database, id_):
                await line.guard.measure()
                for each in page[: None if limit is None else limit - summary.letters]:
                    worked = await step(each, line)
                    if worked is not None:
                        summary.add(worked)
                    tell(1)
                if limit is not None and summary.letters >= limit:
                    break
    return summary


async def _put_away(settings: Settings, id_: str, reason: str, progress: Progress) -> int:
    done = 0
    async with open_hub(settings) as database:
        with progress(await _known(database, id_)) as tell:
            async for page in _pages(database, id_):
                done += await database.run(discard, page, actor=account(), reason=reason, now=datetime.now(UTC))
                tell(len(page))
    return done


async def _known(database: Database, id_: str) -> int:
    """How many letters there are to work. Raises Declined when there is no such letter or group."""
    if _GROUP.fullmatch(id_):
        still_open, total = await database.read(count_letters, id_)
        if total:
            return still_open
    elif await database.read(kept_letter, id_) is not None:
        return 1
    raise Declined(f"there is no dead letter or group {id_} (carehub deadletters list)")


async def _pages(database: Database, id_: str) -> AsyncIterator[list[str]]:
    """The letter alone, or the open ones of a group in the order received; never all at once."""
    if not _GROUP.fullmatch(id_):
        yield [id_]
        return
    after: str | None = None
    while page := await database.read(open_letters, id_, after=after, limit=PAGE):
        yield page
        after = page[-1]
