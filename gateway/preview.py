"""Tries messages out: the middle of the straight line, with every decision shown and nothing stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import orjson

from contract.errors import Code, Forbidden, Issue, Refusal, Severity, Unprocessable, errors_of, refuse
from contract.identifiers import ResourceIds
from contract.topics import Sector, Topic
from gateway.ops.faults import guarded
from gateway.stock import pack_for
from mappings import formats
from mappings.language import CompiledPack
from mappings.restriction import restrict
from mappings.stages import Decoded, Draft, MapContext, ParentState, Sender
from mappings.validation import judges_of

NOBODY: Final = Sender(id="preview", identifier_domain="preview", organisation="X99")
"""Stands for the sender where no source is registered."""


@dataclass(slots=True)
class Previewer:
    """Previews messages one after the other. `packs` are tried in order; `place` may be None: then no topic is shown.

    Remembers the parents that earlier messages of the same preview brought, so that a file of rows that hang on each
    other previews as it would be taken in. `ids` uses a fixed key where there is no hub.
    """

    packs: Sequence[CompiledPack]
    ids: ResourceIds
    sender: Sender
    received: datetime
    place: str | None = None
    sector: Sector | None = None
    known: dict[str, ParentState] = field(default_factory=dict)

    def body(self, body: bytes, content_type: str | None) -> Iterator[dict[str, Any]]:
        """One result for each message of a body; `index` counts from 0."""
        try:
            parts = formats.split(body, content_type)
            if parts is None:
                yield {"index": 0, **self.message(body, content_type)}
                return
            for index, part in enumerate(parts):
                yield {"index": index, **self.message(part.body, part.content_type, row=part.number)}
        except Refusal as refusal:
            yield {"index": 0, **_refused(refusal.issues)}

    def message(self, body: bytes, content_type: str | None, row: int | None = None) -> dict[str, Any]:
        """The result for one message: never raises for what a message can contain."""
        try:
            decoded = guarded(lambda: formats.decode(body, formats.recognise(body, content_type)), "decode")
            pack = self._choose(decoded)
            return guarded(lambda: self._mapped(decoded, pack), "map")
        except Refusal as refusal:
            return _refused(refusal.issues if row is None else tuple(_in_row(i, row) for i in refusal.issues))

    def _choose(self, decoded: Decoded) -> CompiledPack:
        pack = pack_for(decoded, self.packs)
        if pack is not None:
            return pack
        names = ", ".join(pack.name for pack in self.packs)
        raise refuse(Forbidden, Code.FORBIDDEN, f"none of these packs reads {decoded.format} messages: {names}")

    def _mapped(self, decoded: Decoded, pack: CompiledPack) -> dict[str, Any]:
        context = MapContext(self.sender, self.ids, self.received)
        parents = pack.parents(decoded, context)
        missing = [parent for parent in parents if parent.resource_id not in self.known]
        if missing:
            text = "the row would wait for the {} it hangs on, which no earlier message of this preview brought"
            issues = tuple(
                Issue(Code.PARENT_UNKNOWN, p.path, text.format(p.resource_type), Severity.INFORMATION) for p in missing
            )
            return _result(True, (), issues, (), self)
        mapped = pack.map(decoded, replace(context, parents=dict(self.known)), account=True)
        judges = judges_of(decoded.format)
        if wrong := errors_of([i for event in mapped.events for check in judges for i in check(event.bundle)]):
            raise Unprocessable(*dict.fromkeys(wrong))
        drafts = restrict(mapped, pack.rules)
        for draft in drafts:
            self.known.update({state.resource_id: state.state for state in draft.states})
        sector = self.sector or pack.sector
        return _result(True, drafts, (*decoded.issues, *mapped.issues), mapped.unmapped, self, sector)


def _in_row(issue: Issue, row: int) -> Issue:
    return replace(issue, path=f"row {row}, {issue.path}" if issue.path else f"row {row}")


def _refused(issues: tuple[Issue, ...]) -> dict[str, Any]:
    return _result(False, (), issues, (), None)


def _result(
    ok: bool,
    drafts: Sequence[Draft],
    issues: Sequence[Issue],
    unmapped: Sequence[str],
    previewer: Previewer | None,
    sector: Sector | None = None,
) -> dict[str, Any]:
    place = previewer.place if previewer else None
    events = [
        {
            "type": draft.type,
            "topic": str(Topic(place, sector, restricted=draft.restricted)) if place and sector else None,
            "bundle": orjson.loads(draft.body),
        }
        for draft in drafts
    ]
    first = events[0] if events else {"type": None, "topic": None, "bundle": None}
    return {
        "ok": ok,
        "event": first["type"],
        "topic": first["topic"],
        "bundle": first["bundle"],
        "events": events,
        "issues": [{"code": str(i.code), "path": i.path, "text": i.text, "severity": str(i.severity)} for i in issues],
        "unmapped": list(unmapped),
    }
