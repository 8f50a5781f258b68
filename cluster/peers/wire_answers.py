"""Answers as messages between nodes, and back; nothing is lost."""

from __future__ import annotations

from cluster.invoker.answers import Answered, Evidence
from cluster.peers.wire_errors import error_from_proto, error_to_proto
from model.check import CheckAnswer, Verdict
from model.errors import AuthzError
from model.snapshot import Snapshot
from proto.dispatch.v1 import dispatch_pb2 as pb

_TO_PROTO = {
    Verdict.ALLOWED: pb.Outcome.VERDICT_ALLOWED,
    Verdict.DENIED: pb.Outcome.VERDICT_DENIED,
}
_NOTHING: frozenset[int] = frozenset()
_FROM_PROTO = {message: verdict for verdict, message in _TO_PROTO.items()}


def answer_to_proto(ask_id: int, outcome: Answered | AuthzError) -> pb.Answer:
    """The message of what became of an ask."""
    if isinstance(outcome, AuthzError):
        return pb.Answer(id=ask_id, error=error_to_proto(outcome))
    answer = pb.Answer(id=ask_id, schema_version=outcome.schema_version)
    _put_snapshot(answer.snapshot, outcome.snapshot)
    answer.outcomes.extend(map(outcome_message, outcome.answers))
    if outcome.evidence is not None:
        put_evidence(answer.evidence, outcome.evidence)
    return answer


def outcome_from_proto(answer: pb.Answer) -> Answered | AuthzError:
    """What became of an ask. Raises ValueError for what no node of ours sends."""
    if answer.HasField("error"):
        return error_from_proto(answer.error)
    return Answered(
        answers=tuple(map(outcome_of, answer.outcomes)),
        snapshot=_snapshot_from_proto(answer.snapshot),
        schema_version=answer.schema_version,
        evidence=evidence_from_proto(answer.evidence) if answer.HasField("evidence") else None,
    )


def put_evidence(message: pb.Evidence, evidence: Evidence) -> None:
    """Fill in the message of what answers were found by."""
    _put_snapshot(message.since, evidence.since)
    _put_snapshot(message.until, evidence.until)
    message.history = evidence.history
    message.keys.extend(evidence.keys)


def evidence_from_proto(evidence: pb.Evidence) -> Evidence:
    """What answers were found by."""
    return Evidence(
        since=_snapshot_from_proto(evidence.since),
        until=_snapshot_from_proto(evidence.until),
        history=evidence.history,
        keys=tuple(evidence.keys),
    )


def outcome_message(answer: CheckAnswer) -> pb.Outcome:
    """The message of what became of one question."""
    if isinstance(answer.outcome, AuthzError):
        return pb.Outcome(error=error_to_proto(answer.outcome), check_count=answer.check_count)
    return pb.Outcome(verdict=_TO_PROTO[answer.outcome], check_count=answer.check_count)


def outcome_of(outcome: pb.Outcome) -> CheckAnswer:
    """What became of one question. Raises ValueError for what no node of ours sends."""
    if outcome.HasField("error"):
        return CheckAnswer(error_from_proto(outcome.error), outcome.check_count)
    if outcome.verdict not in _FROM_PROTO:
        raise ValueError(f"no verdict: {outcome.verdict}")
    return CheckAnswer(_FROM_PROTO[outcome.verdict], outcome.check_count)


def _put_snapshot(message: pb.Snapshot, snapshot: Snapshot) -> None:
    message.xmin, message.xmax = snapshot.xmin, snapshot.xmax
    if snapshot.in_progress:
        message.in_progress.extend(sorted(snapshot.in_progress))


def _snapshot_from_proto(snapshot: pb.Snapshot) -> Snapshot:
    in_progress = snapshot.in_progress
    return Snapshot(snapshot.xmin, snapshot.xmax, frozenset(in_progress) if in_progress else _NOTHING)
