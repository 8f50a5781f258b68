"""Groups of very many members: what it costs to find one among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.harness.ports import Check
from model.attributes import Attribute
from model.check import Question
from model.tuples import EntityRef, RelationTuple, SubjectRef

WIDE_SCHEMA = """
entity user {}

entity team {
  relation member @user
}

entity document {
  relation viewer @user @team#member

  permission view = viewer
}
"""
DOCUMENTS = 2_000


@dataclass(frozen=True, slots=True)
class WideGroups:
    """A team of each size, whose members may view documents of its own."""

    sizes: tuple[int, ...]

    @property
    def schema(self) -> str:
        """What the data lies under."""
        return WIDE_SCHEMA

    def tuples(self) -> Iterator[RelationTuple]:
        """Team by team."""
        for size in self.sizes:
            for member in range(size):
                yield RelationTuple("team", f"t{size}", "member", "user", f"m{member}")
            for document in range(DOCUMENTS):
                yield RelationTuple("document", f"t{size}-{document}", "viewer", "team", f"t{size}", "member")

    def attributes(self) -> Iterator[Attribute]:
        """None."""
        return iter(())


@dataclass(frozen=True, slots=True)
class WideGroupQuestions:
    """Whether somebody can view a document of a team: members and others in turn."""

    size: int

    def numbered(self) -> Callable[[int], Check | None]:
        """Twice as many as documents times members."""
        return self._ask

    def _ask(self, number: int) -> Check:
        place, is_member = number // 2, number % 2 == 0
        cycle, document = divmod(place, DOCUMENTS)
        if cycle >= self.size:
            raise IndexError(number)
        member = (document * 7_919 + cycle) % self.size  # another of them for each document
        user = SubjectRef("user", f"{'m' if is_member else 'x'}{member}")
        return Check(Question(EntityRef("document", f"t{self.size}-{document}"), "view", user), expected=is_member)
