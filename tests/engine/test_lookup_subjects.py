"""What a lookup of subjects gives, and what it takes to find out."""

from __future__ import annotations

import pytest

import engine.subject_rules
from engine.lookup_subjects import lookup_subjects
from engine.plan import Plan
from model.attributes import Attribute
from model.check import NO_CONTEXT, Context
from model.errors import DepthExhausted, InvalidRequest, LimitExceeded, NotFound, RuleFailed
from model.lookup import SubjectsRequest
from model.snapshot import Snapshot
from model.tuples import EntityRef, RelationTuple
from schema.compiler import compile_schema
from tests.support.memory_reader import MemoryReader

SCHEMA = """
entity user {}

entity group {
  relation member @user @group#member
}

entity folder {
  relation parent @folder
  relation viewer @user @group#member
  permission view = viewer or parent.view
}

entity doc {
  relation parent @folder
  relation owner @user
  relation viewer @user @group#member
  relation blocked @user
  relation cleared @user
  attribute public boolean
  attribute size integer
  permission view = (owner or viewer or parent.view) not blocked
  permission sign = view and cleared
  permission read = view or public
  permission open_to_all = public not blocked
  permission cleared_if_public = public and cleared
  permission both = open_to_all and read
  permission shut = owner not (public not cleared)
  permission broken = failing(size)
  permission owned_and_broken = owner and failing(size)
  permission owned_or_broken = owner or failing(size)
  permission paradox = owner not paradox
  permission tame = owner not tame or cleared
}

rule failing(size integer) { context.data.absent == size }
"""

PLAN = Plan(compile_schema(SCHEMA))
PUBLIC = "doc:a$public|boolean:true"


def store(*rows: str, attributes: tuple[str, ...] = ()) -> MemoryReader:
    return MemoryReader(map(RelationTuple.parse, rows), map(Attribute.parse, attributes))


async def found(
    reader: MemoryReader,
    permission: str,
    *,
    entity: str = "doc:a",
    sort: str = "user",
    context: Context = NO_CONTEXT,
    beyond: str = "",
) -> str:
    """The ids, joined by blanks."""
    kind, _, relation = sort.partition("#")
    request = SubjectsRequest("t1", EntityRef.parse(entity), permission, kind, relation, beyond, context=context)
    return " ".join([one async for one in lookup_subjects(reader, PLAN, Snapshot.at_commit(1), request, about=100)])


