"""The one fault that an app tells apart: the one that no retry will mend."""

from __future__ import annotations

import re

from contract.errors import CarehubError

_CODE = re.compile(r"[a-z][a-z0-9-]{0,63}")


class PermanentFault(CarehubError):
    """This event can never be applied: it goes to the dead-letter topic with `code`, and the next one is taken.

    `code` is a short word in lower case (`unknown-ward`), never a value of the event. Any other error that an app
    raises may pass: the partition waits and the event is tried again.
    """

    def __init__(self, code: str) -> None:
        if not _CODE.fullmatch(code):
            raise ValueError("a fault's code is a short word of lower case letters, digits and hyphens")
        super().__init__(code)
        self.code = code
