"""What senders and operators ask afterwards: messages, events, files, topics. A sender sees only its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from contract.topics import Topic
from gateway.http.exchange import Answer, Asked, WrongRequest, as_json
from gateway.http.front import Front
from gateway.http.query import moment, number, word
from gateway.http.refusals import wrong_request
from gateway.store.batches import batch_by_id, batch_rows
from gateway.store.sources import all_sources

_A_DAY: Final = timedelta(days=1)
_PAGE: Final = 100
_LONGEST_PAGE: Final = 1000
_LARGEST_NUMBER: Final = 2**31 - 1
_ID: Final = (r"[\x21-\x7e]{1,255}", "an id: at most 255 letters, digits and marks, without blanks")
_MESSAGE_ID: Final = (
    r"[^\x00-\x1f\x7f]{1,1000}",
    "the id that the message has for its sender, as in ADT^A01^MSG00001: at most 1000 characters",
)


async def message(asked: Asked, front: Front) -> Answer:
    """`GET /messages/{id}`: what became of a message; a refused one that was kept has its dead letter's id."""
    _, own = await front.reader(asked)
    found = await front.stories.of_message(asked.id, own) if asked.id else None
    return as_json(200, found) if found else wrong_request(404)


async def messages(asked: Asked, front: Front) -> Answer:
    """`GET /messages?message-id=`: what became of a message by its sender's own id. `GET /messages?since=`: a sender's
    own messages, oldest first. An operator names the source."""
    _, own = await front.reader(asked)
    source = own or word(asked, "source", *_ID)
    if source is None:
        raise WrongRequest("name the source: ?source=ID")
    message_id = word(asked, "message-id", *_MESSAGE_ID)
    if message_id is not None:
        return as_json(200, await front.stories.named(source, message_id, front.keys))
    since = moment(asked, "since", datetime.now(UTC) - _A_DAY)
    limit = number(asked, "limit", _PAGE, 1, _LONGEST_PAGE)
    return as_json(200, await front.stories.since(source, since, limit, word(asked, "after", *_ID)))


async def event(asked: Asked, front: Front) -> Answer:
    """`GET /events/{id}`: the life of an event so far."""
    _, own = await front.reader(asked)
    found = await front.stories.of_event(asked.id, own) if asked.id else None
    return as_json(200, found) if found else wrong_request(404)


async def batch(asked: Asked, front: Front) -> Answer:
    """`GET /batches/{id}`: progress, and the report of the rows numbered above `after`, in order."""
    _, own = await front.reader(asked)
    after = number(asked, "after", 0, 0, _LARGEST_NUMBER)
    limit = number(asked, "limit", _PAGE, 1, _LONGEST_PAGE)
    id_ = asked.id
    found = await front.hub.database.read(batch_by_id, id_, own) if id_ else None
    if found is None or id_ is None:
        return wrong_request(404)
    rows = await front.hub.database.read(batch_rows, id_, after=after, limit=limit)
    more = f"/batches/{id_}?after={rows[-1].number}&limit={limit}" if len(rows) == limit else None
    return as_json(200, {**found.as_dict(), "report": [row.as_dict() for row in rows], "next": more})


async def topics(asked: Asked, front: Front) -> Answer:
    """`GET /topics`: where events of each place and sector go; for a sender, its own."""
    _, own = await front.reader(asked)
    sources = await front.hub.database.read(all_sources)
    places = sorted({(source.place, source.sector) for source in sources if own in (None, source.id)})
    found = [
        {
            "topic": str(Topic(place, sector, restricted=restricted)),
            "place": place,
            "sector": str(sector),
            "restricted": restricted,
        }
        for place, sector in places
        for restricted in (False, True)
    ]
    return as_json(200, {"topics": found})
