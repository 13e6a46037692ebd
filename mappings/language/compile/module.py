"""Finished functions to one piece of code, with a table of where each of its lines comes from."""

from __future__ import annotations

import marshal

from mappings.language.compile.slots import shared_slots
from mappings.language.compile.writer import Writer


def module_of(file: str, writers: list[Writer]) -> tuple[bytes, dict[int, str]]:
    """The marshalled code, and `file:line:column` of the pack for each of its lines."""
    lines: list[str] = []
    places: dict[int, str] = {}
    for writer in writers:
        for text, place in shared_slots(writer.lines()):
            lines.append(text)
            places[len(lines)] = str(place)
    return marshal.dumps(compile("\n".join(lines) + "\n", file, "exec")), places
