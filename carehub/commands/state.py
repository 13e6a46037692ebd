"""`carehub status` and `carehub doctor`: how it is going, and what is wrong with this installation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import typer

from carehub.commands import exits
from carehub.output import AsJson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from carehub.consumer_groups import GroupState
    from carehub.state import RunningReplay
    from gateway.relay.leases import Stop

STATUS_HELP = """The state of the whole in ten lines. Exit code 1 when something is unwell.

Example:

\b
    carehub status --json | jq .problems
"""
DOCTOR_HELP = """Looks for what is wrong with this installation and says what to do. Exit code 1 when something is.

Example:

\b
    carehub doctor
"""


def add_to(app: typer.Typer) -> None:
    app.command("status", help=STATUS_HELP)(status)
    app.command("doctor", help=DOCTOR_HELP)(doctor)


def status(as_json: AsJson = False) -> None:
    import asyncio
    from dataclasses import asdict

    from carehub.output import cell, print_facts, print_json
    from carehub.settings import read_settings
    from carehub.state import look
    from gateway.store.models import GROUPS

    state = asyncio.run(look(read_settings()))
    counts = state.counts
    if as_json:
        print_json({"ok": not state.problems, **asdict(state)})
    else:
        paused = f", {counts.paused} paused" if counts.paused else ""
        waited = f", the first since {cell(counts.oldest_waiting)}" if counts.waiting else ""
        standing = f", {len(counts.stopped_files)} do not go on" if counts.stopped_files else ""
        oldest = f", the oldest from {cell(counts.oldest_unpublished)}" if counts.unpublished else ""
        lie = ", ".join(f"{number} in {topic}" for topic, number in state.buried.items())
        buried = {"buried": f"{lie}, which consumers could not apply"} if lie else {}
        print_facts(
            {
                "state": "unwell" if state.problems else "well",
                "database": state.database,
                "Kafka": state.kafka,
                "gateways": counts.gateways,
                "sources": f"{counts.sources}{paused}, last message {cell(counts.last_message)}",
                "to publish": f"{counts.unpublished} events{oldest}{_until_full(state.seconds_until_full)}",
                "relay": f"{counts.relay_groups} of {GROUPS} groups of shards have an owner",
                **{f"  {owner}": _groups(numbers, counts.stopped) for owner, numbers in sorted(counts.relays.items())},
                "waiting": f"{counts.waiting} messages wait for a parent{waited}",
                "dead letters": f"{counts.dead_letters} open",
                "files": f"{counts.batches} at work{standing}",
                **({"consumers": _consumers(state.consumers)} if state.consumers else {}),
                **buried,
                "replays": ", ".join(_replay(each) for each in counts.replays) or "none runs",
                "retention": f"last run {cell(counts.retention)}",
                **{f"problem {number}": text for number, text in enumerate(state.problems, 1)},
            }
        )
    if state.problems:
        raise typer.Exit(exits.NO)


def _until_full(seconds: int | None) -> str:
    if seconds is None:
        return ""
    if seconds == 0:
        return "; no more are taken in: the budget is used up"
    return f"; at this rate the budget is used up in {timedelta(seconds=seconds)}"


def _replay(found: RunningReplay) -> str:
    return f"{found.name} {found.percent:g} %{f', stopped just now by {found.error}' if found.error else ''}"


def _consumers(groups: Sequence[GroupState]) -> str:
    from carehub.output import cell

    behind = [each for each in groups if each.is_behind(datetime.now(UTC))]
    told = (f"{g.group} since {cell(g.since)} ({g.unread} events at most, {g.members} at work)" for g in behind)
    return f"{len(groups)} groups, {len(behind) or 'none'} behind{': ' if behind else ''}{', '.join(told)}"


def _groups(numbers: Iterable[int], stopped: Mapping[int, Stop]) -> str:
    told = (f"{each} ({stopped[each].error})" if each in stopped else str(each) for each in numbers)
    return f"groups {', '.join(told)}"


def doctor(as_json: AsJson = False) -> None:
    import asyncio
    from dataclasses import asdict

    from carehub.doctor import examine
    from carehub.output import print_json, print_table
    from carehub.settings import read_settings

    findings = asyncio.run(examine(read_settings()))
    well = all(finding.ok for finding in findings)
    if as_json:
        print_json({"ok": well, "findings": [asdict(finding) for finding in findings]})
    else:
        rows = (["ok" if f.ok else "WRONG", f.what, f.found, f.advice] for f in findings)
        print_table(["", "what", "found", "what to do"], rows, none="nothing to look at")
    if not well:
        raise typer.Exit(exits.NO)
