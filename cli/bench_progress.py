"""A benchmark as it goes on, for people: a bar on a terminal, a line for each result everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from bench.harness.figures import FIGURES, faults_ratio, load_name, spreads
from bench.harness.results import Row
from cli.terminal import console, is_watched

_TOLD = ("p50_ms", "p99_ms", "per_s", "cpu_us")


class BenchProgress:
    """Watches a run. samples: of each row; it is told once it has them all."""

    def __init__(self, bar: Progress, samples: int) -> None:
        self._bar = bar
        self._samples = samples
        self._task: TaskID = bar.add_task("", total=None)

    @classmethod
    @contextmanager
    def shown(cls, samples: int) -> Iterator[BenchProgress]:
        """Somebody who watches, and is seen while the context lasts."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console(), disable=not is_watched(), transient=True) as bar:
            yield cls(bar, samples)

    def begins(self, stretches: int) -> None:
        """So many stretches of load will be made, or fewer."""
        self._bar.update(self._task, total=stretches)

    def says(self, text: str) -> None:
        """What is going on now."""
        self._bar.update(self._task, description=text)

    def measured(self, row: Row) -> None:
        """A stretch is over."""
        self._bar.advance(self._task)
        if len(row.samples) == self._samples:
            self._bar.console.print(row_line(row))


def row_line(row: Row) -> str:
    """A row's figures on one line, with what went wrong."""
    found = spreads(row)
    figures = [f"{FIGURES[name].title} {FIGURES[name].text(found[name].median)}" for name in _TOLD if name in found]
    faults = [f"{faults_ratio(row):.2%} failed or dropped"] if faults_ratio(row) else []
    return f"{load_name(row.workload, row.parameters, row.rate_per_s)} on {row.system}: {'; '.join(figures + faults)}"
