"""Folders in folders: what it costs to find somebody so many levels up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.harness.ports import Check
from model.attributes import Attribute
from model.check import Question
from model.tuples import EntityRef, RelationTuple, SubjectRef

NESTING_SCHEMA = """
entity user {}

entity team {
  relation member @user
}

entity folder {
  relation parent @folder
  relation viewer @team#member

  permission view = viewer or parent.view
}
"""


@dataclass(frozen=True, slots=True)
class Nests:
    """Chains of folders, as deep as told; one team may view the outermost of each, and so all of it."""

    deepest: int
    chains: int = 200
    members: int = 500

    @property
    def schema(self) -> str:
        """What the data lies under."""
        return NESTING_SCHEMA

    def tuples(self) -> Iterator[RelationTuple]:
        """The team, then chain by chain from the outside in."""
        for member in range(self.members):
            yield RelationTuple("team", "all", "member", "user", f"m{member}")
        for chain in range(self.chains):
            yield RelationTuple("folder", f"c{chain}-0", "viewer", "team", "all", "member")
            for level in range(1, self.deepest + 1):
                yield RelationTuple("folder", f"c{chain}-{level}", "parent", "folder", f"c{chain}-{level - 1}")

    def attributes(self) -> Iterator[Attribute]:
        """None."""
        return iter(())


@dataclass(frozen=True, slots=True)
class NestedQuestions:
    """Whether somebody can view a folder so many levels below the one that says so: members and others in turn."""

    nests: Nests
    depth: int

    def numbered(self) -> Callable[[int], Check | None]:
        """Twice as many as chains times members."""
        return self._ask

    def _ask(self, number: int) -> Check:
        place, is_member = number // 2, number % 2 == 0
        member, chain = divmod(place, self.nests.chains)
        if member >= self.nests.members:
            raise IndexError(number)
        user = SubjectRef("user", f"{'m' if is_member else 'x'}{member}")
        folder = EntityRef("folder", f"c{chain}-{self.depth}")
        return Check(Question(folder, "view", user), expected=is_member)
