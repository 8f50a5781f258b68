"""What a node tells of itself, put together: the catalogue of docs/metrics.md, a module for each of its parts."""
