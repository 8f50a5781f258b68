"""What a run measures, in which order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from bench.harness.plan import PEAK, HowToMeasure, label, planned
from bench.harness.ports import Ability
from bench.harness.results import Parameter
from bench.harness.schedule import ClosedLoop, OpenLoop
from tests.support.asked import AskedDataset, AskedWorkload

ONE, OTHER = AskedDataset("one"), AskedDataset("other")


@dataclass(frozen=True)
class Able:
    """A launch as far as plans see it."""

    name: str
    abilities: frozenset[Ability] = frozenset()
    parameters: dict[str, Parameter] = field(default_factory=dict)

    def started(self, place: Any) -> Any:
        raise NotImplementedError


def told(*workloads: AskedWorkload, launches: list[Able] | None = None, **how: Any) -> list[list[str]]:
    """Programs as names of contests."""
    programs = planned(workloads, launches or [Able("a")], HowToMeasure(**how))
    return [[str(contest) for contest in program.contests] for program in programs]


def test_workloads_over_equal_data_share_a_program_and_keep_their_order() -> None:
    workloads = [
        AskedWorkload(name, {}, dataset)
        for name, dataset in (("w1", ONE), ("w2", OTHER), ("w3", AskedDataset("one")), ("w4", OTHER))
    ]
    assert told(*workloads) == [["w1", "w3"], ["w2", "w4"]]


def test_a_system_takes_part_in_what_it_can_do_and_what_none_can_is_left_out() -> None:
    lookup = AskedWorkload("lookup", {}, needs=frozenset({Ability.LOOKUP_ENTITIES}))
    rules = AskedWorkload("rules", {}, needs=frozenset({Ability.ATTRIBUTES}))
    able = Able("able", frozenset({Ability.LOOKUP_ENTITIES}))
    (program,) = planned([AskedWorkload("plain"), lookup, rules], [Able("simple"), able], HowToMeasure())
    taking_part = {contest.name: [launch.name for launch in contest.launches] for contest in program.contests}
    assert taking_part == {"plain": ["simple", "able"], "lookup": ["able"]}
    assert [launch.name for launch in program.launches] == ["simple", "able"]


def test_cached_checks_have_a_peak_too_but_one_for_all_over_the_same_data() -> None:
    cached = [AskedWorkload("cached", {"tuples": 9, "popularity": each}, ONE) for each in ("uniform", "zipf")]
    named = [["cached tuples=9 popularity=uniform", f"{PEAK} tuples=9", "cached tuples=9 popularity=zipf"]]
    assert told(*cached) == named
    (without_peak,) = told(*cached, has_peaks=False)
    assert not [name for name in without_peak if name.startswith(PEAK)]


def test_a_peak_is_a_closed_loop_whatever_the_rate() -> None:
    (program,) = planned([AskedWorkload("cached", callers=7)], [Able("a")], HowToMeasure(rate_per_s=50))
    usual, peak = program.contests
    assert usual.schedule == OpenLoop(50)
    assert peak.schedule == ClosedLoop(7)
    assert (usual.way, peak.way) == ("50 a second, poisson", "7 callers of h2load")


@pytest.mark.parametrize(
    ("own_rate", "how", "expected"),
    [
        (None, HowToMeasure(), ClosedLoop(4)),
        (None, HowToMeasure(callers=9), ClosedLoop(9)),
        (20.0, HowToMeasure(callers=9), OpenLoop(20)),
        (20.0, HowToMeasure(rate_per_s=30, arrivals="constant"), OpenLoop(30, "constant")),
    ],
)
def test_a_workload_is_asked_in_its_own_way_unless_told_otherwise(
    own_rate: float | None, how: HowToMeasure, expected: object
) -> None:
    ((contest,),) = [program.contests for program in planned([AskedWorkload(rate_per_s=own_rate)], [Able("a")], how)]
    assert contest.schedule == expected


def test_rows_tell_the_sizes_of_workload_and_system() -> None:
    cluster = Able("cluster", parameters={"nodes": 3})
    (program,) = planned([AskedWorkload("w", {"depth": 2})], [cluster], HowToMeasure())
    assert program.contests[0].parameters(cluster) == {"depth": 2, "nodes": 3}
    assert label(cluster) == "cluster nodes=3"
