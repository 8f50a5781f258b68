"""Which subjects each relation and permission can possibly allow: a least fixed point, found in one pass.

The members of a schema form a graph: an edge leads from a member to those whose subjects it takes over. Members on a
common cycle reach the same subjects, so the strongly connected components are found first, and each then joins what it
names itself with what its successors reach.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from schema.compiled import (
    Arrow,
    ComputedAttribute,
    ComputedUserset,
    EntityDefinition,
    Operation,
    Reach,
    Rewrite,
    RuleCall,
    Target,
)
from schema.components import components

MAX_WORK = 500_000
"""How many set elements the pass may join. Beyond it, what is left reaches everything: Reach may be too large, and a
schema that gets here has thousands of relations chained one after another."""

_ANYONE = Target("")  # no entity has an empty name
_Member = tuple[str, str]


class _Sources(NamedTuple):
    """What one member takes its subjects from: itself and its targets, and other members."""

    own: frozenset[Target]
    others: Sequence[_Member]


def relation_reach(relations: Mapping[_Member, Sequence[Target]]) -> Mapping[_Member, frozenset[Target]]:
    """The subjects each relation can hold, directly or through the usersets among its targets."""
    return _closure({member: _of_relation(member, targets) for member, targets in relations.items()})


def schema_reach(entities: Mapping[str, EntityDefinition]) -> Mapping[tuple[str, str], Reach]:
    """The reach of every relation and permission of every entity."""
    sources: dict[_Member, _Sources] = {}
    for entity in entities.values():
        for name, targets in entity.relations.items():
            sources[entity.name, name] = _of_relation((entity.name, name), targets)
        for name, rewrite in entity.permissions.items():
            sources[entity.name, name] = _of_permission((entity.name, name), rewrite, entities)
    closure = _closure(sources)
    distinct = {found: Reach(found - {_ANYONE}, anyone=_ANYONE in found) for found in set(closure.values())}
    return {member: distinct[found] for member, found in closure.items()}


def _of_relation(member: _Member, targets: Sequence[Target]) -> _Sources:
    usersets = [(target.type, target.relation) for target in targets if target.relation]
    return _Sources(frozenset([Target(*member), *targets]), usersets)


def _of_permission(member: _Member, rewrite: Rewrite, entities: Mapping[str, EntityDefinition]) -> _Sources:
    own, others = {Target(*member)}, list[_Member]()
    for leaf in _leaves(rewrite):
        match leaf:
            case ComputedUserset(name):
                others.append((member[0], name))
            case Arrow(relation, name):
                for target in entities[member[0]].relations[relation]:
                    owner = entities[target.type]
                    if name in owner.relations or name in owner.permissions:
                        others.append((target.type, name))
                    elif name in owner.attributes:
                        own.add(_ANYONE)
            case ComputedAttribute() | RuleCall():
                own.add(_ANYONE)
    return _Sources(frozenset(own), others)


def _leaves(rewrite: Rewrite) -> Iterator[ComputedUserset | Arrow | ComputedAttribute | RuleCall]:
    open_nodes = [rewrite]
    while open_nodes:
        node = open_nodes.pop()
        if isinstance(node, Operation):
            open_nodes += (node.right, node.left)
        else:
            yield node


def _closure(sources: Mapping[_Member, _Sources]) -> dict[_Member, frozenset[Target]]:
    found: dict[_Member, frozenset[Target]] = {}
    everything = frozenset({_ANYONE}).union(*(source.own for source in sources.values()))
    work = 0
    for component in components({member: source.others for member, source in sources.items()}):
        parts = [sources[member].own for member in component]
        parts += {found[other] for member in component for other in sources[member].others if other in found}
        work += sum(map(len, parts))
        joined = parts[0].union(*parts) if work <= MAX_WORK else everything
        found.update(dict.fromkeys(component, joined))
    return {member: found[member] for member in sources}
