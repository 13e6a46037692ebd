"""Files: bodies of several messages. Stored whole and answered first; their rows are worked in the background."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from contract.errors import Code, Conflict, Issue, Refusal, Undecodable, Unprocessable
from gateway.delivery import Delivery
from gateway.hub import Hub
from gateway.intake import keeping, who_sent
from gateway.source import Source
from gateway.store.batches import Batch, batch_content, create_batch
from gateway.store.bodies import Body, pack_body
from gateway.store.entry import StoreKeys, hash_message_id
from gateway.store.keeping import Refused
from mappings import formats
from mappings.formats import Part

_LARGE: Final = 256 * 1024
"""Bytes from which on a body is looked through beside the event loop."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FileReceipt:
    """The answer to a file, durable before it leaves. `created` is false for a file that was sent before."""

    batch: Batch
    created: bool


async def first_of_several(body: bytes, content_type: str) -> Part | None:
    """The first message of a file, None for a single message.

    Also None for what cannot be read as a file: taken in as a single message, it is refused with the reason and kept.
    """
    return await _looked_through(body, partial(_first, content_type=content_type))


async def _looked_through(body: bytes, look: Callable[[bytes], T]) -> T:
    return look(body) if len(body) < _LARGE else await asyncio.to_thread(look, body)


def _first(body: bytes, content_type: str) -> Part | None:
    try:
        parts = formats.split(body, content_type)
        return next(parts, None) if parts is not None else None
    except Refusal:
        return None


def _hashed_and_packed(body: bytes) -> tuple[bytes, Body]:
    return hashlib.sha256(body).digest(), pack_body(body)


class Files:
    """Takes files in. `keys` makes the hash by which the same file is known again."""

    def __init__(self, hub: Hub, keys: StoreKeys) -> None:
        self._hub = hub
        self._keys = keys
        self.arrived = asyncio.Event()
        """Set when there is a new file to work on."""

    async def take(self, delivery: Delivery, first: Part) -> FileReceipt:
        """Raises Forbidden when the source is not registered for such rows, Conflict when its Idempotency-Key stands
        for another file, Unavailable when the file cannot be made durable now."""
        source = who_sent(delivery)
        await self._may_send(source, first)
        content, packed = await _looked_through(delivery.body, _hashed_and_packed)
        name = f"file-key:{delivery.idempotency_key}" if delivery.idempotency_key else f"file:{content.hex()}"
        key_hash = hash_message_id(self._keys, source.id, name)
        batch, created = await self._hub.database.run(
            create_batch, source.id, key_hash, delivery.content_type, delivery.received, packed
        )
        if not created and delivery.idempotency_key:
            known = await self._hub.database.read(batch_content, batch.id)
            if hashlib.sha256(known).digest() != content:
                raise await self._kept_conflict(delivery, source)
        self.arrived.set()
        return FileReceipt(batch, created)

    async def _may_send(self, source: Source, first: Part) -> None:
        """Refuses the whole file at the door, where each of its rows would be. What is wrong with this one row is
        said in its report."""
        try:
            decoded = formats.decode(first.body, formats.recognise(first.body, first.content_type))
        except (Undecodable, Unprocessable):
            return
        await self._hub.shelf.choose(source, decoded)

    async def _kept_conflict(self, delivery: Delivery, source: Source) -> Conflict:
        text = "another file was sent with this Idempotency-Key; this one is kept, and none of its rows is published"
        refusal = Conflict(Issue(Code.MESSAGE_ID_CONFLICT, "Idempotency-Key", text))
        await self._hub.keeper.keep(keeping(delivery, source, None, Refused(refusal.issues)))
        return refusal
