"""Which names an expression may use: lexical, nothing leaks in."""

from __future__ import annotations

from dataclasses import dataclass, field

from mappings.language.compile.values import Any, Groups, Value
from mappings.language.expressions import Expression
from mappings.language.nodes import Scalar


@dataclass(frozen=True, slots=True)
class Let:
    """A name for an expression; it is written out where it is used."""

    source: Scalar
    tree: Expression
    scope: Scope


@dataclass(slots=True)
class Scope:
    """`names` are segments, data types and parameters; `fields` the repetition that an `each` stands at, or a field
    given as a parameter; `groups` those whose `each` this is inside of; `here` is what `.4` is a component of. `uses`
    collects the names that were looked up."""

    names: dict[str, Any | Let] = field(default_factory=dict)
    fields: dict[tuple[str, int], Any] = field(default_factory=dict)
    groups: dict[str, Groups] = field(default_factory=dict)
    here: Value | None = None
    outer: Scope | None = None
    message: str = ""
    open: bool = False
    uses: set[str] = field(default_factory=set)

    def inner(self) -> Scope:
        groups = dict(self.groups)
        return Scope(outer=self, groups=groups, here=self.here, message=self.message, open=self.open, uses=self.uses)

    def name(self, word: str) -> Any | Let | None:
        self.uses.add(word)
        scope: Scope | None = self
        while scope is not None:
            if word in scope.names:
                return scope.names[word]
            scope = scope.outer
        return None

    def field(self, segment: str, number: int) -> Any | None:
        scope: Scope | None = self
        while scope is not None:
            if (segment, number) in scope.fields:
                self.uses.add(f"{segment}-{number}")
                return scope.fields[segment, number]
            if segment in scope.names:
                return None
            scope = scope.outer
        return None

    def all_names(self) -> list[str]:
        found: list[str] = []
        scope: Scope | None = self
        while scope is not None:
            found += [*scope.names, *(f"{segment}-{number}" for segment, number in scope.fields)]
            scope = scope.outer
        return found
