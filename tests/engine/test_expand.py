"""Expand: the shapes of the tree, and that the tree says what Check says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given, settings

import engine.expand
from engine.expand import expand
from engine.outcomes import ALLOWED, DENIED, FAILED, Outcome
from model.attributes import Attribute, AttributeKind, AttributeValue
from model.check import Context, Question
from model.errors import LimitExceeded, NotFound, RuleFailed
from model.expand import Branch, Combination, ExpandRequest, Expansion, Subjects, Value, Values
from model.snapshot import Snapshot
from model.tuples import EntityRef, RelationTuple, SubjectRef
from schema.compiled import CompiledSchema
from schema.compiler import compile_schema
from tests.support.cases import Case, cases
from tests.support.memory_reader import MemoryReader
from tests.support.naive import NaiveEvaluator

SCHEMA = compile_schema("""
entity user {}
entity group { relation member @user @group#member }
entity folder { relation viewer @user permission view = viewer }
entity doc {
  relation parent @folder
  relation owner @user @group#member
  attribute open boolean
  attribute size integer
  permission view = (owner or parent.view) not open
  permission alias = owner
  permission guarded = owner and small(size)
  permission loop = loop or owner
}
rule small(size integer) {
  size < 10
}
""")


async def test_a_relation_lists_direct_subjects_stored_then_contextual() -> None:
    tree = await _tree(
        "folder:f", "viewer", "folder:f#viewer@user:b", "folder:f#viewer@user:a", context="folder:f#viewer@user:c"
    )
    assert tree == Expansion(EntityRef("folder", "f"), "viewer", Subjects(_subjects("user:a", "user:b", "user:c")))


async def test_usersets_are_trees_before_a_leaf_that_names_them_last() -> None:
    tree = await _tree("doc:d", "owner", "doc:d#owner@group:g#member", "doc:d#owner@user:u", "group:g#member@user:v")
    members = Expansion(EntityRef("group", "g"), "member", Subjects(_subjects("user:v")))
    leaf = Expansion(EntityRef("doc", "d"), "owner", Subjects(_subjects("user:u", "group:g#member")))
    assert tree == Expansion(EntityRef("doc", "d"), "owner", Branch(Combination.UNION, (members, leaf)))


async def test_operators_nest_to_the_left_under_the_permissions_name() -> None:
    tree = await _tree("doc:d", "view", "doc:d#parent@folder:f")
    assert isinstance(tree.node, Branch)
    union, excluded = tree.node.children
    assert (tree.permission, union.permission, tree.node.combination) == ("view", "view", Combination.EXCLUSION)
    assert excluded.node == Value(AttributeValue(AttributeKind.BOOLEAN, False))
    assert isinstance(union.node, Branch)
    owner, arrow = union.node.children
    assert (owner.permission, arrow.permission) == ("owner", "parent")
    assert isinstance(arrow.node, Branch)
    (end,) = arrow.node.children
    assert (end.entity, end.permission) == (EntityRef("folder", "f"), "viewer")


async def test_an_arrow_without_tuples_is_a_union_of_nothing() -> None:
    tree = await _tree("doc:d", "view")
    assert isinstance(tree.node, Branch)
    assert isinstance(tree.node.children[0].node, Branch)
    assert tree.node.children[0].node.children[1].node == Branch(Combination.UNION, [])


async def test_a_reference_gives_the_tree_of_what_it_names() -> None:
    assert (await _tree("doc:d", "alias")).permission == "owner"


async def test_a_rule_call_lists_its_values_zero_where_nothing_is_stored() -> None:
    tree = await _tree("doc:d", "guarded")
    assert isinstance(tree.node, Branch)
    call = tree.node.children[1]
    assert (call.permission, tuple(call.arguments)) == ("small", ("size",))
    assert call.node == Values({"size": AttributeValue(AttributeKind.INTEGER, 0)})


async def test_cycles_in_data_and_schema_end_in_empty_leaves() -> None:
    tree = await _tree("group:g", "member", "group:g#member@group:h#member", "group:h#member@group:g#member")
    assert isinstance(tree.node, Branch)
    assert isinstance(tree.node.children[0].node, Branch)
    assert tree.node.children[0].node.children[0].node == Subjects(())
    loop = await _tree("doc:d", "loop", "doc:d#owner@user:u")
    assert isinstance(loop.node, Branch)
    assert loop.node.children[0].node == Subjects(())


@pytest.mark.parametrize("place", [("ghost:g", "view"), ("doc:d", "fly"), ("small:s", "view")])
async def test_unknown_names_are_not_found(place: tuple[str, str]) -> None:
    with pytest.raises(NotFound):
        await _tree(*place)


async def test_a_rules_name_gives_an_empty_leaf() -> None:
    assert (await _tree("doc:d", "small")).node == Values({})


async def test_a_tree_deeper_or_larger_than_a_message_can_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = [f"group:g{n}#member@group:g{n + 1}#member" for n in range(60)]
    with pytest.raises(LimitExceeded, match="40 levels"):
        await _tree("group:g0", "member", *chain)
    monkeypatch.setattr(engine.expand, "MOST_NODES", 20)
    with pytest.raises(LimitExceeded, match="20 nodes"):
        await _tree("group:g", "member", *(f"group:g#member@group:h{n}#member" for n in range(30)))


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@settings(max_examples=200, deadline=None)
@given(case=cases())
def test_the_tree_says_what_check_says(runner: asyncio.Runner, case: Case) -> None:
    schema = compile_schema(case.schema)
    naive = NaiveEvaluator(schema, case.tuples, case.attributes, case.context)
    for question in case.questions:
        if question.subject.relation or (outcome := naive.outcome(question)) == FAILED:
            continue
        request = ExpandRequest("t1", question.entity, question.permission, context=case.context)
        reader = MemoryReader(case.tuples, case.attributes)
        try:
            tree = runner.run(expand(reader, schema, Snapshot.at_commit(1), request))
        except LimitExceeded:
            continue
        assert _fold(tree, question, schema, case) == outcome


def _fold(tree: Expansion, question: Question, schema: CompiledSchema, case: Case) -> Outcome:
    match tree.node:
        case Branch(combination, children):
            outcomes = [_fold(child, question, schema, case) for child in children]
            if combination is Combination.EXCLUSION:
                return min(outcomes[0], ALLOWED - outcomes[1])
            return max(outcomes, default=DENIED) if combination is Combination.UNION else min(outcomes)
        case Subjects(subjects):
            return ALLOWED if question.subject in subjects else DENIED
        case Value(value):
            return ALLOWED if value.value is True else DENIED
        case Values(values):
            try:
                arguments = {name: value.value for name, value in values.items()}
                return ALLOWED if schema.rules[tree.permission].evaluate(arguments, case.context.data) else DENIED
            except RuleFailed:
                return FAILED


async def _tree(entity: str, permission: str, *rows: str, context: str = "") -> Expansion:
    added = Context(tuples=(RelationTuple.parse(context),)) if context else Context()
    request = ExpandRequest("t1", EntityRef.parse(entity), permission, context=added)
    reader = MemoryReader([RelationTuple.parse(row) for row in rows], list[Attribute]())
    return await expand(reader, SCHEMA, Snapshot.at_commit(1), request)


def _subjects(*texts: str) -> tuple[SubjectRef, ...]:
    return tuple(SubjectRef.parse(text) for text in texts)
