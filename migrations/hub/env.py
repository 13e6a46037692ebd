"""What Alembic runs: the migrations of `hub`, on the connection that migrations.upgrade hands over."""

from __future__ import annotations

from alembic import context

from migrations import options

context.configure(connection=context.config.attributes["connection"], **options("hub"))
with context.begin_transaction():
    context.run_migrations()
