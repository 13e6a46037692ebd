"""What was judged and what came of it: for a person, and as JSON for a script."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from tests.conformance.gather import CORPUS
from tests.conformance.judging import Judged
from tests.conformance.odd import Odd
from tests.conformance.verdicts import ERROR, Verdict

_SHOWN: Final = 6


def counted(judged: Judged) -> str:
    """One line: how much was judged, by what, and how many verdicts there are of each kind."""
    found, accepted = judged.found, sum(row.seen for row in judged.found.accepted)
    profiles = [each for each in judged.applied if "/Extension-" not in each and "/UKCore-" in each]
    by_uk_core = f"{len(profiles)} UK Core profiles" if judged.uk_core else f"without UK Core (no {CORPUS / 'uk_core'})"
    corpus = f"{len(judged.corpus.events)} events of the corpus's {judged.corpus.files} files"
    return (
        f"conformance: {judged.goldens} events of samples and {corpus if judged.corpus.files else 'no corpus'}; "
        f"{judged.resources.total()} resources of {len(judged.resources)} types against R4 and {by_uk_core}: "
        f"{len(found.ours)} ours to mend, {accepted} accepted, {len(found.theirs)} the senders' own"
    )


def lines(judged: Judged) -> Iterator[str]:
    """The whole report."""
    found = judged.found
    yield counted(judged)
    if judged.corpus.refused:
        reasons = ", ".join(f"{number} {code}" for code, number in judged.corpus.refused.most_common())
        yield f"Messages of the corpus that became no event: {reasons}"
    yield f"What senders' own FHIR carried: {len(found.theirs)}"
    yield from _grouped(found.theirs)
    yield f"Accepted, for a reason: {sum(row.seen for row in found.accepted)}"
    yield from (f"  {row.seen:5}  {row.reason}" for row in found.accepted)
    yield f"Remarks of the validator: {found.remarks.total()}"
    yield from (f"  {number:5}  {code or '(no code)'}" for code, number in found.remarks.most_common())
    yield f"Ours to mend: {len(found.ours)}"
    yield from _grouped(found.ours, advised=True)
    yield f"Wrong with the judging: {len(judged.faults)}"
    yield from (f"  {fault}" for fault in judged.faults)


def document(judged: Judged) -> dict[str, Any]:
    """The same for a script; `ours` must be empty, and so must `faults`."""
    found = judged.found
    return {
        "goldens": judged.goldens,
        "corpus": {
            "files": judged.corpus.files,
            "events": len(judged.corpus.events),
            "refused": dict(judged.corpus.refused),
        },
        "uk_core": judged.uk_core,
        "resources": dict(judged.resources.most_common()),
        "applied": list(judged.applied),
        "ours": [asdict(each) for each in found.ours],
        "theirs": [asdict(each) for each in found.theirs],
        "accepted": [{"reason": row.reason, "verdicts": row.seen} for row in found.accepted],
        "remarks": dict(found.remarks.most_common()),
        "faults": judged.faults,
    }


def odd_lines(odd: Odd) -> Iterator[str]:
    """The report on messages that nobody should send."""
    refused = ", ".join(f"{number} {code}" for code, number in odd.refused.most_common())
    yield (
        f"conformance: {odd.messages} odd messages became {odd.events} events, {odd.resources.total()} resources of "
        f"{len(odd.resources)} types: {len(odd.errors)} errors; refused: {odd.refused.total()} ({refused})"
    )
    yield from _grouped(odd.errors)
    if odd.errors:
        yield f"The messages are in {odd.folder}: `carehub preview FILE` shows what they become."


def odd_document(odd: Odd) -> dict[str, Any]:
    """The same for a script; `errors` must be empty."""
    return {
        "messages": odd.messages,
        "events": odd.events,
        "refused": dict(odd.refused),
        "resources": dict(odd.resources.most_common()),
        "errors": [asdict(each) for each in odd.errors],
        "folder": str(odd.folder),
    }


def _grouped(verdicts: Sequence[Verdict], advised: bool = False) -> Iterator[str]:
    """A few lines for each kind of verdict and place, with the entries that have it."""
    groups: dict[tuple[str, str, str, str], list[Verdict]] = defaultdict(list)
    for each in verdicts:
        _, place, message = each.likeness
        groups[each.severity, each.judge, place, message].append(each)
    for (severity, judge, place, message), those in sorted(groups.items()):
        yield f"  {severity}, {judge}: {place}"
        yield f"      {message[:400]}"
        yield from (f"      in {each.bundle}: {each.path}" for each in those[:_SHOWN])
        if len(those) > _SHOWN:
            yield f"      and {len(those) - _SHOWN} more"
        if advised:
            yield f"      {_advice(those[0])}"


def _advice(verdict: Verdict) -> str:
    pack = verdict.bundle.partition("/")[0]
    where = "the pack that maps it" if pack == "corpus" else f"mappings/packs/{pack} or the pack below it"
    if verdict.message.startswith("Unknown extension http://hl7.org/fhir/"):
        return f"→ if HL7 defined it after R4, add it to extensions.yaml; if not, mend {where}"
    if verdict.severity == ERROR:
        return f"→ mend the template or code list of {where}, then `carehub packs test --accept`"
    return f"→ mend {where}, or, if it is right as it is, add a row with the reason to accepted.yaml"
