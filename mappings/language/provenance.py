"""The mapping in effect as plain YAML and CSV, every line with the layer that says it and where."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mappings.language.build import code_lists, documents, stages
from mappings.language.changes import changes_of
from mappings.language.codes import CodeList
from mappings.language.folder import Layer
from mappings.language.layout.documents import WIDTH
from mappings.language.layout.spacing import broken, spaced
from mappings.language.nodes import Entry, Mapping, Node, Scalar
from mappings.language.packs import rules_of
from mappings.language.problems import PackError, Place, Problems
from mappings.restriction import Rule

NATIONAL: Final = "national"
"""The layer of restriction rules that hold everywhere."""

_STEP: Final = 2


@dataclass(frozen=True, slots=True)
class Said:
    """One line of the effective mapping. `layer` is who says it (`hl7v2 1.0.0`, `qvv 2`), `file` and `line` where."""

    text: str
    layer: str
    file: str
    line: int


def effective_parts(layers: Sequence[Layer]) -> dict[str, list[Said]]:
    """The parts of a mapping by name: `segments/PID/Patient`, `codes/ward`, `fields`, `restriction`.

    Raises PackError for layers that do not fit over one another; what the compiler alone finds is not looked for.
    """
    problems = Problems()
    names = {layer.root.name: layer.label for layer in layers}
    found = {name: _document(document) for name, document in documents(list(layers), problems).items()}
    for file, path in _removed(layers):
        if file in found:
            found[file].append(("# " + path.text + " is removed", path.place))
    found |= {f"codes/{name}": _codes(codes) for name, codes in code_lists(list(layers), problems).items()}
    found |= {"fields": rows} if (rows := _fields(layers)) else {}
    found["restriction"] = [line for rule in rules_of(layers, problems).rules.values() for line in _rule(rule)]
    if problems.errors:
        raise PackError(layers[-1].manifest.name, problems.errors)
    return {part: [_said(text, place, names) for text, place in lines] for part, lines in sorted(found.items())}


def _said(text: str, place: Place, names: dict[str, str]) -> Said:
    return Said(text, names.get(place.file.partition("/")[0], NATIONAL), place.file, place.line)


def _document(node: Node) -> list[tuple[str, Place]]:
    return list(_block(node, 0, ""))


def _block(node: Node, column: int, lead: str) -> Iterator[tuple[str, Place]]:
    """A node from `column` on; its first line begins with `lead`, the dashes of the items that it stands in."""
    if isinstance(node, Scalar):
        yield lead + _text(node), node.place
        return
    parts: Sequence[Entry | Node] = node.entries if isinstance(node, Mapping) else node.items
    if not parts:
        yield lead + ("{}" if isinstance(node, Mapping) else "[]"), node.place
    for position, part in enumerate(parts):
        begins = lead if not position else " " * column
        if isinstance(part, Entry):
            yield from _entry(part, column, begins)
        else:
            yield from _block(part, column + _STEP, begins + "- ")


def _entry(entry: Entry, column: int, begins: str) -> Iterator[tuple[str, Place]]:
    head, value = f"{begins}{_text(entry.key)}:", entry.value
    if not isinstance(value, Scalar):
        inside = [*_block(value, column + _STEP, " " * (column + _STEP))]
        empty = len(inside) == 1 and inside[0][0].strip() in ("{}", "[]")
        yield f"{head} {inside[0][0].strip()}" if empty else head, value.place
        yield from () if empty else inside
    elif value.quoted or len(head) + 1 + len(value.text) <= WIDTH:
        yield f"{head} {_text(value)}", value.place
    else:
        yield f"{head} >-", value.place
        for part in broken(spaced(value.text), WIDTH - column - _STEP):
            yield " " * (column + _STEP) + part, value.place


def _text(scalar: Scalar) -> str:
    return json.dumps(scalar.text, ensure_ascii=False) if scalar.quoted else spaced(scalar.text)


def _removed(layers: Sequence[Layer]) -> Iterator[tuple[str, Scalar]]:
    for layer, below in zip(layers, stages(list(layers), Problems())[:-1], strict=True):
        yield from ((file, change.path) for file, change in changes_of(layer, below) if change.verb == "remove")


def _codes(codes: CodeList) -> list[tuple[str, Place]]:
    policy = f"{codes.unknown} {codes.fixed}".strip()
    lines = [(f"# unknown: {policy}", codes.place)]
    if codes.system:
        lines.append((f"# system: {codes.system}", codes.place))
    return lines + [(place.text, place) for place in codes.places.values()]


def _fields(layers: Sequence[Layer]) -> list[tuple[str, Place]]:
    """The declarations that hold: of two for one field the uppermost."""
    found: dict[tuple[str, ...], tuple[str, Place]] = {}
    for layer in layers:
        shown, text = layer.file("fields.csv") or ("", "")
        rows = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line and line[0] != "#"]
        for number, line in rows[1:]:
            found[tuple(next(csv.reader([line]))[:2])] = line, Place(shown, number)
    return list(found.values())


def _rule(rule: Rule) -> Iterator[tuple[str, Place]]:
    here = _rule_place(rule.place)
    yield f"- name: {rule.name}", here
    yield f"  scope: {rule.scope}", here
    yield f"  action: {rule.action}", here
    for word, markers in (("found", rule.found), ("lifted", rule.lifted)):
        if markers:
            yield f"  {word}:", here
        for marker in markers:
            place = _rule_place(marker.place)
            yield f"    - at: {'.'.join((marker.resource_type, *marker.path))}", place
            yield "      is:", place
            for code in sorted(marker.codes):
                yield f"        - {json.dumps(code)}", place
    if rule.withholds:
        yield "  withholds:", here
        yield from ((f"    - {'.'.join((kind, *path))}", here) for kind, path in rule.withholds)


def _rule_place(shown: str) -> Place:
    """Of `qvv/restriction.yaml:4`."""
    file, _, line = shown.rpartition(":")
    return Place(file, int(line) if line.isdigit() else 1)
