"""Where senders send: `POST /events`, `POST /fhir/$process-message` and the dry run `POST /events/preview`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import orjson

from contract.errors import Code, Conflict, TooLarge, refuse
from gateway.delivery import Delivery, Receipt, Status
from gateway.door import SEND
from gateway.files import first_of_several
from gateway.http.body import Body
from gateway.http.content import FHIR_TYPES, SEVERAL, media_type
from gateway.http.exchange import JSON, JSON_LINES, Answer, Asked, as_json, location
from gateway.http.front import Front
from gateway.preview import Previewer


async def send(asked: Asked, front: Front) -> Answer:
    """`POST /events`: one message, or a file of several, in any format the source is registered for."""
    principal = await front.who(asked, SEND)
    stated = media_type(asked)
    limits = front.limits
    limit = limits.file if stated in SEVERAL else limits.message
    with front.turn(principal):
        async with Body(asked, limit, limits.body_seconds, front.in_flight) as body:
            delivery = Delivery(
                principal,
                body,
                stated,
                datetime.now(UTC),
                idempotency_key=asked.word(b"idempotency-key"),
                traceparent=asked.traceparent,
            )
            first = await first_of_several(body, stated) if stated in SEVERAL else None
            if first is not None:
                receipt = await front.files.take(delivery, first)
                taken = 202 if receipt.created else 200
                return as_json(taken, receipt.batch.as_dict(), location(f"/batches/{receipt.batch.id}"))
            if len(body) > limits.message:
                raise refuse(TooLarge, Code.TOO_LARGE, f"a single message may have at most {limits.message} bytes")
            return _received(await front.reception.receive(delivery, "http"))


async def process_message(asked: Asked, front: Front) -> Answer:
    """`POST /fhir/$process-message`: FHIR messaging as the Booking and Referral Standard uses it.

    X-Request-ID names the message; the same one again is answered 409 REC_CONFLICT, whatever it holds.
    """
    principal = await front.who(asked, SEND)
    stated = media_type(asked, FHIR_TYPES)
    limits = front.limits
    request_id = asked.word(b"x-request-id")
    with front.turn(principal):
        async with Body(asked, limits.message, limits.body_seconds, front.in_flight) as body:
            delivery = Delivery(
                principal,
                body,
                stated,
                datetime.now(UTC),
                request_id=request_id,
                traceparent=asked.traceparent,
            )
            receipt = await front.reception.receive(delivery, "http")
    if request_id and receipt.status is Status.REPLAYED:
        text = "this X-Request-ID was received before, and its message accepted; nothing was done again"
        raise refuse(Conflict, Code.MESSAGE_ID_CONFLICT, text, "X-Request-ID")
    return _received(receipt)


async def preview(asked: Asked, front: Front) -> Answer:
    """`POST /events/preview`: what would become of the message, with the sender's own packs and place; stores nothing.

    Answers what `carehub preview` prints: one JSON object, or for a file of several messages one a line.
    """
    principal = await front.who(asked, SEND)
    stated = media_type(asked)
    source = principal.source
    if source is None:
        raise RuntimeError("the scope to send belongs to sources")
    limits = front.limits
    with front.turn(principal):
        async with Body(asked, limits.message, limits.body_seconds, front.in_flight) as body:
            previewer = Previewer(
                packs=await front.hub.shelf.packs_of(source),
                ids=front.hub.ids,
                sender=source.as_sender(),
                received=datetime.now(UTC),
                place=source.place,
                sector=source.sector,
            )
            results = await asyncio.to_thread(lambda: [orjson.dumps(result) for result in previewer.body(body, stated)])
    return Answer(200, b"\n".join(results), JSON if len(results) == 1 else JSON_LINES)


def _received(receipt: Receipt) -> Answer:
    status = 200 if receipt.status is Status.REPLAYED else 202
    return as_json(status, receipt.as_dict(), location(f"/messages/{receipt.id}"))
