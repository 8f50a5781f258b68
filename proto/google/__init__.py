"""Vendored protocol buffers of Google that no installed package brings; the installed ones stay at google."""
