"""Vendored parts of google.api."""
