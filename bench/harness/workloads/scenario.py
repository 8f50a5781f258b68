"""A workload put together from a dataset, a script that says what is asked, and how fast."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bench.harness.ports import Ability, Ask, Dataset
from bench.harness.results import Loop, Parameter

CALLERS = 32


class Script(Protocol):
    """What is asked of a dataset; see ports.Workload for the promises."""

    def warm_up(self) -> Iterator[Ask]: ...  # noqa: D102 - as that of Workload

    def asks(self, *, share: int, shares: int) -> Iterator[Ask]: ...  # noqa: D102 - likewise

    def sample(self) -> Iterator[Ask]: ...  # noqa: D102 - likewise


class Questions(Protocol):
    """Asks by number, from 0 on: the same number is the same ask, and no two numbers are."""

    def numbered(self) -> Callable[[int], Ask | None]:
        """The ask of a number, or None for one that is left out; raises IndexError beyond the last.

        Making this may take as long as making the data, so it is done once, in the process that asks.
        """


@dataclass(frozen=True, slots=True)
class Scenario:
    """One workload, by the names of ports.Workload."""

    name: str
    parameters: Mapping[str, Parameter]
    dataset: Dataset
    script: Script
    items: int = 1
    needs: frozenset[Ability] = field(default_factory=frozenset)
    loop: Loop = "closed"
    rate_per_s: float | None = None
    callers: int = CALLERS

    def warm_up(self) -> Iterator[Ask]:
        """What to ask once before each measured stretch."""
        return self.script.warm_up()

    def asks(self, *, share: int = 0, shares: int = 1) -> Iterator[Ask]:
        """What one of several processes asks."""
        return self.script.asks(share=share, shares=shares)

    def sample(self) -> Iterator[Ask]:
        """What all systems must answer alike."""
        return self.script.sample()
