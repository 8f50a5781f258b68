"""The PostgreSQL store: what the conformance suite cannot ask of every store."""
