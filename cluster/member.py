"""A node as the others see it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """One node of the cluster, named by the address its peers reach it at.

    address: ``host:port`` of its peer port, unique in the cluster. zone: where it stands, empty for nowhere in
    particular. weight: its share of the keys relative to the others', at least 1. release: of the software it runs.
    """

    address: str
    zone: str = ""
    weight: int = 1
    release: str = ""
