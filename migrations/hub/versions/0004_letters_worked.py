"""Dead letters are grouped, retried in the order of arrival, and tell what became of them; waits have an end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import expand

revision = "0004"
down_revision = "0003"

_INDEXES = (
    (
        "ix_dead_letter_worked",
        "dead_letter",
        ["status", "fingerprint", "first_received", "id", "last_received", "count"],
    ),
    ("ix_dead_letter_message", "dead_letter", ["message"]),
    ("ix_waiting_since", "waiting", ["since"]),
    ("ix_audit_subject", "audit", ["subject"]),
)
_ON_LETTERS = ("fingerprint", "number", "named_by", "comparable", "message")


def upgrade() -> None:
    for column in (
        sa.Column(
            "fingerprint",
            sa.String(length=16),
            server_default="",
            nullable=False,
            comment="what it is grouped by; empty until a gateway has named it",
        ),
        sa.Column("number", sa.BigInteger(), nullable=True, comment="order of arrival, drawn from event_sequence"),
        sa.Column(
            "named_by",
            sa.String(length=8),
            server_default="",
            nullable=False,
            comment="request, message, key or content",
        ),
        sa.Column("comparable", sa.LargeBinary(length=32), nullable=True, comment="of a message named by a request"),
        sa.Column("message", sa.String(length=36), nullable=True, comment="the message that it became by a retry"),
    ):
        expand.add_column("dead_letter", column)
    ended = sa.Column("ended", sa.DateTime(timezone=True), nullable=True, comment="when a gateway took it up to end it")
    expand.add_column("waiting", ended)
    for name, table, columns in _INDEXES:
        expand.add_index(name, table, columns)


def downgrade() -> None:
    for name, table, _ in reversed(_INDEXES):
        op.drop_index(name, table_name=table)
    op.drop_column("waiting", "ended")
    for name in reversed(_ON_LETTERS):
        op.drop_column("dead_letter", name)
