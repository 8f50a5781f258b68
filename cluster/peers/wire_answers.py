"""Answers as messages between nodes, and back; nothing is lost.

Between two writes most findings are one of a few, so those that are a verdict and no more are remembered by either end:
making them took 6 µs and reading them 8.
"""

from __future__ import annotations

from functools import lru_cache

from google.protobuf.message import DecodeError

from cluster.invoker.answers import Answered, Evidence
from cluster.peers.wire_errors import error_from_proto, error_to_proto
from model.check import CheckAnswer, Verdict
from model.errors import AuthzError
from model.snapshot import Snapshot
from proto.dispatch.v1 import dispatch_pb2 as pb

_REMEMBERED = 1_024  # findings, about 500 bytes each
_MOST_REMEMBERED_BYTES = 256  # of one

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
    return pb.Answer(id=ask_id, finding=_bytes_of(outcome))


def outcome_from_proto(answer: pb.Answer) -> Answered | AuthzError:
    """What became of an ask. Raises ValueError for what no node of ours sends."""
    if answer.HasField("error"):
        return error_from_proto(answer.error)
    raw = answer.finding
    known = _known(raw) if len(raw) <= _MOST_REMEMBERED_BYTES else None
    return known or _read(_parsed(raw))


def _bytes_of(answered: Answered) -> bytes:
    if answered.evidence is None and len(answered.answers) == 1:
        (answer,) = answered.answers
        if isinstance(answer.outcome, Verdict):
            return _told(answer.outcome, answer.check_count, answered.snapshot, answered.schema_version)
    return _message_of(answered).SerializeToString()


@lru_cache(_REMEMBERED)
def _told(verdict: Verdict, check_count: int, snapshot: Snapshot, schema_version: str) -> bytes:
    return _message_of(Answered((CheckAnswer(verdict, check_count),), snapshot, schema_version)).SerializeToString()


def _message_of(answered: Answered) -> pb.Finding:
    finding = pb.Finding(schema_version=answered.schema_version)
    _put_snapshot(finding.snapshot, answered.snapshot)
    finding.outcomes.extend(map(outcome_message, answered.answers))
    if answered.evidence is not None:
        put_evidence(finding.evidence, answered.evidence)
    return finding


@lru_cache(_REMEMBERED)
def _known(raw: bytes) -> Answered | None:
    """What these bytes say, if it is the same whoever hears it: an error is raised, and may be raised only once."""
    finding = _parsed(raw)
    is_plain = not finding.HasField("evidence") and not any(each.HasField("error") for each in finding.outcomes)
    return _read(finding) if is_plain else None


def _parsed(raw: bytes) -> pb.Finding:
    try:
        return pb.Finding.FromString(raw)
    except DecodeError as error:
        raise ValueError("this is no finding") from error


def _read(finding: pb.Finding) -> Answered:
    return Answered(
        answers=tuple(map(outcome_of, finding.outcomes)),
        snapshot=_snapshot_from_proto(finding.snapshot),
        schema_version=finding.schema_version,
        evidence=evidence_from_proto(finding.evidence) if finding.HasField("evidence") else None,
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
