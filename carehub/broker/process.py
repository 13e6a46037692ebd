"""Server processes of this machine: free ports, a start on the leash, an end that leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final

_LEASH: Final = Path(__file__).with_name("leash.py")
STOP_SECONDS: Final = 20.0


def free_ports(count: int) -> list[int]:
    """`count` different TCP ports of the loopback interface that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def start_on_leash(
    command: Sequence[str],
    output: IO[bytes] | int,
    *,
    errors: IO[bytes] | int = subprocess.STDOUT,
    identity: tuple[int, int] | None = None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Starts a server in a process group of its own, as user and group `identity`; it ends with this process."""
    options = ["--as", f"{identity[0]}:{identity[1]}"] if identity else []
    return subprocess.Popen(  # noqa: S603 (both commands are our own)
        [sys.executable, str(_LEASH), *options, "--", *command],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=errors,
        cwd=folder,
        env=dict(environment) if environment is not None else None,
        start_new_session=True,
    )


def stop_on_leash(process: subprocess.Popen[bytes]) -> None:
    """Ends what `start_on_leash` started: by the closed pipe, and if that takes too long by killing the whole group."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
