"""Publishing what messages say today and did not say when they were kept: one function, one transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection

from gateway.source import Source
from gateway.store.auditing import note
from gateway.store.bulk import insert_all
from gateway.store.corrections import Addition, Amendment, Correction, Standing, standing_events
from gateway.store.faults import Contended
from gateway.store.flags import rules_today
from gateway.store.numbers import new_id
from gateway.store.persons import lock_keys, roots_of
from gateway.store.publication import Origin, Publication, event_topic, number_publications
from gateway.store.sharing import Sharing


def publish_amendments(
    connection: Connection,
    amendments: Sequence[Amendment],
    source: Source,
    sharing: Sharing,
    actor: str,
    now: datetime,
) -> int:
    """Publishes them in the order in which their messages arrived, and notes it; how many they were. What somebody else
    has corrected or added meanwhile is left out."""
    roots = _lock_persons(connection, {each.standing.person_key for each in amendments})
    sharing.refresh(connection, now)
    stands = standing_events(connection, {each.message for each in amendments})
    publications: list[Publication] = []
    current: list[Amendment] = []
    for each in sorted(amendments, key=lambda each: each.standing.arrived):
        events = stands.get(each.message, [])
        if isinstance(each, Correction):
            if _is_current(each, events):
                publications.append(_correction(connection, each, source, sharing, now))
                current.append(each)
        elif _is_missing(each, events):
            key = roots[each.standing.person_key]
            number = max(e.number for e in events) + 1 + sum(p.message == each.message for p in publications)
            publications.append(_addition(connection, each, key, number, source, sharing, now))
            current.append(each)
    insert_all(connection, *number_publications(connection, publications, now))
    for id_, version in {each.message: each.pack_version for each in current}.items():
        events_of_it = sum(each.message == id_ for each in current)
        note(connection, actor, "message-remapped", id_, now, pack_version=version, events=events_of_it)
    return len(current)


def _lock_persons(connection: Connection, keys: Collection[str]) -> dict[str, str]:
    """Locks these keys and those that stand for them today, which it returns. Raises Contended when others do by the
    time all are locked."""
    roots = roots_of(connection, keys)
    lock_keys(connection, {*keys, *roots.values()})
    if roots_of(connection, keys) != roots:
        raise Contended
    return roots


def _is_current(made: Correction, events: Sequence[Standing]) -> bool:
    return any(e.original == made.standing.original and e.body == made.standing.body for e in events)


def _is_missing(made: Addition, events: Sequence[Standing]) -> bool:
    """Whether the message's events are those that it was found beside: somebody may have added it meanwhile."""
    return len(events) == made.stood and any(each.original == made.standing.original for each in events)


def _correction(
    connection: Connection, made: Correction, source: Source, sharing: Sharing, now: datetime
) -> Publication:
    topics = sharing.topics(connection, made.draft, source, now)
    if made.restricted:
        topics = (event_topic(source.place, source.sector, restricted=True),)
    return Publication(
        id=new_id(),
        origin=Origin(source, made.standing.received, made.standing.traceparent),
        type=made.draft.type,
        key=made.standing.person_key,
        happened=made.draft.happened,
        plain=made.body,
        body=None,
        topics=topics,
        number=made.standing.number,
        message=made.message,
        restricted=made.restricted,
        arrived=made.standing.arrived,
        corrects=made.standing.original,
        pack_version=made.pack_version,
    )


def _addition(
    connection: Connection, made: Addition, key: str, number: int, source: Source, sharing: Sharing, now: datetime
) -> Publication:
    """Under the key that stands for the person today, with today's flags: only what takes the place of an event belongs
    under an old key."""
    publication = Publication(
        id=new_id(),
        origin=Origin(source, made.standing.received, made.standing.traceparent),
        type=made.draft.type,
        key=key,
        happened=made.draft.happened,
        plain=made.draft.body,
        body=None,
        topics=sharing.topics(connection, made.draft, source, now),
        number=number,
        message=made.message,
        restricted=made.draft.restricted,
        arrived=made.standing.arrived,
        pack_version=made.pack_version,
        rules=set(rules_today(connection, {key}).get(key, frozenset())),
    )
    publication.settle()
    return publication
