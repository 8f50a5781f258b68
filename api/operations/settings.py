"""What the listeners for operations can be told."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OperationsSettings:
    """Where metrics and health are served; port 0 picks a free one. Whoever can connect may read them."""

    port: int = 9464


@dataclass(frozen=True, slots=True)
class ProfilerSettings:
    """Where profiles are served; port 0 picks a free one. token: opens it; without one it listens on loopback only."""

    port: int = 6060
    token: str = field(default="", repr=False)
