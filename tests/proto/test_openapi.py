"""The OpenAPI document says of every RPC what the .proto files say, and what JSON can be sent and comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

import proto
from proto.base.v1 import service_pb2
from proto.openapi.document import document_of
from proto.openapi.examples import EXAMPLES

DOCUMENT: dict[str, Any] = json.loads(Path(proto.__file__).with_name("openapi.json").read_text(encoding="utf-8"))
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = [operation for path in DOCUMENT["paths"].values() for operation in path.values()]
RPCS = [method for service in service_pb2.DESCRIPTOR.services_by_name.values() for method in service.methods]


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (value for key, value in part.items() if key == "$ref")
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from references(inner)


def test_every_rpc_is_an_operation_and_health_too() -> None:
    assert len(OPERATIONS) == len(RPCS) + 1
    assert len({operation["operationId"] for operation in OPERATIONS}) == len(OPERATIONS)
    assert {operation["tags"][0] for operation in OPERATIONS} == {tag["name"] for tag in DOCUMENT["tags"]}


def test_every_operation_and_every_type_is_explained() -> None:
    for operation in OPERATIONS:
        assert operation["summary"], operation["operationId"]
        assert not operation["summary"].endswith(".")
    silent = [name for name, schema in SCHEMAS.items() if not schema.get("description")]
    assert [name for name in silent if not name.startswith("google.api.expr.")] == []


def test_every_request_has_an_example() -> None:
    with_body = [operation for operation in OPERATIONS if "requestBody" in operation]
    assert len(with_body) == 24
    assert [
        op["operationId"] for op in with_body if "example" not in op["requestBody"]["content"]["application/json"]
    ] == []
    names = {rpc.full_name for rpc in RPCS} | {field.full_name for rpc in RPCS for field in rpc.input_type.fields}
    assert set(EXAMPLES) <= names


def test_every_reference_leads_somewhere_and_no_schema_is_there_for_nothing() -> None:
    known = {
        f"#/components/{part}/{name}" for part in ("schemas", "responses") for name in DOCUMENT["components"][part]
    }
    used = set(references(DOCUMENT))
    assert used <= known
    bodies = {name for name in known if name.endswith("Request")}
    assert known - used - bodies == set()


def test_the_rules_of_the_contract_stand_in_the_schemas() -> None:
    check = SCHEMAS["PermissionCheckRequest"]
    assert check["required"] == ["metadata", "entity", "permission", "subject"]
    assert check["properties"]["permission"]["pattern"] == "^[a-zA-Z_]{1,64}$"
    assert check["properties"]["permission"]["maxLength"] == 64
    assert SCHEMAS["PermissionCheckRequestMetadata"]["properties"]["depth"]["minimum"] == 3
    items = SCHEMAS["PermissionBulkCheckRequest"]["properties"]["items"]
    assert (items["minItems"], items["maxItems"]) == (1, 100)
    assert SCHEMAS["Subject"]["properties"]["relation"]["pattern"].startswith("^$|")
    assert SCHEMAS["Subject"]["required"] == ["type", "id"]
    assert SCHEMAS["TenantListRequest"]["properties"]["page_size"]["minimum"] == 0


def test_what_stands_in_the_path_does_not_stand_in_the_body() -> None:
    operation = DOCUMENT["paths"]["/v1/tenants/{tenant_id}/permissions/check"]["post"]
    (parameter,) = operation["parameters"]
    assert (parameter["name"], parameter["in"], parameter["required"]) == ("tenant_id", "path", True)
    assert "tenant_id" not in SCHEMAS["PermissionCheckRequest"]["properties"]
    assert "id" in SCHEMAS["TenantCreateRequest"]["properties"]
    assert "requestBody" not in DOCUMENT["paths"]["/v1/tenants/{id}"]["delete"]


def test_answers_have_every_field_and_messages_may_be_null_unless_they_must_be_there() -> None:
    assert SCHEMAS["PermissionCheckResponse"]["required"] == ["can", "metadata"]
    assert SCHEMAS["PermissionCheckResponse"]["properties"]["metadata"]["anyOf"][1] == {"type": "null"}
    assert SCHEMAS["Tuple"]["properties"]["entity"] == {"$ref": "#/components/schemas/Entity"}
    assert SCHEMAS["Expand"]["required"] == ["entity", "permission", "arguments"]  # the members of its oneof may lack


def test_the_value_of_an_attribute_is_one_of_the_eight_kinds() -> None:
    kinds = SCHEMAS["AttributeValue"]["oneOf"]
    assert len(kinds) == 8
    assert all(kind["properties"]["@type"]["const"].endswith(f"base.v1.{kind['title']}") for kind in kinds)
    strings = next(kind for kind in kinds if kind["title"] == "StringArrayValue")
    assert strings["properties"]["data"] == {"type": "array", "items": {"type": "string"}}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation["operationId"])
def test_every_operation_says_how_it_may_fail(operation: dict[str, Any]) -> None:
    if operation["operationId"] == "health":
        assert set(operation["responses"]) == {"200", "503"}
    else:
        can_be_off = {"501"} if operation["operationId"] == "watch" else set()
        assert set(operation["responses"]) == {"200", "400", "401", "404", "429", "500", "503", "504"} | can_be_off


def test_what_nodes_ask_each_other_is_not_in_it() -> None:
    assert "Peer" not in {tag["name"] for tag in DOCUMENT["tags"]}


def test_files_that_bind_nothing_to_http_have_no_document() -> None:
    assert document_of(FileDescriptorSet()) is None
