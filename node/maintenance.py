"""What an operator does to a PostgreSQL database beside serving from it: migrations and repair.

Alembic and SQLAlchemy take longer to load than the rest of the program, so they are loaded where they are needed.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from model.errors import Misconfigured
from node.settings import DatabaseSettings
from storage.postgres.settings import PostgresSettings

if TYPE_CHECKING:
    from storage.postgres.migrating import Migrations, Step
    from storage.postgres.repair import Counter, Repair

__all__ = ["Counter", "Migrations", "Repair", "Step", "migrations_of", "postgres_of", "repair_of"]


def migrations_of(settings: DatabaseSettings) -> Migrations:
    """The migrations of a PostgreSQL database. Raises Misconfigured for another engine."""
    from storage.postgres.connecting import open_connection
    from storage.postgres.migrating import Migrations

    return Migrations(partial(open_connection, postgres_of(settings)))


def repair_of(settings: DatabaseSettings, *, batch_size: int, retries: int) -> Repair:
    """The repair of a PostgreSQL database. Raises Misconfigured for another engine."""
    from storage.postgres.repair import Repair

    return Repair(postgres_of(settings), batch_size=batch_size, retries=retries)


def postgres_of(settings: DatabaseSettings) -> PostgresSettings:
    """What the PostgreSQL store is told. Raises Misconfigured for another engine."""
    if settings.postgres is None:
        raise Misconfigured(
            f"database.engine is {settings.engine.value}; only postgres has tables to migrate or repair"
        )
    return settings.postgres
