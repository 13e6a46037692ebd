"""What a compiled pack carries along while it maps one event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from zoneinfo import ZoneInfo

from contract.errors import Code, Issue, Severity, errors_of
from mappings.formats.hl7v2.delimiters import STANDARD, Delimiters
from mappings.language.fhir.model import type_model
from mappings.stages import Json, MapContext, ParentRef, Placed


class Null:
    """HL7 null, `""`: not absent, but "delete what you have"."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NULL"


NULL: Final = Null()
RAW_NULL: Final = '""'
REFERENCE: Final = "urn:uuid:"
_LEFT_OUT: Final = "; it is left out"
_UNREADABLE: Final = frozenset({Code.INVALID_DATE, Code.INVALID_VALUE, Code.INVALID_NHS_NUMBER})


class State:
    """One event in the making.

    `kept` are the message's resources by id, `emitted` those found inside them, `pruned` ids of resources that turned
    out to be empty, `named` the ids by the message's names for them, `over` what is laid over passed resources by type,
    `used` the source paths that were read and `placed` where their values went (only when accounting was asked for),
    `above` a row's parents by name, `again` how often an id came that `distinct` tells apart, `found` the references to
    resources inside others by template and field, `marks` the message's separators of components, subcomponents and
    repetitions, `lenient` whether what cannot be read is left out.
    """

    __slots__ = (
        "above",
        "again",
        "context",
        "deleted",
        "delimiters",
        "emitted",
        "event",
        "found",
        "issues",
        "kept",
        "lenient",
        "marks",
        "named",
        "over",
        "placed",
        "pruned",
        "trigger",
        "used",
        "zone",
    )

    def __init__(
        self, context: MapContext, trigger: str, delimiters: Delimiters = STANDARD, *, lenient: bool = False
    ) -> None:
        self.context = context
        self.lenient = lenient
        self.delimiters = delimiters
        self.marks = (delimiters.component, delimiters.subcomponent, delimiters.repetition)
        self.zone = ZoneInfo(context.sender.zone)
        self.trigger = trigger or None  # absent, as a field that is empty
        self.event = ""
        self.issues: list[Issue] = []
        self.deleted: list[str] = []
        self.kept: dict[str, Json] = {}
        self.emitted: dict[str, Json] = {}
        self.found: dict[tuple[str, str], str] = {}
        self.pruned: set[str] = set()
        self.named: dict[str, str] = {}
        self.over: dict[str, dict[str, Any]] = {}
        self.used: set[str] = set()
        self.placed: list[Placed] = []
        self.above: dict[str, ParentRef] = {}
        self.again: dict[str, int] = {}

    def refuse(self, code: Code, where: str, text: str, code_list: str = "") -> None:
        """Notes an error; the message is refused once all of them are found."""
        self.issues.append(Issue(code, where, text, code_list=code_list))

    def note(self, code: Code, where: str, text: str, code_list: str = "") -> None:
        self.issues.append(Issue(code, where, text, Severity.WARNING, code_list=code_list))

    def unreadable(self, code: Code, where: str, text: str) -> None:
        """A value that is not what its element takes: an error, or a warning in a pack that leaves it out."""
        if self.lenient:
            self.note(code, where, text + _LEFT_OUT)
        else:
            self.refuse(code, where, text)

    def place(self, where: str, path: str, owner: dict[str, Any], name: str, value: Any) -> None:
        """In accounting code: what was read at `where` stands in `owner` as its element `name`."""
        self.placed.append(Placed(where, path, owner, name, value))

    def missing(self, where: str, element: str) -> None:
        """An element that FHIR requires stays empty: the field's fault, or that of a value that could not be read."""
        for issue in self.issues:
            if issue.path == where and issue.code in _UNREADABLE:
                if issue.severity is Severity.WARNING:
                    said = issue.text.removesuffix(_LEFT_OUT)
                    self.refuse(issue.code, where, f"{said}. It is needed for {element}")
                return
        self._lacks(where, f"this is needed for {element}, and it is empty")

    def _lacks(self, where: str, text: str) -> None:
        """What no source field is at fault for follows from another error, if there is one, and says nothing new."""
        if where or not errors_of(self.issues):
            self.refuse(Code.MISSING_FIELD, where, text)

    def unsupported(self, where: str) -> None:
        text = "the message is none of the cases for which the pack names an event"
        self.refuse(Code.UNSUPPORTED_TRIGGER, where, text)

    def unnamed_trigger(self, where: str) -> None:
        """The trigger is none that the pack names, and the message still says something."""
        said = "the pack names no event for this trigger; the message is taken as what it holds says"
        self.note(Code.UNSUPPORTED_TRIGGER, where, said)

    # resources

    def keep(self, kind: str, identity: str | None, body: dict[str, Any] | None, where: str) -> None:
        """A resource of the message. With content but without an id nothing can be said about it."""
        if body is None:
            if identity is not None:
                self.pruned.add(identity)
        elif identity is None:
            if not where or all(issue.path != where for issue in errors_of(self.issues)):
                self._lacks(where, f"there is no identifier, so this {kind} cannot be told from others")
        else:
            body["id"] = identity
            if not _join(self.kept, identity, body):
                text = f"this {kind} has the identity of an earlier one and says something else; it is left out"
                self.note(Code.DUPLICATE_RESOURCE, where, text)

    def emit(self, kind: str, identity: str | None, body: dict[str, Any] | None, where: str) -> str | None:
        """A resource found inside another one: added once per id. Gives the reference to it."""
        if body is None:
            return None
        if identity is None:
            self.note(Code.DROPPED_REFERENCE, where, f"there is no identifier, so no {kind} is made of it")
            return None
        body["id"] = identity
        _join(self.emitted, identity, body)
        return REFERENCE + identity

    def distinct(self, kind: str, identity: str) -> str:
        """The id; when it comes again in the message, one made of it and how often it came."""
        count = self.again[identity] = self.again.get(identity, 0) + 1
        return identity if count == 1 else self.context.ids.make(kind, "again", f"{identity}\x1e{count}")

    def made(self, identity: str | None) -> str | None:
        """The id, if a resource was made under it."""
        return identity if identity in self.kept else None

    def first_made(self, identities: Iterable[str | None]) -> str | None:
        return next((i for i in identities if i in self.kept), None)

    # what a row hangs on

    def hangs_on(
        self, found: dict[str, ParentRef], name: str, kind: str, identity: str | None, where: str, optional: bool
    ) -> None:
        if identity is not None:
            found[name] = ParentRef(kind, identity, where)
        elif not optional:
            self.refuse(Code.MISSING_FIELD, where, f"this says which {kind} the row hangs on, and it is empty")

    def parent(self, name: str) -> str | None:
        """A relative reference to a parent of this row, or to one that a parent remembered."""
        own = self.above.get(name)
        if own is not None:
            return f"{own.resource_type}/{own.resource_id}"
        for parent in self.above.values():
            state = self.context.parents.get(parent.resource_id)
            if state is not None and name in state.ancestors:
                return state.ancestors[name]
        return None

    def parent_patient(self) -> dict[str, Any] | None:
        """The Patient that the first parent is about: id and identifiers."""
        for parent in self.above.values():
            state = self.context.parents.get(parent.resource_id)
            if state is not None and state.patient:
                return dict(state.patient)
        return None

    def parent_patient_id(self) -> str | None:
        patient = self.parent_patient()
        return str(patient["id"]) if patient else None


def _join(resources: dict[str, Json], identity: str, body: dict[str, Any]) -> bool:
    """The first one of an id stands; elements that it lacks are taken from the next. False when the two contradict."""
    known = resources.get(identity)
    if known is None:
        resources[identity] = body
        return True
    agree = all(known.get(name, value) == value for name, value in body.items())
    if body.keys() <= known.keys():
        return agree
    model = type_model(known["resourceType"])
    for choice in model.choices.values() if model is not None else ():
        told = [{element.name for element in choice} & each.keys() for each in (known, body)]
        if all(told) and told[0] != told[1]:  # valueString and valueQuantity: one of them at most
            agree = False
            body = {name: value for name, value in body.items() if name not in told[1]}
    for name, value in body.items():
        known.setdefault(name, value)
    return agree
