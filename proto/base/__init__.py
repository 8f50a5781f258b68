"""Permify's contract, by version."""
