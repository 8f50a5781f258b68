"""All workloads there are, by size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.harness.ports import Ability, Workload
from bench.harness.workloads.bulk_writes import BulkWrites
from bench.harness.workloads.drive import (
    DriveBulkChecks,
    DriveContexts,
    DriveLookupsOfDocuments,
    DriveLookupsOfUsers,
    DriveQuestions,
)
from bench.harness.workloads.exclusion import Vault, VaultQuestions
from bench.harness.workloads.fan_out import FanOut, FanOutQuestions
from bench.harness.workloads.nesting import NestedQuestions, Nests
from bench.harness.workloads.popularity import Popularity
from bench.harness.workloads.rules import Archive, ArchiveQuestions
from bench.harness.workloads.scenario import Scenario
from bench.harness.workloads.scripts import LANES, Cached, Mixed, Unseen
from bench.harness.workloads.wide_groups import WideGroupQuestions, WideGroups
from bench.workload import DriveWorkload

MIXED_RATE_PER_S = 1_000.0
BULK_CHECK = 100
BULK_WRITE = 500

_NEVER_SEEN_LANE, _BULK_CHECK_LANE, _MIXED_LANE = 0, 1, 2
_POPULARITIES: tuple[Popularity, ...] = ("uniform", "zipf")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large workloads are made, each size a workload of its own.

    tuples: of the drive-like data, of exclusions and of rules. depths: of nesting. members: of a wide group. widths:
    how many groups share a document. contexts: tuples that come with a request, at least 2. writes: of all asks, a
    ratio.
    """

    tuples: Sequence[int] = (10_000,)
    depths: Sequence[int] = (1, 2, 5, 10, 20, 30)
    members: Sequence[int] = (10, 100, 1_000, 10_000)
    widths: Sequence[int] = (10, 100, 1_000)
    contexts: Sequence[int] = (2, 20)
    writes: Sequence[float] = (0, 0.01, 0.1)


def workloads(sizes: Sizes) -> tuple[Workload, ...]:
    """All of them. Those over equal datasets come together, and those that write to a dataset last."""
    return (
        *(workload for size in sizes.tuples for workload in _drive(size, sizes)),
        *_nesting(sizes.depths),
        *_wide_groups(tuple(sizes.members)),
        *_fan_out(tuple(sizes.widths)),
        *map(_exclusion, sizes.tuples),
        *map(_rules, sizes.tuples),
    )


def _drive(size: int, sizes: Sizes) -> Iterator[Scenario]:
    drive = DriveWorkload(size)
    questions, of_size = DriveQuestions(drive), {"tuples": size}
    for popularity in _POPULARITIES:
        yield Scenario("cached", {**of_size, "popularity": popularity}, drive, Cached(questions, popularity))
    yield Scenario("never-seen", of_size, drive, Unseen(questions, _NEVER_SEEN_LANE))
    for tuples in sizes.contexts:
        script = Unseen(DriveContexts(drive, tuples))
        needs = frozenset({Ability.CONTEXTUAL_TUPLES})
        yield Scenario("contextual", {**of_size, "context": tuples}, drive, script, needs=needs)
    yield Scenario(
        "bulk-check",
        {**of_size, "batch": BULK_CHECK},
        drive,
        Unseen(DriveBulkChecks(drive, BULK_CHECK, _BULK_CHECK_LANE), head=2, sampled=2),
        items=BULK_CHECK,
        needs=frozenset({Ability.BULK_CHECK}),
    )
    lookups = Unseen(DriveLookupsOfDocuments(drive), sampled=20)
    yield Scenario("lookup-entities", of_size, drive, lookups, needs=frozenset({Ability.LOOKUP_ENTITIES}))
    lookups = Unseen(DriveLookupsOfUsers(drive), sampled=20)
    yield Scenario("lookup-subjects", of_size, drive, lookups, needs=frozenset({Ability.LOOKUP_SUBJECTS}))
    for number, writes in enumerate(sizes.writes):
        lane = _MIXED_LANE + number % (LANES - _MIXED_LANE)
        mixed = Mixed(questions, drive.documents, writes, lane)
        parameters = {**of_size, "writes": writes}
        yield Scenario("mixed", parameters, drive, mixed, loop="open", rate_per_s=MIXED_RATE_PER_S)
    yield Scenario("bulk-write", {**of_size, "batch": BULK_WRITE}, drive, BulkWrites(BULK_WRITE), items=BULK_WRITE)


def _nesting(depths: Sequence[int]) -> Iterator[Scenario]:
    nests = Nests(max(depths, default=0))
    for depth in depths:
        yield Scenario("nesting", {"depth": depth}, nests, Unseen(NestedQuestions(nests, depth)))


def _wide_groups(sizes: tuple[int, ...]) -> Iterator[Scenario]:
    groups = WideGroups(sizes)
    for members in sizes:
        yield Scenario("wide-group", {"members": members}, groups, Unseen(WideGroupQuestions(members)))


def _fan_out(widths: tuple[int, ...]) -> Iterator[Scenario]:
    fan_out = FanOut(widths)
    for width in widths:
        yield Scenario("fan-out", {"width": width}, fan_out, Unseen(FanOutQuestions(fan_out, width)))


def _exclusion(size: int) -> Scenario:
    vault = Vault(size)
    return Scenario("exclusion", {"tuples": size}, vault, Unseen(VaultQuestions(vault)))


def _rules(size: int) -> Scenario:
    archive = Archive(size)
    needs = frozenset({Ability.ATTRIBUTES})
    return Scenario("rules", {"tuples": size}, archive, Unseen(ArchiveQuestions(archive)), needs=needs)
