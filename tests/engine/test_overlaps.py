"""Listings that overlap, in parts."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from engine.overlaps import parts_of
from storage.base import HeldBy, Listing, WithAttribute

_listings = st.lists(
    st.builds(
        HeldBy,
        entity_type=st.just("doc"),
        relation=st.sampled_from(["parent", "viewer"]),
        subject_type=st.just("folder"),
        subject_relation=st.sampled_from(["", "member"]),
        subject_ids=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6, unique=True),
    )
    | st.builds(WithAttribute, entity_type=st.just("doc"), name=st.sampled_from(["public", "size"])),
    max_size=6,
)


def subjects_of(listing: Listing) -> Counter[tuple[str, ...]]:
    """What a listing looks at."""
    match listing:
        case HeldBy(entity_type, relation, subject_type, subject_relation, subject_ids):
            return Counter((entity_type, relation, subject_type, subject_relation, one) for one in subject_ids)
        case _:
            return Counter()


@given(_listings)
def test_each_listing_is_the_union_of_its_parts_and_no_subject_is_in_two(listings: list[Listing]) -> None:
    parts = parts_of(listings)
    assert len(parts.numbers) == len(listings)
    for listing, numbers in zip(listings, parts.numbers, strict=True):
        own = [parts.listings[number] for number in numbers]
        assert sum(map(subjects_of, own), Counter()) == subjects_of(listing)
        if not isinstance(listing, HeldBy):
            assert own == [listing]
    looked_at = sum(map(subjects_of, parts.listings), Counter())
    assert all(times == 1 for times in looked_at.values())


def test_what_two_have_in_common_is_a_part_of_its_own() -> None:
    viewed = HeldBy("doc", "parent", "folder", "", ["a", "b", "c"])
    edited = HeldBy("doc", "parent", "folder", "", ["b"])
    held = HeldBy("doc", "owner", "user", "", ["b"])
    parts = parts_of([viewed, held, edited])
    ids = [list(part.subject_ids) for part in parts.listings if isinstance(part, HeldBy)]
    assert sorted(ids) == [["a", "c"], ["b"], ["b"]]
    assert [sorted(ids[number] for number in numbers) for numbers in parts.numbers] == [
        [["a", "c"], ["b"]],
        [["b"]],
        [["b"]],
    ]
