"""Looking codes up while mapping: the target, or what the list says about the unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from contract.errors import Code
from mappings.formats.hl7v2.delimiters import component
from mappings.formats.hl7v2.escapes import unescape
from mappings.language.codes import CodeList, Target, Unknown
from mappings.language.runtime.state import State


@dataclass(frozen=True, slots=True)
class CodeTable:
    """A code list as compiled code holds it."""

    name: str
    system: str
    unknown: Unknown
    fixed: str
    targets: dict[str, Target]


def code_table(codes: CodeList) -> CodeTable:
    return CodeTable(codes.name, codes.system, codes.unknown, codes.fixed, dict(codes.targets))


def _look_up(state: State, where: str, table: CodeTable, value: str) -> Target | None:
    """The target; for an unknown code what the list says, with an issue; None when it is left out."""
    found = table.targets.get(value)
    if found is not None:
        return found
    name = table.name
    match table.unknown:
        case Unknown.REFUSE:
            state.refuse(Code.UNMAPPED_CODE, where, f"the code is not in the list {name}")
        case Unknown.OMIT:
            state.note(Code.UNMAPPED_CODE, where, f"the code is not in the list {name}; it is left out")
        case Unknown.FIXED:
            state.note(Code.UNMAPPED_CODE, where, f"the code is not in the list {name}; it becomes {table.fixed}")
            system = next((t.system for t in table.targets.values() if t.system), "")
            known = next((t for t in table.targets.values() if t.code == table.fixed), None)
            return known or Target(system, table.fixed, "")
        case Unknown.KEEP:
            state.note(Code.UNMAPPED_CODE, where, f"the code is not in the list {name}; it is kept as it came")
            return Target(table.system, " ".join(value.split()), "")
    return None


def as_code(state: State, where: str, table: CodeTable, value: str, _raw: str) -> str | None:
    found = _look_up(state, where, table, value)
    return found.code if found else None


def as_boolean(state: State, where: str, table: CodeTable, value: str, _raw: str) -> bool | None:
    found = _look_up(state, where, table, value)
    return found.code == "true" if found else None


def as_coding(state: State, where: str, table: CodeTable, value: str, raw: str) -> dict[str, Any] | None:
    found = _look_up(state, where, table, value)
    if found is None:
        return None
    coding = {"system": found.system} if found.system else {}
    coding["code"] = found.code
    display = found.display or ("" if value in table.targets else _words(state, raw))
    if display:
        coding["display"] = display
    return coding


def as_concept(state: State, where: str, table: CodeTable, value: str, raw: str) -> dict[str, Any] | None:
    coding = as_coding(state, where, table, value, raw)
    if coding is None:
        return None
    if value in table.targets or table.unknown is not Unknown.KEEP:
        return {"coding": [coding]}
    return {"coding": [coding], "text": coding.get("display") or coding["code"]}


def _words(state: State, raw: str) -> str:
    """What the sender calls the code: the second component of a coded field."""
    return unescape(component(raw, 2, state.delimiters), state.delimiters)
