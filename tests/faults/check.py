"""The comparison: what senders were told against what the topics and the apps' tables hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.store.models import GROUPS
from gateway.store.publication import shard_of
from tests.faults.ledger import Ledger
from tests.faults.persons import SOURCES
from tests.faults.records import Record, Writer


class Wrong(StrEnum):
    """What must not happen, as the last line counts it."""

    MISSING = "missing"
    INVERSION = "order inversions"
    TWICE = "applied twice"
    PLACE = "delivered to the wrong place"


@dataclass(frozen=True, slots=True)
class Applied:
    """What the apps' tables hold: `tally` (topic, ce_id) in the order of its rows, one for each time an event was
    applied; `timeline` (topic, ce_id)."""

    tally: Sequence[tuple[str, str]]
    timeline: Sequence[tuple[str, str]]


@dataclass
class Verdict:
    """`found` tells what each fault is; `refused_and_kept` counts messages that had to be refused."""

    acknowledged: int = 0
    read: int = 0
    repeats: int = 0
    refused_and_kept: int = 0
    found: dict[Wrong, list[str]] = field(default_factory=lambda: {wrong: [] for wrong in Wrong})
    surprises: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not self.surprises and not any(self.found.values())

    def add(self, wrong: Wrong, what: str) -> None:
        self.found[wrong].append(what)

    def reasons(self) -> Counter[str]:
        """How often each reason was found, whatever the event: the part before the colon."""
        everything = (what for texts in self.found.values() for what in texts)
        return Counter(what.partition(":")[0] for what in (*everything, *self.surprises))

    def told(self) -> str:
        """Each reason with its count and an example, and every surprise as it is, a line each."""
        counted = self.reasons()
        examples = {what.partition(":")[0]: what for texts in self.found.values() for what in reversed(texts)}
        return "\n".join([*(f"{counted[reason]} times, {what}" for reason, what in examples.items()), *self.surprises])

    def line(self) -> str:
        counted = " · ".join(f"{wrong} {len(texts)}" for wrong, texts in self.found.items())
        return f"acknowledged {self.acknowledged} · {counted} · refused and kept {self.refused_and_kept}"


def judge(records: Sequence[Record], applied: Applied | None, ledger: Ledger, kept: Iterable[bytes]) -> Verdict:
    """`kept` holds the hashes of the dead letters that the hub has; `applied` is None where no app runs."""
    verdict = Verdict(acknowledged=len(ledger.acknowledged), surprises=list(ledger.surprises))
    dead = set(kept)
    verdict.refused_and_kept = len(ledger.refused & dead)
    for _ in ledger.refused - dead:
        verdict.add(Wrong.MISSING, "refused, and not kept as a dead letter")
    fresh = _without_repeats(records, verdict)
    _judge_places(fresh, verdict)
    _judge_order(fresh, verdict, "published out of order")
    _judge_writers(records, verdict)
    _judge_messages(fresh, ledger, verdict)
    if applied is not None:
        _judge_apps(fresh, applied, verdict)
    return verdict


def _without_repeats(records: Sequence[Record], verdict: Verdict) -> list[Record]:
    first = {(record.topic, record.envelope.id): record for record in reversed(records)}
    fresh = [record for record in records if first[record.topic, record.envelope.id] is record]
    verdict.read, verdict.repeats = len(records), len(records) - len(fresh)
    return fresh


def _judge_places(fresh: Sequence[Record], verdict: Verdict) -> None:
    for record in fresh:
        message = record.message
        if message is not None and record.topic != SOURCES[message.source].topic_of(message.person):
            verdict.add(Wrong.PLACE, f"an event in another topic than its own: {record.topic}")


def _judge_order(fresh: Iterable[Record], verdict: Verdict, reason: str) -> None:
    """Numbers and sequences of a person grow within a topic, and a person has one partition of it."""
    last: dict[tuple[str, str], Record] = {}
    for record in fresh:
        if record.key is None:
            verdict.add(Wrong.INVERSION, f"an event without a person key, which has no order: {record.envelope.id}")
            continue
        before = last.get((record.topic, record.key))
        if before is not None and before.partition != record.partition:
            verdict.add(Wrong.INVERSION, f"a person's events in several partitions: {record.envelope.id}")
        elif before is not None and not _follows(record, before):
            verdict.add(Wrong.INVERSION, f"{reason}: {record.message} after {before.message}")
        last[record.topic, record.key] = record


def _follows(record: Record, before: Record) -> bool:
    if record.envelope.sequence <= before.envelope.sequence:
        return False
    return record.message is None or before.message is None or record.message.number > before.message.number


def _judge_writers(records: Iterable[Record], verdict: Verdict) -> None:
    """A relay that has lost its shards to another gets no record through."""
    writers: dict[tuple[str, int, int], list[Writer]] = {}
    for record in records:
        if record.key is None or record.writer is None:
            continue
        so_far = writers.setdefault((record.topic, record.partition, shard_of(record.key) % GROUPS), [])
        if record.writer in so_far[:-1]:
            verdict.add(Wrong.INVERSION, f"written by a relay that had lost its shards: {record.envelope.id}")
        elif not so_far or so_far[-1] != record.writer:
            so_far.append(record.writer)


def _judge_messages(fresh: Sequence[Record], ledger: Ledger, verdict: Verdict) -> None:
    published = Counter(record.message for record in fresh if record.message is not None)
    for message in ledger.acknowledged - published.keys():
        verdict.add(Wrong.MISSING, f"acknowledged, and in no topic: {message.control_id}")
    for message, times in published.items():
        if times > 1:
            verdict.add(Wrong.TWICE, f"kept as two events: {message.control_id}")
        if message not in ledger.acknowledged:
            verdict.surprises.append(f"published, and its sender was not told so: {message.control_id}")


def _judge_apps(fresh: Sequence[Record], applied: Applied, verdict: Verdict) -> None:
    by_id = {(record.topic, record.envelope.id): record for record in fresh}
    times = Counter(applied.tally)
    for event in by_id.keys() - times.keys():
        verdict.add(Wrong.MISSING, f"published, and not applied: {event[1]}")
    for event, count in times.items():
        if count > 1:
            verdict.add(Wrong.TWICE, f"applied more than once: {event[1]}, {count} times")
        if event not in by_id:
            verdict.add(Wrong.PLACE, f"applied, and in no topic: {event[1]}")
    first = dict.fromkeys(applied.tally)
    _judge_order((by_id[event] for event in first if event in by_id), verdict, "applied out of order")
    in_timeline = set(applied.timeline)
    for topic, id_ in in_timeline:
        if ".restricted." in topic:
            verdict.add(Wrong.PLACE, f"a restricted event in the timeline: {id_}")
    for event, record in by_id.items():
        if ".restricted." not in record.topic and event not in in_timeline:
            verdict.add(Wrong.MISSING, f"published, and not in the timeline: {event[1]}")