class TestWhoIsFound:
    async def test_members_of_groups_within_groups_and_viewers_of_folders_above(self) -> None:
        reader = store(
            "doc:a#viewer@group:outer#member",
            "group:outer#member@group:inner#member",
            "group:inner#member@user:x",
            "group:outer#member@user:y",
            "doc:a#parent@folder:sub",
            "folder:sub#parent@folder:top",
            "folder:top#viewer@user:w",
            "doc:a#owner@user:v",
            "doc:b#owner@user:stranger",
        )
        assert await found(reader, "view") == "v w x y"
        assert await found(reader, "view", sort="group#member") == "inner outer"
        assert await found(reader, "view", sort="group") == ""

    async def test_nobody_who_is_excluded(self) -> None:
        reader = store("doc:a#owner@user:u", "doc:a#viewer@user:v", "doc:a#blocked@user:u")
        assert await found(reader, "view") == "v"

    async def test_an_intersection_keeps_who_is_on_both_sides(self) -> None:
        reader = store("doc:a#owner@user:u", "doc:a#viewer@user:v", "doc:a#cleared@user:v", "doc:a#cleared@user:w")
        assert await found(reader, "sign") == "v"

    async def test_everybody_is_everybody_who_occurs_in_tuples_or_in_the_context(self) -> None:
        reader = store("doc:b#owner@user:u", "doc:b#viewer@group:g#member", attributes=(PUBLIC,))
        assert await found(reader, "read") == "u"
        context = Context(tuples=(RelationTuple.parse("doc:c#owner@user:t"),))
        assert await found(reader, "read", context=context) == "t u"
        assert await found(reader, "read", sort="group#member") == "g"

    async def test_everybody_but_some_combines_with_every_operator(self) -> None:
        reader = store(
            "doc:a#blocked@user:b",
            "doc:a#cleared@user:c",
            "doc:a#owner@user:o",
            "doc:a#owner@user:b",
            attributes=(PUBLIC,),
        )
        assert await found(reader, "open_to_all") == "c o"
        assert await found(reader, "cleared_if_public") == "c"
        assert await found(reader, "both") == "c o"
        assert await found(reader, "read") == "b c o"
        assert await found(reader, "shut") == ""
        assert (
            await found(reader, "shut", context=Context(attributes=(Attribute.parse("doc:a$public|boolean:false"),)))
            == "b o"
        )

    async def test_groups_that_contain_each_other_share_their_members(self) -> None:
        reader = store(
            "doc:a#viewer@group:a#member",
            "group:a#member@group:b#member",
            "group:b#member@group:a#member",
            "group:b#member@user:u",
            "group:a#member@user:v",
        )
        assert await found(reader, "view") == "u v"

    async def test_a_userset_is_in_itself(self) -> None:
        assert await found(store(), "member", entity="group:g", sort="group#member") == "g"

    async def test_contextual_tuples_count(self) -> None:
        rows = (
            "doc:a#viewer@group:g#member",
            "group:g#member@user:u",
            "doc:a#viewer@folder:f#view",
            "folder:f#viewer@user:w",
        )
        context = Context(tuples=tuple(map(RelationTuple.parse, rows)))
        assert await found(store(), "view", context=context) == "u w"

    async def test_nobody_of_a_sort_the_rules_cannot_reach_and_nothing_is_read(self) -> None:
        reader = store("doc:a#owner@user:u")
        assert await found(reader, "view", sort="robot") == ""
        assert (reader.batches, reader.listings) == ([], [])

    async def test_a_list_goes_on_beyond_an_id(self) -> None:
        reader = store(*(f"doc:a#owner@user:{name}" for name in "abcd"))
        assert await found(reader, "view", beyond="b") == "c d"
        assert await found(reader, "view", beyond="d") == ""

    async def test_a_long_list_is_found_window_by_window_and_the_rules_are_read_once(self) -> None:
        names = [f"{number:04}" for number in range(3000)]
        reader = store(
            "doc:a#viewer@group:g#member",
            "doc:a#blocked@user:0007",
            *(f"group:g#member@user:{name}" for name in names),
        )
        assert (await found(reader, "view")).split() == [name for name in names if name != "0007"]
        assert len(reader.batches) == 2


class TestFailures:
    async def test_unknown_names_are_refused(self) -> None:
        with pytest.raises(NotFound, match="'nothing'"):
            await found(store(), "nothing")
        with pytest.raises(NotFound, match="'ghost'"):
            await found(store(), "view", entity="ghost:a")

    async def test_what_fails_for_somebody_who_occurs_fails_the_list(self) -> None:
        with pytest.raises(RuleFailed, match="absent"):
            await found(store("doc:b#owner@user:u"), "broken")
        with pytest.raises(RuleFailed, match="absent"):
            await found(store("doc:a#owner@user:u"), "owned_and_broken")

    async def test_a_failure_that_decides_for_nobody_is_none(self) -> None:
        assert await found(store(), "broken") == ""
        assert await found(store("doc:b#owner@user:u"), "owned_and_broken") == ""
        assert await found(store("doc:a#owner@user:u"), "owned_or_broken") == "u"

    async def test_who_depends_on_their_own_exclusion_fails_unless_something_else_decides(self) -> None:
        reader = store("doc:a#owner@user:u", "doc:a#cleared@user:u")
        with pytest.raises(DepthExhausted, match="own exclusion"):
            await found(reader, "paradox")
        assert await found(reader, "tame") == "u"

    async def test_an_attribute_of_another_kind_fails(self) -> None:
        context = Context(attributes=(Attribute.parse("doc:a$public|string:yes"),))
        with pytest.raises(InvalidRequest, match="found string"):
            await found(store("doc:b#owner@user:u"), "read", context=context)

    async def test_a_way_over_too_many_places_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engine.subject_rules, "MOST_PLACES", 10)
        reader = store(*(f"doc:a#viewer@group:{number}#member" for number in range(11)))
        with pytest.raises(LimitExceeded, match="more than 10"):
            await found(reader, "view")
