"""What stands on a gateway's shelf: for every source its packs as they run for it, compiled, or why they do not.

A stock never changes; a new one is made beside it and takes its place. A mapping that worked stays in service when its
files are read again and do not compile any more: nobody's messages stop because somebody else mistyped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from contract.errors import Code, Forbidden, Misconfigured, Unavailable, refuse
from gateway.source import Source
from gateway.store.localities import Registered
from mappings.language import ANYWHERE, Cache, Catalogue, CompiledPack, Locality, PackError, load_layers
from mappings.language.cache import content_key
from mappings.language.folder import Layer
from mappings.language.problems import PackProblem, Problems
from mappings.stages import Decoded


@dataclass(frozen=True, slots=True)
class Shelved:
    """A pack as it runs somewhere; None where it cannot be loaded. `fault` says what is wrong: with a pack, why its
    newest files are not in service. `folders` are those of its layers."""

    name: str
    pack: CompiledPack | None
    fault: str = ""
    brief: str = ""
    folders: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Assortment:
    """The packs of one source, in the order that they are tried, and what the register said when they were chosen."""

    registered: Registered
    shelved: tuple[Shelved, ...]


@dataclass(frozen=True, slots=True)
class Stock:
    """`packs` are those of the search path as they run where no overlay applies; `unread` says what is wrong with
    overlays that nobody can tell whose they are."""

    sources: Mapping[str, Assortment] = field(default_factory=dict)
    packs: Mapping[str, Shelved] = field(default_factory=dict)
    compiled: Mapping[str, CompiledPack] = field(default_factory=dict)
    unread: tuple[str, ...] = ()

    def packs_of(self, source: Source) -> list[CompiledPack]:
        return [each.pack for each in self.sources[source.id].shelved if each.pack is not None]

    def choose(self, source: Source, decoded: Decoded) -> CompiledPack:
        """The pack among the source's own that maps the message. Raises Forbidden when the source may not send the
        format, Unavailable when its pack is broken."""
        pack = pack_for(decoded, self.packs_of(source))
        if pack is not None:
            return pack
        if any(each.pack is None for each in self.sources[source.id].shelved):
            raise refuse(Unavailable, Code.UNAVAILABLE, "this source's mapping pack cannot be loaded; send it again")
        allowed = ", ".join(source.packs)
        raise refuse(
            Forbidden,
            Code.FORBIDDEN,
            f"this source is not registered for {decoded.format} messages; its packs are: {allowed}",
        )

    def faults(self) -> Iterator[tuple[str, str, Shelved]]:
        """What is wrong, as (`source` or `pack`, its name, the pack). Of disabled sources nothing is told."""
        for id_, assortment in sorted(self.sources.items()):
            yield from (
                ("source", id_, each)
                for each in assortment.shelved
                if each.fault and not assortment.registered.disabled
            )
        yield from (("pack", name, each) for name, each in sorted(self.packs.items()) if each.fault)


def pack_for(decoded: Decoded, packs: Iterable[CompiledPack]) -> CompiledPack | None:
    """The first of these packs that reads the format and recognises the message, else the last that reads the format:
    the most general one stands last. None when none reads it."""
    candidates = [pack for pack in packs if pack.format is decoded.format]
    recognising = (pack for pack in candidates if pack.recognises(decoded))
    return next(recognising, candidates[-1] if candidates else None)


def stock_up(
    register: Mapping[str, Registered], search: Sequence[Path], cache: Cache | None, before: Stock, *, reread: bool
) -> Stock:
    """The stock for what is registered now. Without `reread`, only what is new or registered otherwise is looked for;
    with it, every file is read again, and a pack that does not compile any more stays as it was. Never raises for a
    broken pack."""
    maker = _Maker(Catalogue(search), cache, before.compiled)
    nobodys = {folder.root for folder in maker.catalogue.nobodys}
    packs = before.packs
    if reread or not packs:
        names = sorted(maker.catalogue.packs)
        packs = {name: _kept(maker.made(name, ANYWHERE), before.packs.get(name), nobodys) for name in names}
    sources: dict[str, Assortment] = {}
    for id_, registered in register.items():
        known = before.sources.get(id_)
        same = known is not None and known.registered == registered
        if known is not None and same and not reread:
            sources[id_] = known
            continue
        made = [maker.made(name, registered.locality) for name in registered.packs]
        old = known.shelved if known is not None and same else (None,) * len(made)
        shelved = (_kept(new, was, nobodys) for new, was in zip(made, old, strict=True))
        sources[id_] = Assortment(registered, tuple(shelved))
    used = {id(each.pack) for a in sources.values() for each in a.shelved} | {id(each.pack) for each in packs.values()}
    compiled = {key: pack for key, pack in maker.compiled.items() if id(pack) in used}
    unread = tuple(str(problem) for folder in maker.catalogue.nobodys for problem in folder.problems)
    return Stock(sources, packs, compiled, unread)


def _kept(made: Shelved, before: Shelved | None, nobodys: set[Path]) -> Shelved:
    """What was made or, where that is broken or has lost an overlay that cannot be read now, what was there before."""
    if before is None or before.pack is None:
        return made
    lost = next((root for root in before.folders if root in nobodys), None)
    if lost is not None:
        said = f"{lost.name}/pack.yaml cannot be read: nobody can say whose overlay it is"
        return replace(before, fault=said, brief=said)
    return made if made.pack is not None else replace(before, fault=made.fault, brief=made.brief)


@dataclass(slots=True)
class _Maker:
    """Compiles each stack of layers once, however many sources run it."""

    catalogue: Catalogue
    cache: Cache | None
    compiled_before: Mapping[str, CompiledPack]
    compiled: dict[str, CompiledPack] = field(default_factory=dict)
    stacks: dict[tuple[Path, ...], Shelved] = field(default_factory=dict)

    def made(self, name: str, locality: Locality) -> Shelved:
        problems = Problems()
        layers = self.catalogue.layers(name, problems, locality)
        if problems.errors or not layers:
            return _broken(name, PackError(name, problems.errors))
        folders = tuple(layer.root for layer in layers)
        if folders not in self.stacks:
            self.stacks[folders] = self._loaded(name, layers, folders)
        return self.stacks[folders]

    def _loaded(self, name: str, layers: list[Layer], folders: tuple[Path, ...]) -> Shelved:
        try:
            key = content_key(layers)
            pack = self.compiled_before.get(key) or load_layers(layers, self.cache, key)
        except (Misconfigured, OSError) as error:
            return _broken(name, error)
        self.compiled[key] = pack
        return Shelved(name, pack, folders=folders)


def _broken(name: str, error: Exception) -> Shelved:
    first: PackProblem | None = next(iter(error.problems), None) if isinstance(error, PackError) else None
    brief = f"{first.place}  {first.text}" if first else f"{name}: {str(error).splitlines()[0]}"
    return Shelved(name, None, str(error), brief)
