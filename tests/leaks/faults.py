"""`python -m tests.leaks.faults COMMAND…` runs `carehub COMMAND…` with faults in a decoder and in the store, for
messages that ask for them: each raises what a careless library would, an exception with the message in its text."""

from __future__ import annotations

from typing import Any

from carehub.main import app
from gateway.store import group
from mappings import formats
from tests.leaks.messages import FAULTY, UNKEEPABLE


def install() -> None:
    decode, keep = formats.decode, group.keep_batch

    def decode_or_fail(body: bytes, *arguments: Any) -> Any:
        if FAULTY.encode() in body:
            raise ValueError(f"cannot read {body!r}")
        return decode(body, *arguments)

    def keep_or_fail(connection: Any, entries: Any, *arguments: Any) -> Any:
        for entry in entries:
            if UNKEEPABLE.encode() in entry.keeping.body:
                raise LookupError(f"cannot keep {entry.keeping.body!r}")
        return keep(connection, entries, *arguments)

    formats.decode = decode_or_fail
    group.keep_batch = keep_or_fail


if __name__ == "__main__":
    install()
    app()
