"""What is wrong in a pack: every mistake of every file, each with its place, the line, a caret and what to write."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from contract.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file of a pack: `file` relative to the folder of packs, line and column from 1, the line's text."""

    file: str
    line: int = 1
    column: int = 1
    text: str = ""
    length: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def at(self, offset: int, length: int = 1) -> Place:
        return Place(self.file, self.line, self.column + offset, self.text, length)


@dataclass(frozen=True, slots=True)
class PackProblem:
    """One mistake. `advice` says what to write instead. A warning does not stop the pack from being used."""

    place: Place
    text: str
    advice: str = ""
    warning: bool = False

    def __str__(self) -> str:
        lines = [f"{self.place}  {'warning: ' if self.warning else ''}{self.text}"]
        if self.place.text:
            margin = f"{self.place.line} | "
            caret = " " * (len(margin) - 2) + "| " + " " * (self.place.column - 1) + "^" * max(1, self.place.length)
            lines += [f"{margin}{self.place.text}", f"{caret}  {self.advice}".rstrip()]
        elif self.advice:
            lines.append(f"    {self.advice}")
        return "\n".join(lines)


class PackError(Misconfigured):
    """A pack cannot be used. The text lists every mistake that was found."""

    def __init__(self, pack: str, problems: Iterable[PackProblem]) -> None:
        self.pack = pack
        self.problems: tuple[PackProblem, ...] = tuple(problems)
        count = len(self.problems)
        heading = f"pack {pack}: {count} mistake{'s' if count != 1 else ''}"
        super().__init__("\n\n".join([heading, *map(str, self.problems)]))


@dataclass(slots=True)
class Problems:
    """Collects mistakes while a pack is read, so that its author sees all of them at once."""

    found: list[PackProblem] = field(default_factory=list)

    def add(self, place: Place, text: str, advice: str = "") -> None:
        self._keep(PackProblem(place, text, advice))

    def warn(self, place: Place, text: str, advice: str = "") -> None:
        self._keep(PackProblem(place, text, advice, warning=True))

    def take(self, others: Iterable[PackProblem]) -> None:
        """What somebody else has collected."""
        for problem in others:
            self._keep(problem)

    def _keep(self, problem: PackProblem) -> None:
        if problem not in self.found:
            self.found.append(problem)

    @property
    def errors(self) -> list[PackProblem]:
        return [p for p in self.found if not p.warning]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean "x"?` with up to three near names, or nothing."""
    candidates = sorted(set(known))
    near = difflib.get_close_matches(word, candidates, n=3, cutoff=0.6)
    lowered = {c.lower(): c for c in candidates}
    exact = lowered.get(word.lower())
    if exact and exact not in near:
        near.insert(0, exact)
    return f"did you mean {' or '.join(f'`{n}`' for n in near)}?" if near else ""
