"""Runs a command on a leash: it ends when the process that started it ends, however that happened.

The starter keeps the write end of this process's standard input. When the pipe closes (a clean stop, or a starter that
was killed), the command gets SIGTERM and, if it does not end, SIGKILL. Started by path, so it imports nothing of ours:

    python leash.py [--as UID:GID] -- COMMAND…
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import Any, Final

GRACE_SECONDS: Final = 15.0


def main(arguments: list[str]) -> int:
    split = arguments.index("--")
    options, command = arguments[:split], arguments[split + 1 :]
    identity: dict[str, Any] = {}
    if options:
        uid, _, gid = options[1].partition(":")
        identity = {"user": int(uid), "group": int(gid), "extra_groups": []}
    child: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 (the command is our own starter's)
        command, stdin=subprocess.DEVNULL, **identity
    )
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: child.terminate())
    threading.Thread(target=_end_when_the_pipe_closes, args=(child,), daemon=True).start()
    return child.wait()


def _end_when_the_pipe_closes(child: subprocess.Popen[bytes]) -> None:
    while os.read(0, 1024):
        pass
    child.terminate()
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
