"""Gates: the and/or graph a walk builds, and how outcomes travel through it.

A gate is decided as soon as what has settled below it forces its outcome. Deciding one tells its parents, and tells
its children that it no longer wants them; a child nobody wants any more is not opened. Both messages travel by an
explicit stack, so the depth of the data never becomes the depth of Python's.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.outcomes import ALLOWED, FAILED, Outcome
from model.errors import AuthzError


class Gate:
    """One union or intersection under evaluation.

    decisive: the outcome of an operand that decides the gate. pending: operands not settled yet, and one more until
    the gate is closed. outcome: None until decided. wanted: how many undecided parents that are wanted themselves wait
    for it. failed: whether a settled operand FAILED; error is set where the failure arose in this gate itself. excluded
    and mirrored_parents are the two ends of operands that count mirrored.
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
        self.wanted = 0
        self.failed = False
        self.outcome: Outcome | None = None
        self.error: AuthzError | None = None
        self.children: list[Gate] = []
        self.parents: list[Gate] = []
        self.excluded: tuple[Gate, ...] = ()  # rare, so tuples: most gates never make one
        self.mirrored_parents: tuple[Gate, ...] = ()

    def operands(self) -> Iterator[Gate]:
        """All gates this one depends on, decided or not, in schema order."""
        yield from self.children
        yield from self.excluded

    def add(self, child: Gate) -> None:
        """Make a gate an operand."""
        self.children.append(child)
        if child.outcome is not None:
            self._count_settled(child.outcome)
        else:
            self.pending += 1
            child.parents.append(self)
            if self.wanted:
                _want(child)

    def exclude(self, child: Gate) -> None:
        """Make a gate an operand that counts mirrored."""
        self.excluded += (child,)
        if child.outcome is not None:
            self._count_settled(ALLOWED - child.outcome)
        else:
            self.pending += 1
            child.mirrored_parents += (self,)
            if self.wanted:
                _want(child)

    def add_leaf(self, outcome: Outcome) -> None:
        """Note an operand that is settled and did not fail; a decisive one decides the gate."""
        if outcome == self.decisive:
            self.settle(outcome)

    def close(self) -> None:
        """No operand will be added any more: the gate is decided if none is pending."""
        self.pending -= 1
        if self.pending == 0:
            self.settle(FAILED if self.failed else ALLOWED - self.decisive)

    def fail(self, error: AuthzError) -> None:
        """Decide the gate as FAILED for a reason of its own."""
        if self.outcome is None:
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
            if gate.pending and gate.wanted:  # else nothing is open below it, or it never asked for it
                _unwant_operands(gate)
            settled = gate.outcome
            assert settled is not None
            if gate.parents:
                decided += [parent for parent in gate.parents if parent.force(settled)]
            if gate.mirrored_parents:
                decided += [parent for parent in gate.mirrored_parents if parent.force(ALLOWED - settled)]

    def _count_settled(self, outcome: Outcome) -> None:
        if outcome == self.decisive:
            self.settle(outcome)
        elif outcome == FAILED:
            self.failed = True

    def force(self, outcome: Outcome) -> bool:
        """Count one pending operand as settled; True if that decides this gate, False also if it was decided before."""
        if self.outcome is not None:
            return False
        if outcome == self.decisive:
            self.outcome = outcome
            return True
        if outcome == FAILED:
            self.failed = True
        self.pending -= 1
        if self.pending == 0:
            self.outcome = FAILED if self.failed else ALLOWED - self.decisive
            return True
        return False


def _want(gate: Gate) -> None:
    """One more wanted parent waits for the gate. If none did, the gate wants its operands, first or again."""
    gate.wanted += 1
    if gate.wanted > 1 or not (gate.children or gate.excluded):
        return
    revived = [gate]
    while revived:
        for child in revived.pop().operands():
            if child.outcome is None:
                child.wanted += 1
                if child.wanted == 1:
                    revived.append(child)


def _unwant_operands(gate: Gate) -> None:
    """A decided gate waits for nothing any more; nor do those that only it waited for."""
    abandoned = [gate]
    while abandoned:
        for child in abandoned.pop().operands():
            if child.outcome is None:
                child.wanted -= 1
                if child.wanted == 0:
                    abandoned.append(child)
