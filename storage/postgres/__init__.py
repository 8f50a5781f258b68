"""The store for production: PostgreSQL 13 or newer, shared by any number of nodes."""
