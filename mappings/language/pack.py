"""A compiled pack: a pure function of a decoded message and its context."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from contract.errors import Code, Issue, Unprocessable, errors_of, refuse
from contract.identifiers import ResourceIds
from mappings.formats.hl7v2.continued import joined
from mappings.formats.hl7v2.delimiters import STANDARD
from mappings.formats.rows import ROW
from mappings.language.accounting import unmapped_of
from mappings.language.folder import Manifest
from mappings.language.runtime.bundle import message_bundle
from mappings.language.runtime.passing import passed_bundle, resource_named
from mappings.language.runtime.program import MessageCode, Program
from mappings.language.runtime.remember import states_of
from mappings.language.runtime.state import State
from mappings.restriction import RuleBook
from mappings.stages import Decoded, Format, MapContext, Mapped, MappedEvent, ParentRef, Placed, ResourceState, Sender

_EPOCH_CONTEXT_KEY = b"recognise"
_KIND_PATHS = {Format.HL7V2: "MSH-9.1", Format.FHIR: "MessageHeader.eventCoding"}


class Version(NamedTuple):
    name: str
    version: str


class Loaded(NamedTuple):
    """A program and its functions."""

    program: Program
    functions: Mapping[str, Callable[..., Any]]


class CompiledPack:
    """`name`, `format` and `sector` (or None) as the manifest has them; `version` with the overlays in effect,
    `1.0.0 + qvv 2`. `rules` say what is held apart. Immutable, and safe to share.

    `accounting` makes the same program with its reads noted; it is asked when that is first needed.
    """

    __slots__ = ("_accounting", "_loaded", "_noting", "format", "name", "rules", "sector", "version")

    def __init__(
        self, manifest: Manifest, program: Program, rules: RuleBook, accounting: Callable[[], Program]
    ) -> None:
        self.name = manifest.name
        self.version = manifest.version
        self.format = manifest.format
        self.sector = manifest.sector
        self.rules = rules
        self._loaded = Loaded(program, program.load())
        self._accounting = accounting
        self._noting: Loaded | None = None

    @property
    def program(self) -> Program:
        return self._loaded.program

    def __repr__(self) -> str:
        return f"<CompiledPack {self.name} {self.version}>"

    def recognises(self, decoded: Decoded) -> bool:
        """Whether the message looks like one of this pack's: the manifest's `recognise:`, else that it has a message
        file for it."""
        if decoded.format is not self.format:
            return False
        if self.program.recognise:
            return bool(self._run(self.program.recognise, _bare(decoded), decoded.tree))
        return self._message(decoded) is not None

    def kind(self, decoded: Decoded) -> str:
        """What the message file is chosen by: MSH-9.1, the header's event code, or the manifest's `kind:`."""
        if self.program.kind:
            return str(self._run(self.program.kind, _bare(decoded), decoded.tree) or "")
        return decoded.kind.partition("^")[0]

    def _kind_path(self) -> str:
        """The source path of what says which kind of message it is."""
        return self.program.kind_path or _KIND_PATHS.get(self.format, ROW)

    def _message(self, decoded: Decoded) -> MessageCode | None:
        kind = self.kind(decoded)
        found = self.program.messages.get(decoded.kind) or self.program.messages.get(kind)
        if found is None and self.format in (Format.JSON, Format.CSV):
            begun = [m for m in self.program.messages if kind.startswith(m) and kind[len(m) :].isalpha()]
            found = self.program.messages[max(begun, key=len)] if begun else None
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
        `account`, `used`, `unmapped` and `placed` are filled, which takes a slower path.
        """
        message = self._known(decoded)
        loaded = self._loaded if not account else self._noted()
        hl7 = self.format is Format.HL7V2
        tree = joined(decoded.tree, message.continued) if message.continued else decoded.tree
        parts: Iterable[Any] = message.structure.parts(tree) if hl7 else (tree,)
        events: list[MappedEvent] = []
        issues: list[Issue] = list(decoded.issues)
        used: set[str] = set()
        placed: list[tuple[Placed, ...]] = []
        for number, part in enumerate(parts):
            state = _state(decoded, context, lenient=self.program.lenient)
            event = self._event(loaded, message, state, decoded, part, number)
            issues += state.issues
            used |= state.used
            used |= {parent.path for parent in state.above.values()}
            if event is not None:
                events.append(event)
                placed.append(tuple(state.placed))
        issues = list(dict.fromkeys(issues))
        _raise_errors(issues)
        if not account:
            return Mapped(tuple(events), tuple(issues))
        used.add(loaded.program.kind_path)
        unmapped = unmapped_of(tree, used, self.format)
        return Mapped(tuple(events), tuple(issues), tuple(sorted(used)), unmapped, tuple(placed))

    def _noted(self) -> Loaded:
        if self._noting is None:
            program = self._accounting()
            self._noting = Loaded(program, program.load())
        return self._noting

    def _known(self, decoded: Decoded) -> MessageCode:
        message = self._message(decoded) if decoded.format is self.format else None
        if message is None:
            said = f"the pack {self.name} has no message file for this kind of message"
            raise refuse(Unprocessable, Code.UNSUPPORTED_MESSAGE, said, self._kind_path())
        trigger = decoded.kind.partition("^")[2]
        if message.refuses(trigger):
            said = f"the pack {self.name} names no event for this trigger of {message.message}"
            raise refuse(Unprocessable, Code.UNSUPPORTED_TRIGGER, said, "MSH-9.2")
        return message

    def _above(self, message: MessageCode, state: State, tree: Any) -> dict[str, ParentRef]:
        if not message.parents:
            return {}
        found: dict[str, ParentRef] = self._run(message.parents, state, tree)
        return found

    def _event(
        self, loaded: Loaded, message: MessageCode, state: State, decoded: Decoded, part: Any, number: int
    ) -> MappedEvent | None:
        state.event = message.event_of(state.trigger or "")
        state.above = self._above(message, state, part)
        for parent in state.above.values():
            if parent.resource_id not in state.context.parents:
                said = f"the {parent.resource_type} that this row hangs on is not known yet"
                state.refuse(Code.PARENT_UNKNOWN, parent.path, said)
        if errors_of(state.issues):
            return None
        result = self._run(message.function, state, part, loaded)
        if result is None or errors_of(state.issues):
            return None
        person, prior, also, focus, happened, addressed = result
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
        when = happened or state.context.received
        return MappedEvent(state.event, when, bundle, subject, prior, also, addressed, states)

    def _run(self, function: str, state: State, tree: Any, loaded: Loaded | None = None) -> Any:
        """Runs generated code; a fault in it names the line of the pack."""
        program, functions = loaded or self._loaded
        try:
            return functions[function](state, tree)
        except Exception as fault:
            place = _place_of(fault, program)
            if place:
                fault.add_note(f"while mapping by {place}")
            raise


def _place_of(fault: BaseException, program: Program) -> str:
    trace = fault.__traceback__
    found = ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == program.file:
            found = program.places.get(trace.tb_lineno, "")
        trace = trace.tb_next
    return found


def _state(decoded: Decoded, context: MapContext, *, lenient: bool = False) -> State:
    delimiters = decoded.tree.delimiters if decoded.format is Format.HL7V2 else STANDARD
    return State(context, decoded.kind.partition("^")[2], delimiters, lenient=lenient)


def _bare(decoded: Decoded) -> State:
    """A state for what depends on the message alone."""
    sender = Sender("", "", "")
    context = MapContext(sender, ResourceIds(_EPOCH_CONTEXT_KEY), datetime(1970, 1, 1, tzinfo=UTC))
    return _state(decoded, context)


def _raise_errors(issues: Iterable[Issue]) -> None:
    """All issues of a message that has an error: warnings too, since they help to see what went on."""
    found = tuple(dict.fromkeys(issues))
    errors = errors_of(found)
    if errors:
        raise Unprocessable(*errors, *(i for i in found if i not in errors))
