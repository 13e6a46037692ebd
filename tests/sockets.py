"""Connections that end otherwise than by closing."""

from __future__ import annotations

import asyncio
import socket
import struct

_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: who closes a connection so resets it."""


def reset(writer: asyncio.StreamWriter) -> None:
    """As a process does that is killed with something unread."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    writer.transport.abort()
