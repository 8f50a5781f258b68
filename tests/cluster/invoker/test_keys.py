"""Keys are equal exactly where answers and owners are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.invoker.keys import cache_key, digest_of, routing_key, routing_key_of, tenant_of
from model.attributes import Attribute
from model.check import NO_CONTEXT, Context, Question
from model.tuples import EntityRef, RelationTuple, SubjectRef

NAMES = st.text(st.characters(exclude_characters="\0"), max_size=3)
QUESTIONS = st.builds(
    Question,
    st.builds(EntityRef, NAMES, NAMES),
    NAMES,
    st.builds(SubjectRef, NAMES, NAMES, NAMES),
    st.lists(NAMES, max_size=2).map(tuple),
)
ONE, TWO = RelationTuple.parse("doc:1#viewer@user:ann"), RelationTuple.parse("doc:2#viewer@user:ann")
YES, NO = Attribute.parse("doc:1$public|boolean:true"), Attribute.parse("doc:1$public|boolean:false")


@given(st.tuples(NAMES, NAMES, QUESTIONS), st.tuples(NAMES, NAMES, QUESTIONS))
def test_equal_keys_mean_equal_questions(one: tuple[str, str, Question], other: tuple[str, str, Question]) -> None:
    keys = [cache_key(tenant, version, "", question) for tenant, version, question in (one, other)]
    assert (keys[0] == keys[1]) == (one == other)


@given(NAMES, NAMES, QUESTIONS)
def test_owners_are_found_from_either_key(tenant: str, version: str, question: Question) -> None:
    key = cache_key(tenant, version, "a digest", question)
    assert routing_key_of(key) == routing_key(tenant, version, question)
    assert tenant_of(key) == tenant


def test_nothing_brought_along_has_no_digest() -> None:
    assert digest_of(NO_CONTEXT) == digest_of(Context()) == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Context((ONE, TWO)), Context((TWO, ONE))),
        (Context((ONE, ONE)), Context((ONE,))),
        (Context(attributes=(NO, YES)), Context(attributes=(YES,))),
        (Context(data={"a": 1.0, "b": [True]}), Context(data={"b": [True], "a": 1.0})),
    ],
)
def test_what_is_equal_to_a_walk_has_one_digest(one: Context, other: Context) -> None:
    assert digest_of(one) == digest_of(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Context((ONE,)), Context((TWO,))),
        (Context(attributes=(YES, NO)), Context(attributes=(NO, YES))),
        (Context(attributes=(YES,)), Context(attributes=(Attribute.parse("doc:1$public|string:true"),))),
        (
            Context(attributes=(Attribute.parse("doc:1$level|integer:1"),)),
            Context(attributes=(Attribute.parse("doc:1$level|double:1.0"),)),
        ),
        (Context(data={"a": 1.0}), Context(data={"a": True})),
        (Context(data={"a": "1"}), Context(data={"a": 1.0})),
        (Context(data={"a": None}), Context(data={})),
    ],
)
def test_what_differs_has_digests_that_differ(one: Context, other: Context) -> None:
    assert digest_of(one) != digest_of(other)
