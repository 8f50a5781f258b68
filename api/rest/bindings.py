"""Which HTTP method and path an RPC is bound to, read from its ``google.api.http`` annotation."""

from __future__ import annotations

import re
from typing import NamedTuple

from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor

_PLAIN_PATH = re.compile(r"(/(\w[\w-]*|\{\w+\}))+")


class Binding(NamedTuple):
    """One way to call an RPC over HTTP.

    path: a template like ``/v1/tenants/{tenant_id}/watch``; what stands in braces are fields of the request.
    has_body: the body is the request, and the fields in the path overrule it; else there are those fields alone.
    """

    method: str
    path: str
    has_body: bool

    @classmethod
    def of(cls, rpc: MethodDescriptor) -> Binding:
        """The binding of an RPC. Raises NotImplementedError for what the contract does not use: it would be a hole."""
        rule = rpc.GetOptions().Extensions[annotations_pb2.http]
        method = rule.WhichOneof("pattern")
        path = getattr(rule, method) if method else ""
        if not _PLAIN_PATH.fullmatch(path) or rule.body not in {"", "*"} or rule.additional_bindings:
            raise NotImplementedError(f"{rpc.full_name}: binding {rule}")
        return cls(method.upper(), path, rule.body == "*")
