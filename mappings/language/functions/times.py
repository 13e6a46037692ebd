"""Dates and times: partial precision stays partial, a stated offset stays, else the sender's zone holds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from contract.errors import Code
from mappings.language.functions.registry import function
from mappings.language.runtime.state import State

_HL7: Final = re.compile(
    r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(\.\d{1,6})?)?)?)?)?)?(Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII
)
_ISO: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(\.\d{1,9})?)?)?)?)? ?(Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII
)
_UK: Final = re.compile(r"(\d\d?)/(\d\d?)/(\d{4})(?: (\d\d):(\d\d)(?::(\d\d))?)?", re.ASCII)
_TIME: Final = re.compile(r"(\d\d):?(\d\d)(?::?(\d\d)(\.\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)?", re.ASCII)

_NOT_STATED: Final = re.compile(r"(?!0000)(\d{4})(0[1-9]|1[0-2])?(?:00)+", re.ASCII)
_OF_NOTHING: Final = "0-/:.T "
_NO_DATE: Final = "this is no date that exists; write YYYYMMDD[HHMM[SS]], YYYY-MM-DD[THH:MM:SS] or DD/MM/YYYY"


class Stamp(NamedTuple):
    """What a text says: `parts` are year to second, as many as are stated (minutes come with hours)."""

    parts: tuple[int, ...]
    fraction: str
    offset: str


@lru_cache(maxsize=4096)
def _read(text: str) -> Stamp | None:
    found = _ISO.fullmatch(text) or _HL7.fullmatch(text)  # in this order: 1930-01 is a month, not an offset
    if found:
        *numbers, fraction, offset = found.groups()
        parts = tuple(int(n) for n in numbers if n is not None)
    else:
        british = _UK.fullmatch(text)
        if british is None:
            return None
        day, month, year, *clock = british.groups()
        parts = (int(year), int(month), int(day), *(int(n) for n in clock if n is not None))
        fraction, offset = None, None
    if len(parts) == 4:
        parts = (*parts, 0)
    if not _exists(parts):
        stated = _NOT_STATED.fullmatch(text)  # zeros for a month or day that nobody knows
        return Stamp(tuple(int(n) for n in stated.groups() if n), "", "") if stated else None
    zone = _offset(offset or "")
    return None if zone is None else Stamp(parts, fraction or "", zone)


def _exists(parts: tuple[int, ...]) -> bool:
    year, month, day, hour, minute, second, *_ = (*(*parts, 1, 1)[: max(3, len(parts))], 0, 0, 0)
    try:
        datetime(year, month, day, hour, minute, second)  # noqa: DTZ001  (only whether it is in the calendar)
    except ValueError:
        return False
    return True


def _offset(text: str) -> str | None:
    """As FHIR writes it; None for one that is nowhere: none is beyond 14 hours (R4, dateTime)."""
    if text in ("", "Z"):
        return text
    digits = text[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if minutes > 59 or (hours, minutes) > (14, 0):
        return None
    return f"{text[0]}{digits[:2]}:{digits[2:]}"


def _said(state: State, text: str) -> Stamp | None:
    """HL7's TS has a second component up to version 2.7, the degree of precision, which the text itself shows."""
    return _read(text.strip()) or _read(text.partition(state.delimiters.component)[0].strip())


def _stamp(state: State, where: str, text: str, *, strict: bool = False) -> Stamp | None:
    found = _said(state, text)
    if found is None:
        if not text.strip(_OF_NOTHING):
            state.note(Code.INVALID_DATE, where, "a date of zeros says that there is none; it is left out")
        elif strict:
            state.refuse(Code.INVALID_DATE, where, _NO_DATE)
        else:
            state.unreadable(Code.INVALID_DATE, where, _NO_DATE)
    return found


@lru_cache(maxsize=4096)
def _date_text(parts: tuple[int, ...]) -> str:
    match len(parts):
        case 1:
            return f"{parts[0]:04d}"
        case 2:
            return f"{parts[0]:04d}-{parts[1]:02d}"
    return f"{parts[0]:04d}-{parts[1]:02d}-{parts[2]:02d}"


def _zoned(state: State, where: str, stamp: Stamp) -> str:
    """The offset that holds at that time: as stated, else that of the sender's zone."""
    if stamp.offset:
        return stamp.offset
    offset, odd = _zone_offset(stamp.parts, state.zone)
    if odd == "twice":
        text = f"this time happened twice in {state.zone.key}; it is taken as the first. Send times with their offset"
        state.note(Code.AMBIGUOUS_TIME, where, text)
    elif odd == "never":
        text = f"the clocks of {state.zone.key} skipped this time; it is taken by the clock before the change"
        state.note(Code.AMBIGUOUS_TIME, where, text)
    return offset


@lru_cache(maxsize=4096)
def _zone_offset(parts: tuple[int, ...], zone: ZoneInfo) -> tuple[str, str]:
    first = datetime(*parts, tzinfo=zone)  # type: ignore[misc,arg-type]
    before, after = first.utcoffset(), first.replace(fold=1).utcoffset()
    assert before is not None and after is not None  # noqa: S101, PT018  (a zone always has an offset)
    odd = "" if before == after else "twice" if before > after else "never"
    minutes = int(before / timedelta(minutes=1))
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}", odd


