"""Rows that hang on others: their parents, and what is remembered of them."""

from __future__ import annotations

from mappings.language.compile import beginnings, expressions
from mappings.language.compile.resources import Resource
from mappings.language.compile.unit import Shared, Unit, read_expression
from mappings.language.compile.values import (
    ID,
    Target,
    Value,
)
from mappings.language.compile.writer import Writer
from mappings.language.fhir.model import is_resource
from mappings.language.nodes import Mapping, Scalar
from mappings.language.problems import did_you_mean


def parent_names(document: Mapping) -> frozenset[str]:
    node = document.get("parents")
    return frozenset(e.key.text.removesuffix("?") for e in node) if isinstance(node, Mapping) else frozenset()


def write_parents(shared: Shared, document: Mapping, message: str, number: int) -> str:
    """Writes the function that names the parents; empty where there are none."""
    node = document.get("parents")
    if node is None:
        return ""
    unit = Unit(shared, Writer(f"def P{number}(S, M):", node.place), frozenset(), message)
    scope = beginnings.message_scope(shared, message)
    if not isinstance(node, Mapping):
        unit.wrong(
            node.place, "`parents` holds names", 'referral: EpisodeOfCare identity(ServiceRequestId, "referral")'
        )
        return ""
    unit.line("found = {}")
    for entry in node:
        kind, _, rest = beginnings.text_in(entry.value).partition(" ")
        if not is_resource(kind) or not isinstance(entry.value, Scalar):
            advice = 'referral: EpisodeOfCare identity(ServiceRequestId, "referral")'
            unit.wrong(entry.value.place, f"`{kind}` is no resource type", advice)
            continue
        source = Scalar(rest.strip(), quoted=False, place=entry.value.place.at(len(kind) + 1))
        tree = read_expression(unit, source)
        found = expressions.value(unit, source, tree, scope, Target((kind,), ID)) if tree is not None else None
        if not isinstance(found, Value) or found.type != ID:
            if found is not None:
                unit.wrong(entry.value.place, "this makes no id", 'identity(ServiceRequestId, "referral")')
            continue
        name = entry.key.text.removesuffix("?")
        unit.line(f"S.hangs_on(found, {name!r}, {kind!r}, {found.code}, {found.where}, {entry.key.text.endswith('?')})")
    unit.line("return found")
    beginnings.open_segments(unit, scope)
    shared.functions.append(unit.writer)
    return f"P{number}"


def remember_names(unit: Unit, document: Mapping, resources: dict[str, Resource]) -> dict[str, str]:
    node = document.get("remember")
    if node is None:
        return {}
    if not isinstance(node, Mapping):
        unit.wrong(node.place, "`remember` maps names to resources", "remember:\n  spell: encounter")
        return {}
    for entry in node:
        if beginnings.text_in(entry.value) not in resources:
            near = did_you_mean(beginnings.text_in(entry.value), resources)
            unit.wrong(entry.value.place, f"the message makes no resource `{beginnings.text_in(entry.value)}`", near)
    return {entry.key.text: beginnings.text_in(entry.value) for entry in node}


def remembered_names(document: Mapping) -> frozenset[str]:
    node = document.get("remember")
    return frozenset(node.names()) if isinstance(node, Mapping) else frozenset()
