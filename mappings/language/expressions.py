"""The trees that expressions are parsed into. Positions are offsets into the expression's text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Field:
    """`-3` of `PID-3`."""

    number: int


@dataclass(frozen=True, slots=True)
class Component:
    """`.1`: a component, or a subcomponent after a component."""

    number: int


@dataclass(frozen=True, slots=True)
class Member:
    """`.name` of a JSON object or FHIR element."""

    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """`[1]`, from 1."""

    number: int


@dataclass(frozen=True, slots=True)
class All:
    """`[*]`."""


@dataclass(frozen=True, slots=True)
class Where:
    """`[.4 = "NHS"]`."""

    condition: Expression


Step: TypeAlias = Field | Component | Member | Index | All | Where


@dataclass(frozen=True, slots=True)
class Path:
    """`root` is a segment, a data type, a parameter, a column, a resource; empty for `.4` in brackets and cases."""

    root: str
    steps: tuple[Step, ...]
    position: int
    text: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A quoted text, a number (kept as it was written) or a truth value."""

    text: str
    kind: str
    position: int


@dataclass(frozen=True, slots=True)
class Listing:
    """`("a", "b")` after `in`."""

    items: tuple[Expression, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function or a template. `x | f(y)` is the same as `f(x, y)`; `piped` says that it was written so."""

    name: str
    arguments: tuple[Expression, ...]
    position: int
    piped: bool = False


@dataclass(frozen=True, slots=True)
class Compare:
    """`=`, `!=` or `in`."""

    operator: str
    left: Expression
    right: Expression
    position: int


@dataclass(frozen=True, slots=True)
class Logic:
    """`and` or `or`."""

    operator: str
    left: Expression
    right: Expression
    position: int


@dataclass(frozen=True, slots=True)
class Not:
    inner: Expression
    position: int


@dataclass(frozen=True, slots=True)
class Fallback:
    """`left ?? right`: the right side when the left is absent, not when it is null."""

    left: Expression
    right: Expression
    position: int


Expression: TypeAlias = Path | Literal | Listing | Call | Compare | Logic | Not | Fallback


def walk(tree: Expression) -> Iterator[Expression]:
    yield tree
    match tree:
        case Call():
            for argument in tree.arguments:
                yield from walk(argument)
        case Fallback() | Compare() | Logic():
            yield from walk(tree.left)
            yield from walk(tree.right)
        case Not():
            yield from walk(tree.inner)
