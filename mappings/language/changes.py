"""`changes.yaml`: what a layer changes in the files below it, by path, with four verbs and a strict match."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Mapping as Files
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Final

from mappings.language.folder import Layer
from mappings.language.nodes import Entry, Mapping, Node, Scalar, Sequence
from mappings.language.problems import Problems, did_you_mean

VERBS: Final = ("replace", "add", "append", "remove")
ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one place. `was` is what must stand there; it chooses where file or path have a `*`."""

    verb: str
    path: Scalar
    new: Node | None
    was: Scalar | None


def apply_changes(files: dict[str, Node], changes: Node, problems: Problems) -> None:
    """Changes `files` (relative name without `.yaml` → its document) as the layer says."""
    if not isinstance(changes, Mapping):
        problems.add(changes.place, "changes.yaml maps files to lists of changes", "segments/PID/Patient:")
        return
    for entry in changes:
        file = _file(entry)
        if not _those(file, files):
            near = did_you_mean(file, files) or _listed(files)
            problems.add(entry.key.place, f"the layers below have no file `{file}`", near)
            continue
        if not isinstance(entry.value, Sequence):
            problems.add(entry.value.place, "here stands a list of changes", "- replace: identifier:local")
            continue
        for item in entry.value.items:
            change = _change(item, problems)
            targets = list(_targets(file, change, files)) if change is not None else []
            if change is not None and not targets:
                _meant_nothing(file, change, files, problems)
            for name, one in targets:
                files[name] = _applied(files[name], one, problems)


def _file(entry: Entry) -> str:
    return entry.key.text.removesuffix(".yaml")


def _listed(files: dict[str, Node]) -> str:
    return f"there are: {', '.join(sorted(files))}" if files else "a pack without `extends:` changes nothing"


def _those(file: str, files: Files[str, Node]) -> list[str]:
    return sorted(name for name in files if fnmatchcase(name, file)) if ANY in file else [file] if file in files else []


def _targets(file: str, change: Change, files: Files[str, Node]) -> Iterator[tuple[str, Change]]:
    """The change itself, or, where it says `*`, one for each place that is meant."""
    if ANY not in file + change.path.text:
        yield file, change
        return
    for name in _those(file, files):
        for path in _paths(files[name], change.path.text.split(".")):
            found = value_at(files[name], path)
            if _is_meant(found, change):
                yield name, replace(change, path=Scalar(path, change.path.quoted, change.path.place))


def _paths(node: Node | None, steps: list[str]) -> Iterator[str]:
    """Every path of the document that the steps may mean; the last need not be there, for what is added."""
    step, rest = steps[0], steps[1:]
    names = (node.names() if step == ANY else [step]) if isinstance(node, Mapping) else []
    for name in names:
        if not rest:
            yield name
        else:
            yield from (f"{name}.{path}" for path in _paths(value_at(node, name) if node is not None else None, rest))


def _is_meant(found: Node | None, change: Change) -> bool:
    if change.was is not None:
        return isinstance(found, Scalar) and found.text == change.was.text
    return (found is None) == (change.verb == "add")


def _meant_nothing(file: str, change: Change, files: Files[str, Node], problems: Problems) -> None:
    where = change.was or change.path
    anything = replace(change, was=None)
    there = [value_at(files[name], one.path.text) for name, one in _targets(file, anything, files)]
    said = {value.text for value in there if isinstance(value, Scalar)}
    if change.was is not None and said:
        near = did_you_mean(change.was.text, said) or f"there are: {', '.join(f'`{text}`' for text in sorted(said))}"
        problems.add(where.place, f"nothing at `{change.path.text}` of {file} says this", near)
    else:
        problems.add(where.place, f"`{change.path.text}` names nothing in any {file} of the layers below")


def _change(item: Node, problems: Problems) -> Change | None:
    if isinstance(item, Mapping):
        verbs = [k for k in item.names() if k in VERBS]
        others = set(item.names()) - {*VERBS, "with", "was"}
        path = item.get(verbs[0]) if len(verbs) == 1 else None
        if isinstance(path, Scalar) and not others:
            new, was = item.get("with"), item.get("was")
            if (new is None) == (verbs[0] != "remove"):
                problems.add(item.place, f"`{verbs[0]}` " + ("needs `with:`" if new is None else "takes no `with:`"))
                return None
            return Change(verbs[0], path, new, was if isinstance(was, Scalar) else None)
    problems.add(item.place, "a change has one verb, and `with:`", f"verbs: {', '.join(VERBS)}")
    return None


