"""Credentials, and the record of who changed what. A key is shown once; only its hash is kept."""

from __future__ import annotations

import getpass
import hashlib
import os
import secrets
import ssl
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, insert, update

from carehub.errors import WrongUsage
from gateway.store import auditing
from gateway.store.models import credential


def new_key(connection: Connection, kind: str, holder: str, role: str) -> str:
    """A random key of 256 bits for `holder`, who is a `source` or an `operator`."""
    key = f"chk_{secrets.token_urlsafe(32)}"
    _add_credential(connection, kind, holder, role, hashlib.sha256(key.encode()).digest())
    return key


def add_certificate(connection: Connection, id_: str, file: Path) -> None:
    """Lets a source in by its client certificate. Raises WrongUsage when the file holds none."""
    try:
        der = ssl.PEM_cert_to_DER_cert(file.read_text(encoding="ascii"))
    except (ValueError, UnicodeDecodeError):
        raise WrongUsage(f"{file} is no certificate in PEM form") from None
    _add_credential(connection, "source", id_, "send", hashlib.sha256(der).digest())


def _add_credential(connection: Connection, kind: str, holder: str, role: str, digest: bytes) -> None:
    connection.execute(
        insert(credential).values(hash=digest, kind=kind, holder=holder, role=role, created=datetime.now(UTC))
    )


def revoke(connection: Connection, kind: str, holder: str) -> int:
    """Takes all credentials of a holder away, and returns how many there were."""
    held = (credential.c.kind == kind, credential.c.holder == holder, credential.c.revoked.is_(None))
    return connection.execute(update(credential).where(*held).values(revoked=datetime.now(UTC))).rowcount


def note(connection: Connection, action: str, subject: str, **detail: object) -> None:
    """That the account at this machine did so, for good. The detail holds settings only, never a key."""
    auditing.note(connection, account(), action, subject, datetime.now(UTC), **detail)


def account() -> str:
    """The account at this machine; its number where it has no name, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
