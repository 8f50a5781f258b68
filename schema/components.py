"""Strongly connected components of a graph: what lies on common cycles, found in one pass with a stack of our own,
since chains may be long. Source: Tarjan, Depth-first search and linear graph algorithms, 1972.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

N = TypeVar("N", bound=Hashable)


def components(successors: Mapping[N, Iterable[N]]) -> Iterator[list[N]]:
    """Each component after all it leads to. Every node that is led to must be a key."""
    numbers: dict[N, int] = {}
    waiting: dict[N, None] = {}  # visited, component not yet known; in order of visit
    for root in successors:
        if root in numbers:
            continue
        trail = [_enter(root, successors, numbers, waiting)]
        while trail:
            visit = trail[-1]
            following = next(visit.successors, None)
            if following is None:
                trail.pop()
                if trail:
                    trail[-1].lowest = min(trail[-1].lowest, visit.lowest)
                if visit.lowest == numbers[visit.node]:
                    yield _leave(visit.node, waiting)
            elif following not in numbers:
                trail.append(_enter(following, successors, numbers, waiting))
            elif following in waiting:
                visit.lowest = min(visit.lowest, numbers[following])


@dataclass(slots=True)
class _Visit(Generic[N]):
    """Where the walk stands in one node."""

    node: N
    successors: Iterator[N]
    lowest: int


def _enter(node: N, successors: Mapping[N, Iterable[N]], numbers: dict[N, int], waiting: dict[N, None]) -> _Visit[N]:
    number = numbers[node] = len(numbers)
    waiting[node] = None
    return _Visit(node, iter(successors[node]), number)


def _leave(root: N, waiting: dict[N, None]) -> list[N]:
    component = []
    while True:
        node, _ = waiting.popitem()
        component.append(node)
        if node == root:
            return component
