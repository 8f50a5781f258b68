"""Vendored: the options that carry validation rules."""
