"""What a layer says that makes no difference: the layer below says it already, or said it before its own change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mappings.language.build import code_lists, stages
from mappings.language.changes import changes_of, value_at
from mappings.language.codes import CodeList
from mappings.language.folder import Layer, Overlay
from mappings.language.nodes import Node, plain
from mappings.language.problems import Problems


def lint_layers(layers: Sequence[Layer], problems: Problems) -> None:
    """Warns of what the last layer says for nothing. The layers are free of mistakes."""
    if len(layers) == 1:
        return
    last = layers[-1]
    files = stages(list(layers), Problems())[-3:]
    codes = [code_lists(list(layers[: len(layers) - above]), Problems()) for above in (2, 1, 0)]
    before = len(problems.found)
    said = _changes(last, files, layers[-2], problems) + _rows(last, codes, layers[-2], problems)
    told = len(problems.found) - before
    others = any(last.file(name) for name in ("fields.csv", "restriction.yaml"))
    own_files = any(last.root.name == node.place.file.partition("/")[0] for node in files[2].values())
    if isinstance(last.manifest, Overlay) and said == told and not others and not own_files:
        what = "what the layer says makes no difference" if said else "the layer changes nothing"
        problems.warn(last.manifest.place, f"{what}: {last.label} over {layers[-2].label}", "leave the folder out")


def _changes(last: Layer, files: Sequence[dict[str, Node]], parent: Layer, problems: Problems) -> int:
    """How many changes there are."""
    changes = list(changes_of(last, files[1]))
    for file, change in changes:
        path = change.path
        under, below, now = (plain(value_at(f[file], path.text)) if file in f else None for f in files)
        if now == below:
            problems.warn(path.place, f"this changes nothing: {parent.label} says the same", "leave it out")
        elif file in files[0] and now == under:
            advice = f"if {parent.label} is to change no more, change it there"
            problems.warn(path.place, f"this only undoes what {parent.label} changes", advice)
    return len(changes)


def _rows(last: Layer, codes: Sequence[Mapping[str, CodeList]], parent: Layer, problems: Problems) -> int:
    """How many rows of code lists there are."""
    count = 0
    for name, found in codes[2].items():
        for code, place in found.places.items():
            if place.file != f"{last.root.name}/codes/{name}.csv":
                continue
            count += 1
            under, below, now = (stage[name].targets.get(code) if name in stage else None for stage in codes)
            if now == below:
                problems.warn(place, f"this row changes nothing: {parent.label} says the same", "leave it out")
            elif name in codes[0] and now == under:
                problems.warn(place, f"this row only undoes what {parent.label} says of the code", "see which is meant")
    return count
