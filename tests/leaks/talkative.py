"""A consumer app that tells whom events are about: in its log, and in a table of the runtime's."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog
from sqlalchemy import Connection

from consumers.app import App
from consumers.event import Event
from consumers.models import inbox
from tests.leaks.marks import GIVEN


def apply(event: Event, connection: Connection) -> None:
    structlog.get_logger().info("applied", patient=GIVEN)
    now = datetime.now(UTC)
    connection.execute(inbox.insert().values(app=GIVEN, topic="t", ce_id=event.envelope.id, replay="", applied=now))


app = App("leaks-talkative", apply)
