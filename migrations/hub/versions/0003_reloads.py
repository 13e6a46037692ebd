"""Gateways say which request to read their packs again they have followed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import expand

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    reloads = sa.Column(
        "reloads",
        sa.BigInteger(),
        server_default="0",
        nullable=False,
        comment="the last request to read packs again that it has followed",
    )
    expand.add_column("heartbeat", reloads)


def downgrade() -> None:
    op.drop_column("heartbeat", "reloads")
