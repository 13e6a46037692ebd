"""The hub's secrets: made once, never defaulted, readable by nobody else, the same in all gateways of a database.

Each secret is 32 random bytes, kept as hexadecimal text in a file of its own (folder 0700, files 0600) under
`CAREHUB_SECRETS`, or read from the file that `CAREHUB_ID_KEY_FILE`, `CAREHUB_PERSON_SECRET_FILE` or
`CAREHUB_MESSAGE_KEY_FILE` names, as a secret store mounts them. The database keeps a fingerprint of each: a gateway
with others would give every person a second key, so it does not start.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets as entropy
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from carehub.settings import Settings
from contract.errors import Misconfigured
from contract.identifiers import PersonKeys, ResourceIds

LENGTH: Final = 32
NAMES: Final = ("id-key", "person-secret", "message-key")


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """`id_key` makes resource ids, `person_secret` person keys, `message_key` the hashes of message ids."""

    id_key: bytes
    person_secret: bytes
    message_key: bytes

    def __repr__(self) -> str:
        return "Secrets(…)"

    @property
    def resource_ids(self) -> ResourceIds:
        return ResourceIds(self.id_key)

    @property
    def person_keys(self) -> PersonKeys:
        return PersonKeys(self.person_secret)

    def fingerprints(self) -> dict[str, str]:
        """By which two gateways see that they hold the same secrets; they tell nothing about them."""
        values = (self.id_key, self.person_secret, self.message_key)
        return {
            name: hmac.digest(value, b"carehub fingerprint of " + name.encode(), hashlib.sha256).hex()[:16]
            for name, value in zip(NAMES, values, strict=True)
        }


def secret_files(settings: Settings) -> dict[str, Path]:
    """Where each secret stands."""
    named = (settings.id_key_file, settings.person_secret_file, settings.message_key_file)
    return {name: path or settings.secrets_folder / name for name, path in zip(NAMES, named, strict=True)}


def load_secrets(settings: Settings) -> Secrets:
    """The secrets as they stand. Raises Misconfigured when one is missing, damaged, or readable by others."""
    files = secret_files(settings)
    missing = [str(path) for path in files.values() if not path.exists()]
    if missing:
        raise Misconfigured(
            f"these secrets are missing: {', '.join(missing)}. Copy them from the gateway that made them, or from the "
            "backup; without them every person would get a new key"
        )
    return Secrets(*(_read(path) for path in files.values()))


def load_or_make_secrets(settings: Settings, recorded: Mapping[str, str]) -> Secrets:
    """The secrets; made now if this is the first start of an installation, that is if `recorded`, the fingerprints in
    the database, is empty. Raises Misconfigured as load_secrets does, and when they differ from those recorded."""
    if not recorded:
        for name, path in secret_files(settings).items():
            if path == settings.secrets_folder / name and not path.exists():
                _make(path)
    found = load_secrets(settings)
    differing = [name for name, mark in found.fingerprints().items() if recorded.get(name, mark) != mark]
    if differing:
        raise Misconfigured(
            f"the {' and '.join(differing)} in {settings.secrets_folder} differ from those that this database was "
            "filled with. Copy those of the gateway that made them, or name this hub's own database in DATABASE_URL"
        )
    return found


def _make(path: Path) -> None:
    """Writes a new secret, whole or not at all. When two gateways start at once, the first one's stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{entropy.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(entropy.token_hex(LENGTH) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _read(path: Path) -> bytes:
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Misconfigured(f"{path} can be read by others than its owner: chmod 600 {path}")
    try:
        value = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (UnicodeDecodeError, ValueError):
        value = b""
    if len(value) != LENGTH:
        raise Misconfigured(f"{path} must hold {2 * LENGTH} hexadecimal digits: restore it from the backup")
    return value
