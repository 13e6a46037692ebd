"""What stands in a query, read within its bounds."""

from __future__ import annotations

import re
from datetime import datetime

from contract.event import read_moment
from gateway.http.exchange import Asked, WrongRequest


def word(asked: Asked, name: str, pattern: str, written: str) -> str | None:
    """None when it is not given. `written` says how the pattern is to be written. Raises WrongRequest."""
    text = asked.query.get(name)
    if text is not None and not re.fullmatch(pattern, text):
        raise WrongRequest(f"{name} is {written}")
    return text


def number(asked: Asked, name: str, usual: int, least: int, most: int) -> int:
    """`usual` when it is not given. Raises WrongRequest."""
    text = asked.query.get(name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 12 and least <= int(text) <= most):
        raise WrongRequest(f"{name} is a number from {least} to {most}")
    return int(text)


def moment(asked: Asked, name: str, usual: datetime) -> datetime:
    """In UTC; `usual` when it is not given. Raises WrongRequest."""
    text = asked.query.get(name)
    if text is None:
        return usual
    try:
        return read_moment(text.replace(" ", "+"))  # a plus sign in a query means a space
    except ValueError:
        raise WrongRequest(f"{name} is a time with a zone, as in 2026-01-31T09:00:00Z") from None
