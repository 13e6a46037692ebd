"""All settings of this installation, each with its default: the one place where the environment is read.

Every field is an environment variable: `CAREHUB_` and its name in capitals, but for the two that other programs know,
`DATABASE_URL` and `KAFKA_BOOTSTRAP_SERVERS`. Settings are made once, at the top, and handed down.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from contract.errors import Misconfigured
from contract.topics import MAX_MESSAGE_BYTES

READ_ELSEWHERE: Final = frozenset({"CAREHUB_CORPUS", "CAREHUB_REQUIRE_SERVERS"})
"""Variables of the tests; not settings of an installation."""


class Settings(BaseSettings):
    """What an installation can be told. Frozen; sizes are in bytes and times in seconds unless a name says more."""

    model_config = SettingsConfigDict(
        env_prefix="CAREHUB_", frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    data: Path = Field(default=Path(".carehub"), description="Folder of everything this machine keeps.")
    database_url: str = Field(
        default="",
        validation_alias="DATABASE_URL",
        description="`postgresql://…` or `sqlite:///…`. Default: hub.sqlite in the data folder.",
    )
    consumers_database_url: str = Field(
        default="", description="Where consumers keep their tables. Default: the hub's; on SQLite a file per app."
    )
    kafka_bootstrap_servers: str = Field(
        default="",
        validation_alias="KAFKA_BOOTSTRAP_SERVERS",
        description="`host:port,…`. Default: `carehub up` starts a broker of its own.",
    )
    kafka_transactions: bool = Field(
        default=True, description="Whether that broker knows transactions. Only the stand-in does not."
    )
    kafka_replication: int = Field(default=1, ge=1, description="Copies of each topic that the hub creates.")
    packs: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(), description="Folders of local packs, as in PATH, searched before those that come along."
    )
    compiled_packs: Path | None = Field(
        default=None,
        description="Folder of compiled packs; a user's installations may share one. Default: packs/ in data.",
    )
    secrets: Path | None = Field(default=None, description="Folder of the secrets. Default: secrets/ in data.")
    id_key_file: Path | None = Field(default=None, description="File of the key of resource ids.")
    person_secret_file: Path | None = Field(default=None, description="File of the secret of person keys.")
    message_key_file: Path | None = Field(default=None, description="File of the key of message id hashes.")
    max_body_bytes: int = Field(
        default=MAX_MESSAGE_BYTES, gt=0, le=MAX_MESSAGE_BYTES, description="Largest single message at any door."
    )
    max_file_bytes: int = Field(default=256 * 1024 * 1024, gt=0, description="Largest file of several messages.")
    queue_limit: int = Field(default=2_000, gt=0, description="Messages that may wait for a commit; beyond, 503.")
    backlog_rows: int = Field(default=1_000_000, gt=0, description="Unpublished outbox rows; beyond, senders get 503.")
    backlog_bytes: int = Field(default=4 * 1024**3, gt=0, description="Unpublished bytes; beyond, senders get 503.")
    waiting_seconds: float = Field(
        default=7 * 24 * 3600.0, gt=0, description="How long a message waits for its parent; then it is a dead letter."
    )
    keep_messages_days: float = Field(
        default=90, ge=1, description="How long messages, their events and where they went are kept; replay needs them."
    )
    keep_bodies_days: float = Field(
        default=90, ge=1, description="How long messages are kept as they were received; mapping again needs them."
    )
    keep_dead_letters_days: float = Field(
        default=90, ge=1, description="How long closed and discarded dead letters are kept; open ones are for ever."
    )
    keep_files_days: float = Field(
        default=90, ge=1, description="How long files and what became of their rows are kept."
    )
    keep_audit_days: float = Field(default=8 * 365.25, ge=1, description="How long the audit trail is kept.")
    tls_certificate: Path | None = Field(default=None, description="PEM certificate chain of the MLLP TLS port.")
    tls_key: Path | None = Field(default=None, description="PEM key of that certificate.")
    tls_client_ca: Path | None = Field(default=None, description="PEM of who signs senders' certificates.")
    stop_seconds: float = Field(default=20.0, gt=0, description="Patience with messages in flight when asked to stop.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level logged.")
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="`auto` is text on a terminal and JSON elsewhere."
    )

    @field_validator("packs", mode="before")
    @classmethod
    def _split_search_path(cls, value: object) -> object:
        return tuple(Path(part) for part in value.split(os.pathsep) if part) if isinstance(value, str) else value

    @field_validator("database_url", "consumers_database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if value and not value.startswith(("sqlite:///", "postgresql://", "postgres://")):
            raise ValueError("write postgresql://USER@HOST/NAME or sqlite:///FILE; the hub picks the driver")
        return value.replace("postgres://", "postgresql://", 1)

    @property
    def hub_database(self) -> str:
        """URL of the hub's database."""
        return self.database_url or f"sqlite:///{(self.data / 'hub.sqlite').absolute()}"

    @property
    def on_sqlite(self) -> bool:
        """Whether one gateway process does everything, relay included."""
        return self.hub_database.startswith("sqlite:")

    @property
    def secrets_folder(self) -> Path:
        return self.secrets or self.data / "secrets"

    @property
    def pack_cache(self) -> Path:
        return self.compiled_packs or self.data / "packs"

    def make_data(self) -> None:
        """Makes the data folder, readable by its owner alone: messages lie in it."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)

    def consumers_database(self, app: str) -> str:
        """URL of the database where `app` keeps its tables and its inbox."""
        if self.consumers_database_url:
            return self.consumers_database_url
        if self.on_sqlite:
            return f"sqlite:///{(self.data / f'{app}.sqlite').absolute()}"
        return self.hub_database


def read_settings(**overrides: Any) -> Settings:
    """The settings of this environment. Raises Misconfigured naming each variable that does not hold."""
    try:
        return Settings(**overrides)
    except ValidationError as invalid:
        lines = (f"{_variable(str(e['loc'][0]))}: {e['msg'].removeprefix('Value error, ')}" for e in invalid.errors())
        raise Misconfigured("; ".join(lines)) from None


def variables() -> dict[str, tuple[str, str]]:
    """Every environment variable with its default and its description."""
    return {
        _variable(name): ("" if field.default is None else str(field.default), field.description or "")
        for name, field in Settings.model_fields.items()
    }


def unknown_variables(environment: Mapping[str, str]) -> dict[str, str | None]:
    """Variables that look like settings and are none, each with the setting whose name is nearest."""
    known = variables()
    odd = (name for name in environment if name.startswith("CAREHUB_") and name not in {*known, *READ_ELSEWHERE})
    return {name: next(iter(difflib.get_close_matches(name, known, n=1)), None) for name in odd}


def _variable(field: str) -> str:
    alias = Settings.model_fields[field].validation_alias if field in Settings.model_fields else field
    return str(alias) if alias else f"CAREHUB_{field.upper()}"
