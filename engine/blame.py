"""Which failure speaks for a check that failed: the first in schema order, whatever arrived first."""

from __future__ import annotations

from engine.gates import Gate
from engine.nodes import Node
from engine.outcomes import FAILED
from model.errors import AuthzError, DepthExhausted


def failure_of(root: Gate) -> AuthzError:
    """The error to report for a gate that FAILED.

    Operands are looked at in schema order, entities that data points at in the order of the store; a gate that failed
    only because it depends on its own exclusion has run out of depth, as it would without a visited set.
    """
    visited = {root}
    stack = [root]
    while stack:
        gate = stack.pop()
        if gate.error is not None:
            return gate.error
        failed = [child for child in gate.operands() if child.outcome == FAILED]
        stack += [child for child in reversed(failed) if child not in visited]
        visited.update(failed)
    name = f"{root} " if isinstance(root, Node) else ""
    return DepthExhausted(f"{name}depends on its own exclusion; no depth is enough to decide it")
