"""A pack from its layers to a program: read, laid over one another, checked, compiled."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from mappings.language.changes import apply_changes
from mappings.language.codes import CodeList, read_code_list
from mappings.language.compile import conditions, expressions
from mappings.language.compile.hanging import remembered_names
from mappings.language.compile.instances import instance, separators
from mappings.language.compile.messages import compile_message
from mappings.language.compile.module import module_of
from mappings.language.compile.scope import Scope
from mappings.language.compile.templates import Template, read_template
from mappings.language.compile.unit import Reads, Shared, Unit, read_expression
from mappings.language.compile.values import NOTHING_VALUE, Segments, Value
from mappings.language.compile.writer import Writer
from mappings.language.folder import LEAVE_OUT, Layer, Manifest, Overlay
from mappings.language.labels import check_labels
from mappings.language.nodes import Mapping, Node
from mappings.language.problems import Place, Problems, did_you_mean
from mappings.language.runtime.codes import code_table
from mappings.language.runtime.program import MessageCode, Program
from mappings.language.source import Hl7Fields, RowFields, read_hl7_fields, read_row_fields
from mappings.stages import Format

_FOLDERS = ("messages", "segments", "datatypes", "templates")


class Built(NamedTuple):
    """The manifest in effect and the program, None where mistakes stopped it. `hl7` and `rows` are what it may read,
    `reads` what it does read, `codes` its code lists."""

    manifest: Manifest
    program: Program | None
    hl7: Hl7Fields
    rows: RowFields
    reads: Reads
    codes: dict[str, CodeList]


def build(layers: list[Layer], problems: Problems, *, runs: bool = True) -> Built:
    """Checks and compiles a pack from its layers, base first. Without `runs` it is only checked, and has no program."""
    problems.layers = {layer.root.name: layer.manifest.version for layer in layers}
    manifest = effective(layers)
    *below, files = stages(layers, problems)
    for position, layer in enumerate(layers):
        if isinstance(layer.manifest, Overlay):
            check_labels(layer, below[position], code_lists(layers[:position], Problems()), problems)
    sources = _Sources(layers, files, manifest, problems)
    program = sources.program(accounting=False, runs=runs)
    reads = deepcopy(sources.shared.reads) if sources.shared else Reads()  # what is checked alone is not used
    _lint(sources, layers[-1], problems)
    return Built(manifest, program, sources.hl7, sources.rows, reads, sources.codes)


def noting(layers: list[Layer]) -> Program:
    """The program that notes its reads alone, of layers that are known to compile."""
    problems = Problems()
    return _Sources(layers, documents(layers, problems), effective(layers), problems).accounting()


def effective(layers: list[Layer]) -> Manifest:
    """The last pack's manifest, with what it leaves to the base; its version tells the overlays: `1.0.0 + qvv 2`."""
    packs = [layer.manifest for layer in reversed(layers) if isinstance(layer.manifest, Manifest)]
    recognise = next((m.recognise for m in packs if m.recognise is not None), None)
    kind = next((m.kind for m in packs if m.kind is not None), None)
    sector = next((m.sector for m in packs if m.sector is not None), None)
    unreadable = next((layer.manifest.unreadable for layer in reversed(layers) if layer.manifest.unreadable), None)
    overlays = (layer.label for layer in layers if isinstance(layer.manifest, Overlay))
    version = " + ".join([packs[0].version, *overlays])
    return replace(packs[0], version=version, recognise=recognise, kind=kind, sector=sector, unreadable=unreadable)


def documents(layers: list[Layer], problems: Problems) -> dict[str, Node]:
    """Relative name without suffix → document, each layer laid over those before."""
    return stages(layers, problems)[-1]


def stages(layers: list[Layer], problems: Problems) -> list[dict[str, Node]]:
    """The documents below each layer, and last those of all: one more than there are layers."""
    found: list[dict[str, Node]] = [{}]
    for layer in layers:
        files = dict(found[-1])
        own: dict[str, Node] = {}
        for folder in _FOLDERS:
            for relative in layer.under(folder, ".yaml"):
                document = layer.document(relative, problems)
                name = relative.removesuffix(".yaml")
                if document is None:
                    continue
                if name in files:
                    said = f"the whole file takes the place of {name} of the layer below"
                    problems.warn(document.place, said, "state only what differs, in changes.yaml")
                own[name] = document
        files |= own
        changes = layer.document("changes.yaml", problems)
        if changes is not None:
            apply_changes(files, changes, problems)
        found.append(files)
    return found


