"""From drafts to events: whose they are, what their person's flags withhold, where they go, and in which order.

lock persons → load flags → recognise each message in turn → insert new persons → apply flags
    → draw numbers for events and outbox → save persons and flags → go through what is stored → remember states
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select

from contract.links import PERSON_LINKED, PersonLink, linked_bundle
from contract.topics import Topic, parse_topic
from gateway.delivery import ReceiptEvent
from gateway.store.entry import Claim, DraftEntry, Entry
from gateway.store.flags import Flags, load_flags
from gateway.store.models import event, outbox, person_topic
from gateway.store.numbers import new_id
from gateway.store.persons import People, lock_people, save_changed, save_new
from gateway.store.publication import NEVER, Inserts, Origin, Publication, number_publications
from gateway.store.rewriting import rewrite_unpublished
from gateway.store.sharing import Sharing
from gateway.store.states import Remembered, remember_states, snapshot_hashes
from gateway.store.withholding import dump


@dataclass(frozen=True, slots=True)
class Recognised:
    """The keys an event goes under, the one that remains last; `merge` if it says that two persons are one."""

    keys: tuple[str, ...]
    merge: PersonLink | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """The events of each message for its receipt, by entry id, and what is yet to be inserted, in this order."""

    events: dict[str, tuple[ReceiptEvent, ...]] = field(default_factory=dict)
    inserts: tuple[Inserts, ...] = ()


def publish(connection: Connection, entries: Sequence[Entry], sharing: Sharing, now: datetime) -> Published:
    """Makes the events of these messages, in their order, and writes all but the events and the outbox themselves."""
    if not any(entry.drafts for entry in entries):
        return Published()
    sharing.refresh(connection, now)
    people = lock_people(connection, _keys_named(entries))
    flags = load_flags(connection, people.flagged())
    states = [(e.source.identifier_domain, s) for e in entries for d in e.drafts for s in d.draft.states]
    group = _Group(connection, people, flags, sharing, now, hashes=snapshot_hashes(connection, states))
    for entry in entries:
        group.take(entry)
    for key, held in flags.held.items():
        people.mark(key, flagged=bool(held))
    save_new(connection, people, now)
    group.apply_flags()
    inserts = number_publications(connection, group.publications, now)
    save_changed(connection, people)
    flags.save(connection, now)
    rewrite_unpublished(connection, flags, written={p.id for p in group.publications})
    remember_states(connection, group.remembered())
    return Published(group.receipts(), tuple(inserts))


@dataclass(slots=True)
class _Group:
    """The messages that share a transaction, while their events take shape."""

    connection: Connection
    people: People
    flags: Flags
    sharing: Sharing
    now: datetime
    hashes: dict[tuple[str, str], bytes]
    publications: list[Publication] = field(default_factory=list)
    after: dict[str, Publication] = field(default_factory=dict)

    def take(self, entry: Entry) -> None:
        """Adds the publications of one message: first the links that become known by it, then its own events."""
        news = [d for d in entry.drafts if not self._says_nothing_new(d, entry)]
        whose: dict[tuple[Claim | None, ...], Recognised] = {}
        for draft in news:
            if draft.claims not in whose:
                whose[draft.claims] = self._recognise(draft, entry)
            if draft.draft.subject is not None:
                self.flags.change(whose[draft.claims].keys[-1], draft.draft.flags, entry.source)
        number = 0
        for draft in news:
            who = whose[draft.claims]
            for key in who.keys:
                self._add_event(draft, entry, key, number, who.merge)
                number += 1
            for state in draft.draft.states:
                self.hashes[entry.source.identifier_domain, state.resource_id] = state.content_hash

    def apply_flags(self) -> None:
        """Every event of the group meets the flags of its person as they are at the end of the group."""
        for publication in self.publications:
            root = self.people.root(publication.key)
            if publication.type == PERSON_LINKED:
                publication.reach_restricted(self.flags.rules(root))
                continue
            if root in self.flags.raised:
                publication.rules |= self.flags.rules(root)
            publication.settle()

    def receipts(self) -> dict[str, tuple[ReceiptEvent, ...]]:
        told: dict[str, list[ReceiptEvent]] = {}
        for publication in self.publications:
            if publication.message is not None:
                told.setdefault(publication.message, []).append(publication.receipt())
        return {message: tuple(events) for message, events in told.items()}

    def remembered(self) -> Iterable[Remembered]:
        for p in self.publications:
            for state in p.states:
                yield Remembered(p.origin.source.identifier_domain, p.key, p.sequence, state)

    def _says_nothing_new(self, draft: DraftEntry, entry: Entry) -> bool:
        rows = [state for state in draft.draft.states if state.snapshot]
        domain = entry.source.identifier_domain
        return bool(rows) and all(self.hashes.get((domain, s.resource_id)) == s.content_hash for s in rows)

    def _recognise(self, draft: DraftEntry, entry: Entry) -> Recognised:
        key = self._known(draft.subject, draft, entry)
        if draft.also is not None:
            other = self._known(draft.also, draft, entry)
            key = self.people.root(draft.subject.named[0])
            return Recognised((other, key) if other != key else (key,))
        if draft.prior is None:
            return Recognised((key,))
        gone = self._known(draft.prior, draft, entry)
        merge = self.people.merge(draft.prior, draft.subject, authority=entry.source.authority)
        key = self.people.root(draft.subject.named[0])
        if merge is None:
            merge = PersonLink(key, key)
        else:
            self.flags.follow(gone, merge.current, entry.source)
        return Recognised((gone, key) if gone != key else (key,), merge)

    def _known(self, claim: Claim, draft: DraftEntry, entry: Entry) -> str:
        """The key of a claim, after telling of the link that becomes known by it."""
        key, link = self.people.of(claim)
        if link is not None:
            self._add_link(link, draft, entry)
        return key

    def _add_link(self, link: PersonLink, draft: DraftEntry, entry: Entry) -> None:
        """Two events that tell the same: the last under the old key, the first under the new one."""
        old = link.withdrawn or link.previous
        self.flags.follow(old, link.current, entry.source)
        topics = tuple(sorted({*self._topics_used(old), *self._topics(draft, entry)}, key=str))
        last: Publication | None = None
        for key in (old, link.current):
            event_id, origin = new_id(), Origin.of(entry.keeping)
            body = dump(linked_bundle(link, event_id, entry.source.id, draft.draft.happened))
            last = Publication(
                event_id, origin, PERSON_LINKED, key, draft.draft.happened, body, None, topics, after=last
            )
            self.publications.append(last)
            if key == old:
                self.after[link.current] = last

    def _add_event(self, draft: DraftEntry, entry: Entry, key: str, number: int, merge: PersonLink | None) -> None:
        publication = Publication(
            id=new_id(),
            origin=Origin.of(entry.keeping),
            type=draft.draft.type,
            key=key,
            happened=draft.draft.happened,
            plain=draft.draft.body,
            body=draft.body,
            topics=self._topics(draft, entry),
            number=number,
            message=entry.id,
            restricted=draft.draft.restricted,
            arrived=entry.earlier.number if entry.earlier else NEVER,
            after=self.after.get(key),
            merge=merge,
            states=draft.draft.states,
            rules=set(self.flags.rules(self.people.root(key))),
        )
        self.publications.append(publication)
        if merge is not None and key != merge.current:
            self.after[merge.current] = publication

    def _topics(self, draft: DraftEntry, entry: Entry) -> tuple[Topic, ...]:
        return self.sharing.topics(self.connection, draft.draft, entry.source, self.now)

    def _topics_used(self, key: str) -> set[Topic]:
        """Where events of this key went, or are about to go."""
        kept = select(outbox.c.topic).join(event, event.c.id == outbox.c.event).where(event.c.person_key == key)
        gone = select(person_topic.c.topic).where(person_topic.c.person_key == key)
        used = self.connection.execute(kept.union(gone))  # one statement: between two, what is kept may go
        topics = {parse_topic(name) for name in used.scalars()}
        return topics | {topic for p in self.publications if p.key == key for topic in p.topics}


def _keys_named(entries: Sequence[Entry]) -> Iterable[str]:
    for entry in entries:
        for draft in entry.drafts:
            for claim in filter(None, draft.claims):
                yield from claim.named
