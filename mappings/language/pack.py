"""A compiled pack: a pure function of a decoded message and its context."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from contract.errors import Code, Issue, Unprocessable, errors_of, refuse
from contract.identifiers import ResourceIds
from mappings.formats.hl7v2.continued import joined
from mappings.formats.hl7v2.delimiters import STANDARD
from mappings.language.accounting import unmapped_of
from mappings.language.compile.messages import MessageCode
from mappings.language.compile.module import Module
from mappings.language.folder import Manifest
from mappings.language.runtime.bundle import message_bundle
from mappings.language.runtime.passing import passed_bundle, resource_named
from mappings.language.runtime.remember import states_of
from mappings.language.runtime.state import State
from mappings.stages import Decoded, Format, MapContext, Mapped, MappedEvent, ParentRef, ResourceState, Sender

_EPOCH_CONTEXT_KEY = b"recognise"


class Version(NamedTuple):
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Codes:
    """What the compiler made: message files by their message, the module, and the names of its `recognise:` and `kind:`
    functions, empty where there are none. `kind_path` is the source path that `kind:` reads."""

    messages: dict[str, MessageCode]
    module: Module
    recognise: str
    kind: str
    kind_path: str


class CompiledPack:
    """`name`, `version`, `format` and `sector` (or None) as the manifest has them. Immutable, and safe to share."""

    __slots__ = ("_accounting", "codes", "format", "name", "sector", "version")

    def __init__(
        self,
        manifest: Manifest,
        codes: Codes,
        accounting: Callable[[], Codes] | None,
    ) -> None:
        self.name = manifest.name
        self.version = manifest.version
        self.format = manifest.format
        self.sector = manifest.sector
        self.codes = codes
        self._accounting: Callable[[], Codes] | Codes | None = accounting

    def __repr__(self) -> str:
        return f"<CompiledPack {self.name} {self.version}>"

    def recognises(self, decoded: Decoded) -> bool:
        """Whether the message looks like one of this pack's: the manifest's `recognise:`, else that it has a message
        file for it."""
        if decoded.format is not self.format:
            return False
        if self.codes.recognise:
            return bool(self._run(self.codes.recognise, _bare(decoded), decoded.tree))
        return self._message(decoded) is not None

    def kind(self, decoded: Decoded) -> str:
        """What the message file is chosen by: MSH-9.1, the header's event code, or the manifest's `kind:`."""
        if self.codes.kind:
            return str(self._run(self.codes.kind, _bare(decoded), decoded.tree) or "")
        return decoded.kind.partition("^")[0]

    def _message(self, decoded: Decoded) -> MessageCode | None:
        kind = self.kind(decoded)
        found = self.codes.messages.get(decoded.kind) or self.codes.messages.get(kind)
        if found is None and self.format in (Format.JSON, Format.CSV):
            begun = [m for m in self.codes.messages if kind.startswith(m) and kind[len(m) :].isalpha()]
            found = self.codes.messages[max(begun, key=len)] if begun else None
        return found

    def parents(self, decoded: Decoded, context: MapContext) -> tuple[ParentRef, ...]:
        """What the row hangs on, before it can be mapped.

        Raises Unprocessable when the pack has no message file for it, or a column that refers is empty.
        """
        message = self._known(decoded)
        state = _state(decoded, context)
        above = self._above(message, state, decoded.tree)
        _raise_errors(state.issues)
        return tuple(above.values())

    def map(self, decoded: Decoded, context: MapContext, *, account: bool = False) -> Mapped:
        """The message's events.

        Raises Unprocessable with every error of the message: `unsupported-message` without a message file,
        `unsupported-trigger` without an event for the trigger, else what is wrong in which source field. With
        `account`, `used` and `unmapped` are filled, which takes a slower path.
        """
        message = self._known(decoded)
        codes = self._codes(account=account)
        hl7 = self.format is Format.HL7V2
        tree = joined(decoded.tree, message.continued) if message.continued else decoded.tree
        parts: Iterable[Any] = message.structure.parts(tree) if hl7 else (tree,)
        events: list[MappedEvent] = []
        issues: list[Issue] = list(decoded.issues)
        used: set[str] = set()
        for number, part in enumerate(parts):
            state = _state(decoded, context)
            event = self._event(codes, message, state, decoded, part, number)
            issues += state.issues
            used |= state.used
            used |= {parent.path for parent in state.above.values()}
            if event is not None:
                events.append(event)
        issues = list(dict.fromkeys(issues))
        _raise_errors(issues)
        if not account:
            return Mapped(tuple(events), tuple(issues))
        used.add(codes.kind_path)
        return Mapped(tuple(events), tuple(issues), tuple(sorted(used)), unmapped_of(tree, used, self.format))

    def _codes(self, *, account: bool) -> Codes:
        if not account or self._accounting is None:
            return self.codes
        if not isinstance(self._accounting, Codes):
            self._accounting = self._accounting()
        return self._accounting

    def _known(self, decoded: Decoded) -> MessageCode:
        message = self._message(decoded) if decoded.format is self.format else None
        if message is None:
            said = f"the pack {self.name} has no message file for this kind of message"
            raise refuse(Unprocessable, Code.UNSUPPORTED_MESSAGE, said, _kind_path(self.format))
        trigger = decoded.kind.partition("^")[2]
        if message.events and trigger not in message.events:
            said = f"the pack {self.name} names no event for this trigger of {message.message}"
            raise refuse(Unprocessable, Code.UNSUPPORTED_TRIGGER, said, "MSH-9.2")
        return message

    def _above(self, message: MessageCode, state: State, tree: Any) -> dict[str, ParentRef]:
        if not message.parents:
            return {}
        found: dict[str, ParentRef] = self._run(message.parents, state, tree)
        return found

    def _event(
        self, codes: Codes, message: MessageCode, state: State, decoded: Decoded, part: Any, number: int
    ) -> MappedEvent | None:
        state.event = message.events.get(state.trigger, "")
        state.above = self._above(message, state, part)
        for parent in state.above.values():
            if parent.resource_id not in state.context.parents:
                said = f"the {parent.resource_type} that this row hangs on is not known yet"
                state.refuse(Code.PARENT_UNKNOWN, parent.path, said)
        if errors_of(state.issues):
            return None
        result = self._run(message.function, state, part, codes)
        if result is None or errors_of(state.issues):
            return None
        person, prior, focus, happened, addressed = result
        content = decoded.message_id or decoded.comparable.hex()
        name = f"{content}\x1e{number}" if number else content
        if message.passes:
            bundle, known = passed_bundle(state, part, name)
            subject = resource_named(bundle, known, person, "Patient")
            prior = resource_named(bundle, known, prior, "") if prior else None
            states: tuple[ResourceState, ...] = ()
        else:
            bundle = message_bundle(state, name, (focus,))
            subject = person
            states = states_of(state, message, bundle, focus)
        return MappedEvent(state.event, happened or state.context.received, bundle, subject, prior, addressed, states)

    def _run(self, function: str, state: State, tree: Any, codes: Codes | None = None) -> Any:
        """Runs generated code; a fault in it names the line of the pack."""
        module = (codes or self.codes).module
        try:
            return module.function(function)(state, tree)
        except Exception as fault:
            place = _place_of(fault, module)
            if place:
                fault.add_note(f"while mapping by {place}")
            raise


def _place_of(fault: BaseException, module: Module) -> str:
    trace = fault.__traceback__
    found = ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == module.file:
            found = str(module.places.get(trace.tb_lineno, ""))
        trace = trace.tb_next
    return found


def _state(decoded: Decoded, context: MapContext) -> State:
    delimiters = decoded.tree.delimiters if decoded.format is Format.HL7V2 else STANDARD
    return State(context, decoded.kind.partition("^")[2], delimiters)


def _bare(decoded: Decoded) -> State:
    """A state for what depends on the message alone."""
    sender = Sender("", "", "")
    context = MapContext(sender, ResourceIds(_EPOCH_CONTEXT_KEY), datetime(1970, 1, 1, tzinfo=UTC))
    return _state(decoded, context)


def _kind_path(format: Format) -> str:  # noqa: A002
    return {Format.HL7V2: "MSH-9.1", Format.FHIR: "MessageHeader.eventCoding"}.get(format, "")


def _raise_errors(issues: Iterable[Issue]) -> None:
    """All issues of a message that has an error: warnings too, since they help to see what went on."""
    found = tuple(dict.fromkeys(issues))
    errors = errors_of(found)
    if errors:
        raise Unprocessable(*errors, *(i for i in found if i not in errors))
