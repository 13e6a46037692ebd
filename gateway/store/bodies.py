"""Bodies: compressed where that pays. Another codec or a key id can join later; the columns are there.

A compressor must not be used by two threads at once, so each thread has its own.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import zstandard
from sqlalchemy.engine import Row

NONE: Final = "none"
ZSTD: Final = "zstd"
GONE: Final = "gone"
"""Of a body whose time is over: its row is kept for longer."""

_WORTH_TRYING: Final = 256
"""Bytes below which compression gains nothing."""

_thread = threading.local()


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes as they stand in a table. `size` is what they are when read back."""

    stored: bytes
    codec: str
    size: int

    def columns(self) -> dict[str, Any]:
        return {"body": self.stored, "body_codec": self.codec, "body_key": ""}


def pack_body(plain: bytes) -> Body:
    """As it will stand in the table."""
    if len(plain) >= _WORTH_TRYING:
        compressed = _compressor().compress(plain)
        if len(compressed) < 0.9 * len(plain):
            return Body(compressed, ZSTD, len(plain))
    return Body(plain, NONE, len(plain))


def bytes_of(row: Row[Any] | Mapping[str, Any]) -> bytes:
    """The bytes of a row with the columns body, body_codec and body_key, as they were before they were stored.

    Raises ValueError for a codec or a key that this hub does not have, and when it is no longer kept.
    """
    columns = row._mapping if isinstance(row, Row) else row
    stored, codec, key = bytes(columns["body"]), columns["body_codec"], columns["body_key"]
    if key:
        raise ValueError(f"the body is encrypted under key {key}, which this hub does not have")
    if codec == ZSTD:
        return zstandard.ZstdDecompressor().decompress(stored)
    if codec == GONE:
        raise ValueError("the body is no longer kept: CAREHUB_KEEP_BODIES_DAYS")
    if codec != NONE:
        raise ValueError(f"the body has the codec {codec}, which this hub cannot read")
    return stored


def _compressor() -> zstandard.ZstdCompressor:
    if not hasattr(_thread, "compressor"):
        _thread.compressor = zstandard.ZstdCompressor(level=1)
    compressor: zstandard.ZstdCompressor = _thread.compressor
    return compressor
