"""What a row of a file becomes, whether it came as CSV or as JSON: a dict of column to value."""

from __future__ import annotations

import hashlib
from typing import Final

from contract.errors import Code, Undecodable, refuse
from mappings.formats.strict_json import canonical
from mappings.stages import Decoded, Format, Json

ROW: Final = "row"
"""The kind of every row. A pack's `kind: table` says which column chooses the message file."""


def decoded_row(row: Json, row_format: Format) -> Decoded:
    """A row as Decoded, without a message id of its own. `{"table": …, "row": {…}}` is flattened to one dict.

    Raises Undecodable for what is no object, and where a column is called `table` beside the table itself.
    """
    if not isinstance(row, dict):
        code = Code.MALFORMED_CSV if row_format is Format.CSV else Code.MALFORMED_JSON
        raise refuse(Undecodable, code, "a row is an object of column names and values", ROW)
    if set(row) == {"table", "row"} and isinstance(row["row"], dict):
        if row["row"].get("table", row["table"]) != row["table"]:
            raise refuse(
                Undecodable, Code.MALFORMED_JSON, "the row has a column `table` that says otherwise", "row.table"
            )
        row = {"table": row["table"], **row["row"]}
    return Decoded(row_format, row, ROW, None, hashlib.sha256(canonical(row)).digest())
