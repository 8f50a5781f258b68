"""What a run will measure, in which order: pure values, known before anything is started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.harness.ports import Dataset, Launch, Workload
from bench.harness.results import Parameter
from bench.harness.schedule import Arrivals, ClosedLoop, OpenLoop, Schedule

PEAK = "cached-peak"
"""The workload a kept generator asks: the first question of ``cached``, over and over."""

_PEAK_OF = "cached"
_NOT_OF_PEAK = frozenset({"popularity"})


@dataclass(frozen=True, slots=True)
class HowToMeasure:
    """samples: of each row. rate_per_s: of every workload, in place of its own way of asking. callers: in place of
    those of a closed loop. generators: processes that make the load. has_peaks: whether a kept generator measures.
    """

    samples: int = 3
    duration_s: float = 3.0
    warm_up_s: float = 1.0
    rate_per_s: float | None = None
    callers: int | None = None
    arrivals: Arrivals = "poisson"
    generators: int = 1
    has_peaks: bool = True


@dataclass(frozen=True, slots=True)
class Contest:
    """One workload on all systems that can do it, in turns. is_peak: a kept generator asks, one thing alone."""

    workload: Workload
    launches: Sequence[Launch]
    schedule: Schedule
    is_peak: bool = False

    def __str__(self) -> str:
        return described(self.name, self._own_parameters())

    @property
    def name(self) -> str:
        """Of the rows."""
        return PEAK if self.is_peak else self.workload.name

    @property
    def way(self) -> str:
        """How it is asked, in words."""
        match self.schedule:
            case OpenLoop(rate_per_s=rate_per_s, arrivals=arrivals):
                return f"{rate_per_s:g} a second, {arrivals}"
            case ClosedLoop(callers=callers):
                return f"{callers} callers{' of h2load' if self.is_peak else ''}"

    def parameters(self, launch: Launch) -> Mapping[str, Parameter]:
        """Of the row of one system."""
        return {**self._own_parameters(), **launch.parameters}

    def _own_parameters(self) -> Mapping[str, Parameter]:
        left_out = _NOT_OF_PEAK if self.is_peak else frozenset()
        return {name: value for name, value in self.workload.parameters.items() if name not in left_out}


@dataclass(frozen=True, slots=True)
class Program:
    """Contests over one dataset, which is loaded once for all of them."""

    dataset: Dataset
    contests: Sequence[Contest]

    def __str__(self) -> str:
        return self.contests[0].name

    @property
    def launches(self) -> Sequence[Launch]:
        """All that take part, in the order they are given."""
        by_label = {label(launch): launch for contest in self.contests for launch in contest.launches}
        return tuple(by_label.values())


def planned(workloads: Sequence[Workload], launches: Sequence[Launch], how: HowToMeasure) -> Sequence[Program]:
    """Programs in the order of the workloads; what no system can do is left out."""
    by_dataset: dict[Dataset, list[Contest]] = {}
    for workload in workloads:
        if able := tuple(launch for launch in launches if workload.needs <= launch.abilities):
            by_dataset.setdefault(workload.dataset, []).extend(_contests(workload, able, how))
    return tuple(Program(dataset, _one_peak(contests)) for dataset, contests in by_dataset.items())


def label(launch: Launch) -> str:
    """A system with its sizes, as people are told and unlike any other of the run."""
    return described(launch.name, launch.parameters)


def described(name: str, parameters: Mapping[str, Parameter]) -> str:
    """A name with its sizes: ``nesting depth=10``."""
    return " ".join((name, *(f"{key}={value}" for key, value in parameters.items())))


def _contests(workload: Workload, launches: Sequence[Launch], how: HowToMeasure) -> Sequence[Contest]:
    callers = how.callers or workload.callers
    rate_per_s = how.rate_per_s or workload.rate_per_s
    schedule = ClosedLoop(callers) if rate_per_s is None else OpenLoop(rate_per_s, how.arrivals)
    contest = Contest(workload, launches, schedule)
    if workload.name != _PEAK_OF or not how.has_peaks:
        return (contest,)
    return (contest, Contest(workload, launches, ClosedLoop(callers), is_peak=True))


def _one_peak(contests: Sequence[Contest]) -> Sequence[Contest]:
    """Without all peaks but the first: one question is the same whatever the others are."""
    peaks = [contest for contest in contests if contest.is_peak]
    return tuple(contest for contest in contests if contest not in peaks[1:])
