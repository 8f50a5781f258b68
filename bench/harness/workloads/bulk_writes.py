"""Tuples written in batches, of the shape of the drive-like data, none of them there before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.harness.ports import Ask, Write
from bench.harness.systems.loading import batches
from bench.harness.workloads.drive import foreign_tuples

_PART = 5_000  # so that every few batches have of everything


@dataclass(frozen=True, slots=True)
class BulkWrites:
    """Writes of so many tuples each."""

    batch: int

    def warm_up(self) -> Iterator[Ask]:
        """Nothing."""
        return iter(())

    def asks(self, *, share: int, shares: int) -> Iterator[Ask]:  # noqa: ARG002 - ids are its own
        """Endless."""
        return map(Write, batches(foreign_tuples(_PART, share), self.batch))

    def sample(self) -> Iterator[Ask]:
        """Nothing: a write has no answer to compare."""
        return iter(())
