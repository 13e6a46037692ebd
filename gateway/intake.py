"""The straight line from a sender's bytes to its receipt.

Each step is one function and hands a type of its own to the next. What was mapped is turned into bytes before anything
is awaited, so no large object lives across the commit. A message that is refused and kept takes the same way as one
that is accepted: nothing is answered before it is durable.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Final

from contract.errors import Code, Conflict, Issue, Refusal, TooLarge, Unauthenticated, Unprocessable, errors_of, refuse
from contract.topics import MAX_MESSAGE_BYTES
from gateway.delivery import Delivery, Receipt
from gateway.hub import Hub
from gateway.ops.faults import guarded
from gateway.source import Source
from gateway.store.keeping import (
    HASH_REMEMBERED_SECONDS,
    REMEMBERED_SECONDS,
    Accepted,
    Keeping,
    Kept,
    NamedBy,
    Outcome,
    Refused,
    Waits,
    stored_name,
)
from gateway.store.states import load_parents
from mappings import formats
from mappings.language import CompiledPack
from mappings.restriction import restrict
from mappings.stages import Decoded, MapContext, Mapped, ParentRef
from mappings.validation import judges_of

HEADROOM: Final = 64 * 1024
"""Room for a record's key, headers and batch overhead below the broker's size limit, in bytes."""


async def intake(delivery: Delivery, hub: Hub) -> Receipt:
    """Takes one message in. The receipt is durable when this returns.

    Raises the Refusal that says why not: Undecodable, Unprocessable and Conflict are kept as dead letters first,
    Unavailable means that nothing is kept and the sender should send it again.
    """
    source = who_sent(delivery)
    reading: Reading | None = None
    refusal: Refusal | None = None
    try:
        reading = await decode(delivery, source, hub)
        context = await context_of(reading, delivery, source, hub)
        outcome: Outcome = (
            context if isinstance(context, Waits) else restricted(validated(mapped(reading, context), reading), reading)
        )
    except Refusal as refused:
        if not refused.kept:
            raise
        refusal = in_row(refused, delivery)
        outcome = Refused(refusal.issues)
    kept = await hub.keeper.keep(keeping(delivery, source, reading, outcome))
    return receipt(kept, source, outcome, refusal)


@dataclass(frozen=True, slots=True)
class Reading:
    """A decoded message and the pack that will map it."""

    decoded: Decoded
    pack: CompiledPack


def who_sent(delivery: Delivery) -> Source:
    """The registered source behind the credential; the message's own header fields say nothing."""
    source = delivery.principal.source
    if source is None:
        raise refuse(Unauthenticated, Code.UNAUTHENTICATED, "messages are sent with the key of a registered source")
    return source


async def decode(delivery: Delivery, source: Source, hub: Hub) -> Reading:
    """Bytes to the format's own terms, and the source's pack for it. Waits only for a source that was never heard."""
    body = delivery.body
    decoded = guarded(lambda: formats.decode(body, formats.recognise(body, delivery.content_type)), "decode")
    return Reading(decoded, await hub.shelf.choose(source, decoded))


async def context_of(reading: Reading, delivery: Delivery, source: Source, hub: Hub) -> MapContext | Waits:
    """What the mapping may know. Only a row that hangs on others needs the database, and may have to wait for them."""
    context = MapContext(source.as_sender(), hub.ids, delivery.received)
    parents = guarded(lambda: reading.pack.parents(reading.decoded, context), "parents")
    if not parents:
        return context
    wanted = [parent.resource_id for parent in parents]
    if delivery.link is not None:
        await delivery.link.chain.settled(wanted)
    known = await hub.database.read(load_parents, source.id, wanted, delivery.resumes)
    missing = tuple(parent for parent in parents if parent.resource_id not in known)
    if missing and delivery.overdue:
        raise Unprocessable(*(never_came(parent) for parent in missing))
    return Waits(missing) if missing else replace(context, parents=known)


