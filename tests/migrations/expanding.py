"""The rule for revisions (docs/operate.md, "Upgrading"), held by what PostgreSQL is told to do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from types import ModuleType
from typing import Final

COMMIT: Final = "COMMIT"

LAST_RELEASE: Final = ""
"""The newest revision of the hub in the last release; there is none yet. Set when one is made."""

_HARMLESS: Final = (
    r"(SELECT|SET|COMMENT ON|(INSERT INTO|UPDATE) alembic_version_(hub|consumers))\b",
    r"CREATE (TABLE|SEQUENCE)\b",
    r"CREATE INDEX CONCURRENTLY\b",
    r"DROP INDEX CONCURRENTLY IF EXISTS\b",
    r"ALTER TABLE \w+ ALTER COLUMN \w+ TYPE TEXT$",
)
"""Statements that hold nobody up, and leave processes of the version before it alone."""

_ADDED: Final = re.compile(r"ALTER TABLE \w+ ADD COLUMN \w+ (?P<rest>.*)")
_ALTERED: Final = re.compile(r"ALTER TABLE (\w+)")
_MADE: Final = re.compile(r"CREATE TABLE (\w+)")
_INDEX: Final = re.compile(r"CREATE (UNIQUE )?INDEX \w+ ON (\w+)")


def harmful(statements: Sequence[str]) -> Iterator[str]:
    """Of one revision's statements, with a COMMIT where there was one, those that do more than expand, and those that
    hold one table while they wait for another."""
    told = [" ".join(statement.split()) for statement in statements]
    made = {found[1] for statement in told if (found := _MADE.match(statement))}
    held = ""
    for statement in told:
        altered = _ALTERED.match(statement)
        if statement == COMMIT:
            held = ""
        elif altered and altered[1] not in made:
            if held not in ("", altered[1]):
                yield f"{statement}, while {held} is held"
            held = altered[1]
        if not _only_expands(statement, made):
            yield statement


def _only_expands(statement: str, made: Set[str]) -> bool:
    if statement == COMMIT or any(re.match(allowed, statement) for allowed in _HARMLESS):
        return True
    if added := _ADDED.match(statement):
        return "NOT NULL" not in added["rest"] or "DEFAULT" in added["rest"]
    index = _INDEX.match(statement)
    return index is not None and index[2] in made


def faults_of(revision: ModuleType, statements: Sequence[str], released: str = LAST_RELEASE) -> list[str]:
    """What is wrong with a revision: it may do more than expand only when it says so, and only to what the last release
    had been rid of: `expanded_by` is the revision that made the old way unneeded."""
    if not getattr(revision, "contract", False):
        return list(harmful(statements))
    expanded_by = str(getattr(revision, "expanded_by", "9999"))
    return [] if expanded_by <= released else [f"it contracts what {expanded_by} expanded, in the same release"]
