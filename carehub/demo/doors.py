"""The two doors as a sender uses them: HTTP with a key, MLLP with frames and acknowledgements."""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx

from carehub.demo.scenario import Door, Sending
from contract.errors import Misconfigured

SECONDS: Final = 20.0
_START: Final = b"\x0b"
_END: Final = b"\x1c\r"


@dataclass(frozen=True, slots=True)
class Sent:
    """A sending and the hub's answer: `at` is the wall clock just before, in seconds; `id` that of the message or file,
    None where MLLP answered, which tells no ids."""

    sending: Sending
    at: float
    answer: str
    id: str | None


class Senders:
    """`keys` are the sources' keys. Raises Misconfigured when the hub refuses what it should take."""

    def __init__(self, address: str, keys: dict[str, str], mllp: tuple[str, int]) -> None:
        self._http = httpx.Client(base_url=address, timeout=SECONDS, trust_env=False)
        self._keys = keys
        self._mllp = mllp

    def send(self, sending: Sending) -> Sent:
        at = time.time()
        if sending.door is Door.MLLP:
            return Sent(sending, at, self._frame(sending), None)
        path = "/fhir/$process-message" if sending.door is Door.MESSAGE else "/events"
        answer = self._http.post(path, content=sending.body, headers=self._headers(sending))
        if answer.status_code != 202:
            raise Misconfigured(f"{sending.source} sent {sending.what} and got {answer.status_code}: {answer.text}")
        receipt = answer.json()
        return Sent(sending, at, f"{answer.status_code} {receipt['status']}", receipt["id"])

    def file_report(self, source: str, file: str) -> dict[str, Any]:
        """What `GET /batches/{id}` says, once the file is done."""
        deadline = time.monotonic() + SECONDS
        while True:
            answer = self._http.get(f"/batches/{file}", headers={"Authorization": f"Bearer {self._keys[source]}"})
            report: dict[str, Any] = answer.raise_for_status().json()
            if report["status"] == "done" or time.monotonic() > deadline:
                return report
            time.sleep(0.05)

    def close(self) -> None:
        self._http.close()

    def _headers(self, sending: Sending) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self._keys[sending.source]}", "Content-Type": sending.content_type}
        if sending.door is Door.MESSAGE:
            headers["X-Request-ID"] = str(uuid.uuid4())  # the Booking and Referral Standard asks for one
        return headers

    def _frame(self, sending: Sending) -> str:
        with self._connected() as connection:
            connection.sendall(_START + sending.body + _END)
            answer = b""
            while not answer.endswith(_END):
                piece = connection.recv(4096)
                if not piece:
                    raise Misconfigured(f"{sending.source} sent {sending.what}, and the hub closed the connection")
                answer += piece
        code = next(s for s in answer.split(b"\r") if s.startswith(b"MSA")).split(b"|")[1].decode()
        if code not in ("AA", "CA"):
            raise Misconfigured(f"{sending.source} sent {sending.what} by MLLP and got {code}")
        return code

    @contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        """A connection to the port of the hospital, which opens a moment after the gateway."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                connection = socket.create_connection(self._mllp, SECONDS)
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise Misconfigured(f"the MLLP port {self._mllp[1]} did not open") from None
                time.sleep(0.05)
                continue
            with connection:
                yield connection
            return
