"""Vendored: the Common Expression Language as messages."""