def _clock(stamp: Stamp) -> str:
    hour, minute, *seconds = stamp.parts[3:]
    return f"{hour:02d}:{minute:02d}:{seconds[0] if seconds else 0:02d}{stamp.fraction if seconds else ''}"


@lru_cache(maxsize=4096)
def _day_and_clock(stamp: Stamp) -> str:
    return f"{_date_text(stamp.parts)}T{_clock(stamp)}"


@function("date", "text", "date")
def date(state: State, where: str, text: str) -> str | None:
    """A date of the precision stated: year, month or day. A time of day is left out."""
    stamp = _stamp(state, where, text)
    return _date_text(stamp.parts) if stamp else None


@function("strict_date", "text", "date")
def strict_date(state: State, where: str, text: str) -> str | None:
    """As `date`, and an error also in a pack that leaves out what cannot be read: for what tells people apart."""
    stamp = _stamp(state, where, text, strict=True)
    return _date_text(stamp.parts) if stamp else None


@function("datetime", "text", "dateTime")
def date_time(state: State, where: str, text: str) -> str | None:
    """A date, or a date and time with its offset: the stated one, else the sender's zone."""
    stamp = _stamp(state, where, text)
    if stamp is None:
        return None
    if len(stamp.parts) < 4:
        return _date_text(stamp.parts)
    return _day_and_clock(stamp) + _zoned(state, where, stamp)


@function("timed", "text", "dateTime")
def timed(state: State, where: str, text: str) -> str | None:
    """A date and time with its offset; nothing, and no complaint, where only a date is stated."""
    stamp = _said(state, text)
    return date_time(state, where, text) if stamp and len(stamp.parts) > 3 else None


@function("instant", "text", "instant")
def instant(state: State, where: str, text: str) -> str | None:
    """A date and time to the second, with its offset; a date alone is an error."""
    stamp = _stamp(state, where, text)
    if stamp is None:
        return None
    if len(stamp.parts) < 4:
        state.unreadable(Code.INVALID_DATE, where, "a time of day is needed here, and there is only a date")
        return None
    return _day_and_clock(stamp) + _zoned(state, where, stamp)


@function("readable_datetime", "text", "dateTime")
def readable_datetime(state: State, where: str, text: str) -> str | None:
    """As `datetime`; nothing, and no complaint, where the text is no date: for what may be something else."""
    return date_time(state, where, text) if _said(state, text) else None


@function("timed_instant", "text", "instant")
def timed_instant(state: State, where: str, text: str) -> str | None:
    """A date and time to the second, with its offset; nothing, and no complaint, where only a date is stated."""
    stamp = _said(state, text)
    return instant(state, where, text) if stamp and len(stamp.parts) > 3 else None


@function("time", "text", "time")
def time(state: State, where: str, text: str) -> str | None:
    """A time of day without a date or zone."""
    found = _time(text)
    if found is None:
        state.unreadable(Code.INVALID_DATE, where, "this is no time of day; write HHMM, HH:MM or HH:MM:SS")
    return found


def _time(text: str) -> str | None:
    found = _TIME.fullmatch(text.strip())
    if found is None or int(found[1]) > 23 or int(found[2]) > 59 or int(found[3] or 0) > 59:
        return None
    return f"{found[1]}:{found[2]}:{found[3] or '00'}{found[4] or ''}"


@function("listed_time", "text number", "time")
def listed_time(_state: State, _where: str, text: str, number: str) -> str | None:
    """One of the times of day that a text lists with commas between them, `0800,2400`, by its number from 1; nothing,
    and no complaint, where there is none. 2400 is midnight."""
    listed = text.split(",")
    wanted = listed[int(number) - 1].strip() if int(number) <= len(listed) else ""
    return "00:00:00" if wanted in ("2400", "24:00") else _time(wanted)


@function("date_and_time", "date time?", "dateTime")
def date_and_time(state: State, where: str, date: str, time: str | None = None) -> str | None:
    """A date from one column and a time of day from another; without the time, the first column as it stands."""
    if time is None:
        return date_time(state, where, date)
    day = _stamp(state, where, date)
    if day is None or len(day.parts) < 3:
        return _date_text(day.parts) if day else None
    clock = _TIME.fullmatch(time.strip())
    if clock is None:
        state.unreadable(
            Code.INVALID_DATE, where, "the time beside this date is no time of day; write HH:MM or HH:MM:SS"
        )
        return None
    return date_time(state, where, f"{_date_text(day.parts)}T{clock[1]}:{clock[2]}:{clock[3] or '00'}")


def moment(state: State, where: str, text: str) -> datetime | None:
    """When an event happened, UTC; a date alone is taken as its first moment in the sender's zone."""
    stamp = _stamp(state, where, text)
    if stamp is None:
        return None
    parts = (*stamp.parts, 1, 1)[: max(3, len(stamp.parts))]
    full = Stamp(parts if len(parts) > 3 else (*parts, 0, 0), stamp.fraction, stamp.offset)
    fraction = (full.fraction or ".0")[:7]
    written = f"{_date_text(full.parts)}T{_clock(full).partition('.')[0]}{fraction}{_zoned(state, where, full)}"
    try:
        return datetime.fromisoformat(written).astimezone(UTC)
    except OverflowError:  # the last of December 9999, or the first of January 1, in another zone
        state.unreadable(Code.INVALID_DATE, where, _NO_DATE)
        return None
