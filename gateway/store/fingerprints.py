"""What dead letters are grouped by: one cause, of one source, under one version of its mapping."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from gateway.store.models import dead_letter

_REPETITION: Final = re.compile(r"\[\d+\]")
_ROW: Final = re.compile(r"row \d+(?:, |$)")


def fingerprint(source: str, pack: str, pack_version: str, issues: Sequence[dict[str, Any]]) -> str:
    """16 hexadecimal digits: the same for letters of one source and mapping whose first issue has the same code and,
    but for rows and repetitions, the same path."""
    first = issues[0] if issues else {}
    cause = (source, str(first.get("code", "")), plain_path(str(first.get("path", ""))), pack, pack_version)
    return hashlib.sha256("\x1f".join(cause).encode()).hexdigest()[:16]


def plain_path(path: str) -> str:
    """A source path without the row of the file and the numbers of repetitions: `OBX[3]-5[2].1` is `OBX-5.1`."""
    return _REPETITION.sub("", _ROW.sub("", path, count=1))


def name_unnamed(connection: Connection, limit: int) -> int:
    """Gives letters their fingerprint that a gateway of an earlier version kept; how many there were, `limit` at
    most."""
    rows = connection.execute(
        select(
            dead_letter.c.id,
            dead_letter.c.source,
            dead_letter.c.pack,
            dead_letter.c.pack_version,
            dead_letter.c.issues,
        )
        .where(dead_letter.c.fingerprint == "")
        .order_by(dead_letter.c.first_received)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).fetchall()
    if rows:
        connection.execute(
            dead_letter.update().where(dead_letter.c.id == bindparam("of")).values(fingerprint=bindparam("name")),
            [{"of": r.id, "name": fingerprint(r.source, r.pack, r.pack_version, r.issues)} for r in rows],
        )
    return len(rows)
