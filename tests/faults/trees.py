"""Signals to a server and everything it has started: PostgreSQL's processes are each in a session of their own."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def signal_tree(root: int, signum: int) -> None:
    """Sends a signal to a process and all below it, the root first, so that it starts no more."""
    for process in (root, *_below(root)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signum)


def _below(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                # the name of the command, in brackets, may hold blanks
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found
