"""Measurements: what they measure stands in each module, what they found in ``docs/performance.md``."""
