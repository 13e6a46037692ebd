"""Events are not kept for ever; where those of a person went is remembered, since links must still be told there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "person_topic",
        sa.Column("person_key", sa.String(length=64), nullable=False),
        sa.Column("topic", sa.String(length=249), nullable=False),
        sa.PrimaryKeyConstraint("person_key", "topic", name=op.f("pk_person_topic")),
        comment="where events of a key went that are no longer kept: links must still be told there",
    )


def downgrade() -> None:
    op.drop_table("person_topic")
