"""Where values go while an object is built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mappings.language.compile.scope import Scope
from mappings.language.compile.unit import Unit
from mappings.language.compile.values import Own, Target, Value
from mappings.language.nodes import Entry

Piece: TypeAlias = tuple[Entry, Scope]
"""One `element: value` and the scope in which its value is read: laid-over elements bring their own."""


@dataclass(slots=True)
class Sink:
    """Where values go: `owner[name]`, a list, or (`plain`) the local `owner` itself, with
    `traced` its source path beside it. `live` is the local that says
    whether the owner exists."""

    owner: str
    target: Target
    live: str
    resource: bool
    held: str = ""
    choice: str = ""
    name: str = ""
    where: str = "''"
    own: Own = Own.CONSTANT
    plain: bool = False
    traced: bool = False

    def put(
        self, unit: Unit, code: str, kind: str, own: Own, values: Sequence[Value] = (), made_of: Sequence[Value] = ()
    ) -> None:
        """The line that assigns or appends, and those that keep count: `values` are used up with it, `made_of` is what
        it is made of where its parts are counted one by one."""
        name = repr(self.choice + kind[0].upper() + kind[1:] if self.choice else self.name)
        if self.held:
            unit.line(f"{self.held}.append({code})")
        else:
            unit.line(f"{self.owner}[{name}] = {code}")
        if own is Own.SOURCE or (own is Own.REFERENCE and not self.resource):
            unit.line(f"{self.live} = True")
            self.own = max(self.own, own)
        unit.note_used(values)
        unit.note_placed(made_of or values, self.target.to, self.owner, name, code)
        if values:
            self.comes_from(values[0].where)

    def comes_from(self, where: str) -> None:
        """Its source path is that of what is put into it first, and has one."""
        if self.where == "''":
            self.where = where


@dataclass(slots=True)
class Built:
    """An object written out: its local, the local that says whether it exists, and how far it counts."""

    code: str
    live: str
    own: Own
