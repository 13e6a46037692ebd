"""One generated function in the making, and what all functions of a pack share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from mappings.language.codes import CodeList
from mappings.language.compile.scope import Scope
from mappings.language.compile.values import Target, Value
from mappings.language.compile.writer import Writer
from mappings.language.expressions import Expression
from mappings.language.lexer import ExpressionError
from mappings.language.nodes import Scalar
from mappings.language.parser import parse
from mappings.language.problems import Place, Problems
from mappings.language.source import Hl7Fields, RowFields
from mappings.stages import Format

if TYPE_CHECKING:
    from mappings.language.compile.templates import Template


_LITERAL: Final = re.compile(r"'[^'()]*'")


@dataclass(slots=True)
class Reads:
    """What a pack speaks of. `fields` and `columns` are read for a value or an id, `tested` are the fields and columns
    of conditions; a column is (message, real name). `elements` are (FHIR type, element)."""

    fields: set[tuple[str, int]] = field(default_factory=set)
    columns: set[tuple[str, str]] = field(default_factory=set)
    tested: set[tuple[str, int] | tuple[str, str]] = field(default_factory=set)
    elements: set[tuple[str, str]] = field(default_factory=set)


@dataclass(slots=True)
class Shared:
    """One pack being compiled. `functions` holds finished functions, `instances` the templates made so far by name and
    the types of their arguments, `first_paths` the source path that each function of an id begins with,
    `sole` the functions that read nothing but their one argument, `accounting` whether reads are noted while mapping,
    `reads` what the pack speaks of at all."""

    format: Format
    problems: Problems
    hl7: Hl7Fields
    rows: RowFields
    codes: dict[str, CodeList]
    templates: dict[str, list[Template]]
    remembered: frozenset[str] = frozenset()
    accounting: bool = False
    functions: list[Writer] = field(default_factory=list)
    instances: dict[tuple[object, ...], tuple[str, str]] = field(default_factory=dict)
    first_paths: dict[str, str] = field(default_factory=dict)
    sole: set[str] = field(default_factory=set)
    making: list[str] = field(default_factory=list)
    used_codes: set[str] = field(default_factory=set)
    used_templates: set[str] = field(default_factory=set)
    reads: Reads = field(default_factory=Reads)


@dataclass(slots=True)
class Unit:
    """One function being written. `parents` are the names a row may refer to as `parent.NAME`, `uses` the places that
    use the template it is made of, from the inside out, `origin` is code for the source path that it is about."""

    shared: Shared
    writer: Writer
    parents: frozenset[str] = frozenset()
    message: str = ""
    uses: tuple[Place, ...] = ()
    origin: str = "''"
    testing: int = 0

    @property
    def problems(self) -> Problems:
        return self.shared.problems

    def problem(self, source: Scalar, position: int, text: str, advice: str = "", length: int = 1) -> None:
        self.wrong(source.at(position, length), text, advice)

    def wrong(self, place: Place, text: str, advice: str = "") -> None:
        self.problems.add(place, text, advice, self.uses)

    def warn(self, place: Place, text: str, advice: str = "") -> None:
        self.problems.warn(place, text, advice, self.uses)

    def within(self, user: Place, used: Place) -> Unit:
        """The same function while a part of another file is written in place: a template's id, or what is laid over."""
        return self if user.file == used.file else replace(self, uses=(user, *self.uses))

    def line(self, code: str) -> None:
        self.writer.line(code)

    @contextmanager
    def tests(self) -> Iterator[None]:
        """What is read in here decides something and is no value itself."""
        self.testing += 1
        yield
        self.testing -= 1

    def note_field(self, segment: str, number: int) -> None:
        reads = self.shared.reads
        (reads.tested if self.testing else reads.fields).add((segment, number))

    def note_column(self, message: str, name: str) -> None:
        reads = self.shared.reads
        (reads.tested if self.testing else reads.columns).add((message, name))

    def note_used(self, values: Sequence[Value]) -> None:
        """In accounting code: these source paths went into the event."""
        if self.shared.accounting:
            for value in values:
                for where in (value.where, *value.others):
                    if where != "''":
                        self.line(f"S.used.add({where})")

    def note_placed(self, values: Sequence[Value], path: str, owner: str, name: str, code: str) -> None:
        """In accounting code: what these values made (`code`) is now the element `name` of `owner`. All but the values'
        source paths is code too."""
        if self.shared.accounting:
            for where in (w for v in values for w in (v.where if v.where != "''" else v.drawn, *v.others)):
                if where != "''":
                    self.line(f"S.place({where}, {path}, {owner}, {name}, {code})")


def read_expression(unit: Unit, source: Scalar) -> Expression | None:
    """The tree of a plain scalar; None, with a problem added, when it cannot be read."""
    if not source.text.strip():
        unit.wrong(source.place, "there is no expression here", "leave the key out, or write a path or a quoted text")
        return None
    try:
        return parse(source.text)
    except ExpressionError as error:
        unit.problem(source, error.position, error.text, error.advice)
        return None


def is_literal(where: str) -> bool:
    """Whether code for a source path is one text, the same wherever it is asked for."""
    return where[:1] == "'" == where[-1:] and "'" not in where[1:-1]


def where_plus(base: str, suffix: str) -> str:
    """Code for a source path: `base` code followed by the literal `suffix`."""
    if is_literal(base):
        return repr(base[1:-1] + suffix)
    known, plus, last = base.rpartition(" + ")
    if plus and _LITERAL.fullmatch(last):
        return f"{known} + {last[1:-1] + suffix!r}"
    return f"{base} + {suffix!r}"


__all__ = ["Scope", "Shared", "Target", "Unit", "is_literal", "read_expression", "where_plus"]
