"""A message inside a body of several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from contract.errors import Issue

CSV_ROW: Final = "application/json; source=csv"
"""Content type of one row of a CSV file: a JSON object of column name to text."""


@dataclass(frozen=True, slots=True)
class Part:
    """One message of a batch.

    `number` counts from 1; `body` and `content_type` are what `recognise` and `decode` take. `issue` says why a row
    cannot be read at all; its body then does not decode either.
    """

    number: int
    body: bytes
    content_type: str
    issue: Issue | None = None
