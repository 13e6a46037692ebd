"""uvicorn's HTTP protocol with bounds on the head of a request, for which it has none: on its time and its size.

A body's bounds are gateway.http.body's business; a connection that idles between requests is uvicorn's.
"""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS: Final = 15.0
HEAD_BYTES: Final = 64 * 1024


class PatientProtocol(HttpToolsProtocol):
    """Closes a connection whose first or next request line and headers do not come whole in time and size.

    Given to uvicorn.Config as `http`.
    """

    head_seconds = HEAD_SECONDS
    _deadline: asyncio.TimerHandle | None = None
    _head_size = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lift_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self._set_deadline()
        super().data_received(data)
        if self._deadline is not None:
            self._head_size += len(data)
            if self._head_size > HEAD_BYTES:
                self.transport.close()

    def on_headers_complete(self) -> None:
        self._head_size = 0
        self._lift_deadline()
        super().on_headers_complete()

    def _set_deadline(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.head_seconds, self.transport.close)

    def _lift_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
