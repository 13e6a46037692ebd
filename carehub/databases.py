"""The databases of this installation: opened when they are fit for use, and migrated to the newest revision."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import make_url

from carehub.settings import Settings
from contract.errors import Misconfigured, Unavailable
from gateway.store.database import Database
from migrations import NEWEST, Which, revision_of

APPS_WITH_TABLES = ("timeline",)
"""Apps that come along and keep tables; on SQLite each has a file of its own."""


@asynccontextmanager
async def open_hub(
    settings: Settings, *, connections: int = 2, longest: float | None = None
) -> AsyncIterator[Database]:
    """The hub's database. Raises Misconfigured, saying what to do, when it is away or not migrated."""
    async with open_database(settings.hub_database, "hub", connections=connections, longest=longest) as database:
        yield database


@asynccontextmanager
async def open_database(
    url: str, which: Which, *, connections: int = 2, longest: float | None = None
) -> AsyncIterator[Database]:
    """As open_hub, for either kind of database."""
    if _file_is_missing(url):
        raise Misconfigured(f"there is no database at {url}: carehub migrate makes it")
    database = Database(url, connections=connections, longest=longest)
    await database.open()
    try:
        try:
            found = await database.read(revision_of, which)
        except Unavailable:
            text = f"the database at {shown(url)} cannot be used: is it running, and is DATABASE_URL right?"
            raise Misconfigured(text) from None
        if found is None:
            raise Misconfigured(f"the database at {shown(url)} has no tables of carehub's yet: run `carehub migrate`")
        if found < NEWEST[which]:
            text = f"the database at {shown(url)} is at revision {found}, and this version needs {NEWEST[which]}"
            raise Misconfigured(f"{text}: run `carehub migrate`; what serves meanwhile serves on")
        yield database
    finally:
        await database.close()


def migrate_hub(settings: Settings) -> str:
    """The revision that the hub's database is at now: a later one than this version's where a newer one has migrated
    it. Raises Misconfigured when it is away."""
    settings.make_data()
    return _migrate(settings.hub_database, "hub")


def migrate_consumers(settings: Settings) -> dict[str, str]:
    """The revision of each consumers' database, by app on SQLite, else under `consumers`."""
    settings.make_data()
    urls = {app: settings.consumers_database(app) for app in APPS_WITH_TABLES}
    if len(set(urls.values())) == 1 and not next(iter(urls.values())).startswith("sqlite:"):
        return {"consumers": _migrate(next(iter(urls.values())), "consumers")}
    return {app: _migrate(url, "consumers") for app, url in urls.items()}


def migrate_all(settings: Settings) -> None:
    migrate_hub(settings)
    migrate_consumers(settings)


def shown(url: str) -> str:
    """A database URL without its password, for people and logs."""
    return make_url(url).render_as_string(hide_password=True)


def _migrate(url: str, which: Which) -> str:
    from migrations.run import current, upgrade

    async def migrate() -> str:
        await upgrade(url, which)
        return await current(url, which) or ""

    try:
        return asyncio.run(migrate())
    except Unavailable:
        text = f"the database at {shown(url)} cannot be migrated: is it running, and does nobody hold its tables?"
        raise Misconfigured(text) from None


def _file_is_missing(url: str) -> bool:
    return url.startswith("sqlite:") and not Path(make_url(url).database or "").exists()
