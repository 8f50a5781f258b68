"""The document: every RPC that is bound to HTTP as an operation, with its errors, examples and schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from google.api import annotations_pb2
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from proto.openapi.comments import comments_of
from proto.openapi.examples import EXAMPLES
from proto.openapi.schemas import Schema, field_schema, reference, schemas_of

_ABOUT = """\
May this subject do this to that entity? Write a schema, write relationships, and ask.

- Every path below a tenant takes its `tenant_id`; `t1` is there from the start.
- A field that is left out counts as empty. Unknown fields are ignored.
- A write answers with a snap token. A request with that token sees the state after that write, one without sees the
  newest state.
- Errors have the number of a gRPC code, the contract's name of the error as message, and an explanation in `details`.
- A client that will not wait says so with the header `Grpc-Timeout`, as in `Grpc-Timeout: 500m` for 500 milliseconds.
- The same services are served over gRPC, as package `base.v1`."""

_JSON = "application/json"


class _Refusal(NamedTuple):
    """An error response. code and message: those of its example."""

    name: str
    description: str
    code: int
    message: str


_REFUSALS: Mapping[int, _Refusal] = {
    400: _Refusal(
        "BadRequest",
        "The request is wrong, whatever is stored: its fields, a schema text, a token, a rule.",
        3,
        'invalid PermissionCheckRequest.Permission: value does not match regex pattern "^[a-zA-Z_]{1,64}$"',
    ),
    401: _Refusal(
        "Unauthenticated",
        "The node asks for a token, and there is none that opens the door.",
        16,
        "ERROR_CODE_MISSING_BEARER_TOKEN",
    ),
    404: _Refusal(
        "NotFound",
        "What the request names is not there: a schema, a type, a relation, a tenant, a bundle.",
        5,
        "ERROR_CODE_SCHEMA_NOT_FOUND",
    ),
    429: _Refusal("TooMuch", "Too large, or too many requests at once.", 8, "the body is larger than 4194304 bytes"),
    500: _Refusal("Failed", "Something is broken at the node; its log says what.", 13, "internal error"),
    501: _Refusal("NotServed", "It is switched off on this node.", 12, "watching is switched off on this server"),
    503: _Refusal(
        "Unavailable", "The node cannot answer now; the same request may succeed later.", 14, "the node is stopping"
    ),
    504: _Refusal("TooLate", "The time given by `Grpc-Timeout` ran out.", 4, "the time given by Grpc-Timeout ran out"),
}


def document_of(files: FileDescriptorSet) -> dict[str, Any] | None:
    """The OpenAPI document of the services in the files, which need their source info; None if nothing is bound."""
    pool = DescriptorPool()
    for file in files.file:
        pool.Add(file)
    services = [
        pool.FindServiceByName(f"{file.package}.{service.name}") for file in files.file for service in file.service
    ]
    rpcs = [rpc for service in services for rpc in service.methods if _bound(rpc)]
    if not rpcs:
        return None
    bound = [service for service in services if any(map(_bound, service.methods))]
    comments = comments_of(files.file)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ringward",
            "version": "v1",
            "summary": "Authorization by relationships",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"token": []}],
        "tags": [*(_tag(service, comments) for service in bound), {"name": "Health", "description": "The node."}],
        "paths": {**_paths(rpcs, comments), "/healthz": {"get": _health()}},
        "components": _components(rpcs, comments),
    }


def print_document(document: Mapping[str, Any]) -> str:
    """The text of the file."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _bound(rpc: MethodDescriptor) -> tuple[str, str] | None:
    """The HTTP method and path of an RPC."""
    rule = rpc.GetOptions().Extensions[annotations_pb2.http]
    method = rule.WhichOneof("pattern")
    return (method, getattr(rule, method)) if method else None


def _tag(service: ServiceDescriptor, comments: Mapping[str, str]) -> Schema:
    return {"name": service.name, "description": comments.get(service.full_name, "")}


