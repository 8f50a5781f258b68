"""Gates: the and/or graph a walk builds, and how outcomes travel through it.

A gate is decided as soon as what has settled below it forces its outcome. Deciding one tells its parents, and tells
its children that it no longer wants them; a child nobody wants any more is not opened. Both messages travel by an
explicit stack, so the depth of the data never becomes the depth of Python's.
"""

from __future__ import annotations

from engine.outcomes import ALLOWED, FAILED, Outcome
from model.errors import AuthzError


class Gate:
    """One union or intersection under evaluation; a relation, an arrow and an attribute are unions too.

    decisive: the outcome of an operand that decides the gate. pending: operands not settled yet, plus holds; a new gate
    has one hold, for being built. outcome: None until decided. wanted: how many undecided parents wait for it.
    failed: whether a settled operand FAILED; error is set where the failure arose in this gate itself.
    """

    __slots__ = (
        "children",
        "decisive",
        "error",
        "excluded",
        "failed",
        "mirrored_parents",
        "outcome",
        "parents",
        "pending",
        "wanted",
    )

    def __init__(self, decisive: Outcome) -> None:
        self.decisive = decisive
        self.pending = 1
        self.failed = False
        self.outcome: Outcome | None = None
        self.wanted = 0
        self.error: AuthzError | None = None
        self.parents: list[Gate] = []
        self.mirrored_parents: list[Gate] = []
        self.children: list[Gate] = []
        self.excluded: list[Gate] = []

    def add(self, child: Gate) -> None:
        """Make a gate an operand."""
        self.children.append(child)
        if child.outcome is not None:
            self.take(child.outcome)
        else:
            self.pending += 1
            child.parents.append(self)
            want(child)

    def exclude(self, child: Gate) -> None:
        """Make a gate an operand that counts mirrored."""
        self.excluded.append(child)
        if child.outcome is not None:
            self.take(ALLOWED - child.outcome)
        else:
            self.pending += 1
            child.mirrored_parents.append(self)
            want(child)

    def take(self, outcome: Outcome) -> None:
        """Note a settled operand that was never pending; decides the gate only if decisive."""
        if outcome == self.decisive:
            self.settle(outcome)
        elif outcome == FAILED:
            self.failed = True

    def hold(self) -> None:
        """Keep the gate undecided, unless by a decisive operand, until ``let_go`` is called once more."""
        self.pending += 1

    def let_go(self) -> None:
        """End one hold; the gate is decided if nothing is pending any more."""
        self.pending -= 1
        if self.pending == 0:
            self.settle(FAILED if self.failed else ALLOWED - self.decisive)

    def fail(self, error: AuthzError) -> None:
        """Decide the gate as FAILED for a reason of its own."""
        self.error = error
        self.settle(FAILED)

    def settle(self, outcome: Outcome) -> None:
        """Decide the gate and everything this forces above it. A decided gate stays as it is."""
        if self.outcome is not None:
            return
        self.outcome = outcome
        decided = [self]
        while decided:
            gate = decided.pop()
            unwant_operands(gate)
            settled = gate.outcome
            assert settled is not None
            decided += [parent for parent in gate.parents if parent.force(settled)]
            decided += [parent for parent in gate.mirrored_parents if parent.force(ALLOWED - settled)]

    def force(self, outcome: Outcome) -> bool:
        """Count one pending operand as settled; True if that decides this gate, False also if it was decided before."""
        if self.outcome is not None:
            return False
        if outcome == self.decisive:
            self.outcome = outcome
            return True
        self.failed = self.failed or outcome == FAILED
        self.pending -= 1
        if self.pending == 0:
            self.outcome = FAILED if self.failed else ALLOWED - self.decisive
            return True
        return False


def want(gate: Gate) -> None:
    """One more parent waits for the gate. If nobody did, its operands are wanted (again) too."""
    gate.wanted += 1
    revived = [gate] if gate.wanted == 1 else []
    while revived:
        for child in _open_operands(revived.pop()):
            child.wanted += 1
            if child.wanted == 1:
                revived.append(child)


def unwant_operands(gate: Gate) -> None:
    """A decided gate waits for nothing any more; nor do those that only it waited for."""
    abandoned = [gate]
    while abandoned:
        for child in _open_operands(abandoned.pop()):
            child.wanted -= 1
            if child.wanted == 0:
                abandoned.append(child)


def _open_operands(gate: Gate) -> list[Gate]:
    return [child for operands in (gate.children, gate.excluded) for child in operands if child.outcome is None]
