"""What stops a group of shards stands with its lease, so that health and status can say why events wait."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import expand

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    for column in (
        sa.Column(
            "error",
            sa.String(length=64),
            server_default="",
            nullable=False,
            comment="class of what stops its owner just now",
        ),
        sa.Column("stopped", sa.DateTime(timezone=True), nullable=True, comment="since when"),
    ):
        expand.add_column("relay_lease", column)


def downgrade() -> None:
    op.drop_column("relay_lease", "stopped")
    op.drop_column("relay_lease", "error")
