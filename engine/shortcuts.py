"""Where a union contains another permission of its entity, so that walking both would be walking the same way twice.

In ``view = viewer or edit or parent.view`` with ``edit = owner or parent.edit``, whoever may edit the parent may view
it: ``parent.edit`` adds nothing to ``parent.view``, and what is left of ``edit`` are its relations, which the facts
settle together with those of ``view``. A shortcut states this for one union. It never reaches less deep than the
rewrite as written, and the walk takes it only where both lie within the depth and no usersets are involved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from engine.leaves import ArrowLeaf, GatePlan, Leaf, PermissionLeaf, RelationLeaf, Shortcut
from engine.outcomes import ALLOWED

Gates = Mapping[tuple[str, str], GatePlan]
CanAllow = Callable[[str, str], bool]


def with_shortcuts(gates: Gates, can_allow: CanAllow) -> dict[tuple[str, str], GatePlan]:
    """The same gates, keyed by (entity type, permission), with a shortcut wherever there is one.

    can_allow tells whether a member of a type can allow the subjects the gates were made for.
    """
    finder = _Finder(gates, can_allow)
    return {(kind, name): finder.equipped(kind, gate) for (kind, name), gate in gates.items()}


class _Finder:
    def __init__(self, gates: Gates, can_allow: CanAllow) -> None:
        self._gates = gates
        self._can_allow = can_allow

    def equipped(self, kind: str, gate: GatePlan) -> GatePlan:
        """The gate and those within it, with their shortcuts."""
        operands, excluded = (
            [self.equipped(kind, part) if isinstance(part, GatePlan) else part for part in side]
            for side in (gate.operands, gate.excluded)
        )
        equipped = GatePlan.of(gate.decisive, operands, excluded)
        return replace(equipped, shortcut=self._shortcut(kind, equipped))

    def _shortcut(self, kind: str, gate: GatePlan) -> Shortcut | None:
        if not _is_plain_union(gate):
            return None
        arrows = {leaf.relation: leaf for leaf in gate.operands if isinstance(leaf, ArrowLeaf)}
        inlined: dict[str, int] = {}
        others: list[GatePlan | Leaf] = []
        for operand in gate.others:
            found = self._relations_of(kind, operand, arrows) if isinstance(operand, PermissionLeaf) else None
            if found is None:
                others.append(operand)
            else:
                inlined.update(found)
        if len(others) == len(gate.others):
            return None
        return Shortcut(
            relations=gate.relations | inlined.keys(),
            inlined=frozenset(inlined) - gate.relations,
            others=tuple(others),
            levels=max(inlined.values(), default=1),
        )

    def _relations_of(
        self, kind: str, permission: PermissionLeaf, arrows: Mapping[str, ArrowLeaf]
    ) -> dict[str, int] | None:
        """The relations a permission consists of, with their levels, if the arrows contain whatever else is in it."""
        relations: dict[str, int] = {}
        visited = {permission.name}
        stack = [(permission.name, 1)]
        while stack:
            name, level = stack.pop()
            gate = self._gates.get((kind, name))
            if gate is None or not _is_plain_union(gate):
                return None
            for leaf in gate.operands:
                match leaf:
                    case RelationLeaf():
                        relations[leaf.name] = max(level + 1, relations.get(leaf.name, 0))
                    case PermissionLeaf() if leaf.name not in visited:
                        visited.add(leaf.name)
                        stack.append((leaf.name, level + 1))
                    case PermissionLeaf():
                        pass
                    case ArrowLeaf() if self._is_contained(leaf, arrows.get(leaf.relation), within=level):
                        pass
                    case _:
                        return None
        return relations

    def _is_contained(self, arrow: ArrowLeaf, other: ArrowLeaf | None, *, within: int) -> bool:
        """True if the other arrow leads to all this one leads to, on at most so many levels more."""
        return other is not None and all(
            not self._can_allow(target.type, arrow.name)
            or any(
                name == arrow.name and level <= within for name, level in self._members_below(target.type, other.name)
            )
            for target in arrow.targets
        )

    def _members_below(self, kind: str, name: str) -> Iterator[tuple[str, int]]:
        """Members of a type that a member contains, itself included, each with the levels between."""
        visited = {name}
        level = 0
        names = [name]
        while names:
            below: list[str] = []
            for found in names:
                yield found, level
                gate = self._gates.get((kind, found))
                if gate is None or not _is_plain_union(gate):
                    continue
                leaves = [leaf for leaf in gate.operands if isinstance(leaf, PermissionLeaf | RelationLeaf)]
                below += [leaf.name for leaf in leaves if leaf.name not in visited]
                visited.update(below)
            names, level = below, level + 1


def _is_plain_union(gate: GatePlan) -> bool:
    return gate.decisive == ALLOWED and not gate.excluded
