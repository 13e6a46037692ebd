"""Dead letters for operators: groups of one cause, what a corrected pack would make of them, retry and discard.

A group may hold a hundred thousand letters: each request works one page of it, and says where the next begins.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gateway.door import OPERATE, VIEW
from gateway.http.body import Body
from gateway.http.content import media_type
from gateway.http.exchange import Answer, Asked, WrongRequest, as_json
from gateway.http.front import Front
from gateway.http.query import number, word
from gateway.http.refusals import wrong_request
from gateway.letters import Worked, preview_letter, retry_letter
from gateway.source import Principal
from gateway.store.deadletters import list_dead_letters, list_groups, told_letter
from gateway.store.letter_work import count_letters, discard, kept_letter, open_letters
from gateway.store.refusals import OPEN

_LETTER: Final = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_GROUP: Final = r"^[0-9a-f]{16}$"
_LETTER_ID: Final = (_LETTER, "the id of a dead letter")
_GROUP_ID: Final = (_GROUP, "the id of a group: 16 digits, 0 to f")
_SOURCE: Final = (r"[\x21-\x7e]{1,64}", "the id of a source")
_STATUS: Final = (r"open|closed|discarded", "open, closed or discarded")
_REASON: Final = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
_PAGE: Final = 100
_LONGEST_PAGE: Final = 1000
_LONGEST_BODY: Final = 10_000

LetterId: TypeAlias = Annotated[str, Field(pattern=_LETTER)]


class Chosen(BaseModel):
    """The body of a request: one letter, or a page of a group's open letters after the one named."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    letter: LetterId | None = None
    group: Annotated[str, Field(pattern=_GROUP)] | None = None
    after: LetterId | None = None
    limit: Annotated[int, Field(ge=1, le=_LONGEST_PAGE)] = _PAGE

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.letter is None) == (self.group is None):
            raise ValueError("name either a letter or a group")
        return self


class Discarded(Chosen):
    reason: Annotated[str, Field(max_length=500, pattern=_REASON)]


async def groups(asked: Asked, front: Front) -> Answer:
    """`GET /deadletters`: groups of one cause, those of the latest letters first."""
    await front.who(asked, VIEW)
    source, status = word(asked, "source", *_SOURCE), word(asked, "status", *_STATUS) or OPEN
    limit = number(asked, "limit", _PAGE, 1, _LONGEST_PAGE)
    found = await front.hub.database.read(list_groups, source=source, status=status, limit=limit)
    return as_json(200, {"groups": [group.as_dict() for group in found]})


async def letters(asked: Asked, front: Front) -> Answer:
    """`GET /deadletters/letters`: one by one, the latest first."""
    await front.who(asked, VIEW)
    source, status = word(asked, "source", *_SOURCE), word(asked, "status", *_STATUS) or OPEN
    group, after = word(asked, "group", *_GROUP_ID), word(asked, "after", *_LETTER_ID)
    limit = number(asked, "limit", _PAGE, 1, _LONGEST_PAGE)
    found = await front.hub.database.read(
        list_dead_letters, source=source, status=status, group=group, after=after, limit=limit
    )
    last = found[-1].id if len(found) == limit else None
    return as_json(200, {"letters": [letter.as_dict() for letter in found], "next": last})


async def letter(asked: Asked, front: Front) -> Answer:
    """`GET /deadletters/{id}`: one letter, why it is one, and what operators did with it; never its content."""
    await front.who(asked, VIEW)
    id_ = asked.path_params["id"]
    found = await front.hub.database.read(told_letter, id_) if re.fullmatch(_LETTER, id_) else None
    return as_json(200, found) if found else wrong_request(404)


async def preview(asked: Asked, front: Front) -> Answer:
    """`POST /deadletters/preview`: what a retry would make of them, by the packs as they run here now."""
    return await _work(asked, front, VIEW, lambda id_, _: preview_letter(id_, front.hub))


async def retry(asked: Asked, front: Front) -> Answer:
    """`POST /deadletters/retry`: takes them in again, in the order received. Safe to repeat."""
    return await _work(asked, front, OPERATE, lambda id_, who: retry_letter(id_, who.id, front.hub, front.reception))


async def put_away(asked: Asked, front: Front) -> Answer:
    """`POST /deadletters/discard`: they stay, with the reason and who gave it, and are worked no more."""
    principal = await front.who(asked, OPERATE)
    with front.turn(principal):
        chosen = await _chosen(asked, front, Discarded)
        ids = await _page(chosen, front)
        if ids is None:
            return wrong_request(404)
        done = await front.hub.database.run(
            discard, ids, actor=principal.id, reason=chosen.reason, now=datetime.now(UTC)
        )
    return as_json(200, {"discarded": done, **await _rest(chosen, ids, front)})


async def _work(
    asked: Asked, front: Front, scope: str, work: Callable[[str, Principal], Awaitable[Worked | None]]
) -> Answer:
    principal = await front.who(asked, scope)
    with front.turn(principal):
        chosen = await _chosen(asked, front, Chosen)
        ids = await _page(chosen, front)
        if ids is None:
            return wrong_request(404)
        worked = [found for id_ in ids if (found := await work(id_, principal)) is not None]
    counts = Counter(str(each.outcome) for each in worked)
    told = {"counts": counts, "letters": [each.as_dict() for each in worked]}
    return as_json(200, {**told, **await _rest(chosen, ids, front)})


_Body: TypeAlias = Any


async def _chosen(asked: Asked, front: Front, kind: type[_Body]) -> _Body:
    media_type(asked, frozenset({"application/json"}))
    async with Body(asked, _LONGEST_BODY, front.limits.body_seconds, front.in_flight) as body:
        try:
            return kind.model_validate_json(body)
        except ValidationError as invalid:
            said = (
                f"{_member(each['loc'], kind)}: {each['msg'].removeprefix('Value error, ')}"
                for each in invalid.errors(include_input=False, include_url=False)
            )
            raise WrongRequest("; ".join(said)) from None


def _member(place: tuple[int | str, ...], kind: type[BaseModel]) -> str:
    """A member that there is, by its name; any other name could be a person's."""
    return str(place[0]) if place and place[0] in kind.model_fields else "body"


async def _page(chosen: Chosen, front: Front) -> list[str] | None:
    """The ids to work; None when there is no such letter or group."""
    if chosen.letter is not None:
        return [chosen.letter] if await front.hub.database.read(kept_letter, chosen.letter) else None
    group = chosen.group or ""
    if (await front.hub.database.read(count_letters, group))[1] == 0:
        return None
    return await front.hub.database.read(open_letters, group, after=chosen.after, limit=chosen.limit)


async def _rest(chosen: Chosen, ids: list[str], front: Front) -> dict[str, Any]:
    """Where the next page begins, and how many letters of the group are open now."""
    if chosen.group is None:
        return {"next": None}
    still_open, _ = await front.hub.database.read(count_letters, chosen.group)
    return {"next": ids[-1] if len(ids) == chosen.limit else None, "open": still_open}
