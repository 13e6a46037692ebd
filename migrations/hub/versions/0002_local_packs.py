"""Places pin versions of packs; gateways say which sources they refuse; versions name the overlays in effect."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

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
    )
    trouble = sa.Column(
        "trouble", sa.Text(), server_default="", nullable=False, comment="what it cannot do meanwhile, a line each"
    )
    op.add_column("heartbeat", trouble)
    if op.get_bind().dialect.name == "postgresql":  # SQLite holds nobody to the length
        for table in _WITH_VERSION:
            op.alter_column(table, "pack_version", type_=sa.Text(), existing_nullable=False)


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
