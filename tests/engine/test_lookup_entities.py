"""What a lookup of entities gives, and what it takes to find out."""

from __future__ import annotations

from collections.abc import Mapping, Set
from contextlib import aclosing

import pytest

import engine.lookup_entities
from engine.lookup_entities import lookup_entities
from engine.plan import Plan
from model.attributes import Attribute
from model.check import NO_CONTEXT, Context
from model.errors import DepthExhausted, LimitExceeded, NotFound, RuleFailed
from model.lookup import EntitiesRequest
from model.snapshot import Snapshot
from model.tuples import RelationTuple, SubjectRef
from schema.compiler import compile_schema
from storage.base import HeldBy
from tests.support.memory_reader import MemoryReader

SCHEMA = """
entity user {}

entity group {
  relation member @user @group#member
}

entity folder {
  relation parent @folder
  relation viewer @user @group#member
  relation blocked @user
  permission view = viewer or parent.view
  permission open = (viewer or parent.open) not blocked
}

entity doc {
  relation parent @folder
  relation owner @user
  relation viewer @user @group#member
  relation blocked @user @group#member
  relation cleared @user
  attribute public boolean
  attribute size integer
  permission edit = owner
  permission view = (edit or viewer or parent.view) not blocked
  permission sign = view and cleared
  permission read = view or public
  permission small_ones = view and small(size)
  permission tiny_ones = tiny(size)
  permission odd_ones = odd(size)
  permission opened = parent.open
  permission twice = parent.view or parent.open
  permission up = down or owner
  permission down = up or viewer
}

rule small(size integer) { size < 10 }
rule tiny(size integer) { size > 0 && size < 3 }
rule odd(size integer) { context.data.absent == size }
"""

PLAN = Plan(compile_schema(SCHEMA))
NO_SCOPE: Mapping[str, Set[str]] = {}


def store(*rows: str, attributes: tuple[str, ...] = ()) -> MemoryReader:
    return MemoryReader(map(RelationTuple.parse, rows), map(Attribute.parse, attributes))


async def found(
    reader: MemoryReader,
    permission: str,
    *,
    kind: str = "doc",
    subject: str = "user:u",
    context: Context = NO_CONTEXT,
    scope: Mapping[str, Set[str]] = NO_SCOPE,
    beyond: str = "",
    depth: int = 100,
) -> str:
    """The ids, joined by blanks."""
    request = EntitiesRequest("t1", kind, permission, SubjectRef.parse(subject), depth, scope, beyond, context=context)
    return " ".join([one async for one in lookup_entities(reader, PLAN, Snapshot.at_commit(1), request, about=100)])


