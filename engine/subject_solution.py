"""The least solution of equations over sets of subjects, and of those with exclusions the well-founded one.

Places on common cycles are solved together, after all they lead to. The sets grow from nobody until nothing changes.
With an exclusion on the cycle the two ends of every extent are approached in turns: who is possible grows while the
excluded are taken to be no more than the certain, and who is certain while they are taken to be all the possible; who
is left between them has no answer. It is for everybody at once what ``engine/cycles.py`` does for one subject.
Source: Van Gelder, The Alternating Fixpoint of Logic Programs with Negation, 1993.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from engine.subject_rules import At, Combined, Direct, Equation, Place, SubjectRules
from engine.subject_sets import NOBODY, NONE, Extent, SubjectSet, intersection, union
from schema.components import components

Holding = Mapping[Direct, frozenset[str]]
"""Whom relations hold directly, within the window that is solved."""

_CERTAIN, _POSSIBLE = range(2)  # the ends of an Extent
_EQUATIONS_PER_TURN = 200


class SubjectSolution:
    """Solves one set of equations, again for each window."""

    def __init__(self, rules: SubjectRules) -> None:
        self._equations = rules.equations
        successors = {place: tuple(_leads_to(equation)) for place, equation in rules.equations.items()}
        self._order = list(components(successors))
        self._in_cycles = {
            place
            for component in self._order
            for place in component
            if len(component) > 1 or place in successors[place]
        }

    async def at(self, question: Place, holding: Holding) -> Extent:
        """The extent of a place; nobody's for one without equation."""
        found: dict[Place, Extent] = {}
        for number, component in enumerate(self._order, 1):
            if component[0] in self._in_cycles:
                await self._solve(component, _Solving(self._equations, found, holding))
            else:
                (place,) = component
                found[place] = _Solving(self._equations, found, holding).extent(self._equations[place])
            if number % _EQUATIONS_PER_TURN == 0:
                await asyncio.sleep(0)
        return found.get(question, NONE)

    async def _solve(self, component: Sequence[Place], solving: _Solving) -> None:
        certain: dict[Place, SubjectSet] = dict.fromkeys(component, NOBODY)
        while True:
            possible = await solving.grown(component, _POSSIBLE, excluded=certain)
            raised = await solving.grown(component, _CERTAIN, excluded=possible)
            if raised == certain:
                break
            certain = raised
        solving.found.update({place: Extent(certain[place], possible[place]) for place in component})


class _Solving:
    """Evaluates equations over what is found below them."""

    def __init__(self, equations: Mapping[Place, Equation], found: dict[Place, Extent], holding: Holding) -> None:
        self._equations = equations
        self.found = found
        self._holding = holding

    def extent(self, equation: Equation) -> Extent:
        """The extent of an equation all of whose places are found."""
        return Extent(self._side(equation, _CERTAIN, {}, {}), self._side(equation, _POSSIBLE, {}, {}))

    async def grown(
        self, component: Sequence[Place], side: int, *, excluded: Mapping[Place, SubjectSet]
    ) -> dict[Place, SubjectSet]:
        """One side of the sets of a component, grown from nobody; in exclusions its places count as ``excluded``."""
        growing: dict[Place, SubjectSet] = dict.fromkeys(component, NOBODY)
        followers: dict[Place, list[Place]] = {place: [] for place in component}
        for place in component:
            for below in _leads_to(self._equations[place]):
                if below in followers:
                    followers[below].append(place)
        waiting = dict.fromkeys(component)
        evaluated = 0
        while waiting:
            place, _ = waiting.popitem()
            value = self._side(self._equations[place], side, growing, excluded)
            if value != growing[place]:
                growing[place] = value
                waiting.update(dict.fromkeys(followers[place]))
            evaluated += 1
            if evaluated % _EQUATIONS_PER_TURN == 0:
                await asyncio.sleep(0)
        return growing

    def _side(
        self,
        equation: Equation,
        side: int,
        growing: Mapping[Place, SubjectSet],
        excluded: Mapping[Place, SubjectSet],
    ) -> SubjectSet:
        match equation:
            case Extent():
                return equation[side]
            case Direct():
                return SubjectSet(self._holding[equation])
            case At(place):
                value = growing.get(place)
                return self.found[place][side] if value is None else value
            case Combined(is_union, operands, taken):
                parts = [self._side(operand, side, growing, excluded) for operand in operands]
                parts += [self._side(operand, 1 - side, excluded, excluded).complement() for operand in taken]
                return union(parts) if is_union else intersection(parts)


def _leads_to(equation: Equation) -> Iterator[Place]:
    match equation:
        case At(place):
            yield place
        case Combined(_, operands, excluded):
            for part in (*operands, *excluded):
                yield from _leads_to(part)
        case _:
            pass
