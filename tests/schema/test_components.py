"""Strongly connected components, held against reachability worked out by brute force."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schema.components import components

NODES = range(7)
graphs = st.fixed_dictionaries({node: st.lists(st.sampled_from(NODES), max_size=4, unique=True) for node in NODES})


def reachable(graph: dict[int, list[int]], start: int) -> set[int]:
    found = {start}
    waiting = [start]
    while waiting:
        for following in graph[waiting.pop()]:
            if following not in found:
                found.add(following)
                waiting.append(following)
    return found


@given(graph=graphs)
def test_nodes_share_a_component_exactly_if_each_leads_to_the_other(graph: dict[int, list[int]]) -> None:
    found = [frozenset(component) for component in components(graph)]
    expected = {
        frozenset(other for other in reachable(graph, node) if node in reachable(graph, other)) for node in graph
    }
    assert sorted(map(sorted, found)) == sorted(map(sorted, expected))


@given(graph=graphs)
def test_a_component_comes_after_all_it_leads_to(graph: dict[int, list[int]]) -> None:
    seen: set[int] = set()
    for component in components(graph):
        seen.update(component)
        assert all(reachable(graph, node) <= seen for node in component)


def test_a_long_chain_needs_no_stack_of_pythons() -> None:
    chain = {number: [number + 1] for number in range(50_000)} | {50_000: []}
    assert [node for (node,) in components(chain)] == list(reversed(range(50_001)))
