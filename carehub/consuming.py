"""A process of consumer apps from start to end: each with its database and its subscription."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from carehub.databases import open_database
from carehub.kafka import need_kafka
from carehub.lifetime import announce, run_parts, stopped_by_signal
from carehub.settings import Settings
from consumers.app import App
from consumers.database import Database
from consumers.runtime.loading import load_app
from consumers.runtime.subscription import Subscription


async def run_consumers(settings: Settings, names: Sequence[str], *, as_json: bool) -> None:
    """`carehub consume`. Raises Misconfigured for an app that is not found, and as run_relay does."""
    kafka = need_kafka(settings)
    apps = [load_app(name) for name in names]
    async with AsyncExitStack() as stack:
        subscriptions = []
        for app in apps:
            database = await stack.enter_async_context(app_database(settings, app))
            subscriptions.append(Subscription(app, database, kafka.bootstrap, admin=kafka.transactional))
        with stopped_by_signal() as asked:
            told = [app.name for app in apps]
            facts = {"kafka": kafka.bootstrap, "apps": told}
            announce(f"ready: {', '.join(told)} from {kafka.bootstrap}", facts, as_json=as_json)
            parts = {name: each.run(asked) for name, each in zip(told, subscriptions, strict=True)}
            await run_parts(asked, parts, settings.stop_seconds)


@asynccontextmanager
async def app_database(settings: Settings, app: App) -> AsyncIterator[Database]:
    """An app's database. Its own SQLite file is made and migrated here; PostgreSQL is migrated by `carehub migrate`."""
    url = settings.consumers_database(app.name)
    if url.startswith("sqlite:"):
        from migrations.run import upgrade

        settings.make_data()
        await upgrade(url, "consumers")
    async with open_database(url, "consumers"):
        pass
    async with Database(url) as database:
        yield database
