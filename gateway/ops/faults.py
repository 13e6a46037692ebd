"""What may be said about an exception: its type and where it arose, never its text, which could quote a message."""

from __future__ import annotations

import secrets
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, TypeVar

import structlog

from contract.errors import Code, Issue, Misconfigured, Refusal, Unprocessable

T = TypeVar("T")
log = structlog.get_logger()

_SPEAKING: Final = (Refusal, Misconfigured)
"""Exceptions whose text is ours and holds no value of a message."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One unforeseen fault. `id` joins the sender's answer and the log; `where` is file:line, innermost last."""

    id: str
    fault: str
    where: str
    code: Code = Code.INTERNAL_ERROR

    def as_fields(self) -> dict[str, str]:
        return {"incident": self.id, "fault": self.fault, "where": self.where, "code": str(self.code)}


def guarded(stage: Callable[[], T], name: str) -> T:
    """Runs a stage of the line. A fault of our own becomes a refusal that keeps the message: it is not lost, and the
    sender is not shown a traceback."""
    try:
        return stage()
    except Refusal:
        raise
    except Exception as fault:  # noqa: BLE001 the message must be kept whatever our own fault is
        log.error("stage-failed", stage=name, **incident_of(fault).as_fields())
        text = f"the hub could not {name} this message: a fault of its own, which its operators see"
        raise Unprocessable(Issue(Code.INTERNAL_ERROR, "", text)) from None


def incident_of(fault: BaseException) -> Incident:
    return Incident(secrets.token_hex(8), type(fault).__name__, where(fault))


def where(fault: BaseException) -> str:
    """`file:line` of the innermost five frames, outermost first."""
    frames = traceback.extract_tb(fault.__traceback__)[-5:]
    return " > ".join(f"{PurePath(frame.filename).name}:{frame.lineno}" for frame in frames)


def without_exception_texts(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """A structlog processor, for our own lines and foreign ones: replaces `exc_info` by type and place of the fault."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    fault = info[1] if isinstance(info, tuple) else info
    if isinstance(fault, BaseException):
        event["fault"] = type(fault).__name__
        event["where"] = where(fault)
        if isinstance(fault, _SPEAKING):
            event["text"] = str(fault)
    return event
