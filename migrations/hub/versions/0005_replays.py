"""Replays, and events that correct others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import expand
from migrations.shapes import DOCUMENT, index_some

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    for column in (
        sa.Column(
            "corrects",
            sa.String(length=36),
            nullable=True,
            comment="of a correction: the event that it takes the place of",
        ),
        sa.Column(
            "arrived",
            sa.BigInteger(),
            nullable=True,
            comment="of a correction: the place of that event in the order of arrival",
        ),
        sa.Column(
            "pack_version",
            sa.Text().with_variant(sa.String(length=32), "sqlite"),
            nullable=True,
            comment="of a correction: what it was mapped by; else the message says",
        ),
    ):
        expand.add_column("event", column)
    op.create_table(
        "replay",
        sa.Column("id", sa.String(length=36), nullable=False, comment="ce_replay"),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("wanted", DOCUMENT, nullable=False, comment="which events: window, source, type, person key, topic"),
        sa.Column("restricted", sa.Boolean(), nullable=False, comment="the restricted events, or all others"),
        sa.Column("rate", sa.Integer(), nullable=False, comment="events per second at most"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "status", sa.String(length=16), nullable=False, comment="running, stopped, done, dropping or dropped"
        ),
        sa.Column("first", sa.BigInteger(), nullable=False, comment="the outbox id that it began at"),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="the last outbox id that was gone through"),
        sa.Column("last", sa.BigInteger(), nullable=False, comment="the highest outbox id at the start"),
        sa.Column("published", sa.BigInteger(), nullable=False),
        sa.Column(
            "withheld",
            sa.BigInteger(),
            nullable=False,
            comment="events that their person's flags keep out of it today",
        ),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "error",
            sa.String(length=64),
            server_default="",
            nullable=False,
            comment="class of what stops it just now",
        ),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replay")),
    )
    index_some("uq_replay_name", "replay", ["name"], "status <> 'dropped'", unique=True)


def downgrade() -> None:
    op.drop_index("uq_replay_name", table_name="replay")
    op.drop_table("replay")
    op.drop_column("event", "pack_version")
    op.drop_column("event", "arrived")
    op.drop_column("event", "corrects")
