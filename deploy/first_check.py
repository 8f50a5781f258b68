"""Asks a new node, at the address given, a first question; deploy/rehearse runs it with the image's own Python."""

import sys
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from proto.base.v1 import base_pb2 as base
from proto.base.v1 import service_pb2 as pb

T = TypeVar("T", bound=Message)
SCHEMA = "entity user {}\nentity document { relation owner @user\n permission view = owner }"
OWNER = base.Tuple(
    entity=base.Entity(type="document", id="1"), relation="owner", subject=base.Subject(type="user", id="ann")
)

with grpc.insecure_channel(sys.argv[1]) as channel:

    def ask(method: str, request: Message, kind: type[T]) -> T:
        """The answer to one call."""
        call = channel.unary_unary(f"/base.v1.{method}", type(request).SerializeToString, kind.FromString)
        answer: T = call(request, timeout=10)
        return answer

    ask("Schema/Write", pb.SchemaWriteRequest(tenant_id="t1", schema=SCHEMA), pb.SchemaWriteResponse)
    ask(
        "Data/Write",
        pb.DataWriteRequest(tenant_id="t1", metadata=pb.DataWriteRequestMetadata(), tuples=[OWNER]),
        pb.DataWriteResponse,
    )
    question = pb.PermissionCheckRequest(
        tenant_id="t1",
        metadata=pb.PermissionCheckRequestMetadata(depth=20),
        entity=OWNER.entity,
        permission="view",
        subject=OWNER.subject,
    )
    answer = ask("Permission/Check", question, pb.PermissionCheckResponse)
    print("allowed" if answer.can == base.CHECK_RESULT_ALLOWED else "denied")  # noqa: T201 - it is what it is for
