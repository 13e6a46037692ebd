"""Pages of docs that are done as they are written: files named above their block, commands in `sh` blocks."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.carehub.conftest import Cli

_BLOCK: Final = re.compile(
    r"(?:^`(?P<file>[\w./-]+)`:\n\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
ANSWERS_NO: Final = ("packs", "diff")
"""The command that exits with 1 where it finds something."""


def blocks(text: str) -> Iterator[tuple[str | None, str, str]]:
    """File, kind and content of each block."""
    yield from ((found["file"], found["kind"], found["text"]) for found in _BLOCK.finditer(text))


def files_of(text: str) -> list[tuple[str, str]]:
    return [(file, content) for file, _, content in blocks(text) if file is not None]


def write_files(text: str) -> None:
    """Into the working directory."""
    for file, content in files_of(text):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text(content, encoding="utf-8")


def follow(text: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Writes the files and runs the commands in the working directory; gives what each command printed."""
    said: list[tuple[str, str]] = []
    for file, kind, content in blocks(text):
        if file is not None:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(file).write_text(content, encoding="utf-8")
        for command in content.splitlines() if kind == "sh" else ():
            words = shlex.split(command)
            if words[0] == "export":
                monkeypatch.setenv(*words[1].split("=", 1))
            else:
                assert words[0] == "carehub"
                code = 1 if tuple(words[1:3]) == ANSWERS_NO else 0
                said.append((command, cli.run(*words[1:], code=code)))
    return said
