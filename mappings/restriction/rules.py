"""The rules of rules.yaml, read and checked once, with the file and line in every complaint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import yaml

from contract.errors import Misconfigured

RULES_FILE: Final = Path(__file__).with_name("rules.yaml")
ANY_TYPE: Final = "*"


class Scope(StrEnum):
    ELEMENT = "element"
    EVENT = "event"
    PERSON = "person"


class Action(StrEnum):
    REDACT = "redact"
    ROUTE = "route"


@dataclass(frozen=True, slots=True)
class Marker:
    """Where a rule looks: a resource type (or `*`), the element's path below it, and the codes that count.

    A code is `system|code` for codings, plain for elements of type code.
    """

    resource_type: str
    path: tuple[str, ...]
    codes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rule:
    """`withholds` are element paths by resource type (`Patient` → `contact.address`), for person rules that redact."""

    name: str
    scope: Scope
    action: Action
    found: tuple[Marker, ...]
    lifted: tuple[Marker, ...]
    withholds: tuple[tuple[str, tuple[str, ...]], ...]
    source: str

    @property
    def routes(self) -> bool:
        """Whether it sends the event to the restricted topic, alone."""
        return self.action is Action.ROUTE


Rules: TypeAlias = Mapping[str, Rule]
_Word = TypeVar("_Word", Scope, Action)


@cache
def rules() -> Rules:
    """The rules of this installation by name. Raises Misconfigured, naming file and line."""
    return load(RULES_FILE)


def load(path: Path) -> Rules:
    """Reads and checks a rules file. Raises Misconfigured, naming file and line."""
    return _Reader(path).read()


class _Reader:
    """One pass over the YAML nodes: values are taken as text, and every node knows its line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.systems: dict[str, tuple[str, ...]] = {}

    def read(self) -> Rules:
        try:
            root = yaml.compose(self.path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as broken:
            mark = broken.problem_mark or broken.context_mark
            raise Misconfigured(f"{self.path}:{mark.line + 1 if mark else 1}: not YAML: {broken.problem}") from None
        if root is None:
            raise Misconfigured(f"{self.path}:1: the file is empty; it needs the keys systems and rules")
        top = self._keys(root, required={"systems", "rules"})
        for name, node in self._keys(top["systems"]).items():
            self.systems[name] = tuple(self._text(item) for item in self._items(node))
        found: dict[str, Rule] = {}
        for node in self._items(top["rules"]):
            rule = self._rule(node)
            if rule.name in found:
                raise self._wrong(node, f"there are two rules named {rule.name}")
            found[rule.name] = rule
        return found

    def _rule(self, node: yaml.Node) -> Rule:
        keys = self._keys(node, {"name", "scope", "found", "action", "source"}, {"lifted", "withholds"})
        scope, action = self._word(keys["scope"], Scope), self._word(keys["action"], Action)
        person_redacts = scope is Scope.PERSON and action is Action.REDACT
        if ("withholds" in keys) != person_redacts:
            raise self._wrong(node, "withholds belongs to rules of scope person and action redact, and only to these")
        if ("lifted" in keys) != (scope is Scope.PERSON):
            raise self._wrong(node, "a person rule says what lifts it, and no other rule does")
        if scope is Scope.ELEMENT and action is Action.ROUTE:
            raise self._wrong(keys["action"], "an element rule redacts; scope event routes")
        if scope is Scope.EVENT and action is Action.REDACT:
            raise self._wrong(keys["action"], "an event rule routes; scope element or person redacts")
        return Rule(
            name=self._text(keys["name"]),
            scope=scope,
            action=action,
            found=tuple(self._marker(item) for item in self._items(keys["found"])),
            lifted=tuple(self._marker(item) for item in self._items(keys["lifted"])) if "lifted" in keys else (),
            withholds=tuple(self._path(item) for item in self._items(keys["withholds"])) if person_redacts else (),
            source=self._text(keys["source"]),
        )

    def _marker(self, node: yaml.Node) -> Marker:
        keys = self._keys(node, {"at", "is"})
        resource_type, path = self._path(keys["at"])
        return Marker(resource_type, path, frozenset(c for item in self._items(keys["is"]) for c in self._codes(item)))

    def _codes(self, node: yaml.Node) -> Iterator[str]:
        system, bar, code = self._text(node).rpartition("|")
        if not bar:
            yield code
        elif system in self.systems:
            yield from (f"{uri}|{code}" for uri in self.systems[system])
        else:
            known = ", ".join(sorted(self.systems))
            raise self._wrong(node, f"no system named {system!r}; add it under systems, or use one of: {known}")

    def _path(self, node: yaml.Node) -> tuple[str, tuple[str, ...]]:
        resource_type, *path = self._text(node).split(".")
        named = resource_type == ANY_TYPE or resource_type[:1].isupper()
        if not named or not path or not all(part.isidentifier() for part in path):
            raise self._wrong(node, "write a resource type and an element, as in Patient.contact.address")
        return resource_type, tuple(path)

    def _word(self, node: yaml.Node, kind: type[_Word]) -> _Word:
        text = self._text(node)
        if text not in {str(word) for word in kind}:
            raise self._wrong(node, f"{text!r} is none of: {', '.join(kind)}")
        return kind(text)

    def _keys(
        self, node: yaml.Node, required: set[str] | None = None, optional: set[str] | None = None
    ) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self._wrong(node, "expected keys with values here")
        found: dict[str, yaml.Node] = {}
        for key_node, value in node.value:
            key = self._text(key_node)
            if key in found:
                raise self._wrong(key_node, f"the key {key} stands here twice")
            if required is not None and key not in required | (optional or set()):
                allowed = ", ".join(sorted(required | (optional or set())))
                raise self._wrong(key_node, f"unknown key {key}; write one of: {allowed}")
            found[key] = value
        for key in sorted((required or set()) - found.keys()):
            raise self._wrong(node, f"the key {key} is missing")
        return found

    def _items(self, node: yaml.Node) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            raise self._wrong(node, "expected a list with at least one item here")
        return list(node.value)

    def _text(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            raise self._wrong(node, "expected a word here")
        return str(node.value)

    def _wrong(self, node: yaml.Node, text: str) -> Misconfigured:
        return Misconfigured(f"{self.path}:{node.start_mark.line + 1}: {text}")