class TestWhatIsFound:
    async def test_what_groups_and_folders_lead_to_in_order_of_id(self) -> None:
        reader = store(
            "group:inner#member@user:u",
            "group:outer#member@group:inner#member",
            "folder:top#viewer@group:outer#member",
            "folder:sub#parent@folder:top",
            "doc:b#parent@folder:sub",
            "doc:c#parent@folder:top",
            "doc:a#viewer@group:inner#member",
            "doc:d#owner@user:u",
            "doc:e#owner@user:v",
        )
        assert await found(reader, "view") == "a b c d"
        assert await found(reader, "view", kind="folder") == "sub top"
        assert await found(reader, "member", kind="group") == "inner outer"

    async def test_what_is_excluded_is_left_out_without_a_check(self) -> None:
        reader = store(
            "doc:a#owner@user:u",
            "doc:b#owner@user:u",
            "doc:c#owner@user:u",
            "doc:b#blocked@user:u",
            "doc:c#blocked@group:g#member",
            "group:g#member@user:u",
        )
        assert await found(reader, "view") == "a"
        assert reader.batches == []

    async def test_a_level_of_nesting_takes_one_batch_of_lists_and_the_goal_another(self) -> None:
        reader = store(
            "group:inner#member@user:u",
            "group:outer#member@group:inner#member",
            "folder:top#viewer@group:outer#member",
            "folder:sub#parent@folder:top",
            *(f"doc:{n}#parent@folder:sub" for n in range(40)),
            "doc:7#blocked@user:u",
        )
        assert len((await found(reader, "view")).split()) == 39
        assert len(reader.listings) == 6  # groups, their groups, folders, their folders, none below; the documents
        assert reader.batches == []

    async def test_what_two_rules_lead_through_is_listed_once(self) -> None:
        reader = store("folder:top#viewer@user:u", "folder:sub#parent@folder:top", "doc:a#parent@folder:sub")
        assert await found(reader, "twice") == "a"
        below = [
            listing.subject_ids
            for listing in reader.listings[-1]
            if isinstance(listing, HeldBy) and (listing.entity_type, listing.relation) == ("doc", "parent")
        ]
        assert sorted(one for ids in below for one in ids) == ["sub", "top"]

    async def test_what_excludes_far_more_than_there_is_to_exclude_is_listed_as_far_as_needed(self) -> None:
        owned = [f"doc:{n:03}#owner@user:u" for n in range(80)]
        blocked = [f"doc:{n:03}-{k}#blocked@user:u" for n in range(80) for k in range(3)]
        reader = store(*owned, *blocked, "doc:079#blocked@user:u")
        assert len((await found(reader, "view")).split()) == 79
        assert reader.batches == []

    async def test_an_intersection_needs_both_sides(self) -> None:
        reader = store("doc:a#owner@user:u", "doc:b#owner@user:u", "doc:b#cleared@user:u", "doc:c#cleared@user:u")
        assert await found(reader, "sign") == "b"
        assert reader.batches == []

    async def test_an_attribute_that_is_true_opens_to_everybody_and_a_contextual_value_counts_first(self) -> None:
        reader = store(attributes=("doc:a$public|boolean:true", "doc:b$public|boolean:false"))
        assert await found(reader, "read", subject="user:anybody") == "a"
        swapped = Context(
            attributes=(Attribute.parse("doc:a$public|boolean:false"), Attribute.parse("doc:b$public|boolean:true"))
        )
        assert await found(reader, "read", context=swapped) == "b"

    async def test_a_rule_decides_among_those_the_other_side_leads_to(self) -> None:
        reader = store("doc:a#owner@user:u", "doc:b#owner@user:u", attributes=("doc:b$size|integer:99",))
        assert await found(reader, "small_ones") == "a"

    async def test_a_rule_that_zero_does_not_satisfy_leads_to_entities_with_its_attributes(self) -> None:
        reader = store("doc:c#owner@user:v", attributes=("doc:a$size|integer:1", "doc:b$size|integer:5"))
        assert await found(reader, "tiny_ones") == "a"

    async def test_a_rule_that_zero_satisfies_leads_to_every_entity_there_is(self) -> None:
        context = Context(data={"absent": 0.0})
        reader = store("doc:c#owner@user:v", attributes=("doc:a$size|integer:1",))
        assert await found(reader, "odd_ones", context=context) == "c"

    async def test_folders_that_exclude_on_the_way_lead_no_further(self) -> None:
        reader = store(
            "folder:top#viewer@user:u",
            "folder:shut#parent@folder:top",
            "folder:shut#blocked@user:u",
            "folder:below#parent@folder:shut",
            "doc:a#parent@folder:top",
            "doc:b#parent@folder:shut",
            "doc:c#parent@folder:below",
        )
        assert await found(reader, "opened") == "a"

    async def test_groups_that_contain_each_other_end(self) -> None:
        reader = store("group:a#member@group:b#member", "group:b#member@group:a#member", "group:b#member@user:u")
        assert await found(reader, "member", kind="group") == "a b"

    async def test_permissions_that_contain_each_other_end(self) -> None:
        assert await found(store("doc:a#owner@user:u", "doc:b#viewer@user:u"), "up") == "a b"

    async def test_a_userset_is_in_itself(self) -> None:
        reader = store("doc:a#viewer@group:g#member", "group:outer#member@group:g#member")
        assert await found(reader, "view", subject="group:g#member") == "a"
        assert await found(reader, "member", kind="group", subject="group:g#member") == "g outer"
        assert await found(reader, "edit", subject="doc:x#edit") == "x"

    async def test_contextual_tuples_count_also_where_the_schema_would_not_let_them_be_stored(self) -> None:
        reader = store("doc:a#parent@folder:f")
        fitting = Context(tuples=(RelationTuple.parse("folder:f#viewer@user:u"),))
        assert await found(reader, "view", context=fitting) == "a"
        rows = ("doc:b#viewer@folder:f#view", "folder:f#viewer@user:u")
        beyond_schema = Context(tuples=tuple(map(RelationTuple.parse, rows)))
        assert await found(reader, "view", context=beyond_schema) == "a b"

    async def test_what_the_schema_does_not_let_be_stored_counts_nowhere_whatever_the_context(self) -> None:
        reader = store("doc:a#owner@group:g#member", "doc:b#owner@robot:r")
        beyond_schema = Context(tuples=(RelationTuple.parse("doc:x#owner@group:x#member"),))
        assert await found(reader, "view", subject="group:g#member", context=beyond_schema) == ""
        assert await found(reader, "view", subject="robot:r", context=beyond_schema) == ""

    async def test_nobody_the_schema_knows_finds_nothing_without_reading(self) -> None:
        reader = store("doc:a#owner@user:u")
        assert await found(reader, "view", subject="robot:u") == ""
        assert reader.listings == []

    async def test_a_list_goes_on_beyond_an_id(self) -> None:
        reader = store(*(f"doc:{name}#owner@user:u" for name in "abcd"))
        assert await found(reader, "view", beyond="b") == "c d"
        assert await found(reader, "view", beyond="bb") == "c d"
        assert await found(reader, "view", beyond="d") == ""

    async def test_a_long_list_is_found_window_by_window(self) -> None:
        names = [f"{number:04}" for number in range(3000)]
        reader = store(*(f"doc:{name}#owner@user:u" for name in names), "doc:0007#blocked@user:u")
        assert (await found(reader, "view")).split() == [name for name in names if name != "0007"]

    async def test_who_leaves_early_is_spared_the_rest(self) -> None:
        reader = store(*(f"doc:{number:04}#owner@user:u" for number in range(3000)))
        request = EntitiesRequest("t1", "doc", "edit", SubjectRef("user", "u"), 100)
        async with aclosing(lookup_entities(reader, PLAN, Snapshot.at_commit(1), request, about=100)) as ids:
            assert await anext(ids) == "0000"
        assert len(reader.listings) == 1


