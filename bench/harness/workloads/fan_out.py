"""Documents shared with very many groups: what it costs to find the one that lets somebody in, if any."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.harness.ports import Check
from bench.harness.workloads.wide_groups import WIDE_SCHEMA
from model.attributes import Attribute
from model.check import Question
from model.tuples import EntityRef, RelationTuple, SubjectRef

MEMBERS = 10
_TUPLES_EACH = 2_000  # for each width: the wider, the fewer documents


@dataclass(frozen=True, slots=True)
class FanOut:
    """Documents that as many teams may view as a width says, out of as many teams as the largest width."""

    widths: tuple[int, ...]

    @property
    def schema(self) -> str:
        """What the data lies under."""
        return WIDE_SCHEMA

    @property
    def teams(self) -> int:
        """How many there are."""
        return max(self.widths)

    def documents(self, width: int) -> int:
        """How many there are that so many teams may view."""
        return max(20, _TUPLES_EACH // width)

    def tuples(self) -> Iterator[RelationTuple]:
        """Team by team, then document by document."""
        for team in range(self.teams):
            for member in range(MEMBERS):
                yield RelationTuple("team", f"t{team}", "member", "user", f"m{team}-{member}")
        for width in self.widths:
            for document in range(self.documents(width)):
                for place in range(width):
                    team = (document * width + place) % self.teams
                    yield RelationTuple("document", f"w{width}-{document}", "viewer", "team", f"t{team}", "member")

    def attributes(self) -> Iterator[Attribute]:
        """None."""
        return iter(())


@dataclass(frozen=True, slots=True)
class FanOutQuestions:
    """Whether somebody can view a document of a width: members of one of its teams, and others, in turn."""

    fan_out: FanOut
    width: int

    def numbered(self) -> Callable[[int], Check | None]:
        """Twice as many as there are documents and members of their teams."""
        return self._ask

    def _ask(self, number: int) -> Check:
        index, is_member = number // 2, number % 2 == 0
        cycle, document = divmod(index, self.fan_out.documents(self.width))
        member, place = divmod(cycle, self.width)
        if member >= MEMBERS:
            raise IndexError(number)
        team = (document * self.width + place) % self.fan_out.teams
        user = SubjectRef("user", f"{'m' if is_member else 'x'}{team}-{member}")
        return Check(Question(EntityRef("document", f"w{self.width}-{document}"), "view", user), expected=is_member)
