"""Columns of rows, members of JSON objects, resources of FHIR messages."""

from __future__ import annotations

from dataclasses import replace

from mappings.language.compile import paths
from mappings.language.compile.scope import Scope
from mappings.language.compile.unit import Unit, where_plus
from mappings.language.compile.values import (
    JSON,
    TEXT,
    Any,
    Many,
    Value,
)
from mappings.language.expressions import Member, Path
from mappings.language.fhir.model import is_resource
from mappings.language.nodes import Scalar
from mappings.stages import Format


def row(unit: Unit, source: Scalar, path: Path, scope: Scope) -> Any | None:
    names = [path.root]
    for step in path.steps:
        if not isinstance(step, Member):
            break
        names.append(step.name)
    if unit.shared.format is Format.FHIR:
        return resource(unit, source, path, scope)
    declared = unit.shared.rows.of(scope.message) if scope.message else unit.shared.rows.everywhere()
    for length in range(len(names), 0, -1):
        word = ".".join(names[:length])
        found = declared.get(word)
        bound, start = _bound(scope, names[:length])
        if found is None and bound is None:
            continue
        if found is None:
            continue
        unit.note_column(scope.message, found.name)
        real = found.name.split(".")[start:]
        where = repr(found.name)
        code = bound.code if bound is not None else "M"
        if unit.shared.format is Format.CSV:
            spellings = dict.fromkeys((found.name, word))  # the real name, or as SQL-safe extracts write it
            looked = " or ".join(f"M.get({name!r})" for name in spellings)
            cell = unit.writer.once(f"text_of_json({looked})")
            value: Any = Value(cell, TEXT, where=where)
        else:
            for name in real:
                code = unit.writer.once(f"member({code}, {name!r})")
            value = Value(code, JSON, where=where)
            if found.repeats:
                value = Many(f"items({code})", replace(value, code=""), numbered=False)
            elif found.type != "object":
                value = replace(value, code=unit.writer.once(f"text_of_json({code})"), type=TEXT)
        return paths._steps(unit, source, path, value, path.steps[length - 1 :], scope)
    return None


def _bound(scope: Scope, names: list[str]) -> tuple[Value | None, int]:
    """The item of an `each` that stands at a beginning of this path, and how many names it covers."""
    for length in range(len(names), 0, -1):
        found = scope.name("." + ".".join(names[:length]))
        if isinstance(found, Value):
            return found, length
    return None, 0


def resource(unit: Unit, source: Scalar, path: Path, scope: Scope) -> Any | None:
    bound = scope.name("." + path.root)
    if isinstance(bound, Value):
        return paths._steps(unit, source, path, bound, path.steps, scope)
    if path.root == "bundle":
        return paths._steps(unit, source, path, Value("M", JSON, where="'Bundle'"), path.steps, scope)
    if path.root == "header":
        code = unit.writer.once("header_of(M)", opening=True)
        return paths._steps(unit, source, path, Value(code, JSON, where="'MessageHeader'"), path.steps, scope)
    if is_resource(path.root):
        code = unit.writer.once(f"first_resource(M, {path.root!r})", opening=True)
        return paths._steps(unit, source, path, Value(code, JSON, where=repr(path.root)), path.steps, scope)
    return None


def member(unit: Unit, source: Scalar, path: Path, value: Any, step: Member) -> Value | None:
    if not isinstance(value, Value) or value.type != JSON:
        said = f"`{path.text}`: {value.described()} has no members"
        unit.problem(source, path.position, said, length=len(path.text))
        return None
    code = unit.writer.once(f"member({value.code}, {step.name!r})")
    return replace(value, code=code, where=where_plus(value.where, f".{step.name}"))
