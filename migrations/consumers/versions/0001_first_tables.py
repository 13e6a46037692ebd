"""The consumers' first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "inbox",
        sa.Column("app", sa.String(length=64), nullable=False),
        sa.Column("topic", sa.String(length=249), nullable=False),
        sa.Column("ce_id", sa.String(length=64), nullable=False),
        sa.Column("replay", sa.String(length=64), nullable=False, comment="empty: not of a replay"),
        sa.Column("applied", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("app", "topic", "ce_id", "replay", name=op.f("pk_inbox")),
    )
    op.create_index(op.f("ix_inbox_applied"), "inbox", ["applied"], unique=False)
    op.create_table(
        "timeline",
        sa.Column("ce_id", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False, comment="person key as sent"),
        sa.Column("person_key", sa.String(length=64), nullable=False, comment="as links and merges say now"),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("sector", sa.String(length=16), nullable=False),
        sa.Column("place", sa.String(length=64), nullable=False),
        sa.Column("organisation", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=128), nullable=False),
        sa.Column("happened", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column(
            "resource_type",
            sa.String(length=64),
            nullable=False,
            comment="of the resource in focus; empty when there is none",
        ),
        sa.Column("resource_id", sa.String(length=64), nullable=False),
        sa.Column(
            "status", sa.String(length=32), nullable=False, comment="of that resource; empty when it states none"
        ),
        sa.Column("summary", sa.String(length=160), nullable=False, comment="codes only"),
        sa.Column("topic", sa.String(length=249), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ce_id", "subject", name=op.f("pk_timeline")),
    )
    op.create_index(
        op.f("ix_timeline_person_key_happened_sequence"),
        "timeline",
        ["person_key", "happened", "sequence"],
        unique=False,
    )
    op.create_index(op.f("ix_timeline_resource_id_sequence"), "timeline", ["resource_id", "sequence"], unique=False)
    op.create_index(op.f("ix_timeline_subject"), "timeline", ["subject"], unique=False)
    op.create_table(
        "timeline_alias",
        sa.Column("old_key", sa.String(length=64), nullable=False),
        sa.Column("new_key", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False, comment="of the event that said so; a newer one wins"),
        sa.PrimaryKeyConstraint("old_key", name=op.f("pk_timeline_alias")),
    )
    op.create_index(op.f("ix_timeline_alias_new_key"), "timeline_alias", ["new_key"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_timeline_alias_new_key"), table_name="timeline_alias")
    op.drop_table("timeline_alias")
    op.drop_index(op.f("ix_timeline_subject"), table_name="timeline")
    op.drop_index(op.f("ix_timeline_resource_id_sequence"), table_name="timeline")
    op.drop_index(op.f("ix_timeline_person_key_happened_sequence"), table_name="timeline")
    op.drop_table("timeline")
    op.drop_index(op.f("ix_inbox_applied"), table_name="inbox")
    op.drop_table("inbox")
