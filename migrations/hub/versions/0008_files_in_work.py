"""Files that are worked on are found among all that were ever sent, once a second by each gateway, and what keeps one
from going on stands with it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import expand

revision = "0008"
down_revision = "0007"

_NAME = "ix_batch_processing"


def upgrade() -> None:
    for column in (
        sa.Column(
            "error",
            sa.String(length=64),
            server_default="",
            nullable=False,
            comment="code of what keeps it from going on",
        ),
        sa.Column("stopped", sa.DateTime(timezone=True), nullable=True, comment="since when"),
    ):
        expand.add_column("batch", column)
    some = sa.text("status = 'processing'")
    expand.add_index(_NAME, "batch", ["source", "id"], postgresql_where=some, sqlite_where=some)


def downgrade() -> None:
    op.drop_index(_NAME, table_name="batch")
    op.drop_column("batch", "stopped")
    op.drop_column("batch", "error")
