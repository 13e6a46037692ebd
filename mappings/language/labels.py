"""What restriction rules hang on: an overlay may add labels, and never change, replace or take away those of its pack.

Rules find what must be held apart by labels that templates make (`meta.security`), of codes that lists translate. An
overlay that took a label away would let out what the nation holds back, without touching a rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from mappings.language import nodes
from mappings.language.changes import Change, changes_of
from mappings.language.codes import CodeList, Target, read_code_list
from mappings.language.folder import Layer
from mappings.language.nodes import Node
from mappings.language.problems import Problems
from mappings.restriction import national

_LIST: Final = re.compile(r"\bcode\(([\w-]+)\)")
_Steps = tuple[str, ...]


def check_labels(layer: Layer, below: Mapping[str, Node], lists: Mapping[str, CodeList], problems: Problems) -> None:
    """Adds a mistake for each place where an overlay weakens the labels of the documents and code lists `below`."""
    labels = {marker.path for rule in national().rules.values() for marker in (*rule.found, *rule.lifted)}
    for file, change in changes_of(layer, below):
        label = next((label for label in labels if _weakens(file, change, below.get(file), label)), None)
        if label is not None:
            said = f"what is held apart hangs on `{'.'.join(label)}`: an overlay may add to it, and nothing else"
            problems.add(change.path.place, said, f"write `append: {'.'.join(label)}` in the template that makes it")
    for name in below:
        _check_file(layer, name, below[name], labels, problems)
    used = {name for document in below.values() for label in labels for name in _lists(document, label)}
    for name in sorted(used & lists.keys()):
        _check_rows(layer, lists[name], problems)


def _weakens(file: str, change: Change, document: Node | None, label: _Steps) -> bool:
    """Whether a change takes away what makes the label, or lays something over it."""
    steps = _of_resource(file, change.path.text.split("."))
    touches = bool(steps) and (steps[: len(label)] == label or label[: len(steps)] == steps)
    if document is None or not touches or change.verb == "append":
        return False
    used = isinstance(document, nodes.Mapping) and document.get("template") is not None
    over = file.startswith("messages/") or used
    return over or (change.verb != "add" and any(_nodes(document, label)))


def _of_resource(file: str, steps: Sequence[str]) -> _Steps:
    """A path without what leads to the resource, and without the names of items."""
    plain = [step.partition(":")[0] for step in steps]
    if file.startswith("messages/") and plain[0] == "resources":
        plain = plain[2:]
    return tuple(plain[1:] if plain[:1] == ["each"] else plain)


def _check_file(layer: Layer, name: str, below: Node, labels: set[_Steps], problems: Problems) -> None:
    document = layer.document(f"{name}.yaml", Problems())
    for label in sorted(labels) if document is not None else ():
        if any(_nodes(below, label)) and document is not None and not any(_nodes(document, label)):
            said = f"the file below makes `{'.'.join(label)}`, on which hangs what is held apart, and this one does not"
            problems.add(document.place, said, "state only what differs, in changes.yaml")


def _check_rows(layer: Layer, below: CodeList, problems: Problems) -> None:
    """Rows of a list that makes labels may be added, where they lift nothing."""
    own = layer.file(f"codes/{below.name}.csv")
    if own is None:
        return
    over = read_code_list(below.name, [own], Problems())
    lifting = {code for rule in national().rules.values() for marker in rule.lifted for code in marker.codes}
    said = f"{below.name} makes the labels on which hangs what is held apart"
    for code, place in over.places.items():
        known, now = below.targets.get(code), over.targets.get(code)
        if known is not None and known != now:
            problems.add(place, f"{said}: a row of it may not be changed or removed", "leave the row out")
        elif known is None and now is not None and _coded(now) & lifting:
            problems.add(place, f"{said}: a code that lifts it is national", "leave the row out")
    if over.place.text and (over.unknown, over.fixed) != (below.unknown, below.fixed):
        problems.add(over.place, f"{said}: what becomes of other codes may not be changed", "leave the line out")


def _coded(target: Target) -> set[str]:
    return {target.code, f"{target.system}|{target.code}"}


def _nodes(document: Node, label: _Steps) -> Iterator[Node]:
    """What makes that element, anywhere in the document."""
    if isinstance(document, nodes.Sequence):
        for item in document.items:
            yield from _nodes(item, label)
    if not isinstance(document, nodes.Mapping):
        return
    for entry in document:
        if entry.key.text.partition(":")[0] != label[0]:
            yield from _nodes(entry.value, label)
        elif len(label) == 1:
            yield entry.value
        else:
            yield from _nodes(entry.value, label[1:])


def _lists(document: Node, label: _Steps) -> Iterator[str]:
    for node in _nodes(document, label):
        yield from (name for text in _texts(node) for name in _LIST.findall(text))


def _texts(node: Node) -> Iterator[str]:
    if isinstance(node, nodes.Scalar):
        yield node.text
    elif isinstance(node, nodes.Sequence):
        for item in node.items:
            yield from _texts(item)
    else:
        for entry in node:
            yield from _texts(entry.value)
