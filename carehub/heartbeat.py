"""The names of processes, and how long one counts as alive after its last sign of life in the database."""

from __future__ import annotations

import secrets
import socket
from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, delete

from gateway.store.clock import database_now
from gateway.store.models import heartbeat

ALIVE_SECONDS: Final = 20.0


def process_name(role: str) -> str:
    """Host, role and a random part: the name of one process in heartbeats and leases, at most 64 characters."""
    return f"{socket.gethostname()[:40]}-{role}-{secrets.token_hex(4)}"


def alive(connection: Connection, role: str | None = None) -> list[ColumnElement[bool]]:
    """The conditions for a process, of that role if one is given, that has given a sign of life lately, by the
    database's clock."""
    lately = heartbeat.c.at > database_now(connection) - timedelta(seconds=ALIVE_SECONDS)
    return [lately] if role is None else [heartbeat.c.role == role, lately]


def say_farewell(connection: Connection, process: str) -> None:
    """A process that ends cleanly takes its sign away."""
    connection.execute(delete(heartbeat).where(heartbeat.c.process == process))
