"""Vendored parts of google.api.expr."""
