"""Faults planted on purpose: a target that has one must be reported, or no other report is worth anything."""

from __future__ import annotations

import time
from typing import Final

_PIECE: Final = 4 * 1024 * 1024
_EVERY_SECONDS: Final = 0.1

_kept: list[bytearray] = []
_next_at = time.monotonic()


def seeds() -> tuple[bytes, ...]:
    return (b"a,b\n1,2\n",)


def crashes(body: bytes) -> None:
    """Only for a beginning that no seed has, which coverage finds step by step and chance does not."""
    if _is_rare(body):
        raise ValueError("a planted fault")


def is_slow(body: bytes) -> None:
    if _is_rare(body):
        until = time.process_time() + 1.0
        while time.process_time() < until:
            pass


def grows(_: bytes) -> None:
    """By 40 MiB a second, however many inputs that are."""
    global _next_at  # noqa: PLW0603
    if time.monotonic() > _next_at:
        _kept.append(bytearray(b"x" * _PIECE))
        _next_at = time.monotonic() + _EVERY_SECONDS


def _is_rare(body: bytes) -> bool:
    return len(body) > 2 and body[0] == 0x51 and body[1] == 0x7A and body[2] == 0x23
