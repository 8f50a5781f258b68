"""The first tables and indexes.

All lie in a schema of their own, so that they share a database with anything else. Names and ids compare by their
bytes (COLLATE "C"), as everywhere in Ringward. Every key leads with the tenant, which is what a partitioned or
distributed table is cut by.

A row carries the transaction that created it and the one that expired it; no snapshot sees the number that stands for
"not expired". ``tuples_by_entity`` answers a membership by one descent; direct subjects have the empty
subject_relation, which sorts first, so the usersets of a relation lie together behind them. It also forbids two live
rows for one tuple, as live rows share the one ``expired`` value. ``tuples_by_subject`` leads from a subject back to
entities in order of id. The indexes by creation and by expiry serve the change feed and garbage collection.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

LIVE = 9223372036854775807
"""The ``expired`` of a row nobody has expired."""

_UP = f"""
CREATE TABLE ringward.transactions (
    id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    tenant text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, id)
);
CREATE INDEX transactions_by_id ON ringward.transactions (id);

CREATE TABLE ringward.horizon (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    snapshot pg_snapshot NOT NULL
);
INSERT INTO ringward.horizon (snapshot) VALUES ('1:1:');

CREATE TABLE ringward.moments (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    snapshot pg_snapshot NOT NULL
);

CREATE TABLE ringward.tuples (
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant text COLLATE "C" NOT NULL,
    entity_type text COLLATE "C" NOT NULL,
    entity_id text COLLATE "C" NOT NULL,
    relation text COLLATE "C" NOT NULL,
    subject_type text COLLATE "C" NOT NULL,
    subject_id text COLLATE "C" NOT NULL,
    subject_relation text COLLATE "C" NOT NULL,
    created xid8 NOT NULL DEFAULT pg_current_xact_id(),
    expired xid8 NOT NULL DEFAULT '{LIVE}',
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX tuples_by_entity ON ringward.tuples
    (tenant, entity_type, entity_id, relation, subject_relation, subject_type, subject_id, expired)
    INCLUDE (created);
CREATE INDEX tuples_by_subject ON ringward.tuples
    (tenant, subject_type, subject_id, subject_relation, entity_type, relation, entity_id)
    INCLUDE (created, expired);
CREATE INDEX tuples_by_creation ON ringward.tuples (created);
CREATE INDEX tuples_by_expiry ON ringward.tuples (expired) WHERE expired < '{LIVE}';

CREATE TABLE ringward.attributes (
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant text COLLATE "C" NOT NULL,
    entity_type text COLLATE "C" NOT NULL,
    entity_id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    kind smallint NOT NULL,
    value text NOT NULL,
    created xid8 NOT NULL DEFAULT pg_current_xact_id(),
    expired xid8 NOT NULL DEFAULT '{LIVE}',
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX attributes_by_entity ON ringward.attributes
    (tenant, entity_type, entity_id, name, expired) INCLUDE (created);
CREATE INDEX attributes_by_name ON ringward.attributes (tenant, entity_type, name, entity_id);
CREATE INDEX attributes_by_creation ON ringward.attributes (created);
CREATE INDEX attributes_by_expiry ON ringward.attributes (expired) WHERE expired < '{LIVE}';

CREATE TABLE ringward.schemas (
    sequence bigint GENERATED ALWAYS AS IDENTITY,
    tenant text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    text text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, version)
);
CREATE INDEX schemas_by_sequence ON ringward.schemas (tenant, sequence);

CREATE TABLE ringward.tenants (
    id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO ringward.tenants (id, name) VALUES ('t1', 'example tenant');

CREATE TABLE ringward.deletions_of_tenants (
    tenant text COLLATE "C" NOT NULL,
    id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (tenant, id)
);

CREATE TABLE ringward.bundles (
    tenant text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    payload text NOT NULL,
    PRIMARY KEY (tenant, name)
)
"""

_TABLES = (
    "bundles",
    "deletions_of_tenants",
    "tenants",
    "schemas",
    "attributes",
    "tuples",
    "moments",
    "horizon",
    "transactions",
)


def upgrade() -> None:
    """Make everything; the schema itself is there already, since Alembic's own table lies in it."""
    for statement in _UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Remove everything, data included."""
    for table in _TABLES:
        op.execute(f"DROP TABLE ringward.{table}")
