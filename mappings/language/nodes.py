"""YAML as nodes: every scalar as text with its line and column, plain and quoted told apart, duplicate keys refused.

Loading as values would turn `NO` into False, `010` into 8, `12:30` into 750, and keep the last of two equal keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import yaml

from mappings.language.problems import Place, Problems


@dataclass(frozen=True, slots=True)
class Scalar:
    """`rows` are the beginnings of the lines of a text that was folded from several: (offset in the text, place)."""

    text: str
    quoted: bool
    place: Place
    rows: tuple[tuple[int, Place], ...] = ()

    def at(self, offset: int, length: int = 1) -> Place:
        """The place of a part of the text."""
        start, place = next(((s, p) for s, p in reversed(self.rows) if s <= offset), (0, self.place))
        room = max(1, len(place.text) - (place.column - 1) - (offset - start))
        return place.at(offset - start, min(length, room))


@dataclass(frozen=True, slots=True)
class Entry:
    """One `key: value` of a mapping."""

    key: Scalar
    value: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    entries: tuple[Entry, ...]
    place: Place

    def get(self, name: str) -> Node | None:
        return next((e.value for e in self.entries if e.key.text == name), None)

    def entry(self, name: str) -> Entry | None:
        return next((e for e in self.entries if e.key.text == name), None)

    def names(self) -> tuple[str, ...]:
        return tuple(e.key.text for e in self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple[Node, ...]
    place: Place


Node: TypeAlias = Scalar | Mapping | Sequence


def plain(node: Node | None) -> object:
    """What a node says, wherever it stands: two that say the same are equal."""
    match node:
        case None:
            return None
        case Scalar():
            return node.text, node.quoted
        case Sequence():
            return [plain(item) for item in node.items]
        case Mapping():
            return {entry.key.text: plain(entry.value) for entry in node}


def read_yaml(text: str, file: str, problems: Problems) -> Node | None:
    """The one document in `text`; None, with a problem added, when it cannot be read."""
    lines = text.splitlines()
    loader = yaml.CSafeLoader(text)
    try:
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line if mark else 0
        column = mark.column if mark else 0
        place = Place(file, line + 1, column + 1, lines[line] if line < len(lines) else "")
        problems.add(place, f"not YAML: {error.problem}", _yaml_advice(place.text))
        return None
    except yaml.YAMLError as error:
        problems.add(Place(file), f"not YAML: {str(error).splitlines()[0]}")
        return None
    finally:
        loader.dispose()
    if root is None:
        problems.add(Place(file), "the file is empty")
        return None
    return _Reader(file, lines, problems).node(root)


def _yaml_advice(line: str) -> str:
    value = line.partition(": ")[2].strip()
    if "{" in line:
        return "within { } a comma ends a value, so write an expression with commas on lines of its own"
    if value.startswith(("'", '"')):
        return 'an expression cannot start with a quoted text in YAML: put it into brackets, `("text" ?? PID-3)`'
    if value.startswith(("*", "!", "@", "%", ">", "|", "[", "{", "&", "`")):
        return "an expression cannot start with this character in YAML"
    if ": " in value:
        return 'a text with ": " in it needs quotes'
    return ""


@dataclass(frozen=True, slots=True)
class _Reader:
    file: str
    lines: list[str]
    problems: Problems

    def place(self, node: yaml.Node, length: int = 1) -> Place:
        line, column = node.start_mark.line, node.start_mark.column
        return Place(self.file, line + 1, column + 1, self.lines[line] if line < len(self.lines) else "", length)

    def node(self, node: yaml.Node) -> Node:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node)
        if isinstance(node, yaml.SequenceNode):
            return Sequence(tuple(self.node(item) for item in node.value), self.place(node))
        return self.scalar(node)

    def scalar(self, node: yaml.Node) -> Scalar:
        text = str(node.value)
        quoted = getattr(node, "style", None) in ("'", '"')
        place = self.place(node, len(text.splitlines()[0]) if text else 1)
        return Scalar(text, quoted, place, () if quoted else self.rows(node, text))

    def rows(self, node: yaml.Node, text: str) -> tuple[tuple[int, Place], ...]:
        first, last = node.start_mark.line, min(node.end_mark.line, len(self.lines) - 1)
        found: list[tuple[int, Place]] = []
        offset = 0
        for number in range(first, last + 1) if last > first else ():
            line = self.lines[number]
            start = node.start_mark.column if number == first else len(line) - len(line.lstrip())
            part = line[start:].strip()
            at = text.find(part, offset) if part else -1
            if at >= 0:
                found.append((at, Place(self.file, number + 1, start + 1, line)))
                offset = at + len(part)
        return tuple(found)

    def mapping(self, node: yaml.MappingNode) -> Mapping:
        entries: dict[str, Entry] = {}
        for key, value in node.value:
            name = self.scalar(key)
            if not isinstance(key, yaml.ScalarNode):
                self.problems.add(self.place(key), "a key must be one word")
            elif name.text in entries:
                first = entries[name.text].key.place.line
                advice = f"it stands in line {first} already; a list takes several named items: `{name.text}:other`"
                self.problems.add(name.place, f"`{name.text}` is here twice", advice)
            else:
                entries[name.text] = Entry(name, self.node(value))
        return Mapping(tuple(entries.values()), self.place(node))
