"""The rules of rules.yaml, and those that a layer of a pack adds: read and checked, each complaint with file and line.

A layer may add rules, and let more count for those below. It can take nothing back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
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

    A code is `system|code` for codings, plain for elements of type code. `place` is its file and line; `added` says
    that a layer brought it.
    """

    resource_type: str
    path: tuple[str, ...]
    codes: frozenset[str]
    place: str = ""
    added: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """`withholds` are element paths by resource type (`Patient` → `contact.address`), for person rules that redact.
    `place` is the file and line that say its scope and action."""

    name: str
    scope: Scope
    action: Action
    found: tuple[Marker, ...]
    lifted: tuple[Marker, ...]
    withholds: tuple[tuple[str, tuple[str, ...]], ...]
    source: str
    place: str = ""

    @property
    def routes(self) -> bool:
        """Whether it sends the event to the restricted topic, alone."""
        return self.action is Action.ROUTE


Rules: TypeAlias = Mapping[str, Rule]
_Word = TypeVar("_Word", Scope, Action)


@dataclass(frozen=True, slots=True, eq=False)
class RuleBook:
    """Rules by name, with the code systems that markers name."""

    systems: Mapping[str, tuple[str, ...]]
    rules: Rules


class RuleMistake(Misconfigured):
    """Where the mistake is, what, and what to write instead."""

    def __init__(self, file: str, line: int, text: str, advice: str = "", column: int = 1) -> None:
        super().__init__(f"{file}:{line}: {text}{'; ' if advice else ''}{advice}")
        self.file, self.line, self.column = file, line, column
        self.text, self.advice = text, advice


@cache
def national() -> RuleBook:
    """The rules that hold everywhere. Raises RuleMistake."""
    return load(RULES_FILE)


def rules() -> Rules:
    """National rules by name."""
    return national().rules


def load(path: Path) -> RuleBook:
    """Reads and checks a rules file. Raises RuleMistake."""
    return _Reader(path.read_text(encoding="utf-8"), path.name, RuleBook({}, {}), layer=False).read()


def laid_over(below: RuleBook, text: str, file: str) -> RuleBook:
    """The rules with a layer's restriction.yaml laid over them. Raises RuleMistake, also for what would be weaker."""
    return _Reader(text, file, below, layer=True).read()


