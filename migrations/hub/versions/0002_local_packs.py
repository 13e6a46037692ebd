"""Places pin versions of packs; gateways say which sources they refuse; versions name the overlays in effect."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import expand

revision = "0002"
down_revision = "0001"

_WITH_VERSION = ("message", "dead_letter")


def upgrade() -> None:
    op.create_table(
        "pack_pin",
        sa.Column("place", sa.String(length=64), nullable=False),
        sa.Column("pack", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["place"], ["place.code"], name=op.f("fk_pack_pin_place")),
        sa.PrimaryKeyConstraint("place", "pack", name=op.f("pk_pack_pin")),
        comment="the version of a pack that a place holds to; what lies in it does too, unless it says otherwise",
        if_not_exists=True,
    )
    trouble = sa.Column(
        "trouble", sa.Text(), server_default="", nullable=False, comment="what it cannot do meanwhile, a line each"
    )
    expand.add_column("heartbeat", trouble)
    for table in _WITH_VERSION:
        expand.widen_text(table, "pack_version")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in _WITH_VERSION:
            op.alter_column(
                table,
                "pack_version",
                type_=sa.String(length=32),
                existing_nullable=False,
                postgresql_using="left(pack_version, 32)",
            )
    op.drop_column("heartbeat", "trouble")
    op.drop_table("pack_pin")
