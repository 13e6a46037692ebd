"""All judges over everything, in one go: one JVM for what is published, what was sent, and the planted faults."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from tests.conformance import hapi, own, schema
from tests.conformance.extensions import write_definitions
from tests.conformance.faults import FAULTS, SOUND
from tests.conformance.gather import UK_CORE, Corpus, Published, from_corpus, goldens, profiled
from tests.conformance.progress import Told
from tests.conformance.tools import Tools, fetch_tools
from tests.conformance.verdicts import ERROR, Sorted, Verdict, read_accepted, sort_out, weighed

HERE: Final = Path(__file__).parent
SENT: Final = "as sent: "
FAULT: Final = "fault: "
BY_PROFILE: Final = "by profile: "
UNTOUCHED: Final = "fault: none"
_UNLINKED: Final = re.compile(r"Entry '([^']*)' isn't reachable")


@dataclass(frozen=True, slots=True)
class Judged:
    """`resources` counts what was published by type; `definitions` how many the validator read beside R4, and `applied`
    the profiles and extensions among them that it used; `seen` has, for each planted fault, the judges that saw it."""

    goldens: int
    corpus: Corpus
    uk_core: bool
    resources: Counter[str]
    definitions: int
    applied: tuple[str, ...]
    found: Sorted
    seen: dict[str, frozenset[str]]

    @property
    def faults(self) -> list[str]:
        """What makes the judgement fail, apart from verdicts: planted faults that a judge missed, rows out of use."""
        missed = [
            f"the planted fault `{fault.name}` was seen by {', '.join(self.seen[FAULT + fault.name]) or 'nobody'}, "
            f"not by {', '.join(fault.seen_by)}"
            for fault in FAULTS
            if self.seen[FAULT + fault.name] != fault.seen_by and (self.uk_core or not fault.uk_core)
        ]
        stale = [f"accepted.yaml: nothing matches `{row.message.pattern}` any more" for row in self.stale]
        return missed + stale

    @property
    def stale(self) -> Sequence[Any]:
        """Rows of accepted.yaml that match nothing any more; known only where everything was judged."""
        return [row for row in self.found.accepted if not row.seen] if self.uk_core and self.corpus.files else []


@dataclass(frozen=True, slots=True)
class Said:
    """What all judges said, weighed, by the name of what was judged."""

    verdicts: Mapping[str, Collection[Verdict]]
    judgement: hapi.Judgement
    uk_core: bool


def judge_everything(data: Path, told: Told) -> Judged:
    """Fetches the judges into `data` if need be, gathers, judges and sorts. Raises Misconfigured as fetch_tools."""
    tools = fetch_tools(data, lambda line: told(line, 0, 0))
    told("mapping the real messages", 0, 0)
    ours, corpus = list(goldens()), from_corpus()
    published = [*ours, *corpus.events]
    said = ask_all(tools, data, dict(_jobs(published)), told)
    return Judged(
        len(ours),
        corpus,
        said.uk_core,
        counted(published),
        said.judgement.definitions,
        said.judgement.applied,
        _sorted(published, said.verdicts),
        {name: _seen(said.verdicts, name) for name in said.verdicts if name.startswith(FAULT)},
    )


def ask_all(tools: Tools, data: Path, jobs: Mapping[str, dict[str, Any]], told: Told) -> Said:
    """Each resource is judged as it is, and again with UK Core's profiles, since the validator leaves out what R4 says
    of an element that a profile speaks of."""
    definitions = [write_definitions(data / "conformance" / "extensions")]
    if uk_core := UK_CORE.is_dir():
        definitions.append(UK_CORE)
    again = {BY_PROFILE + name: profiled(resource) for name, resource in jobs.items()} if uk_core else {}
    judgement = hapi.judge(tools, definitions, [*jobs.items(), *again.items()], told)
    if judgement.judged != len(jobs) + len(again):
        raise RuntimeError(f"the validator judged {judgement.judged} of {len(jobs) + len(again)}")
    said: dict[str, set[Verdict]] = {name: set() for name in jobs}
    for verdict in judgement.verdicts:
        name = verdict.bundle.removeprefix(BY_PROFILE)
        said[name].add(weighed(replace(verdict, bundle=name), uk_core))
    told("HL7's schema and our own checks judge", 0, 0)
    for name, resource in jobs.items():
        said[name].update([*schema.judge(tools.schema, name, resource), *own.judge(name, resource)])
    return Said(said, judgement, uk_core)


def counted(published: Iterable[Published]) -> Counter[str]:
    """Resources by type."""
    return Counter(e["resource"]["resourceType"] for each in published for e in each.bundle["entry"])


def _jobs(published: list[Published]) -> Iterator[tuple[str, dict[str, Any]]]:
    for each in published:
        yield each.name, each.bundle
        if each.sent is not None:
            yield SENT + each.name, each.sent
    sound = orjson.loads(SOUND.read_bytes())["events"][0]["bundle"]
    yield UNTOUCHED, sound
    for fault in FAULTS:
        yield FAULT + fault.name, fault.planted(sound)


def _sorted(published: list[Published], said: Mapping[str, Collection[Verdict]]) -> Sorted:
    sent = {each.name: said[SENT + each.name] for each in published if each.sent is not None}
    verdicts = (_placed(verdict, each.bundle) for each in published for verdict in said[each.name])
    return sort_out(verdicts, sent, read_accepted(HERE / "accepted.yaml"))


def _placed(verdict: Verdict, bundle: dict[str, Any]) -> Verdict:
    """The validator says of an entry that nothing links only where it stands; its type tells why that may be so."""
    if not (unlinked := _UNLINKED.match(verdict.message)):
        return verdict
    (found,) = (e["resource"] for e in bundle["entry"] if e["fullUrl"] == unlinked[1])
    return replace(verdict, path=f"{verdict.path}.resource/*{found['resourceType']}/{found['id']}*/")


def _seen(said: Mapping[str, Collection[Verdict]], name: str) -> frozenset[str]:
    """Who says that the bundle has an error that the sound one has not."""
    known = {each.likeness for each in said[UNTOUCHED]}
    return frozenset(each.judge for each in said[name] if each.severity == ERROR and each.likeness not in known)
