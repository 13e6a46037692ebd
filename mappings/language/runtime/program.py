"""What a pack compiles to, and what it runs with: all that generated code can name."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from mappings.formats.hl7v2.continued import Continued
from mappings.language.functions import REGISTRY
from mappings.language.functions.identifiers import identity, national, within
from mappings.language.functions.times import moment
from mappings.language.runtime import codes as lookups
from mappings.language.runtime import reading
from mappings.language.runtime.segments import Structure, padded, rep
from mappings.language.runtime.settling import SETTLED
from mappings.language.runtime.state import NULL, RAW_NULL, REFERENCE

_READING: Final = [
    "address_of",
    "blank",
    "capital",
    "counted",
    "first_of",
    "first_resource",
    "header_of",
    "items",
    "member",
    "object_of",
    "of_group",
    "only_of",
    "plain",
    "present_only",
    "raw_of",
    "some",
    "text_of",
    "text_of_json",
    "texts",
    "word_of",
]


@dataclass(frozen=True, slots=True)
class MessageCode:
    """What a message file compiles to: names of its functions, and what needs no code.

    `events` maps triggers to event types, "" for none and `else` for those not named; empty where `event:` decides.
    `chooses` says that the function finds the type for triggers that are not named. `continued` says which segments go
    on with the one before them, `structure` are the groups. `remember` maps ancestor names to resources.
    """

    message: str
    file: str
    function: str
    parents: str
    events: dict[str, str]
    chooses: bool
    continued: tuple[Continued, ...]
    structure: Structure
    remember: dict[str, str]
    snapshot: bool
    passes: bool

    def names(self) -> list[str]:
        """The kinds it is for: `ORM OML` is for two, `OUL^R24` for one trigger of OUL."""
        return self.message.split()

    def event_of(self, trigger: str) -> str:
        """The event type that a trigger event makes, "" where it makes none."""
        found = self.events.get(trigger)
        return self.events.get("else", "") if found is None else found

    def refuses(self, trigger: str) -> bool:
        """Whether the trigger event makes no event, whatever else the message says."""
        if not self.events or self.event_of(trigger):
            return False
        return trigger in self.events or not self.chooses


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled pack, before it is loaded: message files by their message, the names of its `recognise:` and `kind:`
    functions, empty where there are none, the marshalled code with the name it runs under and its lines' places in the
    pack, and the code lists it looks up. `kind_path` is the source path that `kind:` reads, `lenient` whether what
    cannot be read is left out."""

    messages: dict[str, MessageCode]
    recognise: str
    kind: str
    kind_path: str
    file: str
    code: bytes
    places: dict[int, str]
    tables: dict[str, lookups.CodeTable]
    lenient: bool

    def load(self) -> Mapping[str, Callable[..., Any]]:
        """Its functions by name."""
        names = _names(self.tables)
        exec(marshal.loads(self.code), names)  # noqa: S102, S302  (written by this compiler: pack text only as repr)
        return names


def _names(tables: dict[str, lookups.CodeTable]) -> dict[str, Any]:
    """All that generated code can name."""
    return {
        "__builtins__": {
            "bool": bool,
            "enumerate": enumerate,
            "len": len,
            "list": list,
            "next": next,
            "set": set,
            "tuple": tuple,
        },
        "K": tables,
        "NULL": NULL,
        "RAW_NULL": RAW_NULL,
        "REFERENCE": REFERENCE,
        "as_boolean": lookups.as_boolean,
        "as_code": lookups.as_code,
        "as_coding": lookups.as_coding,
        "as_concept": lookups.as_concept,
        "identity": identity,
        "islice": islice,
        "moment": moment,
        "padded": padded,
        "rep": rep,
        "settled": SETTLED,
        "national": national,
        "within": within,
        **{name: getattr(reading, name) for name in _READING},
        **{f"f_{name}": function.run for name, function in REGISTRY.items()},
    }
