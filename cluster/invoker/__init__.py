"""From a request to its answer: which snapshot, which schema, and who evaluates it."""