def _applied(document: Node, change: Change, problems: Problems) -> Node:
    """The document with one change; unchanged, with a problem added, when the path names nothing."""
    steps = change.path.text.split(".")
    before = len(problems.found)

    def at_end(owner: Mapping, name: str) -> Mapping:
        return _changed(owner, name, change, problems)

    result = _descend(document, steps, at_end, change, problems)
    return document if len(problems.found) > before else result


def _descend(
    node: Node, steps: list[str], at_end: Callable[[Mapping, str], Mapping], change: Change, problems: Problems
) -> Node:
    if not isinstance(node, Mapping):
        problems.add(change.path.place, f"there is nothing below `{steps[0]}`: the value is no object")
        return node
    if len(steps) == 1:
        return at_end(node, steps[0])
    owner, name = _owner(node, steps[0])
    found = owner.get(name)
    if found is None:
        _nothing(change, steps[0], node, problems)
        return node
    return _with_entry(node, steps[0], _descend(found, steps[1:], at_end, change, problems))


def _owner(node: Mapping, name: str) -> tuple[Mapping, str]:
    """Where a step leads: a key, or `identifier:local` as the case `local` of `identifier`."""
    element, _, case = name.partition(":")
    inside = node.get(element)
    if node.get(name) is None and case and isinstance(inside, Mapping):
        cases = inside.get("cases")
        if isinstance(cases, Mapping):
            return cases, case
    return node, name


def _with_entry(node: Mapping, name: str, value: Node | None, *, key: Scalar | None = None) -> Mapping:
    """The mapping with that entry replaced, added (with `key`) or, for None, removed."""
    owner, last = _owner(node, name)
    if owner is not node:
        element = name.partition(":")[0]
        inside = node.get(element)
        if isinstance(inside, Mapping):
            return _with_entry(node, element, _with_entry(inside, "cases", _with_entry(owner, last, value)))
    entries = [
        Entry(e.key, value) if e.key.text == name and value is not None else e
        for e in node
        if e.key.text != name or value is not None
    ]
    if key is not None and value is not None:
        entries.append(Entry(key, value))
    return Mapping(tuple(entries), node.place)


def _changed(node: Mapping, name: str, change: Change, problems: Problems) -> Mapping:
    owner, last = _owner(node, name)
    found = owner.get(last)
    if change.verb == "add":
        if found is not None:
            problems.add(change.path.place, f"`{name}` is there already", "write `replace:`")
            return node
        key = Scalar(name, change.path.quoted, change.path.place)
        return _with_entry(node, name, change.new, key=key)
    if found is None:
        _nothing(change, name, node, problems)
        return node
    if change.was is not None and isinstance(found, Scalar) and found.text != change.was.text:
        problems.add(change.was.place, f"below it now says `{found.text}`", "see whether your change still holds")
    if change.verb == "append":
        items = found.items if isinstance(found, Sequence) else (found,)
        assert change.new is not None  # noqa: S101  (checked when the change was read)
        return _with_entry(node, name, Sequence((*items, change.new), found.place))
    return _with_entry(node, name, change.new if change.verb == "replace" else None)


def _nothing(change: Change, name: str, node: Mapping, problems: Problems) -> None:
    near = did_you_mean(name, _names(node)) or f"write `add:` for what is new; there are: {', '.join(_names(node))}"
    said = f"`{change.path.text}` names nothing in the layer below ({node.place.file}:{node.place.line})"
    problems.add(change.path.place, said, near)


def _names(node: Mapping) -> list[str]:
    names = list(node.names())
    for entry in node:
        cases = entry.value.get("cases") if isinstance(entry.value, Mapping) else None
        if isinstance(cases, Mapping):
            names += [f"{entry.key.text}:{case}" for case in cases.names()]
    return names


def value_at(document: Node, path: str) -> Node | None:
    """What a change's path names in a document; None where it names nothing."""
    found: Node | None = document
    for step in path.split("."):
        if not isinstance(found, Mapping):
            return None
        owner, name = _owner(found, step)
        found = owner.get(name)
    return found


def changes_of(layer: Layer, files: Files[str, Node]) -> Iterator[tuple[str, Change]]:
    """Every change that a layer's changes.yaml says as it must be said, with its file; where it says `*`, one for each
    place of `files`, the documents below, that is meant."""
    changes = layer.document("changes.yaml", Problems())
    for entry in changes if isinstance(changes, Mapping) else ():
        for item in entry.value.items if isinstance(entry.value, Sequence) else ():
            change = _change(item, Problems())
            if change is not None:
                yield from _targets(_file(entry), change, files)
