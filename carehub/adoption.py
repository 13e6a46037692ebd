"""What the adoption of another version, or of an overlay, would change: messages mapped by both, and compared."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from carehub.errors import WrongUsage
from carehub.packs import cache_of
from carehub.settings import Settings
from contract.identifiers import ResourceIds
from contract.topics import Sector, parse_topic
from gateway.preview import NOBODY, Previewer
from mappings.language import Catalogue, CompiledPack, Locality, PackError, load_layers
from mappings.language.comparing import ABSENT, Difference, differences
from mappings.language.problems import Problems
from mappings.language.stack import layers_of
from mappings.language.subjects import layers_with

_KEY: Final = b"carehub packs diff: never for real"
_POSITION: Final = re.compile(r"\[\d+\]")
_ANY_PLACE: Final = "place"


def mapping_of(name: str, wanted: str, settings: Settings, locality: Locality) -> CompiledPack:
    """A version of the pack, or the pack with what stands in a folder, as it runs there.

    Raises WrongUsage for a version that is not there, PackError for what does not compile.
    """
    problems, search = Problems(), settings.packs
    if Path(wanted).is_dir():
        layers = layers_with(Path(wanted).absolute(), name, search, problems, locality)
    elif wanted not in (there := Catalogue(search).versions(name)):
        found = ", ".join(there) or f"no pack {name} that can be read"
        raise WrongUsage(f"{wanted} is neither a folder nor a version of {name}; there are: {found}")
    else:
        pinned = Locality(locality.places, locality.source, {**locality.pins, name: wanted})
        layers = layers_of(name, search, problems, pinned)
    if problems.errors or not layers:
        raise PackError(name, problems.errors)
    return load_layers(layers, cache_of(settings))


def compared(files: Iterable[tuple[str, bytes]], before: CompiledPack, after: CompiledPack) -> Iterator[dict[str, Any]]:
    """Of each message its differences, none where both say the same. Values of the message are in them."""
    now = datetime.now(UTC)
    for file, body in files:
        sides = [
            Previewer([pack], ResourceIds(_KEY), NOBODY, now, _ANY_PLACE, Sector.ACUTE).body(body, None)
            for pack in (before, after)
        ]
        for old, new in zip(*sides, strict=True):
            found = [{"event": event, **shown(each)} for event, each in _message(old, new)]
            yield {"file": file, "index": old["index"], "differences": found}


def summed(messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How many messages differ, and in how many each element does."""
    counts: Counter[str] = Counter()
    for message in messages:
        counts.update({without_positions(each["path"]) for each in message["differences"]})
    different = sum(bool(message["differences"]) for message in messages)
    return {"messages": len(messages), "different": different, "elements": dict(counts.most_common())}


def without_positions(path: str) -> str:
    """`Patient.name[0].family` as the element that it is."""
    return _POSITION.sub("", path)


def shown(each: Difference) -> dict[str, Any]:
    """With the values of the message: personal data. A side that has none is left out."""
    sides = {"before": each.before, "after": each.after}
    return {"path": each.path, **{k: v for k, v in sides.items() if v is not ABSENT}}


def _message(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[int, Difference]]:
    """Each difference with the position of its event."""
    if old["ok"] != new["ok"]:
        verdicts = ["accepted" if side["ok"] else "refused" for side in (old, new)]
        yield 0, Difference("message", *verdicts)
    for number, (before, after) in enumerate(_paired(old["events"], new["events"])):
        for each in _event(before, after):
            yield number, each
    for name, sides in {
        "issues": [[f"{each['code']} {each['path']}".strip() for each in side["issues"]] for side in (old, new)],
        "unmapped": [side["unmapped"] for side in (old, new)],
    }.items():
        gone, come = Counter(sides[0]) - Counter(sides[1]), Counter(sides[1]) - Counter(sides[0])
        yield from ((0, Difference(name, said, ABSENT)) for said in gone.elements())
        yield from ((0, Difference(name, ABSENT, said)) for said in come.elements())


_Event = Mapping[str, Any]


def _paired(old: Sequence[_Event], new: Sequence[_Event]) -> list[tuple[_Event | None, _Event | None]]:
    """Events of one part of the message and one topic class together; else of one part, whatever its topic class."""
    pairs: list[tuple[_Event | None, _Event | None]] = []
    left, right = list(old), list(new)
    for same in ((_part, _restricted), (_part,)):
        for before in list(left):
            for after in right:
                if all(key(before) == key(after) for key in same):
                    pairs.append((before, after))
                    left.remove(before)
                    right.remove(after)
                    break
    return [*pairs, *((before, None) for before in left), *((None, after) for after in right)]


def _part(event: _Event) -> Any:
    return event["bundle"]["entry"][0]["resource"].get("id")


def _restricted(event: _Event) -> bool:
    return parse_topic(event["topic"]).restricted


def _event(before: _Event | None, after: _Event | None) -> Iterator[Difference]:
    said = [ABSENT if event is None else event["type"] for event in (before, after)]
    if said[0] != said[1]:
        yield Difference("event.type", *said)
    classes = [
        ABSENT if event is None else "restricted" if _restricted(event) else "ordinary" for event in (before, after)
    ]
    if classes[0] != classes[1]:
        yield Difference("event.topic", *classes)
    if before is not None and after is not None:
        yield from bundle_differences(before["bundle"], after["bundle"])


def bundle_differences(before: Any, after: Any) -> Iterator[Difference]:
    """Resources of one type and id are compared; one that is on one side alone is one difference."""
    old, new = _resources(before), _resources(after)
    for key in [*old, *(key for key in new if key not in old)]:
        name, here = old.get(key, ("", ABSENT))
        later, there = new.get(key, (name, ABSENT))
        if here is ABSENT or there is ABSENT:
            yield Difference(later, here, there)
        else:
            yield from differences(here, there, later)


def _resources(bundle: Any) -> dict[tuple[str, Any], tuple[str, Any]]:
    """By type and id: how people call it (`Patient`, the second Location is `Location[1]`), and the resource."""
    found: dict[tuple[str, Any], tuple[str, Any]] = {}
    counts: Counter[str] = Counter()
    for entry in bundle["entry"]:
        resource = entry["resource"]
        kind = resource["resourceType"]
        number = f"[{counts[kind]}]" if counts[kind] else ""
        counts[kind] += 1
        found[kind, resource.get("id") or entry.get("fullUrl")] = f"{kind}{number}", resource
    return found
