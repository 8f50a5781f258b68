"""Documents whose attributes and rules decide as much as who is whose: only where the wire has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.harness.ports import Check
from bench.harness.workloads.numbers import scrambled, stride_of
from model.attributes import Attribute, AttributeKind, AttributeValue
from model.check import Question
from model.tuples import EntityRef, RelationTuple, SubjectRef

RULES_SCHEMA = """
entity user {}

entity organization {
  relation member @user
}

entity document {
  relation org @organization
  relation owner @user

  attribute public boolean
  attribute level integer
  attribute tags string[]

  permission view = public or owner or (org.member and (low(level) or tagged(tags)))
}

rule low(level integer) {
  level <= 3
}

rule tagged(tags string[]) {
  'open' in tags
}
"""
MEMBERS = 50
_FACTS_PER_DOCUMENT = 5
_TAGS = (("draft",), ("open", "draft"), ("secret",), ("secret", "draft"))


@dataclass(frozen=True, slots=True)
class Archive:
    """About ``size`` tuples and attributes: a tenth membership of organizations, of the rest five of each document."""

    size: int

    @property
    def schema(self) -> str:
        """What the data lies under."""
        return RULES_SCHEMA

    @property
    def organizations(self) -> int:
        """How many organizations there are, each with ``MEMBERS``."""
        return max(2, self.size // 10 // MEMBERS)

    @property
    def documents(self) -> int:
        """How many documents there are."""
        return max(10, self.size * 9 // 10 // _FACTS_PER_DOCUMENT)

    def organization(self, document: int) -> int:
        """Whose a document is."""
        return scrambled(document) % self.organizations

    def tuples(self) -> Iterator[RelationTuple]:
        """Organization by organization, then document by document."""
        for organization in range(self.organizations):
            for member in range(MEMBERS):
                yield RelationTuple("organization", f"o{organization}", "member", *_member(organization, member))
        for document in range(self.documents):
            organization, name = self.organization(document), f"d{document}"
            yield RelationTuple("document", name, "org", "organization", f"o{organization}")
            yield RelationTuple("document", name, "owner", *_member(organization, document % MEMBERS))

    def attributes(self) -> Iterator[Attribute]:
        """Three of each document: one in twenty is public, three in ten are low, a quarter are tagged."""
        for document in range(self.documents):
            drawn, name = scrambled(-document), f"d{document}"
            tags = _TAGS[drawn // 200 % len(_TAGS)]
            yield Attribute("document", name, "public", AttributeValue(AttributeKind.BOOLEAN, drawn % 20 == 0))
            yield Attribute("document", name, "level", AttributeValue(AttributeKind.INTEGER, drawn // 20 % 10 + 1))
            yield Attribute("document", name, "tags", AttributeValue(AttributeKind.STRING_ARRAY, tags))


@dataclass(frozen=True, slots=True)
class ArchiveQuestions:
    """Who may view documents, no two about the same document and user: members of its organization and of the next."""

    archive: Archive

    def numbered(self) -> Callable[[int], Check | None]:
        """Twice as many as documents times members."""
        return self._ask

    def _ask(self, number: int) -> Check:
        index, is_member = number // 2, number % 2 == 0
        cycle, place = divmod(index, self.archive.documents)
        if cycle >= MEMBERS:
            raise IndexError(number)
        document = place * stride_of(self.archive.documents) % self.archive.documents
        organization = self.archive.organization(document) + (0 if is_member else 1)
        user = _member(organization % self.archive.organizations, (document + cycle) % MEMBERS)
        return Check(Question(EntityRef("document", f"d{document}"), "view", user))


def _member(organization: int, number: int) -> SubjectRef:
    return SubjectRef("user", f"o{organization}-{number}")
