"""What the compiler knows of an expression's value: its type, how the generated code holds it, where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final, TypeAlias

TEXT: Final = "text"
"""A source text, or a function's, before it becomes a FHIR primitive."""
JSON: Final = "json"
"""A member of a JSON or FHIR source, of which only running shows what it is."""
REFERENCE: Final = "a reference"
"""Held as its text, `urn:uuid:…` or `Type/…`; becomes the FHIR type Reference where it is put."""
ID: Final = "id of a resource"
BOOLEAN: Final = "boolean"
NOTHING: Final = "nothing"
VARIES: Final = "varies"


class Own(IntEnum):
    """How a value counts for existence: constants do not, references only inside a resource, source values do."""

    CONSTANT = 0
    REFERENCE = 1
    SOURCE = 2


@dataclass(frozen=True, slots=True)
class Value:
    """One value. `code` is a Python name or literal.

    Held raw, it is HL7 text before unescaping: `""` absent, two quotes null. Else None is absent and NULL null.
    `type` is TEXT, JSON, REFERENCE, ID, a FHIR type, or `hl7:CX` for a composite. `where` is code for its source path.
    `literal` is set for what the pack itself says. `target` is the resource type of a reference, where it is known.
    `depth` is 0 for a repetition, 1 for a component, whose parts have another separator. `others` is code for further
    source paths that went into it; `drawn`, where its own is no longer known, for that of the field of which it was one
    repetition.
    """

    code: str
    type: str
    raw: bool = False
    own: Own = Own.SOURCE
    where: str = "''"
    null: bool = False
    literal: str | None = None
    target: str = ""
    types: tuple[str, ...] = ()
    depth: int = 0
    others: tuple[str, ...] = ()
    drawn: str = "''"

    @property
    def composite(self) -> str:
        """The HL7 data type of a composite held raw, else empty."""
        return self.type[4:] if self.type.startswith("hl7:") else ""

    def described(self) -> str:
        if self.literal is not None:
            return "a literal text" if self.type == TEXT else f"a literal {self.type}"
        if self.composite:
            return f"HL7 {self.composite}"
        return {TEXT: "text", JSON: "a JSON member", ID: "a resource id"}.get(self.type, self.type)


@dataclass(frozen=True, slots=True)
class Many:
    """Several values. With `numbered`, `code` is a local with a sequence of (number, raw text), from which `tail`
    components are taken; else `code` is an iterable of values as they are."""

    code: str
    item: Value
    numbered: bool = True
    tail: tuple[int, ...] = ()

    def described(self) -> str:
        return f"several values ({self.item.described()})"


@dataclass(frozen=True, slots=True)
class Segments:
    """A list of segments, of which the plain name means the first. `loop` is the local of `each`, `group` that of the
    group whose segments they are; `code` and `where` are then made where they are first read."""

    name: str
    code: str
    where: str
    loop: str = ""
    group: str = ""

    def described(self) -> str:
        return f"the segment {self.name}"


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of one name. `around` are the names of the groups that one may stand in, at any distance. `loop` is
    the local of `each`."""

    name: str
    code: str
    around: frozenset[str]
    loop: str = ""

    def described(self) -> str:
        return f"the group {self.name}"


@dataclass(frozen=True, slots=True)
class References:
    """References to what an `each` made: a dict by the place in the message of the segment or group, or by number.
    `looped` is the name of that segment or group, empty for numbers."""

    code: str
    looped: str
    target: str

    def described(self) -> str:
        return "several references"


Any: TypeAlias = Value | Many | Segments | Groups | References

NOTHING_VALUE: Final = Value("None", NOTHING, own=Own.CONSTANT)


def constant(text: str, kind: str = TEXT) -> Value:
    return Value(repr(text), kind, own=Own.CONSTANT, literal=text)


@dataclass(frozen=True, slots=True)
class Target:
    """What an element wants: FHIR types in the order they are preferred, and the codes it is bound to."""

    types: tuple[str, ...]
    name: str
    codes: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    many: bool = False
    to: str = "''"

    def one(self) -> Target:
        return replace(self, many=False)
