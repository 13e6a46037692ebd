"""Operators: the people and monitors who look at a hub, or work on it, until single sign-on comes."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, select

from carehub.errors import Declined, WrongUsage
from carehub.register.credentials import new_key, note, revoke
from gateway.store.models import credential


def add_operator(connection: Connection, name: str, role: str) -> str:
    """A key for a person or monitor. Raises WrongUsage for a bad name, Declined for one that is taken."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", name):
        raise WrongUsage("a name is at most 64 letters, digits and . _ @ -")
    if any(each["name"] == name for each in all_operators(connection)):
        raise Declined(f"there is an operator {name} already (carehub operators disable {name})")
    key = new_key(connection, "operator", name, role)
    note(connection, "operator-added", name, role=role)
    return key


def all_operators(connection: Connection) -> list[dict[str, Any]]:
    valid = (credential.c.kind == "operator", credential.c.revoked.is_(None))
    rows = connection.execute(select(credential).where(*valid).order_by(credential.c.holder))
    return [{"name": row.holder, "role": row.role, "created": row.created} for row in rows]


def disable_operator(connection: Connection, name: str) -> None:
    """Raises Declined when there is none."""
    if revoke(connection, "operator", name) == 0:
        raise Declined(f"there is no operator {name} (carehub operators list)")
    note(connection, "operator-disabled", name)
