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
    only = next(iter(entry.value), None) if isinstance(entry.value, Mapping) else None
    where = _field(unit, only) if only is not None else None
    values = frozenset(map(text_in, only.value.items)) if only and isinstance(only.value, Sequence) else frozenset()
    if where is None or where[0] != text[0] or not values:
        said = f"{entry.key.text} goes on always, or where a field of its segment is one of some values"
        unit.wrong(entry.key.place, said, _EXAMPLE)
        return None
    return Continued(*text, where[1], values)


def _field(unit: Unit, entry: Entry) -> tuple[str, int] | None:
    found = _FIELD.fullmatch(entry.key.text)
    if found is None or unit.shared.hl7.field(found[1], int(found[2])) is None:
        unit.wrong(entry.key.place, f"there is no field `{entry.key.text}`", _EXAMPLE)
        return None
    return found[1], int(found[2])
