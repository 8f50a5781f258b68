"""How the tables change from version to version; run by Alembic, one step each way."""
