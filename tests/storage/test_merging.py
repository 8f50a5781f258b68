"""The merge of sorted arms: what it gives, and how little of the arms it reads."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from storage.base import Stretch
from storage.merging import Arm, Merge

_arms = st.lists(st.sets(st.text("abc", min_size=1, max_size=4), max_size=30), max_size=6)


def merged(arms: list[set[str]], beyond: str, about: int, most: int) -> tuple[Stretch, int]:
    """The stretch, and how many rows were read for it."""
    merge = Merge([Arm("all", str(number), beyond) for number in range(len(arms))], about, most=most)
    read = 0
    while merge.holding:
        rows = [
            (place, one)
            for place, arm in enumerate(merge.holding, 1)
            for one in sorted(one for one in arms[int(arm.key)] if one > arm.last)[: merge.portion]
        ]
        assert merge.portion <= most
        read += len(rows)
        merge.learn(merge.holding, [place for place, _ in rows], [one for _, one in rows])
        merge.end_round()
    return merge.stretch(), read


@given(arms=_arms, beyond=st.text("abc", max_size=2), about=st.integers(1, 9), most=st.integers(1, 9))
def test_stretches_join_up_to_the_union_of_the_arms(arms: list[set[str]], beyond: str, about: int, most: int) -> None:
    expected = sorted({one for arm in arms for one in arm if one > beyond})
    found: list[str] = []
    through: str | None = beyond
    while through is not None:
        stretch, _ = merged(arms, through, about, most)
        assert stretch.through is None or len(stretch.ids) == about
        found += stretch.ids
        through = stretch.through
    assert found == expected


def test_a_stretch_reads_little_more_than_its_length_of_one_long_arm_or_of_many() -> None:
    long = {f"{n:05}" for n in range(10_000)}
    assert merged([long], "", 100, 1000)[1] <= 101
    many = [{f"{n:05}" for n in range(start, 10_000, 100)} for start in range(100)]
    stretch, read = merged(many, "", 100, 1000)
    assert len(stretch.ids) == 100
    assert read <= 500
