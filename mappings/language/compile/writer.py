"""Lines of one generated function, with the place in the pack that each line comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from mappings.language.problems import Place

_PATH: Final = re.compile(r"\bw\d+\b")
"""A local that holds a source path."""


class Writer:
    """Writes one function. What a block has read already is remembered until the block ends."""

    def __init__(self, head: str, place: Place) -> None:
        self.head = head
        self.place = place
        self.opening: list[tuple[str, Place]] = []
        self.body: list[tuple[str, Place]] = []
        self.depth = 1
        self.count = 0
        self.known: list[dict[str, str]] = [{}]
        self.unsaid: dict[str, str] = {}

    def name(self, letter: str = "t") -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def path(self, otherwise: str) -> str:
        """A name for the local of a source path, which is `otherwise` where the line that says it was passed by."""
        name = self.name("w")
        self.unsaid[name] = otherwise
        return name

    def bound(self, path: str) -> str:
        """The code of a source path, with every local in it bound wherever it is asked for."""
        for name in _PATH.findall(path):
            otherwise = self.unsaid.pop(name, "")
            if otherwise:
                self.open(f"{name} = {self.bound(otherwise)}")
        return path

    def line(self, code: str) -> None:
        self.body.append(("    " * self.depth + code, self.place))

    def open(self, code: str) -> None:
        """A line at the start of the function, before everything else."""
        self.opening.append(("    " + code, self.place))

    @contextmanager
    def block(self, code: str) -> Iterator[None]:
        self.line(code)
        self.depth += 1
        self.known.append({})
        start = len(self.body)
        try:
            yield
        finally:
            if len(self.body) == start:
                self.line("pass")
            self.depth -= 1
            self.known.pop()

    @contextmanager
    def apart(self) -> Iterator[list[tuple[str, Place]]]:
        """Lines for a block that may be opened later: they are taken out of the function, indented for that block."""
        taken: list[tuple[str, Place]] = []
        start = len(self.body)
        self.depth += 1
        self.known.append({})
        try:
            yield taken
        finally:
            taken += self.body[start:]
            del self.body[start:]
            self.depth -= 1
            self.known.pop()

    @contextmanager
    def at(self, place: Place) -> Iterator[None]:
        before, self.place = self.place, place
        try:
            yield
        finally:
            self.place = before

    def once(self, code: str, letter: str = "t", *, opening: bool = False) -> str:
        """A local that holds `code`, computed at most once in this block and those inside it."""
        for frame in reversed(self.known):
            if code in frame:
                return frame[code]
        name = self.name(letter)
        if opening:
            self.open(f"{name} = {code}")
            self.known[0][code] = name
        else:
            self.line(f"{name} = {code}")
            self.known[-1][code] = name
        return name

    def recall(self, key: str) -> str:
        """The local that was remembered under `key` in this block or one around it, else empty."""
        return next((frame[key] for frame in reversed(self.known) if key in frame), "")

    def remember(self, key: str, local: str) -> None:
        self.known[-1][key] = local

    def lines(self) -> list[tuple[str, Place]]:
        return [(self.head, self.place), *self.opening, *self.body]