def _paths(rpcs: Sequence[MethodDescriptor], comments: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    paths: dict[str, dict[str, Any]] = {}
    for rpc in rpcs:
        method, path = _bound(rpc) or ("", "")
        paths.setdefault(path, {})[method] = _operation(rpc, comments)
    return paths


def _operation(rpc: MethodDescriptor, comments: Mapping[str, str]) -> dict[str, Any]:
    summary, _, rest = comments.get(rpc.full_name, "").partition(". ")
    operation: dict[str, Any] = {
        "operationId": operation_id(rpc),
        "tags": [rpc.containing_service.name],
        "summary": summary.rstrip("."),
        "description": rest,
        "parameters": [_parameter(field, comments) for field in _path_fields(rpc)],
        "responses": {"200": _answer(rpc, comments), **_refusals(rpc)},
    }
    if _has_body(rpc):
        body: dict[str, Any] = {"schema": reference(rpc.input_type)}
        if rpc.full_name in EXAMPLES:
            body["example"] = EXAMPLES[rpc.full_name]
        operation["requestBody"] = {"required": True, "content": {_JSON: body}}
    return operation


def operation_id(rpc: MethodDescriptor) -> str:
    """``permissionCheck`` for Permission.Check; ``watch`` for Watch.Watch."""
    service: str = rpc.containing_service.name
    first = service[0].lower() + service[1:]
    return first if rpc.name == service else first + rpc.name


def _has_body(rpc: MethodDescriptor) -> bool:
    return bool(rpc.GetOptions().Extensions[annotations_pb2.http].body)


def _path_fields(rpc: MethodDescriptor) -> Iterator[FieldDescriptor]:
    _, path = _bound(rpc) or ("", "")
    return (field for field in rpc.input_type.fields if f"{{{field.name}}}" in path)


def _parameter(field: FieldDescriptor, comments: Mapping[str, str]) -> Schema:
    example = EXAMPLES.get(field.full_name, "t1")
    return {
        "name": field.name,
        "in": "path",
        "required": True,
        "description": comments.get(field.full_name, "").replace("; over HTTP the one in the path wins", ""),
        "schema": {"minLength": 1, **field_schema(field)},
        "example": example,
    }


def _answer(rpc: MethodDescriptor, comments: Mapping[str, str]) -> dict[str, Any]:
    schema = reference(rpc.output_type)
    description = comments.get(rpc.output_type.full_name, "")
    if rpc.server_streaming:
        description += (
            " A stream: one line for each, sent as soon as it is known. If the call fails later on, the last line has "
            "an `error` in place of a `result`."
        )
        schema = {
            "type": "object",
            "properties": {"result": schema, "error": {"$ref": "#/components/schemas/Error"}},
            "oneOf": [{"required": ["result"]}, {"required": ["error"]}],
        }
    return {"description": description, "content": {_JSON: {"schema": schema}}}


def _refusals(rpc: MethodDescriptor) -> dict[str, Schema]:
    """The refusals of an RPC, by status; of all services Watch alone can be switched off."""
    can_be_off = rpc.containing_service.name == "Watch"
    return {
        str(status): {"$ref": f"#/components/responses/{told.name}"}
        for status, told in _REFUSALS.items()
        if status != 501 or can_be_off
    }


def _components(rpcs: Sequence[MethodDescriptor], comments: Mapping[str, str]) -> dict[str, Any]:
    in_paths = {field.full_name for rpc in rpcs for field in _path_fields(rpc)}
    requests = [rpc.input_type for rpc in rpcs if _has_body(rpc)]
    schemas = schemas_of(
        requests,
        [rpc.output_type for rpc in rpcs],
        comments,
        left_out=lambda field: field.full_name in in_paths,
    )
    return {
        "schemas": {**schemas, "Error": _ERROR},
        "responses": {told.name: _refused(status, told) for status, told in _REFUSALS.items()},
        "securitySchemes": {
            "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "A key or an OIDC token, for nodes that ask for one.",
            }
        },
    }


def _refused(status: int, told: _Refusal) -> dict[str, Any]:
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": told.message if told.message.startswith("ERROR_CODE_") else told.name,
        "domain": "ringward",
        "metadata": {"explanation": "what exactly, quoted from the request"},
    }
    example = {"code": told.code, "message": told.message, "details": [] if status == 500 else [info]}
    content = {"schema": {"$ref": "#/components/schemas/Error"}, "example": example}
    response: dict[str, Any] = {"description": told.description, "content": {_JSON: content}}
    if status == 429:
        about = "After how many seconds the same request may be accepted; absent if waiting changes nothing."
        response["headers"] = {"Retry-After": {"description": about, "schema": {"type": "integer"}}}
    if status == 401:
        response["headers"] = {"WWW-Authenticate": {"description": "`Bearer`", "schema": {"type": "string"}}}
    return response


_ERROR: Schema = {
    "type": "object",
    "description": "Why there is no answer. Source: google.rpc.Status.",
    "required": ["code", "message", "details"],
    "properties": {
        "code": {"type": "integer", "description": "The number of a gRPC code."},
        "message": {"type": "string", "description": "The contract's name of the error, or else its text."},
        "details": {
            "type": "array",
            "description": "The first one, a google.rpc.ErrorInfo, has an explanation in its metadata.",
            "items": {
                "type": "object",
                "required": ["@type"],
                "properties": {"@type": {"type": "string"}},
                "additionalProperties": True,
            },
        },
    },
}


def _health() -> dict[str, Any]:
    def state(name: str, description: str) -> dict[str, Any]:
        schema = {"type": "object", "required": ["status"], "properties": {"status": {"const": name}}}
        return {"description": description, "content": {_JSON: {"schema": schema}}}

    return {
        "operationId": "health",
        "tags": ["Health"],
        "summary": "Tells whether the node takes requests and its store works",
        "description": "Asks for no token and counts for no limit.",
        "security": [{}],
        "responses": {
            "200": state("SERVING", "It does."),
            "503": state("NOT_SERVING", "Its store does not work, or the node is on its way out."),
        },
    }
