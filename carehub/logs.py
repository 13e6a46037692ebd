"""Logging: structlog on standard error, text on a terminal and JSON elsewhere. Standard output is for results.

What a log line may hold is decided where it is written: ids, codes, source paths, counts; never a message's values.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from pathlib import PurePath
from typing import TextIO

import structlog

from carehub.settings import Settings
from gateway.ops.faults import without_exception_texts

QUIET = {
    "aiokafka": logging.CRITICAL,
    "uvicorn": logging.WARNING,
    "asyncio": logging.WARNING,
    "alembic": logging.WARNING,
}
"""Libraries whose lines are noise here. aiokafka repeats several times a second that Kafka is away, which our own parts
tell once, and at debug level it would print the values of records."""


class DiscreetHandler(logging.StreamHandler[TextIO]):
    """A handler whose own faults say nothing of the line that it could not write: the standard library would print the
    line's arguments and the texts of the exceptions under way, which could quote a message."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 the standard library's name
        place = f"{PurePath(record.pathname).name}:{record.lineno}"
        with contextlib.suppress(OSError, ValueError):  # standard error itself may be gone
            sys.stderr.write(f"a log line of {record.name}, {place}, was lost\n")


def set_up_logs(settings: Settings, process: str) -> None:
    """Sends structlog's and the standard library's lines the same way. `process` is on every line: gateway, relay …"""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    as_text = settings.log_format == "text" or (settings.log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        without_exception_texts,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if as_text else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(process=process)
    handler = DiscreetHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(max(level, least))