def never_came(parent: ParentRef) -> Issue:
    text = f"the {parent.resource_type} that this hangs on has not come in the time that it may take: it must be sent"
    return Issue(Code.PARENT_NEVER_CAME, parent.path, f"{text} first, then this dead letter can be retried")


def mapped(reading: Reading, context: MapContext) -> Mapped:
    return guarded(lambda: reading.pack.map(reading.decoded, context), "map")


def validated(message: Mapped, reading: Reading) -> Mapped:
    """Lets pass only what is valid FHIR R4. FHIR that a sender made is judged by the reference too."""
    judges = judges_of(reading.decoded.format)

    def judge() -> tuple[Issue, ...]:
        return tuple(issue for event in message.events for check in judges for issue in check(event.bundle))

    if wrong := errors_of(guarded(judge, "validate")):
        raise Unprocessable(*dict.fromkeys(wrong))
    return message


def restricted(message: Mapped, reading: Reading) -> Accepted:
    """Applies the rules for what must be held apart, and turns bundles into bytes."""
    drafts = guarded(lambda: restrict(message, reading.pack.rules), "restrict")
    if any(len(draft.body) > MAX_MESSAGE_BYTES - HEADROOM for draft in drafts):
        text = f"an event made from it is larger than {(MAX_MESSAGE_BYTES - HEADROOM) // 1024} KiB; split the message"
        raise refuse(TooLarge, Code.TOO_LARGE, text, path=reading.decoded.kind)
    return Accepted(drafts, tuple(issue.code_list for issue in message.issues if issue.code_list))


def keeping(delivery: Delivery, source: Source, reading: Reading | None, outcome: Outcome) -> Keeping:
    """Names the message, so that a repeat is known, and gathers what is to be kept of it."""
    content = hashlib.sha256(delivery.body).digest()
    comparable = reading.decoded.comparable if reading else content
    own_id = reading.decoded.message_id if reading else None
    if delivery.request_id:
        named_by, name = NamedBy.REQUEST, delivery.request_id
        comparable = hashlib.sha256(f"request:{name}".encode()).digest()  # a repeat, whatever it holds
    elif own_id:
        named_by, name = NamedBy.MESSAGE, own_id
    elif delivery.idempotency_key:
        named_by, name = NamedBy.KEY, delivery.idempotency_key
    else:
        named_by, name = NamedBy.CONTENT, content.hex()
    return Keeping(
        source=source,
        message_id=stored_name(named_by, name),
        remember=HASH_REMEMBERED_SECONDS if named_by is NamedBy.CONTENT else REMEMBERED_SECONDS,
        comparable=comparable,
        content=content,
        body=delivery.body,
        content_type=delivery.content_type,
        received=delivery.received,
        pack=reading.pack.name if reading else "",
        pack_version=reading.pack.version if reading else "",
        outcome=outcome,
        row=delivery.row,
        named_by=named_by,
        resumes=delivery.resumes,
        retries=delivery.retries,
        traceparent=delivery.traceparent,
        link=delivery.link,
    )


def receipt(kept: Kept, source: Source, outcome: Outcome, refusal: Refusal | None) -> Receipt:
    """The sender's answer. Raises what the message was refused for, once that is kept; a repeat of a message that was
    accepted before is accepted still."""
    if kept.conflict:
        raise refuse(
            Conflict,
            Code.MESSAGE_ID_CONFLICT,
            "a message with this id and other content was accepted before; both are kept, this one is not published",
        )
    if kept.refused and refusal is not None:
        raise refusal
    unmapped = outcome.unmapped if isinstance(outcome, Accepted) else ()
    return Receipt(kept.id, kept.status, source.id, kept.received, kept.events, unmapped)


def in_row(refusal: Refusal, delivery: Delivery) -> Refusal:
    """The same refusal, its paths starting with the row of the file: `row 12, Date of Birth`."""
    if delivery.row is None:
        return refusal
    row = f"row {delivery.row.number}"
    issues = (replace(i, path=f"{row}, {i.path}" if i.path else row) for i in refusal.issues)
    return type(refusal)(*issues, retry_after=refusal.retry_after)