class _Sources:
    """Everything that a pack is compiled from; compiled a second time only when accounting is asked for."""

    def __init__(self, layers: list[Layer], files: dict[str, Node], manifest: Manifest, problems: Problems) -> None:
        self.manifest = manifest
        self.problems = problems
        self.documents = {name: d for name, d in files.items() if isinstance(d, Mapping)}
        for name, document in files.items():
            if not isinstance(document, Mapping):
                problems.add(document.place, f"{name}.yaml is no mapping of names to values")
        fields = [f for f in (layer.file("fields.csv") for layer in layers) if f is not None]
        is_hl7 = manifest.format is Format.HL7V2
        self.hl7 = read_hl7_fields(fields if is_hl7 else [], problems)
        rows = manifest.format in (Format.CSV, Format.JSON)
        self.rows = read_row_fields(fields, problems, nested=manifest.format is Format.JSON) if rows else RowFields({})
        self.codes = code_lists(layers, problems)
        self.templates = _templates(self.documents, self.hl7, problems)
        self.shared: Shared | None = None

    def program(self, *, accounting: bool, runs: bool = True) -> Program | None:
        shared = self._shared(Problems() if accounting else self.problems, accounting=accounting)
        messages: dict[str, MessageCode] = {}
        for number, (name, document) in enumerate(self.documents.items()):
            if name.startswith("messages/"):
                message = compile_message(shared, name, document, number)
                if message is not None:
                    messages |= dict.fromkeys(message.names(), message)
        choosing = _choosing(shared, self.manifest)
        if not accounting:
            self.shared = shared
        if shared.problems.errors:
            return None
        if not messages:
            shared.problems.add(self.manifest.place, "the pack has no message file", "add messages/ADT.yaml")
        if not messages or not runs:
            return None
        file = f"<pack {self.manifest.name}>"
        code, places = module_of(file, shared.functions)
        tables = {name: code_table(codes) for name, codes in self.codes.items()}
        lenient = self.manifest.unreadable == LEAVE_OUT
        return Program(messages, *choosing, file, code, places, tables, lenient)

    def accounting(self) -> Program:
        program = self.program(accounting=True)
        assert program is not None  # noqa: S101  (it compiled without accounting)
        return program

    def _shared(self, problems: Problems, *, accounting: bool) -> Shared:
        remembered = frozenset().union(
            *(remembered_names(d) for name, d in self.documents.items() if name.startswith("messages/"))
        )
        return Shared(
            self.manifest.format,
            problems,
            self.hl7,
            self.rows,
            self.codes,
            self.templates,
            remembered,
            accounting,
        )


def code_lists(layers: list[Layer], problems: Problems) -> dict[str, CodeList]:
    files: dict[str, list[tuple[str, str]]] = {}
    for layer in layers:
        for relative in layer.under("codes", ".csv"):
            found = layer.file(relative)
            if found is not None:
                files.setdefault(Path(relative).stem, []).append(found)
    return {name: read_code_list(name, found, problems) for name, found in files.items()}


def _templates(documents: dict[str, Mapping], hl7: Hl7Fields, problems: Problems) -> dict[str, list[Template]]:
    found: dict[str, list[Template]] = {}
    for file, document in documents.items():
        if not file.startswith("messages/"):
            template = read_template(file, document, problems, hl7)
            found.setdefault(template.name, []).append(template)
    return found


def _choosing(shared: Shared, manifest: Manifest) -> tuple[str, str, str]:
    """Writes the functions of `recognise:` and `kind:`; empty names where there are none. Third, what `kind:` reads."""
    names = ["", "", ""]
    for position, (word, source) in enumerate((("R", manifest.recognise), ("Q", manifest.kind))):
        if source is None:
            continue
        unit = Unit(shared, Writer(f"def {word}0(S, M):", source.place))
        scope = Scope()
        if shared.format is Format.HL7V2:
            for segment in shared.hl7.segments():
                scope.names[segment] = Segments(segment, f"M.all({segment!r})", repr(segment))
        tree = read_expression(unit, source)
        if tree is None:
            continue
        separators(unit, unit.writer)
        if word == "R":
            unit.line(f"return bool({conditions.condition(unit, source, tree, scope)})")
        else:
            found = expressions.value(unit, source, tree, scope, None)
            text = expressions.settle(unit, source, 0, found, None) if isinstance(found, Value) else None
            unit.line(f"return {text.code if text else None}")
            names[2] = text.where[1:-1] if text else ""
        shared.functions.append(unit.writer)
        names[position] = f"{word}0"
    return names[0], names[1], names[2]


def _lint(sources: _Sources, last: Layer, problems: Problems) -> None:
    """What nothing uses: a template still has to be right, a code list is only named."""
    shared = sources.shared
    if shared is None:
        return
    for template in [t for templates in sources.templates.values() for t in templates]:
        own = template.body.place.file.startswith(f"{last.root.name}/")
        if template.file in shared.used_templates or not own:
            continue
        problems.warn(Place(template.body.place.file), f"no message uses {template.file}")
        _check_alone(shared, template)
    for name, codes in sources.codes.items():
        if name not in shared.used_codes and codes.place.file.startswith(f"{last.root.name}/"):
            near = did_you_mean(name, shared.used_codes)
            problems.warn(Place(codes.place.file), f"no template uses the code list {name}", near)


def _check_alone(shared: Shared, template: Template) -> None:
    """Compiles an unused template with the arguments that its own `takes:` suggests."""
    if not template.makes:
        return
    arguments: list[Any] = []
    for parameter in template.parameters:
        if parameter.name in shared.hl7.segments() and not parameter.field:
            arguments.append(Segments(parameter.name, "p", "''"))
        elif shared.hl7.is_type(parameter.name):
            arguments.append(Value("p", f"hl7:{parameter.name}", raw=True))
        else:
            arguments.append(NOTHING_VALUE)
    unit = Unit(shared, Writer("def unused(S, M):", template.body.place), shared.remembered)
    instance(unit, template, arguments, "Reference" if template.chain else template.makes)