class _Reader:
    """One pass over the YAML nodes: values are taken as text, and every node knows its line."""

    def __init__(self, text: str, file: str, below: RuleBook, *, layer: bool) -> None:
        self.text = text
        self.file = file
        self.below = below
        self.layer = layer
        self.systems = dict(below.systems)

    def read(self) -> RuleBook:
        try:
            root = yaml.compose(self.text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as broken:
            mark = broken.problem_mark or broken.context_mark
            raise RuleMistake(self.file, mark.line + 1 if mark else 1, f"not YAML: {broken.problem}") from None
        if root is None:
            raise RuleMistake(self.file, 1, "the file is empty; it needs the key rules")
        top = self._keys(root, required={"rules"}, optional={"systems"})
        for name, node in self._keys(top["systems"]).items() if "systems" in top else ():
            if name in self.below.systems:
                raise self._wrong(node, f"the layer below says what {name} stands for; use another name")
            self.systems[name] = tuple(self._text(item) for item in self._items(node))
        found: dict[str, Rule] = {}
        for node in self._items(top["rules"]):
            name = self._text(self._keys(node).get("name", node))
            if name in found:
                raise self._wrong(node, f"there are two rules named {name}")
            known = self.below.rules.get(name)
            found[name] = self._rule(node) if known is None else self._stricter(node, known)
        return RuleBook(self.systems, {**self.below.rules, **found})

    def _rule(self, node: yaml.Node) -> Rule:
        keys = self._keys(node, {"name", "scope", "found", "action", "source"}, {"lifted", "withholds"})
        scope, action = self._word(keys["scope"], Scope), self._word(keys["action"], Action)
        if self.layer and scope is Scope.PERSON:
            said = "a person's flag holds in every place, so person rules are national"
            raise self._wrong(keys["scope"], said, "write `scope: event` or `scope: element`")
        person_redacts = scope is Scope.PERSON and action is Action.REDACT
        if ("withholds" in keys) != person_redacts:
            raise self._wrong(node, "withholds belongs to rules of scope person and action redact, and only to these")
        if ("lifted" in keys) != (scope is Scope.PERSON):
            raise self._wrong(node, "a person rule says what lifts it, and no other rule does")
        self._check_action(keys["action"], scope, action)
        return Rule(
            name=self._text(keys["name"]),
            scope=scope,
            action=action,
            found=self._markers(keys["found"]),
            lifted=self._markers(keys["lifted"]) if "lifted" in keys else (),
            withholds=tuple(self._path(item) for item in self._items(keys["withholds"])) if person_redacts else (),
            source=self._text(keys["source"]),
            place=self._place(node),
        )

    def _check_action(self, node: yaml.Node, scope: Scope, action: Action) -> None:
        if scope is Scope.ELEMENT and action is Action.ROUTE:
            raise self._wrong(node, "an element rule redacts; scope event routes")
        if scope is Scope.EVENT and action is Action.REDACT:
            raise self._wrong(node, "an event rule routes; scope element or person redacts")

    def _stricter(self, node: yaml.Node, below: Rule) -> Rule:
        """What a layer says of a rule below: more that counts, or the whole event instead of an element."""
        for key in ("lifted", "withholds"):
            if key in (keys := self._keys(node)):
                said = f"{key} of {below.name} is national: changing it here could only make it weaker elsewhere"
                raise self._wrong(keys[key], said, f"leave `{key}` out")
        keys = self._keys(node, {"name", "source"}, {"found", "scope", "action"})
        scope = self._word(keys["scope"], Scope) if "scope" in keys else below.scope
        action = self._word(keys["action"], Action) if "action" in keys else below.action
        whole = below.scope is Scope.ELEMENT and (scope, action) == (Scope.EVENT, Action.ROUTE)
        if not whole and (scope, action) != (below.scope, below.action):
            said = f"{below.name} is {below.scope}, {below.action} in {below.place}; {scope}, {action} would be weaker"
            where = keys.get("scope", keys.get("action", node))
            advice = "leave the rule out, or say under `found:` what else counts for it"
            raise self._wrong(where, f"{said}, and a layer may only be stricter", advice)
        more = self._markers(keys["found"]) if "found" in keys else ()
        more = tuple(marker for marker in more if not any(_covers(known, marker) for known in below.found))
        if not more and not whole:
            raise self._wrong(node, f"this changes nothing of {below.name}", "leave it out, or say what else counts")
        place = self._place(node) if whole else below.place
        return replace(below, scope=scope, action=action, found=(*below.found, *more), place=place)

    def _markers(self, node: yaml.Node) -> tuple[Marker, ...]:
        return tuple(self._marker(item) for item in self._items(node))

    def _marker(self, node: yaml.Node) -> Marker:
        keys = self._keys(node, {"at", "is"})
        resource_type, path = self._path(keys["at"])
        codes = frozenset(code for item in self._items(keys["is"]) for code in self._codes(item))
        return Marker(resource_type, path, codes, self._place(node), self.layer)

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

    def _place(self, node: yaml.Node) -> str:
        return f"{self.file}:{node.start_mark.line + 1}"

    def _wrong(self, node: yaml.Node, text: str, advice: str = "") -> RuleMistake:
        return RuleMistake(self.file, node.start_mark.line + 1, text, advice, node.start_mark.column + 1)


def _covers(known: Marker, marker: Marker) -> bool:
    return (known.resource_type, known.path) == (marker.resource_type, marker.path) and marker.codes <= known.codes
