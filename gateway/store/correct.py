"""Publishing what messages say today and did not say when they were kept: one function, one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from gateway.source import Source
from gateway.store.auditing import note
from gateway.store.bulk import insert_all
from gateway.store.corrections import Addition, Amendment, Correction, Standing, standing_events
from gateway.store.numbers import new_id
from gateway.store.persons import lock_people
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
    people = lock_people(connection, {each.standing.person_key for each in amendments})
    sharing.refresh(connection, now)
    stands = standing_events(connection, {each.message for each in amendments})
    numbers = {id_: max(each.number for each in events) for id_, events in stands.items()}
    current: list[Amendment] = []
    publications: list[Publication] = []
    for each in sorted(amendments, key=lambda each: each.standing.arrived):
        standing = _still(each, stands.get(each.message, []))
        if standing is None:
            continue
        publication = _publication(connection, each, source, sharing, now)
        if isinstance(each, Correction):
            _correct(publication, each)
        else:
            numbers[each.message] += 1
            publication.number = numbers[each.message]
            key = standing.person_key
            publication.key = people.root(key) if key in people else key  # what is about nobody has its source's
            publication.rules |= standing.rules
            publication.settle()
        current.append(each)
        publications.append(publication)
    insert_all(connection, *number_publications(connection, publications, now))
    events = Counter(each.message for each in current)
    for id_, version in {each.message: each.pack_version for each in current}.items():
        note(connection, actor, "message-remapped", id_, now, pack_version=version, events=events[id_])
    return len(current)


def _still(made: Amendment, events: Sequence[Standing]) -> Standing | None:
    """The event of the message that it was made beside, as it stands now. None when somebody else has corrected that
    event meanwhile, or added one to those that an addition was found beside."""
    if isinstance(made, Addition) and len(events) != made.stood:
        return None
    found = next((each for each in events if each.original == made.standing.original), None)
    if found is not None and isinstance(made, Correction) and found.body != made.standing.body:
        return None
    return found


def _publication(
    connection: Connection, made: Amendment, source: Source, sharing: Sharing, now: datetime
) -> Publication:
    """What both have in common: the draft of today, at the message's place in the order."""
    return Publication(
        id=new_id(),
        origin=Origin(source, made.standing.received, made.standing.traceparent),
        type=made.draft.type,
        key=made.standing.person_key,
        happened=made.draft.happened,
        plain=made.draft.body,
        body=None,
        topics=sharing.topics(connection, made.draft, source, now),
        number=made.standing.number,
        message=made.message,
        restricted=made.draft.restricted,
        arrived=made.standing.arrived,
        pack_version=made.pack_version,
    )


def _correct(publication: Publication, made: Correction) -> None:
    """It takes the place of an event: under that one's key, without what is withheld, and held apart if that was."""
    publication.corrects = made.standing.original
    publication.plain = made.body
    publication.restricted = made.restricted
    if made.restricted:
        source = publication.origin.source
        publication.topics = (event_topic(source.place, source.sector, restricted=True),)
