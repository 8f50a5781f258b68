"""Check: may these subjects do this to these entities? One walk answers all questions of a request."""

from __future__ import annotations

from functools import partial

from engine.asker import Asker
from engine.blame import failure_of
from engine.gates import Gate
from engine.leaves import RuleLeaf
from engine.names import definition_of, has_member, unknown_member
from engine.outcomes import ALLOWED, FAILED
from engine.overlay import overlay_of
from engine.plan import Plan
from engine.tally import Tally
from engine.walk import Walk
from model.check import CheckAnswer, CheckRequest, Question, Verdict
from model.errors import AuthzError
from model.snapshot import Snapshot
from storage.base import SnapshotReader


async def check(
    reader: SnapshotReader, plan: Plan, snapshot: Snapshot, request: CheckRequest, tally: Tally | None = None
) -> tuple[CheckAnswer, ...]:
    """One answer per question, in order, all at the given snapshot and schema. tally: what it costs is added to it.

    A question that cannot be decided (unknown name, depth, a rule that fails) carries its error in its answer. What
    breaks the walk as a whole is raised: SnapshotExpired, StorageFailed, Unavailable, LimitExceeded. Cancelling stops
    the walk at its next read or after some hundred nodes.
    """
    overlay = overlay_of(request.context, plan.schema)
    walk = Walk(plan, partial(reader.read, request.tenant, snapshot), overlay, request.depth, tally)
    askers = {subject: Asker(walk, subject) for subject in {question.subject for question in request.questions}}
    roots = [_root(walk, askers[question.subject], question) for question in request.questions]
    await walk.run([root for root in roots if isinstance(root, Gate)])
    return tuple(
        _answer(root, askers[question.subject].count) for root, question in zip(roots, request.questions, strict=True)
    )


def _root(walk: Walk, asker: Asker, question: Question) -> Gate | AuthzError:
    try:
        return _named(walk.plan, asker, question)
    except AuthzError as error:
        return error


def _named(plan: Plan, asker: Asker, question: Question) -> Gate:
    """The node of what a question names: a member of the entity, or a rule over its attributes."""
    entity, name = question.entity, question.permission
    schema = plan.schema
    if has_member(definition_of(schema, entity.type), name) or question.subject == (*entity, name):
        return asker.member(entity.type, entity.id, name) or _decided(question)
    if name in schema.rules:
        return asker.rule_call(entity.type, entity.id, RuleLeaf.of(schema.rules[name], tuple(question.arguments)))
    raise unknown_member(schema, entity.type, name)


def _decided(question: Question) -> Gate:
    """A gate for what needs no walk: a userset is in itself, and a subject out of reach is denied."""
    gate = Gate(ALLOWED)
    if question.subject == (*question.entity, question.permission):
        gate.settle(ALLOWED)
    gate.close()
    return gate


def _answer(root: Gate | AuthzError, count: int) -> CheckAnswer:
    if isinstance(root, AuthzError):
        return CheckAnswer(root, 1)
    if root.outcome == FAILED:
        return CheckAnswer(failure_of(root), max(1, count))
    return CheckAnswer(Verdict.ALLOWED if root.outcome == ALLOWED else Verdict.DENIED, max(1, count))
