"""Where listeners listen, as text: what to bind and what clients on this machine call."""

from __future__ import annotations


def wanted_address(host: str, port: int) -> str:
    """``host:port`` to listen on; no host means every interface."""
    return f"{_bracketed(host) or '[::]'}:{port}"


def local_address(host: str, port: int) -> str:
    """``host:port`` where clients on this machine reach a listener of that host."""
    return f"{_bracketed(host) or '127.0.0.1'}:{port}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
