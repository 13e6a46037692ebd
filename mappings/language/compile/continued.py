"""The `continued:` of a message file: fields whose text goes on in the segments that follow."""

from __future__ import annotations

import re
from typing import Final

from mappings.formats.hl7v2.continued import Continued
from mappings.language.compile.beginnings import text_in
from mappings.language.compile.unit import Unit
from mappings.language.nodes import Entry, Mapping, Scalar, Sequence

_FIELD: Final = re.compile(r"([A-Z][A-Z0-9]{2})-(\d+)")
_EXAMPLE: Final = "continued:\n  OBX-5: {OBX-2: [TX, FT]}\n  NTE-3: always"


def read_continued(unit: Unit, document: Mapping) -> tuple[Continued, ...]:
    node = document.get("continued")
    if node is None:
        return ()
    if not isinstance(node, Mapping):
        unit.wrong(node.place, "`continued` names fields whose text goes on in the next segment", _EXAMPLE)
        return ()
    found = (_rule(unit, entry) for entry in node)
    return tuple(rule for rule in found if rule is not None)


def _rule(unit: Unit, entry: Entry) -> Continued | None:
    text = _field(unit, entry)
    if text is None:
        return None
    if isinstance(entry.value, Scalar) and entry.value.text == "always":
        return Continued(*text)
    if not isinstance(entry.value, Mapping):
        _not_told(unit, entry)
        return None
    ignored = entry.value.get("ignoring")
    ignoring = [_number(unit, entry, text_in(item)) for item in ignored.items] if isinstance(ignored, Sequence) else []
    only = next((inner for inner in entry.value if inner.key.text != "ignoring"), None)
    where = _field(unit, only) if only is not None else None
    values = frozenset(map(text_in, only.value.items)) if only and isinstance(only.value, Sequence) else frozenset()
    if where is None or where[0] != text[0] or not values:
        _not_told(unit, entry)
        return None
    return Continued(*text, where[1], values, frozenset(number for number in ignoring if number))


def _not_told(unit: Unit, entry: Entry) -> None:
    said = f"{entry.key.text} goes on always, or where a field of its segment is one of some values"
    unit.wrong(entry.key.place, said, _EXAMPLE)


def _number(unit: Unit, entry: Entry, name: str) -> int:
    """The number of a field that is left out of account; 0, with a problem added, where there is none such."""
    found = _FIELD.fullmatch(name)
    if found is None or found[1] != entry.key.text[:3] or unit.shared.hl7.field(found[1], int(found[2])) is None:
        unit.wrong(entry.key.place, f"`ignoring` names fields of {entry.key.text[:3]}, not `{name}`", "[OBX-4]")
        return 0
    return int(found[2])


def _field(unit: Unit, entry: Entry) -> tuple[str, int] | None:
    found = _FIELD.fullmatch(entry.key.text)
    if found is None or unit.shared.hl7.field(found[1], int(found[2])) is None:
        unit.wrong(entry.key.place, f"there is no field `{entry.key.text}`", _EXAMPLE)
        return None
    return found[1], int(found[2])
