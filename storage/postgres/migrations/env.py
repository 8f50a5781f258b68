"""What Alembic runs: the steps, over the connection and within the transaction of ``storage.postgres.migrating``."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table_schema="ringward",
    on_version_apply=context.config.attributes["note"],
)
context.run_migrations()
