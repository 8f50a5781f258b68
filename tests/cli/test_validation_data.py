"""Data that does not fit the schema is named, all of it."""

from __future__ import annotations

import pytest

from cli.documents import UnusableFile
from cli.validation_data import admit_data
from cli.validation_file import ValidationFile
from model.attributes import Attribute
from model.errors import InvalidSchema
from model.tuples import RelationTuple

SCHEMA = "entity user {}\nentity doc {\n relation owner @user\n attribute size integer\n}"


def file_of(*relationships: str, attributes: tuple[str, ...] = (), schema: str = SCHEMA) -> ValidationFile:
    tuples = tuple(RelationTuple.parse(text) for text in relationships)
    return ValidationFile(schema, tuples, tuple(Attribute.parse(text) for text in attributes), ())


def test_data_that_fits_passes() -> None:
    admit_data(file_of("doc:1#owner@user:1", attributes=("doc:1$size|integer:1",)))


def test_all_that_does_not_fit_is_named_with_the_reason() -> None:
    relationships = ("doc:1#owner@user:1", "doc:2#owner@doc:1", "doc:3#ownr@user:1", "docs:4#owner@user:1")
    with pytest.raises(UnusableFile) as caught:
        admit_data(file_of(*relationships, attributes=("doc:5$size|string:x", "doc:6$site|integer:1")))

    assert [problem.partition(": ")[0] for problem in map(str, caught.value.problems)] == [
        "relationship doc:2#owner@doc:1",
        "relationship doc:3#ownr@user:1",
        "relationship docs:4#owner@user:1",
        "attribute doc:5$size|string:x",
        "attribute doc:6$site|integer:1",
    ]
    assert caught.value.problems[0].endswith("relation doc#owner takes @user, not @doc")


def test_a_faulty_schema_is_told_as_such() -> None:
    with pytest.raises(InvalidSchema):
        admit_data(file_of(schema="entity doc { relation owner @user }"))
