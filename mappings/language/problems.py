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
    """One mistake. `advice` says what to write instead. A warning does not stop the pack from being used.

    `uses` are the places that use the template it stands in, from the inside out; `layer` is the name and version of
    the pack that holds the file. Neither makes it another mistake: a template is compiled for every kind of use.
    """

    place: Place
    text: str
    advice: str = ""
    warning: bool = False
    uses: tuple[Place, ...] = field(default=(), compare=False)
    layer: str = field(default="", compare=False)

    def __str__(self) -> str:
        lines = [f"{self.place}  {'warning: ' if self.warning else ''}{self.text}"]
        margin = "    "
        if self.place.text:
            number = f"{self.place.line} | "
            margin = " " * (len(number) - 2) + "| "
            caret = margin + " " * (self.place.column - 1) + "^" * max(1, self.place.length)
            lines += [f"{number}{self.place.text}", f"{caret}  {self.advice}".rstrip()]
        elif self.advice:
            lines.append(f"{margin}{self.advice}")
        around = [f"used by {' ← '.join(f'{use.file}:{use.line}' for use in self.uses)}"] if self.uses else []
        around += [f"layer {self.layer}"] if self.layer else []
        return "\n".join([*lines, *([f"{margin}({'; '.join(around)})"] if around else [])])


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
    """Collects mistakes while a pack is read, so that its author sees all of them at once. `layers` are the versions of
    the packs being read, by folder."""

    found: list[PackProblem] = field(default_factory=list)
    layers: dict[str, str] = field(default_factory=dict)

    def add(self, place: Place, text: str, advice: str = "", uses: tuple[Place, ...] = ()) -> None:
        self._keep(PackProblem(place, text, advice, uses=uses, layer=self._layer(place)))

    def warn(self, place: Place, text: str, advice: str = "", uses: tuple[Place, ...] = ()) -> None:
        self._keep(PackProblem(place, text, advice, warning=True, uses=uses, layer=self._layer(place)))

    def _layer(self, place: Place) -> str:
        folder = place.file.partition("/")[0]
        version = self.layers.get(folder)
        return f"{folder} {version}" if version else ""

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
