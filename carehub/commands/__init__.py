"""One module per group of commands. They import at their top only what describes them; the rest when they run."""

from __future__ import annotations

import typer


def add_to(app: typer.Typer) -> None:
    """Puts every command on `app`, in the order that `carehub --help` shows."""
    from carehub.commands import (
        deadletters,
        demo,
        packs,
        parties,
        places,
        preview,
        processes,
        remap,
        replay,
        restore,
        retention,
        size,
        state,
        stories,
        topics,
        up,
    )

    up.add_to(app)
    processes.add_to(app)
    parties.add_to(app)
    places.add_to(app)
    preview.add_to(app)
    packs.add_to(app)
    topics.add_to(app)
    stories.add_to(app)
    deadletters.add_to(app)
    replay.add_to(app)
    remap.add_to(app)
    retention.add_to(app)
    restore.add_to(app)
    state.add_to(app)
    size.add_to(app)
    demo.add_to(app)
