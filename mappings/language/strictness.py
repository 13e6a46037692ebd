"""Whether an overlay holds back all that its pack holds back, tried on the samples of the pack.

Labels that an overlay takes away are seen without (mappings.language.labels); that it uses a template without the
segment that sets a flag, say, is seen only so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from mappings.language.cache import Cache
from mappings.language.folder import Layer
from mappings.language.packs import load_layers
from mappings.language.problems import PackProblem
from mappings.language.samples import mapped_samples
from mappings.restriction import restrict
from mappings.stages import Draft


def looser_samples(
    layers: Sequence[Layer], folders: Sequence[Path], cache: Cache | None = None
) -> Iterator[PackProblem]:
    """A mistake for each sample of which the last layer, an overlay, lets out what those below hold back. The layers
    compile."""
    below, over = load_layers(list(layers[:-1]), cache), load_layers(list(layers), cache)
    runs = zip(mapped_samples(below, folders), mapped_samples(over, folders), strict=True)
    for (folder, before), (_, after) in runs:
        if before is None or after is None:
            continue
        lost = list(_lost(restrict(before, below.rules), restrict(after, over.rules)))
        if lost:
            sample = f"{folder.parent.parent.name}/samples/{folder.name}"
            said = f"it lets out what {layers[-2].label} holds back in {sample}: {', '.join(lost)}"
            yield PackProblem(
                layers[-1].manifest.place, said, "an overlay may only be stricter: `packs diff` shows how"
            )


def _lost(before: Sequence[Draft], after: Sequence[Draft]) -> Iterator[str]:
    """What was held apart and is no more, each in one phrase."""
    if before and _routed(before) and not _routed(after):
        yield "the whole event"
    for restricted in (False, True):
        drafts = [draft for draft in after if draft.restricted is restricted]
        taken = {name for draft in before if draft.restricted is restricted for name in draft.redacted}
        if drafts:
            yield from sorted(taken - {name for draft in drafts for name in draft.redacted})
    yield from (f"the flag {name}" for name in sorted(_flags(before, on=True) - _flags(after, on=True)))
    yield from (f"the flag {name}, lifted" for name in sorted(_flags(after, on=False) - _flags(before, on=False)))


def _routed(drafts: Sequence[Draft]) -> bool:
    return all(draft.restricted for draft in drafts)


def _flags(drafts: Sequence[Draft], *, on: bool) -> set[str]:
    return {flag.rule for draft in drafts for flag in draft.flags if flag.on is on}
