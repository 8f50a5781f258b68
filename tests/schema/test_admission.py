"""What may be written under a schema, in which order it is checked, and what the refusals say."""

from __future__ import annotations

import pytest

from model.attributes import Attribute
from model.errors import AuthzError, ErrorCode, InvalidRequest, NotFound
from model.tuples import RelationTuple
from schema.admission import admit_attribute, admit_tuple
from schema.compiler import compile_schema
from tests.schema.test_compiler import SAMPLE

SCHEMA = compile_schema(SAMPLE)


@pytest.mark.parametrize("text", ["team:1#lead@user:1", "team:1#member@team:2#lead", "team:1#member@team:1#lead"])
def test_tuples_of_declared_targets_are_admitted(text: str) -> None:
    admit_tuple(SCHEMA, RelationTuple.parse(text))


@pytest.mark.parametrize(
    ("text", "kind", "code", "message"),
    [
        ("tem:1#lead@user:1", NotFound, ErrorCode.SCHEMA_NOT_FOUND, "no entity type 'tem'; did you mean 'team'?"),
        ("small:1#lead@user:1", NotFound, ErrorCode.ENTITY_DEFINITION_NOT_FOUND, "'small' is a rule"),
        (
            "tem:1#x@tem:1#x",
            NotFound,
            ErrorCode.SCHEMA_NOT_FOUND,
            "no entity type 'tem'",
        ),
        (
            "team:1#oops@team:1#oops",
            InvalidRequest,
            ErrorCode.ENTITY_AND_SUBJECT_CANNOT_BE_EQUAL,
            "cannot be equal: team:1#oops@team:1#oops",
        ),
        ("team:1#leed@user:1", NotFound, ErrorCode.RELATION_DEFINITION_NOT_FOUND, "did you mean 'lead'?"),
        ("file:1#read@user:1", NotFound, ErrorCode.RELATION_DEFINITION_NOT_FOUND, "it is a permission"),
        ("file:1#size@user:1", NotFound, ErrorCode.RELATION_DEFINITION_NOT_FOUND, "it is an attribute"),
        ("team:1#lead@team:1", NotFound, ErrorCode.SUBJECT_TYPE_NOT_FOUND, "team#lead takes @user, not @team"),
        (
            "team:1#member@team:2",
            NotFound,
            ErrorCode.SUBJECT_TYPE_NOT_FOUND,
            "takes @user, @team#lead, not @team",
        ),
        (
            "team:1#member@team:1#member",
            InvalidRequest,
            ErrorCode.ENTITY_AND_SUBJECT_CANNOT_BE_EQUAL,
            "cannot be equal",
        ),
        ("team:1#member@nobody:2", NotFound, ErrorCode.SUBJECT_TYPE_NOT_FOUND, "not @nobody"),
    ],
)
def test_other_tuples_are_refused(text: str, kind: type[AuthzError], code: ErrorCode, message: str) -> None:
    with pytest.raises(kind) as caught:
        admit_tuple(SCHEMA, RelationTuple.parse(text))
    assert caught.value.code is code
    assert message in str(caught.value)


def test_attributes_of_the_declared_kind_are_admitted() -> None:
    admit_attribute(SCHEMA, Attribute.parse("file:1$listed|boolean:true"))
    admit_attribute(SCHEMA, Attribute.parse("file:1$size|integer:3"))


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("fil:1$size|integer:1", ErrorCode.SCHEMA_NOT_FOUND, "did you mean 'file'?"),
        ("small:1$size|integer:1", ErrorCode.ENTITY_DEFINITION_NOT_FOUND, "is a rule"),
        ("file:1$sise|integer:1", ErrorCode.ATTRIBUTE_DEFINITION_NOT_FOUND, "did you mean 'size'?"),
        ("file:1$owner|integer:1", ErrorCode.ATTRIBUTE_DEFINITION_NOT_FOUND, "no attribute 'owner'"),
        ("file:1$size|double:1.5", ErrorCode.ATTRIBUTE_TYPE_MISMATCH, "file$size is integer, got double:1.5"),
        ("file:1$size|integer[]:1", ErrorCode.ATTRIBUTE_TYPE_MISMATCH, "file$size is integer, got integer[]:1"),
    ],
)
def test_other_attributes_are_refused(text: str, code: ErrorCode, message: str) -> None:
    with pytest.raises(NotFound) as caught:
        admit_attribute(SCHEMA, Attribute.parse(text))
    assert caught.value.code is code
    assert message in str(caught.value)
