"""Exit codes of the command line, a promise to those who script it."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
NO: Final = 1
USAGE: Final = 2
AWAY: Final = 3
INTERRUPTED: Final = 130


def code_of(error: Exception) -> int:
    """Away for an installation that lacks something it needs; no for all that was understood and declined."""
    from carehub.errors import WrongUsage
    from contract.errors import Misconfigured, Unavailable

    if isinstance(error, WrongUsage):
        return USAGE
    return AWAY if isinstance(error, Misconfigured | Unavailable) else NO
