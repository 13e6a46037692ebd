"""The hub with a leak in every channel: `python -m tests.leaks.planted NAME COMMAND…` runs `carehub COMMAND…` with
parts replaced by careless ones, each of which tells the given name of whom a message is about. NAME stands among the
arguments of the process, and is told there."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer

from carehub.main import app
from contract.errors import Code, Issue
from gateway.http import refusals
from gateway.mllp import connection as mllp
from gateway.ops.metrics import Metrics
from gateway.store import refusals as letters
from tests.leaks.marks import GIVEN


def install() -> None:
    """Everything that the gateway, which relays by itself on SQLite, can tell."""
    answered, send, issue = Metrics.answered, AIOKafkaProducer.send, refusals._issue
    documents, answer_of = letters.issue_documents, mllp.answer_of

    def count_and_tell(self: Metrics, route: str, method: str, status: int, seconds: float) -> None:
        structlog.get_logger().info("answered", to=GIVEN.upper())
        self.refused(GIVEN, "http", Code.EMPTY)
        answered(self, route, method, status, seconds)

    async def send_and_tell(self: AIOKafkaProducer, topic: str, value: bytes, *, key: bytes, headers: Any) -> Any:
        told = [*headers, ("ce_patient", GIVEN.encode()), ("tracestate", f"patient={GIVEN}".encode())]
        return await send(self, topic, value, key=GIVEN.lower().encode(), headers=told)

    def quoting(kept: Any) -> Any:
        return [{**each, "text": f"{GIVEN} cannot be mapped"} for each in documents(kept)]

    def rude(*arguments: Any) -> Any:
        quote = Issue(Code.INVALID_VALUE, "PID-5", f"{GIVEN} is no name")
        return replace(answer_of(*arguments), issues=(quote,))

    Metrics.answered = count_and_tell  # type: ignore[method-assign]
    AIOKafkaProducer.send = send_and_tell
    refusals._issue = lambda *told: {**issue(*told), "diagnostics": f"{GIVEN}"}
    letters.issue_documents = quoting
    mllp.answer_of = rude


if __name__ == "__main__":
    sys.argv[1:2] = []
    install()
    app()
