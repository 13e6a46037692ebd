"""Looking codes up while mapping: the target, or what the list says about the unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from contract.errors import Code
from mappings.formats.hl7v2.delimiters import component
from mappings.language.codes import CodeList, Target, Unknown
from mappings.language.runtime.reading import plain_text
from mappings.language.runtime.state import State


@dataclass(frozen=True, slots=True)
class CodeTable:
    """A code list as compiled code holds it. `codings` are the targets as FHIR has them, to be copied."""

    name: str
    system: str
    unknown: Unknown
    fixed: str
    targets: dict[str, Target]
    codings: dict[str, dict[str, Any]]


def code_table(codes: CodeList) -> CodeTable:
    targets = dict(codes.targets)
    codings = {code: _coding(target, target.display) for code, target in targets.items()}
    return CodeTable(codes.name, codes.system, codes.unknown, codes.fixed, targets, codings)


def _unknown(state: State, where: str, table: CodeTable, value: str) -> Target | None:
    """What the list says of a code that is not in it, with an issue; None when it is left out."""
    name = table.name
    match table.unknown:
        case Unknown.REFUSE:
            state.refuse(Code.UNMAPPED_CODE, where, f"the code is not in the list {name}", name)
        case Unknown.OMIT:
            state.note(Code.UNMAPPED_CODE, where, f"the code is not in the list {name}; it is left out", name)
        case Unknown.FIXED:
            state.note(Code.UNMAPPED_CODE, where, f"the code is not in the list {name}; it becomes {table.fixed}", name)
            system = next((t.system for t in table.targets.values() if t.system), "")
            known = next((t for t in table.targets.values() if t.code == table.fixed), None)
            return known or Target(system, table.fixed, "")
        case Unknown.KEEP:
            state.note(Code.UNMAPPED_CODE, where, f"the code is not in the list {name}; it is kept as it came", name)
            return Target(table.system, " ".join(value.split()), "")
    return None


def as_code(state: State, where: str, table: CodeTable, value: str, _raw: str) -> str | None:
    found = table.targets.get(value) or _unknown(state, where, table, value)
    return found.code if found else None


def as_boolean(state: State, where: str, table: CodeTable, value: str, _raw: str) -> bool | None:
    found = table.targets.get(value) or _unknown(state, where, table, value)
    return found.code == "true" if found else None


def as_coding(state: State, where: str, table: CodeTable, value: str, raw: str) -> dict[str, Any] | None:
    known = table.codings.get(value)
    if known is not None:
        return known.copy()
    found = _unknown(state, where, table, value)
    if found is None:
        return None
    return _coding(found, _words(state, raw) if table.unknown is Unknown.KEEP else found.display)


def as_concept(state: State, where: str, table: CodeTable, value: str, raw: str) -> dict[str, Any] | None:
    """With the sender's own words as text, where the target's display says something else."""
    coding = as_coding(state, where, table, value, raw)
    if coding is None:
        return None
    text = _own_words(state, raw) if raw else ""
    if not text and table.unknown is Unknown.KEEP and value not in table.codings:
        text = coding.get("display") or coding["code"]
    elif text.casefold() == coding.get("display", "").casefold() and value in table.codings:
        text = ""
    return {"coding": [coding], "text": text} if text else {"coding": [coding]}


def _coding(target: Target, display: str) -> dict[str, Any]:
    coding = {"system": target.system} if target.system else {}
    coding["code"] = target.code
    if display:
        coding["display"] = display
    return coding


def _words(state: State, raw: str) -> str:
    """What the sender calls the code: the second component of a coded field."""
    return plain_text(state, component(raw, 2, state.delimiters))


def _own_words(state: State, raw: str) -> str:
    """What the sender wrote before there was a code: the ninth component of a coded field; else as it is called."""
    if state.delimiters.component not in raw:
        return ""
    return plain_text(state, component(raw, 9, state.delimiters)) or _words(state, raw)
