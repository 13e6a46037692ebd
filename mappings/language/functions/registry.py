"""The closed registry of functions that expressions may call. Packs bring no code of their own.

A function is pure and total: it takes the state (for the sender's zone and for noting issues), where its value stands
in the source, and the values; it gives None where there is no result, having said why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Function:
    """`results` are the FHIR types it may give; with more than one, it gives a pair (type, value).

    `parameters` name what it takes: `x` needed, `x?` may be absent, `x*` any number, `x[*]` all values of a repeating
    field, `SN` a composite as it stands. `counts` says whether its result makes an object exist.
    """

    name: str
    parameters: tuple[str, ...]
    results: tuple[str, ...]
    run: Callable[..., Any]
    says: str
    counts: bool = True

    def signature(self) -> str:
        return f"{self.name}({', '.join(self.parameters)})"


REGISTRY: dict[str, Function] = {}


def function(name: str, takes: str, gives: str, *, counts: bool = True) -> Callable[[F], F]:
    """Registers a function: `@function("date", "text", "date")`. Its docstring is what docs/mapping.md shows."""

    def register(run: F) -> F:
        says = " ".join((run.__doc__ or "").split())
        REGISTRY[name] = Function(name, tuple(takes.split()), tuple(gives.split()), run, says, counts)
        return run

    return register
