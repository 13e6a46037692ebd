"""Which errors of a database pass by themselves: it is away, restarting, full, or too busy.

Those become Unavailable, the one refusal worth sending again unchanged. What a row itself is to blame for stays as it
is. No text of a driver is repeated: it may quote a row.
"""

from __future__ import annotations

import sqlite3
import sys
from typing import Final

from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from contract.errors import Code, Refusal, Unavailable, refuse

RETRY_AT_ONCE: Final = frozenset({"40001", "40P01"})
"""PostgreSQL: serialization failure, deadlock. The transaction was rolled back and may simply run again."""

_PASSING_CLASSES: Final = ("08", "53", "57", "58", "40")
"""PostgreSQL: connection, insufficient resources, operator intervention, system error, rollback."""

LOCK_NOT_AVAILABLE: Final = "55P03"
"""PostgreSQL: a table or row was busy for longer than `lock_timeout`."""

_READ_ONLY: Final = "25006"
_IDLE_IN_TRANSACTION: Final = "25P03"

_SQLITE_PASSING: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)


class Contended(Exception):
    """Another transaction was first with a row this one was about to insert: run it again, and it will see that row."""


def runs_again(error: BaseException) -> bool:
    """Whether the transaction was rolled back for a reason that is likely gone when it runs again at once: others were
    in its way, or a migration has changed a column that a statement prepared before it reads."""
    stale = _is_of_asyncpg(_original(error).__cause__, "InvalidCachedStatementError")
    return stale or isinstance(error, Contended) or _sqlstate(error) in RETRY_AT_ONCE


def passes(error: BaseException) -> bool:
    """Whether the database, and not the rows, is to blame."""
    if isinstance(error, Contended | OSError | TimeoutError | PoolTimeoutError):
        return True
    if _is_of_asyncpg(error, "InterfaceError") or _was_cut_in_an_answer(error):
        return True
    if isinstance(error, InterfaceError) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return True
    sqlite_code = getattr(_original(error), "sqlite_errorcode", None)
    if sqlite_code is not None:
        return sqlite_code & 0xFF in _SQLITE_PASSING
    state = _sqlstate(error)
    return state[:2] in _PASSING_CLASSES or state in (LOCK_NOT_AVAILABLE, _READ_ONLY, _IDLE_IN_TRANSACTION)


def unavailable() -> Refusal:
    """The refusal for an error that passes."""
    return refuse(Unavailable, Code.UNAVAILABLE, "the hub's database cannot be used now; send the message again")


def _original(error: BaseException) -> BaseException:
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def _was_cut_in_an_answer(error: BaseException) -> bool:
    """asyncpg, of a connection that was cut in the middle of one: it cannot switch to another state."""
    return any(_is_of_asyncpg(each, "InternalClientError") for each in (error, _original(error).__cause__))


def _is_of_asyncpg(error: BaseException | None, name: str) -> bool:
    """Whether it is an error of this class of asyncpg, which a hub on SQLite never loads."""
    driver = sys.modules.get("asyncpg")
    return driver is not None and isinstance(error, getattr(driver, name))


def _sqlstate(error: BaseException) -> str:
    return str(getattr(_original(error), "sqlstate", None) or "")
