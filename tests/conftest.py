"""Fixtures that several test folders share: the real servers, and nothing else."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
import structlog

from carehub.broker.local import LocalKafka
from carehub.loop import new_loop
from tests.packs import COMPILED
from tests.servers import Postgres, UnstartableError, apache_kafka, throw_away_postgres

T = TypeVar("T")

os.environ.setdefault("CAREHUB_COMPILED_PACKS", str(COMPILED))


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests run on the loop that the hub's processes run on: another one is kinder to who writes after the end."""
    return {"hub": new_loop}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints what tests counted (`record_property("counted", …)`), also when they passed and ran in another process."""
    reports = [each for group in ("passed", "failed") for each in terminalreporter.stats.get(group, ())]
    for line in (value for each in reports for name, value in each.user_properties if name == "counted"):
        terminalreporter.write_line(str(line))


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A test that runs a command in this process sets up logs, onto a standard error that ends with the test: the next
    test gets back what was set up before."""
    root = logging.getLogger()
    handlers, level, structure = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**structure)
    structlog.contextvars.clear_contextvars()


def missing(error: UnstartableError) -> None:
    """Skips, saying why; fails where CAREHUB_REQUIRE_SERVERS=1 says that nothing may be skipped."""
    if os.environ.get("CAREHUB_REQUIRE_SERVERS") == "1":
        pytest.fail(f"CAREHUB_REQUIRE_SERVERS=1, but {error}", pytrace=False)
    pytest.skip(str(error))


@contextmanager
def needed(server: AbstractContextManager[T]) -> Iterator[T]:
    """The server while it runs; `missing` where it cannot be started."""
    try:
        with server as running:
            yield running
    except UnstartableError as error:
        missing(error)


@pytest.fixture(scope="session")
def kafka() -> Iterator[LocalKafka]:
    """A real Apache Kafka that a test may stop and start again (and must leave running)."""
    with needed(apache_kafka()) as server:
        yield server


@pytest.fixture(scope="session")
def kafka_server(kafka: LocalKafka) -> str:
    """Bootstrap address of a real Apache Kafka; topics are not created on first use."""
    return kafka.address


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A throw-away PostgreSQL."""
    with needed(throw_away_postgres()) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> Iterator[str]:
    """`postgresql://…` of a fresh, empty database."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of a fresh, empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'hub.sqlite'}"
    else:
        server: Postgres = request.getfixturevalue("postgres_server")
        with server.database() as fresh:
            yield fresh
