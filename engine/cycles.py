"""What is left when nothing can be opened any more: gates that wait for each other.

A cycle contributes nothing of its own: among gates that can only be allowed through each other, none is. That is the
least fixed point for unions and intersections. Where a cycle runs through the excluded side of a ``not`` (``p = a not
q``, ``q = b not p``) there may be no consistent answer; such gates fail. Together this is the well-founded
semantics. Source: Van Gelder, Ross, Schlipf, The Well-Founded Semantics for General Logic Programs, JACM 1991.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.gates import Gate
from engine.outcomes import ALLOWED, DENIED, FAILED, Outcome


def settle_cycles(roots: Sequence[Gate]) -> None:
    """Decide every root that is still undecided. To be called only when no gate waits for a read."""
    while undecided := _undecided_below(roots):
        ceilings = _ceilings(undecided)
        unfounded = [gate for gate in undecided if ceilings[gate] == DENIED]
        for gate in unfounded or undecided:
            gate.settle(DENIED if unfounded else FAILED)


def _undecided_below(roots: Sequence[Gate]) -> list[Gate]:
    found = dict.fromkeys(root for root in roots if root.outcome is None)
    stack = list(found)
    while stack:
        gate = stack.pop()
        for child in gate.operands():
            if child.outcome is None and child not in found:
                found[child] = None
                stack.append(child)
    return list(found)


def _ceilings(undecided: Sequence[Gate]) -> dict[Gate, Outcome]:
    """The most each gate could come to if every undecided exclusion went its way."""
    ceilings: dict[Gate, Outcome] = dict.fromkeys(undecided, DENIED)
    raised = list(undecided)
    while raised:
        gate = raised.pop()
        ceiling = _ceiling(gate, ceilings)
        if ceiling > ceilings[gate]:
            ceilings[gate] = ceiling
            raised += [parent for parent in gate.parents if parent in ceilings]
    return ceilings


def _ceiling(gate: Gate, ceilings: dict[Gate, Outcome]) -> Outcome:
    operands = [ceilings[child] for child in gate.children if child.outcome is None]
    operands += [ALLOWED for child in gate.excluded if child.outcome is None]
    operands += [FAILED] if gate.failed else []
    return max(operands) if gate.decisive == ALLOWED else min(operands)
