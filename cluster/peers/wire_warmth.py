"""Answers that are taken over, as messages between nodes, and back."""

from __future__ import annotations

from cluster.invoker.warm_up import KeptAnswer
from cluster.peers.wire_answers import evidence_from_proto, outcome_message, outcome_of, put_evidence
from proto.dispatch.v1 import dispatch_pb2 as pb


def kept_to_proto(kept: KeptAnswer) -> pb.KeptAnswer:
    """The message of a cached answer."""
    message = pb.KeptAnswer(key=kept.key, depth=kept.depth, outcome=outcome_message(kept.answer))
    put_evidence(message.evidence, kept.evidence)
    return message


def kept_from_proto(message: pb.KeptAnswer) -> KeptAnswer:
    """The cached answer. Raises ValueError for what no node of ours sends."""
    return KeptAnswer(
        tuple(message.key), message.depth, outcome_of(message.outcome), evidence_from_proto(message.evidence)
    )
