"""What a check asks and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from model.attributes import Attribute
from model.errors import AuthzError
from model.tuples import EntityRef, RelationTuple, SubjectRef


class Verdict(Enum):
    """The outcome of a check that could be decided. A failure is an error, never a verdict."""

    ALLOWED = "allowed"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class Context:
    """What a request adds to the snapshot for its own evaluation only.

    tuples and attributes overlay the stored ones and are not held against the schema; data is JSON-shaped, numbers as
    floats, and visible to rules alone. Source: reference semantics §3.6.
    """

    tuples: Sequence[RelationTuple] = ()
    attributes: Sequence[Attribute] = ()
    data: Mapping[str, Any] = field(default_factory=dict)  # JSON from the wire: any shape


NO_CONTEXT = Context()


@dataclass(frozen=True, slots=True)
class Question:
    """May this subject do this to that entity? ``arguments`` only matter where the permission names a rule."""

    entity: EntityRef
    permission: str
    subject: SubjectRef
    arguments: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """Questions asked together: one tenant, one snapshot, one schema version, one context.

    snap_token and schema_version are as the client sent them; empty means head and latest. depth is the number of
    levels the walk may go below the root.
    """

    tenant: str
    questions: Sequence[Question]
    depth: int
    snap_token: str = ""
    schema_version: str = ""
    context: Context = NO_CONTEXT


@dataclass(frozen=True, slots=True)
class PermissionsRequest:
    """What may this subject do to that entity? Every permission is asked, and every relation if ``with_relations``."""

    tenant: str
    entity: EntityRef
    subject: SubjectRef
    depth: int
    with_relations: bool
    snap_token: str = ""
    schema_version: str = ""
    context: Context = NO_CONTEXT


@dataclass(frozen=True, slots=True)
class CheckAnswer:
    """The verdict of one question, or the error that kept it from being decided, and what the walk cost.

    check_count counts the members and rule calls the walk looked at for the question's subject, at least 1; questions
    about one subject asked together report what they took together. Informational.
    """

    outcome: Verdict | AuthzError
    check_count: int

    def verdict(self) -> Verdict:
        """The verdict. Raises the error that kept the question from being decided."""
        if isinstance(self.outcome, AuthzError):
            raise self.outcome
        return self.outcome
