"""What Alembic runs: the migrations of `consumers`, on the connection that migrations.run hands over."""

from __future__ import annotations

from alembic import context

from migrations.run import options

context.configure(connection=context.config.attributes["connection"], **options("consumers"))
with context.begin_transaction():
    context.run_migrations()