class TestScope:
    ROWS = (
        "folder:f#viewer@user:u",
        "folder:g#viewer@user:u",
        "doc:a#parent@folder:f",
        "doc:b#parent@folder:g",
        "doc:c#owner@user:u",
        "doc:c#blocked@user:u",
    )

    async def test_only_the_ids_named_for_the_type_asked_for_are_found(self) -> None:
        assert await found(store(*self.ROWS), "view", scope={"doc": {"b", "c", "x"}}) == "b"
        assert await found(store(*self.ROWS), "view", scope={"doc": set()}) == ""

    async def test_only_the_ids_named_for_a_type_on_the_way_are_passed(self) -> None:
        assert await found(store(*self.ROWS), "view", scope={"folder": {"f"}}) == "a"
        assert await found(store(*self.ROWS), "view", kind="folder", scope={"folder": {"g"}}) == "g"
        assert await found(store(*self.ROWS), "view", scope={"folder": {"f", "g"}, "doc": {"b"}}) == "b"

    async def test_types_that_are_not_named_are_free(self) -> None:
        assert await found(store(*self.ROWS), "view", scope={"user": {"nobody"}}) == "a b"

    async def test_a_scope_never_hides_what_excludes(self) -> None:
        rows = ("doc:a#owner@user:u", "doc:a#blocked@group:g#member", "group:g#member@user:u")
        assert await found(store(*rows), "view", scope={"group": {"other"}}) == ""


class TestFailures:
    async def test_unknown_names_are_refused(self) -> None:
        with pytest.raises(NotFound, match="'nothing'"):
            await found(store(), "nothing")
        with pytest.raises(NotFound, match="'ghost'"):
            await found(store(), "view", kind="ghost")

    async def test_a_list_that_cannot_be_completed_fails_where_the_failure_stands(self) -> None:
        reader = store("doc:a#owner@user:u", attributes=("doc:b$size|integer:1",))
        with pytest.raises(RuleFailed, match="absent"):
            await found(reader, "odd_ones")

    async def test_a_check_that_runs_out_of_depth_is_no_denial(self) -> None:
        rows = [f"folder:{n}#parent@folder:{n + 1}" for n in range(20)]
        reader = store("doc:a#parent@folder:0", "folder:20#viewer@user:u", *rows)
        assert await found(reader, "opened") == "a"
        with pytest.raises(DepthExhausted):
            await found(reader, "opened", depth=3)

    async def test_a_way_over_too_many_entities_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engine.lookup_entities, "MOST_IDS", 10)
        reader = store(*(f"folder:{n}#viewer@user:u" for n in range(11)))
        with pytest.raises(LimitExceeded, match="more than 10"):
            await found(reader, "view")
