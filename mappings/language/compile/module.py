"""Finished functions to a Python module, with a table of where each of its lines comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mappings.language.codes import CodeList
from mappings.language.compile.slots import shared_slots
from mappings.language.compile.writer import Writer
from mappings.language.functions import REGISTRY
from mappings.language.functions.identifiers import identity, national, within
from mappings.language.functions.times import moment
from mappings.language.problems import Place
from mappings.language.runtime import codes as lookups
from mappings.language.runtime import reading
from mappings.language.runtime.segments import padded
from mappings.language.runtime.state import NULL, RAW_NULL, REFERENCE

_READING = [
    "at",
    "blank",
    "capital",
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
    "rep",
    "text_of",
    "text_of_json",
    "texts",
    "word_of",
]


@dataclass(frozen=True, slots=True)
class Module:
    """Compiled code. `places` maps its line numbers to the files of the pack; `text` is the code itself."""

    file: str
    text: str
    names: dict[str, Any]
    places: dict[int, Place]

    def function(self, name: str) -> Callable[..., Any]:
        found: Callable[..., Any] = self.names[name]
        return found


def load_module(pack: str, writers: list[Writer], code_lists: dict[str, CodeList]) -> Module:
    lines: list[str] = []
    places: dict[int, Place] = {}
    for writer in writers:
        for text, place in shared_slots(writer.lines()):
            lines.append(text)
            places[len(lines)] = place
    file = f"<pack {pack}>"
    text = "\n".join(lines) + "\n"
    names = _names(code_lists)
    exec(compile(text, file, "exec"), names)  # noqa: S102  (written by this compiler: pack text only as repr)
    return Module(file, text, names, places)


def _names(code_lists: dict[str, CodeList]) -> dict[str, Any]:
    """All that generated code can name."""
    return {
        "__builtins__": {
            "bool": bool,
            "enumerate": enumerate,
            "len": len,
            "list": list,
            "next": next,
            "tuple": tuple,
        },
        "K": {name: lookups.code_table(codes) for name, codes in code_lists.items()},
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
        "national": national,
        "within": within,
        **{name: getattr(reading, name) for name in _READING},
        **{f"f_{name}": function.run for name, function in REGISTRY.items()},
    }
