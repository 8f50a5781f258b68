"""A little of everything a schema can say, and a state of it that can be asked: what fakes of peers are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from engine.check import check
from engine.plan import Plan
from model.attributes import Attribute
from model.check import CheckRequest, Context, Question, Verdict
from model.snapshot import Snapshot
from model.tuples import EntityRef, RelationTuple, SubjectRef
from schema.compiler import compile_schema
from tests.support.memory_reader import MemoryReader

SCHEMA = """
entity user {}

entity group {
  relation member @user @group#member
}

entity folder {
  relation parent @folder
  relation owner @user
  relation viewer @user @group#member

  permission view = viewer or owner or parent.view
}

entity document {
  relation parent @folder
  relation blocked @user @group#member
  relation cleared @user

  permission view = parent.view not blocked
  permission sign = view and (cleared not blocked)
}
"""
ROWS = tuple(
    RelationTuple.parse(text)
    for text in (
        "group:all#member@user:ann",
        "group:all#member@group:some#member",
        "group:some#member@user:ben",
        "group:some#member@user:cid",
        "folder:top#owner@user:eve",
        "folder:top#viewer@group:all#member",
        "folder:low#parent@folder:top",
        "document:plan#parent@folder:low",
        "document:plan#blocked@user:cid",
        "document:plan#cleared@user:ann",
        "document:memo#parent@folder:top",
        "document:memo#blocked@group:some#member",
    )
)
USERS = ("ann", "ben", "cid", "dan", "eve")
DOCUMENTS = ("plan", "memo")


@dataclass(frozen=True, slots=True)
class SmallDataset:
    """The rows above, or others."""

    rows: tuple[RelationTuple, ...] = ROWS
    schema: str = SCHEMA
    given: tuple[Attribute, ...] = ()

    def tuples(self) -> Iterator[RelationTuple]:
        return iter(self.rows)

    def attributes(self) -> Iterator[Attribute]:
        return iter(self.given)


QUESTIONS = tuple(
    Question(EntityRef("document", document), permission, SubjectRef("user", user))
    for document in DOCUMENTS
    for permission in ("view", "sign")
    for user in USERS
)


@dataclass
class Store:
    """What a fake keeps, and what is true in it by our own engine. rows: in the order written, each once."""

    rows: dict[RelationTuple, None] = field(default_factory=dict)

    def write(self, row: RelationTuple) -> None:
        self.rows[row] = None

    async def allowed(self, questions: Sequence[Question], context: Sequence[RelationTuple] = ()) -> list[bool]:
        request = CheckRequest("t1", questions, depth=100, context=Context(tuples=context))
        plan = Plan(compile_schema(SCHEMA))
        answers = await check(MemoryReader(self.rows), plan, Snapshot.at_commit(1), request)
        return [answer.verdict() is Verdict.ALLOWED for answer in answers]

    async def entities(self, entity_type: str, permission: str, subject: SubjectRef) -> list[str]:
        names = sorted({row.entity_id for row in self.rows if row.entity_type == entity_type})
        questions = [Question(EntityRef(entity_type, name), permission, subject) for name in names]
        return [name for name, yes in zip(names, await self.allowed(questions), strict=True) if yes]

    async def subjects(self, entity: EntityRef, permission: str, subject_type: str) -> list[str]:
        named = {row.subject_id for row in self.rows if row.subject[::2] == (subject_type, "")}
        names = sorted(named)
        questions = [Question(entity, permission, SubjectRef(subject_type, name)) for name in names]
        return [name for name, yes in zip(names, await self.allowed(questions), strict=True) if yes]
