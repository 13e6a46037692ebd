"""Attempts of what a gateway does in the background, again and again: none of them ends the work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from contract.errors import Refusal
from gateway.ops.faults import incident_of

log = structlog.get_logger()


class Attempts:
    """`part` names the work in the log. What keeps it waiting is logged when it begins and when it is over, not each
    time: a database may be away for hours."""

    def __init__(self, part: str) -> None:
        self._part = part
        self._waits_for: str | None = None
        self.failed = False

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """The block is one attempt. What it raises is logged, without its text, and goes no further."""
        self.failed = True
        try:
            yield
        except Refusal as refusal:
            self._wait(str(refusal.code))
        except Exception as fault:  # noqa: BLE001 one fault must not end the work for ever
            log.warning(f"{self._part}-failed", **incident_of(fault).as_fields())
        else:
            self.failed = False
            self._wait(None)

    def _wait(self, code: str | None) -> None:
        if code != self._waits_for:
            log.info(f"{self._part}-goes-on" if code is None else f"{self._part}-waits", code=code or self._waits_for)
        self._waits_for = code
