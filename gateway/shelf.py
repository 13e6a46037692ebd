"""The packs this gateway runs, compiled at start. A pack that does not compile stops only the sources that need it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contract.errors import Code, Forbidden, Misconfigured, Unavailable, refuse
from gateway.source import Source
from mappings.language import Cache, CompiledPack, load_pack
from mappings.stages import Decoded


@dataclass(frozen=True, slots=True)
class Shelf:
    """Compiled packs by name, and for those that do not compile the text that says why."""

    packs: Mapping[str, CompiledPack]
    broken: Mapping[str, str]

    def choose(self, source: Source, decoded: Decoded) -> CompiledPack:
        """The pack among the source's own that maps the message. Raises Forbidden when the source may not send the
        format, Unavailable when its pack is broken."""
        pack = pack_for(decoded, (self.packs[name] for name in source.packs if name in self.packs))
        if pack is not None:
            return pack
        if any(name in self.broken for name in source.packs):
            raise refuse(Unavailable, Code.UNAVAILABLE, "this source's mapping pack cannot be loaded; send it again")
        allowed = ", ".join(source.packs)
        raise refuse(
            Forbidden,
            Code.FORBIDDEN,
            f"this source is not registered for {decoded.format} messages; its packs are: {allowed}",
        )


def pack_for(decoded: Decoded, packs: Iterable[CompiledPack]) -> CompiledPack | None:
    """The first of these packs that reads the format and recognises the message, else the last that reads the format:
    the most general one stands last. None when none reads it."""
    candidates = [pack for pack in packs if pack.format is decoded.format]
    recognising = (pack for pack in candidates if pack.recognises(decoded))
    return next(recognising, candidates[-1] if candidates else None)


def load_shelf(names: Iterable[str], search: Sequence[Path] = (), cache: Cache | None = None) -> Shelf:
    """Compiles each named pack. Never raises for a broken one: it lands in `broken` with the compiler's text."""
    packs: dict[str, CompiledPack] = {}
    broken: dict[str, str] = {}
    for name in sorted(set(names)):
        try:
            packs[name] = load_pack(name, search, cache)
        except Misconfigured as error:
            broken[name] = str(error)
    return Shelf(packs, broken)
