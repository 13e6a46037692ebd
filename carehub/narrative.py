"""A life story as people read it: what happened, a line each, in the order of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

from carehub.output import cell

Told: TypeAlias = Mapping[str, Any]
"""A message, an event or an outlet, as gateway.stories tells it."""

_NO_TIME: Final = " " * 20


def message_lines(message: Told) -> Iterator[str]:
    yield f"message {message['id']}: {message['status']}"
    if message["status"] == "refused":
        yield from _refused(message)
        return
    row = f", row {message['row']} of file {message['batch']}" if message["batch"] else ""
    yield _line(message["received"], f"received from {message['source']} as {message['contentType']}{row}")
    yield _line(None, f"mapped by {message['pack']} {message['packVersion']}")
    if message["status"] == "waiting":
        yield _line(None, "waits for the row that it hangs on")
    for event in message["events"]:
        yield _event(event)
        yield from _outlets(event)


def event_lines(event: Told) -> Iterator[str]:
    yield _event(event)
    if event["message"]:
        yield _line(event["received"], f"received from {event['source']} in message {event['message']}")
        yield _line(None, f"mapped by {event['pack']} {event['packVersion']}")
    else:
        yield _line(event["received"], f"made by the hub itself, of what {event['source']} sent")
    yield from _outlets(event)


def unknown_lines(told: Told) -> Iterator[str]:
    """Why it is not known who has consumed what, where it is not."""
    if told["consumersUnknown"]:
        yield f"Consumers: {told['consumersUnknown']}"


def _event(event: Told) -> str:
    corrects = f", a correction of {event['corrects']} by {event['packVersion']}" if event["corrects"] else ""
    return f"event {event['id']}: {event['type']}{', restricted' if event['restricted'] else ''}{corrects}"


def _outlets(event: Told) -> Iterator[str]:
    for outlet in sorted(event["topics"], key=lambda each: each["published"] or "waits"):
        if outlet["published"] is None:
            yield _line(None, f"waits to be published to {outlet['topic']}")
            continue
        at = f"partition {cell(outlet['partition'])}, offset {cell(outlet['offset'])}"
        late = ", late: behind a later event of its person" if outlet["late"] else ""
        yield _line(outlet["published"], f"published to {outlet['topic']}, {at}{late}")
        yield _line(None, _consumed(outlet["consumedBy"]))


def _consumed(groups: list[Told] | None) -> str:
    if groups is None:
        return "consumed by whom is not known"
    done = [each["group"] for each in groups if each["consumed"]]
    behind = [each["group"] for each in groups if not each["consumed"]]
    said = f"consumed by {', '.join(done) if done else 'nobody yet'}"
    if behind:
        return f"{said}; still to come: {', '.join(behind)}"
    return said if done else f"{said}: no consumer group reads this topic"


def _refused(letter: Told) -> Iterator[str]:
    yield _line(letter["firstReceived"], f"received from {letter['source']} as {letter['contentType']}")
    for issue in letter["issues"]:
        place = f" at {issue['path']}" if issue["path"] else ""
        yield _line(None, f"refused, {issue['code']}{place}: {issue['text']}")
    if letter["count"] > 1:
        yield _line(letter["lastReceived"], f"received again, {letter['count']} times in all")
    if letter["deadLetter"] == "open":
        yield _line(None, "kept as a dead letter that is open")
    else:
        became = f": it became message {letter['message']}" if letter["message"] else ""
        yield _line(letter["closed"], f"the dead letter was {letter['deadLetter']}{became}")


def _line(at: str | None, text: str) -> str:
    return f"{cell(datetime.fromisoformat(at)) if at else _NO_TIME}  {text}"
