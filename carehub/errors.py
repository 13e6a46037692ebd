"""What a command answers when it cannot do what it was asked, beside contract.errors.

CarehubError
├── Declined      understood, and the answer is no: exit code 1
└── WrongUsage    asked in a way that cannot be meant: exit code 2
"""

from __future__ import annotations

from contract.errors import CarehubError


class Declined(CarehubError):
    pass


class WrongUsage(CarehubError):
    pass
