"""Records that many may read and many of them may not after all: union, intersection and exclusion at every turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.harness.ports import Check
from bench.harness.workloads.numbers import scrambled, stride_of
from model.attributes import Attribute
from model.check import Question
from model.tuples import EntityRef, RelationTuple, SubjectRef

EXCLUSION_SCHEMA = """
entity user {}

entity team {
  relation member @user
}

entity record {
  relation reader @user @team#member
  relation cleared @team#member
  relation blocked @user @team#member
  relation suspended @team#member

  permission read = (reader not blocked) and (cleared not suspended)
  permission audit = cleared not (blocked or suspended)
}
"""
MEMBERS = 20
_TUPLES_PER_RECORD = 6


@dataclass(frozen=True, slots=True)
class Vault:
    """About ``size`` tuples, a tenth of them membership of teams, six of each record."""

    size: int

    @property
    def schema(self) -> str:
        """What the data lies under."""
        return EXCLUSION_SCHEMA

    @property
    def users(self) -> int:
        """How many users there are."""
        return max(100, self.size // 20)

    @property
    def teams(self) -> int:
        """How many teams there are, each with ``MEMBERS``."""
        return max(5, self.size // 10 // MEMBERS)

    @property
    def records(self) -> int:
        """How many records there are."""
        return max(10, self.size * 9 // 10 // _TUPLES_PER_RECORD)

    def member(self, team: int, number: int) -> SubjectRef:
        """One of the members of a team."""
        return SubjectRef("user", f"u{(team * 13 + number * 29) % self.users}")

    def team(self, record: int, step: int) -> int:
        """A team that has to do with a record; step 0 is the one that reads it."""
        return (scrambled(record) + step) % self.teams

    def tuples(self) -> Iterator[RelationTuple]:
        """Team by team, then record by record."""
        for team in range(self.teams):
            for user in dict.fromkeys(self.member(team, number) for number in range(MEMBERS)):
                yield RelationTuple("team", f"t{team}", "member", *user)
        for record in range(self.records):
            yield from self._record(record)

    def attributes(self) -> Iterator[Attribute]:
        """None."""
        return iter(())

    def _record(self, record: int) -> Iterator[RelationTuple]:
        """Of teams that read half are cleared, a third blocked, a quarter suspended; one of the members is blocked."""
        one_in = {"reader": 1, "cleared": 2, "blocked": 3, "suspended": 4}
        for step, (relation, every) in enumerate(one_in.items()):
            team = self.team(record, 0 if record % every == 0 else step)
            yield RelationTuple("record", f"r{record}", relation, "team", f"t{team}", "member")
        yield RelationTuple("record", f"r{record}", "reader", "team", f"t{self.team(record, 4)}", "member")
        yield RelationTuple("record", f"r{record}", "blocked", *self.member(self.team(record, 0), record % MEMBERS))


@dataclass(frozen=True, slots=True)
class VaultQuestions:
    """Checks of records, no two about the same record and user: members of the team that reads it, then others."""

    vault: Vault

    def numbered(self) -> Callable[[int], Check | None]:
        """Some as many as users times records."""
        return self._ask

    def _ask(self, number: int) -> Check | None:
        cycle, place = divmod(number, self.vault.records)
        if cycle >= self.vault.users:
            raise IndexError(number)
        record = place * stride_of(self.vault.records) % self.vault.records
        members = dict.fromkeys(self.vault.member(self.vault.team(record, 0), each) for each in range(MEMBERS))
        if (cycle + place) % 2 == 0 and cycle // 2 < len(members):
            user = tuple(members)[cycle // 2]
        else:
            user = SubjectRef("user", f"u{(scrambled(record) + cycle) % self.vault.users}")
            if user in members:
                return None
        permission = "read" if scrambled(number) % 2 else "audit"
        return Check(Question(EntityRef("record", f"r{record}"), permission, user))
