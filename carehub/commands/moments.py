"""Times that are typed."""

from __future__ import annotations

from datetime import datetime


def moment(text: str | None, option: str) -> datetime | None:
    """In UTC; None when it is not given. Raises WrongUsage."""
    from carehub.errors import WrongUsage
    from contract.event import read_moment

    try:
        return None if text is None else read_moment(text)
    except ValueError:
        raise WrongUsage(f"{option} is a time with a zone, as in 2026-01-31T09:00:00Z") from None
