"""The audit trail: who did what, for good."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from contract.event import rfc3339
from gateway.store.models import audit


def note(connection: Connection, actor: str, action: str, subject: str, now: datetime, **detail: object) -> None:
    """`actor` is an operator, a source, or the account at this machine. The detail holds no key and no value of a
    message."""
    connection.execute(audit.insert(), [audit_row(actor, action, subject, now, detail)])


def audit_row(actor: str, action: str, subject: str, now: datetime, detail: dict[str, Any]) -> dict[str, Any]:
    """For who notes many things at once."""
    return {"at": now, "actor": actor, "action": action, "subject": subject, "detail": detail}


def history_of(connection: Connection, subject: str) -> list[dict[str, Any]]:
    """What was done with it, oldest first."""
    rows = connection.execute(select(audit).where(audit.c.subject == subject).order_by(audit.c.id))
    return [{"at": rfc3339(row.at), "actor": row.actor, "action": row.action, **row.detail} for row in rows]
