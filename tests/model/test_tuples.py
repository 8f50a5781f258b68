"""Entities, subjects and tuples in their text form, and every text that is none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import ErrorCode, InvalidRequest
from model.tuples import EntityRef, EntityRelation, RelationTuple, SubjectRef

words = st.text(st.characters(exclude_characters=":#@", exclude_categories=["Cs"]), min_size=1, max_size=20)
relations = words.filter(lambda relation: relation != "...")
entities = st.builds(EntityRef, words, words)
subjects = st.builds(SubjectRef, words, words, st.one_of(st.just(""), relations))
tuples = st.builds(
    lambda entity, relation, subject: RelationTuple(entity.type, entity.id, relation, *subject),
    entities,
    words,
    subjects,
)


@given(entity=entities)
def test_an_entity_is_read_back_from_its_text(entity: EntityRef) -> None:
    assert EntityRef.parse(str(entity)) == entity


@given(subject=subjects)
def test_a_subject_is_read_back_from_its_text(subject: SubjectRef) -> None:
    assert SubjectRef.parse(str(subject)) == subject


@given(row=tuples)
def test_a_tuple_is_read_back_from_its_text(row: RelationTuple) -> None:
    assert RelationTuple.parse(str(row)) == row


@given(row=tuples)
def test_the_parts_of_a_tuple_make_the_tuple(row: RelationTuple) -> None:
    assert RelationTuple(*row.entity, row.relation, *row.subject) == row
    assert row.entity_relation == EntityRelation(*row.entity, row.relation)
    assert str(row) == f"{row.entity_relation}@{row.subject}"


def test_text_forms_read_from_left_to_right() -> None:
    assert str(EntityRef("doc", "1")) == "doc:1"
    assert str(SubjectRef("user", "2")) == "user:2"
    assert str(SubjectRef("group", "3", "member")) == "group:3#member"
    assert str(EntityRelation("doc", "1", "viewer")) == "doc:1#viewer"
    row = RelationTuple.parse("doc:1#viewer@group:3#member")
    assert row == ("doc", "1", "viewer", "group", "3", "member")
    assert str(row) == "doc:1#viewer@group:3#member"


def test_the_legacy_relation_of_three_dots_means_none() -> None:
    assert SubjectRef.parse("user:2#...") == SubjectRef("user", "2")
    assert RelationTuple.parse("doc:1#viewer@user:2#...") == RelationTuple.parse("doc:1#viewer@user:2")


def test_case_and_spaces_belong_to_the_name() -> None:
    assert EntityRef.parse("Doc: 1") == ("Doc", " 1")
    assert EntityRef.parse("Doc:1") != EntityRef.parse("doc:1")


NO_ENTITIES = ["", "doc", ":", "doc:", ":1", "doc:1:2", "doc::1", "::"]
NO_SUBJECTS = [*NO_ENTITIES[1:], "#member", "doc:1#", "doc#member", "doc:#member", ":1#member", "doc:1:2#member"]


@pytest.mark.parametrize("text", NO_ENTITIES)
def test_any_other_shape_is_no_entity(text: str) -> None:
    assert_refused(EntityRef.parse, text, quoting=text)


@pytest.mark.parametrize("text", NO_SUBJECTS)
def test_any_other_shape_is_no_subject(text: str) -> None:
    """A fault in the entity of a userset quotes the entity."""
    assert_refused(SubjectRef.parse, text, quoting=text if text.endswith("#") else text.partition("#")[0])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "doc:1",
        "doc:1#viewer",
        "doc:1@user:2",
        "doc:1#@user:2",
        "user:2@doc:1#viewer",
        "doc:1#viewer@user:2@user:3",
        "doc:1@1#viewer@user:2",
        "doc:1#viewer@user:ann@example.com",
    ],
)
def test_any_other_shape_is_no_tuple(text: str) -> None:
    assert_refused(RelationTuple.parse, text, quoting=text)


@pytest.mark.parametrize("part", [text for text in NO_ENTITIES if text])
def test_a_tuple_with_a_malformed_entity_quotes_the_entity(part: str) -> None:
    assert_refused(RelationTuple.parse, f"{part}#viewer@user:2", quoting=part)


@pytest.mark.parametrize("part", ["", "user", "user:", ":2", "user:2:3", "group:3#"])
def test_a_tuple_with_a_malformed_subject_quotes_the_subject(part: str) -> None:
    assert_refused(RelationTuple.parse, f"doc:1#viewer@{part}", quoting=part)


@pytest.mark.parametrize("parse", [EntityRef.parse, SubjectRef.parse, RelationTuple.parse])
@given(text=st.text(st.sampled_from("ab:#@. "), max_size=15))
def test_any_text_is_read_to_mean_what_it_says_or_refused(parse: Callable[[str], object], text: str) -> None:
    try:
        understood = str(parse(text))
    except InvalidRequest:
        return
    assert understood == text.removesuffix("#...")


def assert_refused(parse: Callable[[str], object], text: str, *, quoting: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse(text)
    assert repr(quoting) in str(refusal.value)
    assert refusal.value.code == ErrorCode.VALIDATION


@pytest.mark.parametrize("text", ["doc:1#a#b@user:1", "doc:1#a@user:1#b#c"])
def test_a_second_relation_sign_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        RelationTuple.parse(text)
