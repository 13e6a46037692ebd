"""What is kept for how long by this installation's settings; for the command line, what is due, and a run beside
gateways that serve."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from carehub.databases import open_hub
from carehub.register.credentials import account
from carehub.settings import Settings
from gateway.retention import EVERY, count_due, sweep
from gateway.store.clock import database_now
from gateway.store.retention import KINDS, Lifetimes, oldest_kept, take_turn


def lifetimes_of(settings: Settings) -> Lifetimes:
    """How long each kind is kept. Bytes as received go with their message at the latest."""
    return Lifetimes(
        bodies=timedelta(days=min(settings.keep_bodies_days, settings.keep_messages_days)),
        messages=timedelta(days=settings.keep_messages_days),
        letters=timedelta(days=settings.keep_dead_letters_days),
        files=timedelta(days=settings.keep_files_days),
        audit=timedelta(days=settings.keep_audit_days),
    )


def show(settings: Settings) -> list[dict[str, Any]]:
    """Each kind with its setting, how many days it is kept, the time of the oldest row, and how many rows are due.
    Raises Misconfigured when there is no migrated database."""
    return asyncio.run(_show(settings))


def run(settings: Settings) -> dict[str, int]:
    """One run to its end, on record; the rows removed by kind. Raises Misconfigured when there is no migrated
    database, Unavailable when it cannot go on: what it had removed is gone."""
    return asyncio.run(_run(settings))


async def _show(settings: Settings) -> list[dict[str, Any]]:
    lifetimes = lifetimes_of(settings)
    async with open_hub(settings) as database:
        due = await count_due(database, lifetimes, await database.read(database_now))
        oldest = await database.read(oldest_kept)
    return [
        {
            "kind": kind.name,
            "setting": kind.setting or None,
            "days": round(kind.lifetime(lifetimes).total_seconds() / 86400, 2),
            "oldest": oldest.get(kind.name),
            "due": due[kind.name],
        }
        for kind in KINDS
    ]


async def _run(settings: Settings) -> dict[str, int]:
    async with open_hub(settings) as database:
        now = await database.read(database_now)
        await database.run(take_turn, now, EVERY)  # gateways leave it to this one
        return dict((await sweep(database, lifetimes_of(settings), account(), now)).removed)
