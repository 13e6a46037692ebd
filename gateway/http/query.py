"""What stands in a query, read within its bounds."""

from __future__ import annotations

from datetime import datetime

from contract.errors import CarehubError
from gateway.http.exchange import Asked


class WrongQuery(CarehubError):
    """A query parameter that cannot be read; the text names it and says what to write."""


def number(asked: Asked, name: str, usual: int, least: int, most: int) -> int:
    """`usual` when it is not given. Raises WrongQuery."""
    text = asked.query.get(name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 12 and least <= int(text) <= most):
        raise WrongQuery(f"{name} is a number from {least} to {most}")
    return int(text)


def moment(asked: Asked, name: str, usual: datetime) -> datetime:
    """`usual` when it is not given. Raises WrongQuery."""
    text = asked.query.get(name)
    if text is None:
        return usual
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))  # a plus sign in a query means a space
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise WrongQuery(f"{name} is a time with a zone, as in 2026-01-31T09:00:00Z")
    return found
