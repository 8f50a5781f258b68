"""What a run has found so far; it can be written at any moment."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bench.harness.ports import System as RunningSystem
from bench.harness.results import BenchRun, Row, Sample, System


@dataclass(slots=True)
class Findings:
    """machine, began, command: as in a BenchRun. is_complete: all was tried; problems: what could not be measured, and
    why, a line each.
    """

    machine: str
    began: str
    command: str
    is_complete: bool = False
    problems: list[str] = field(default_factory=list)
    _systems: dict[str, System] = field(default_factory=dict)
    _measures: dict[str, float] = field(default_factory=dict)
    _rows: dict[object, Row] = field(default_factory=dict)

    def run(self) -> BenchRun:
        """As results."""
        return BenchRun(
            machine=self.machine,
            began=self.began,
            command=self.command,
            complete=self.is_complete,
            systems=tuple(self._systems.values()),
            rows=tuple(self._rows.values()),
            measures=dict(self._measures),
        )

    def add_system(self, system: RunningSystem) -> None:
        """A system is there; of several of one name, the first is described."""
        self._systems.setdefault(system.name, System(system.name, system.version, system.note))
        for name, value in system.measures.items():
            self._measures.setdefault(f"{system.name}: {name}", value)

    def add(self, row: Row, sample: Sample) -> Row:
        """The row, given without samples, with all there are of it now."""
        key = (row.workload, tuple(sorted(row.parameters.items())), row.system)
        self._rows[key] = replace(row, samples=(*self._rows.get(key, row).samples, sample))
        return self._rows[key]
