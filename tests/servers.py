"""Real servers for tests: Apache Kafka by Maven's jars, and a throw-away PostgreSQL from installed binaries.

Each xdist worker has its own. Both end with the test process, however it ends. Where one cannot run, `missing` in
Unstartable says what to install.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from carehub.broker.jars import fetch_jars
from carehub.broker.local import LocalKafka
from carehub.broker.process import free_ports, start_on_leash, stop_on_leash
from contract.errors import Misconfigured

REPOSITORY = Path(__file__).resolve().parent.parent


class UnstartableError(Exception):
    """The server cannot run on this machine; the text says what is missing."""


def data_folder() -> Path:
    """Where the jars are kept, shared with the demo: CAREHUB_DATA or the checkout's .carehub."""
    return Path(os.environ.get("CAREHUB_DATA") or REPOSITORY / ".carehub").resolve()


@contextmanager
def apache_kafka() -> Iterator[LocalKafka]:
    """A running Apache Kafka with an empty log."""
    try:
        libs = fetch_jars(data_folder(), print)
    except Misconfigured as missing:
        raise UnstartableError(str(missing)) from None
    with tempfile.TemporaryDirectory(prefix="carehub-kafka-") as home, LocalKafka(libs, Path(home)) as kafka:
        yield kafka


def postgres_binaries() -> Path:
    """The folder that holds `initdb` and `postgres`: from PATH, else the newest under lib/postgresql."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    roots = (Path("/usr/lib/postgresql"), Path("/usr/local/lib/postgresql"))
    versions = [initdb for root in roots for initdb in root.glob("*/bin/initdb")]
    if not versions:
        raise UnstartableError("no PostgreSQL binaries: install the package postgresql (initdb is not found)")
    return max(versions, key=lambda p: float(p.parent.parent.name)).parent


class Postgres:
    """A throw-away PostgreSQL on a loopback port, its cluster in `home`. Superuser `carehub`, no password."""

    def __init__(self, home: Path) -> None:
        self._bin = postgres_binaries()
        self._home = home
        self._identity: tuple[int, int] | None = None
        if os.geteuid() == 0:  # initdb and postgres refuse root
            nobody = pwd.getpwnam("nobody")
            self._identity = (nobody.pw_uid, nobody.pw_gid)
            os.chown(home, *self._identity)
        self.port = free_ports(1)[0]
        self._process: subprocess.Popen[bytes] | None = None
        options = {"user": self._identity[0], "group": self._identity[1], "extra_groups": []} if self._identity else {}
        subprocess.run(
            [self._bin / "initdb", "-D", home / "db", "-U", "carehub", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"],
            check=True,
            capture_output=True,
            cwd=home,
            **options,
        )

    @property
    def process_id(self) -> int | None:
        """Id of the process group that the server runs in, None while it does not run."""
        return self._process.pid if self._process else None

    def url(self, database: str) -> str:
        return f"postgresql://carehub@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        command = [str(self._bin / "postgres"), "-D", str(self._home / "db"), "-k", str(self._home)]
        for setting in ("listen_addresses=127.0.0.1", f"port={self.port}", "max_connections=200", "fsync=off"):
            command += ["-c", setting]
        with (self._home / "postgres.out").open("wb") as output:
            self._process = start_on_leash(command, output, identity=self._identity, folder=self._home)
        deadline = time.monotonic() + 30
        while True:
            try:
                self.run_sql("SELECT 1")
            except (OSError, asyncpg.PostgresError):
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        if self._process is not None:
            process, self._process = self._process, None
            stop_on_leash(process)

    def run_sql(self, statement: str, database: str = "postgres") -> None:
        async def run() -> None:
            connection = await asyncpg.connect(self.url(database))
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        # a loop of its own: the caller may be inside one, in another thread, or in none
        with asyncio.Runner() as runner:
            runner.run(run())

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a fresh, empty database, dropped afterwards."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self.run_sql(f'CREATE DATABASE "{name}"')
        try:
            yield self.url(name)
        finally:
            self.run_sql(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def throw_away_postgres() -> Iterator[Postgres]:
    """A running PostgreSQL with an empty cluster."""
    postgres_binaries()
    home = Path(tempfile.mkdtemp(prefix="carehub-pg-"))
    try:
        server = Postgres(home)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)
