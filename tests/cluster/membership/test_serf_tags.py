"""A member in the tags of an agent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.member import Member
from cluster.membership.serf_tags import CLUSTER, OUR_TAGS, member_of, tags_of

MEMBERS = st.builds(
    Member,
    address=st.builds(
        "{}:{}".format, st.sampled_from(["10.0.0.1", "node-1.example", "[fd00::1]"]), st.integers(1, 65535)
    ),
    zone=st.text(),
    weight=st.integers(1, 1000),
    release=st.text(),
)


@given(MEMBERS)
def test_a_member_is_read_as_it_was_written(member: Member) -> None:
    assert member_of(tags_of(member, "c")) == member


@given(MEMBERS)
def test_all_that_is_written_is_known_to_be_ours(member: Member) -> None:
    assert set(tags_of(member, "c")) == set(OUR_TAGS)


def test_tags_name_the_cluster() -> None:
    assert tags_of(Member("a:1"), "staging")[CLUSTER] == "staging"


@given(MEMBERS, st.dictionaries(st.sampled_from(["role", "ringward_later", "rack"]), st.text()))
def test_tags_of_others_and_of_later_releases_do_not_matter(member: Member, others: dict[str, str]) -> None:
    assert member_of({**others, **tags_of(member, "c")}) == member


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ringward_address", None),
        ("ringward_address", "nowhere"),
        ("ringward_address", "host:0"),
        ("ringward_weight", "0"),
        ("ringward_weight", "heavy"),
        ("ringward_weight", None),
    ],
)
def test_what_tells_of_no_member_is_refused_with_the_reason(name: str, text: str | None) -> None:
    tags = dict(tags_of(Member("host:5000"), "c"))
    tags.pop(name)
    if text is not None:
        tags[name] = text

    with pytest.raises(ValueError, match=name.removeprefix("ringward_")):
        member_of(tags)
