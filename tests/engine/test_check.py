"""What a check answers, and what it takes to find out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

import engine.walk
from engine.check import check
from engine.plan import Plan
from model.attributes import Attribute
from model.check import CheckAnswer, CheckRequest, Context, Question, Verdict
from model.errors import DepthExhausted, InvalidRequest, LimitExceeded, NotFound, RuleFailed, Unavailable
from model.snapshot import Snapshot
from model.tuples import EntityRef, RelationTuple, SubjectRef
from schema.compiler import compile_schema
from storage.base import EntityRead, Facts
from tests.support.memory_reader import MemoryReader

ALLOWED, DENIED = Verdict.ALLOWED, Verdict.DENIED

SCHEMA = """
entity user {}

entity group {
  relation member @user @group#member
  relation manager @user
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
  relation blocked @user @group#member
  attribute public boolean
  attribute size integer
  attribute word string
  permission view = (owner or viewer or parent.view or public) not blocked
  permission strict = owner and viewer and parent.view
  permission first = broken(size) or failing(size)
  permission guarded = owner and broken(size)
  permission broken_or_owned = broken(size) or owner
  permission loop = loop or owner
  permission paradox = owner not paradox
  permission tame_paradox = owner not tame_paradox or viewer
}

rule broken(size integer) {
  context.data.absent == size
}
rule failing(size integer) {
  1 / size > 0
}
"""


HIERARCHY = """
entity user {}
entity group { relation member @user @group#member }
entity folder {
  relation parent @folder
  relation owner @user
  relation editor @user @group#member
  relation viewer @user
  permission edit = owner or editor or parent.edit
  permission view = viewer or edit or parent.view
}
"""


class TestVerdicts:
    async def test_a_relation_holds_who_is_stored_under_it(self) -> None:
        assert await _verdict("doc:a#owner@user:u", "doc:a#owner@user:u") is ALLOWED
        assert await _verdict("doc:a#owner@user:v", "doc:a#owner@user:u") is DENIED

    async def test_usersets_are_followed_through_groups_in_groups(self) -> None:
        rows = ["doc:a#viewer@group:x#member", "group:x#member@group:y#member", "group:y#member@user:u"]
        assert await _verdict("doc:a#view@user:u", *rows) is ALLOWED
        assert await _verdict("doc:a#view@group:y#member", *rows) is ALLOWED
        assert await _verdict("doc:a#view@group:y#manager", *rows) is DENIED

    async def test_an_arrow_asks_what_the_relation_points_at_whatever_relation_the_tuple_gives(self) -> None:
        schema = """
            entity user {}
            entity group { relation member @user relation lead @user permission act = lead }
            entity task { relation team @group @group#member permission act = team.act }
        """
        rows = ["task:t#team@group:g#member", "group:g#lead@user:u"]
        assert await _verdict("task:t#act@user:u", *rows, schema=schema) is ALLOWED

    async def test_exclusion_takes_away_whoever_is_below_it(self) -> None:
        rows = ["doc:a#viewer@user:u", "doc:a#blocked@group:x#member", "group:x#member@user:u"]
        assert await _verdict("doc:a#view@user:u", *rows) is DENIED

    async def test_tuples_the_schema_no_longer_admits_never_match(self) -> None:
        rows = ["doc:a#owner@group:x#member", "group:x#member@user:u", "folder:f#viewer@folder:g"]
        assert await _verdict("doc:a#owner@user:u", *rows) is DENIED
        assert await _verdict("folder:f#viewer@folder:g", *rows) is DENIED

    async def test_what_the_schema_does_not_let_be_stored_counts_nowhere_whatever_the_context(self) -> None:
        """It may be there from an older schema."""
        beyond_schema = Context(tuples=_rows("doc:x#owner@group:x#member"))
        for question in ("doc:a#owner@group:g#member", "doc:a#view@group:g#member", "doc:a#view@robot:r"):
            rows = ("doc:a#owner@group:g#member", "doc:a#owner@robot:r")
            assert await _verdict(question, *rows, context=beyond_schema) is DENIED
            assert await _verdict(question, *rows) is DENIED

    async def test_contextual_tuples_match_whether_the_schema_admits_them_or_not(self) -> None:
        context = Context(tuples=_rows("doc:a#owner@group:x#member", "group:x#member@robot:r"))
        assert await _verdict("doc:a#view@robot:r", context=context) is ALLOWED

    async def test_an_entity_without_the_member_an_arrow_names_contributes_nothing(self) -> None:
        schema = """
            entity user {}
            entity org { relation admin @user permission view = admin }
            entity team { relation view @user }
            entity doc { relation parent @org @team permission view = parent.view }
        """
        rows = ["doc:a#parent@org:o", "org:o#admin@user:u"]
        ghost = Context(tuples=_rows("doc:a#parent@ghost:g"))
        assert await _verdict("doc:a#view@user:u", *rows, schema=schema, context=ghost) is ALLOWED
        assert await _verdict("doc:a#view@user:v", *rows, schema=schema, context=ghost) is DENIED

    async def test_a_permission_that_refers_to_itself_adds_nothing_by_it(self) -> None:
        assert await _verdict("doc:a#loop@user:u", "doc:a#owner@user:u") is ALLOWED
        assert await _verdict("doc:a#loop@user:v", "doc:a#owner@user:u") is DENIED

    async def test_ten_thousand_levels_are_walked_and_not_recursed_into(self) -> None:
        rows = [f"folder:f{n}#parent@folder:f{n + 1}" for n in range(10_000)]
        assert await _verdict("folder:f0#view@user:u", *rows, "folder:f10000#viewer@user:u") is ALLOWED
        assert await _verdict("folder:f0#view@user:u", *rows, "folder:f10000#parent@folder:f0") is DENIED

    async def test_usersets_of_a_contained_permission_are_followed(self) -> None:
        rows = ["folder:f#parent@folder:g", "folder:g#editor@group:x#member", "group:x#member@user:u"]
        assert await _verdict("folder:f#view@user:u", *rows, schema=HIERARCHY) is ALLOWED
        assert await _verdict("folder:f#view@user:v", *rows, schema=HIERARCHY) is DENIED

    async def test_a_part_decided_while_it_is_built_takes_nothing_from_others(self) -> None:
        schema = """
            entity user {}
            entity doc {
              relation parent @doc
              relation owner @user
              permission view = owner or (owner and parent.owner)
            }
        """
        unrelated = Context(tuples=_rows("doc:z#owner@user:z"))
        assert await _verdict("doc:a#view@user:u", schema=schema, context=unrelated) is DENIED
        assert await _verdict("doc:a#view@user:u", "doc:a#owner@user:u", schema=schema, context=unrelated) is ALLOWED

    async def test_what_was_given_up_is_taken_up_when_it_is_wanted_again(self) -> None:
        schema = """
            entity user {}
            entity doc {
              relation parent @doc
              relation owner @user
              relation nobody @user
              permission late = owner
              permission again = parent.late
              permission view = (late and nobody) or parent.again
            }
        """
        rows = ["doc:a#parent@doc:b", "doc:b#parent@doc:a", "doc:a#owner@user:u"]
        assert await _verdict("doc:a#view@user:u", *rows, schema=schema) is ALLOWED

    async def test_a_permission_as_nested_as_the_schema_language_lets_it_be_is_walked(self) -> None:
        chain = "owner"
        for level in range(240):
            chain = f"({chain} {'and' if level % 2 else 'or'} owner)"
        schema = f"entity user {{}} entity doc {{ relation owner @user permission deep = {chain} }}"
        assert await _verdict("doc:a#deep@user:u", "doc:a#owner@user:u", schema=schema) is ALLOWED
        assert await _verdict("doc:a#deep@user:v", "doc:a#owner@user:u", schema=schema) is DENIED


class TestFailures:
    async def test_a_branch_that_decides_beats_one_that_fails(self) -> None:
        assert await _verdict("doc:a#broken_or_owned@user:u", "doc:a#owner@user:u") is ALLOWED
        assert await _verdict("doc:a#guarded@user:u") is DENIED

    async def test_a_failure_that_matters_is_the_answer(self) -> None:
        for question in ("doc:a#guarded@user:u", "doc:a#broken_or_owned@user:v"):
            with pytest.raises(RuleFailed):
                await _verdict(question, "doc:a#owner@user:u")

    async def test_among_failures_the_first_in_schema_order_speaks(self) -> None:
        with pytest.raises(RuleFailed, match="absent"):
            await _verdict("doc:a#first@user:u")

    async def test_what_depends_on_its_own_exclusion_fails_unless_something_else_decides(self) -> None:
        owned = "doc:a#owner@user:u"
        with pytest.raises(DepthExhausted, match="own exclusion"):
            await _verdict("doc:a#paradox@user:u", owned)
        assert await _verdict("doc:a#paradox@user:v", owned) is DENIED
        assert await _verdict("doc:a#tame_paradox@user:u", owned, "doc:a#viewer@user:u") is ALLOWED

    async def test_a_boolean_attribute_of_another_kind_fails_and_names_the_kind(self) -> None:
        context = Context(attributes=(Attribute.parse("doc:a$public|string:yes"),))
        with pytest.raises(InvalidRequest, match=r"boolean in doc:a#public, found string"):
            await _verdict("doc:a#view@user:u", context=context)

    async def test_a_rule_argument_of_another_kind_fails_and_names_both(self) -> None:
        context = Context(attributes=(Attribute.parse("doc:a$size|string:big"),))
        with pytest.raises(InvalidRequest, match=r"expected integer for 'size'.*found string"):
            await _verdict("doc:a#first@user:u", context=context)

    @pytest.mark.parametrize("depth", range(6))
    async def test_depth_counts_levels_as_the_contract_does(self, depth: int) -> None:
        rows = ["folder:f0#parent@folder:f1", "folder:f1#parent@folder:f2", "folder:f2#viewer@group:x#member"]
        asked = _answer("folder:f0#view@user:u", *rows, "group:x#member@user:u", depth=depth)
        if depth < 4:  # f0.view 0, f1.view 1, f2.view 2, f2.viewer 3, x.member 4
            with pytest.raises(DepthExhausted, match=f"depth {depth} is not enough"):
                (await asked).verdict()
        else:
            assert (await asked).verdict() is ALLOWED

    async def test_the_shorter_of_two_ways_to_the_same_counts(self) -> None:
        schema = """
            entity user {}
            entity folder {
              relation owner @user
              permission edit = owner
              permission middle = edit
              permission view = middle
            }
            entity doc {
              relation parent @folder
              permission edit = parent.edit
              permission view = edit or parent.view
            }
        """
        rows = ["doc:a#parent@folder:f", "folder:f#owner@user:u"]
        answer = await _answer("doc:a#view@user:u", *rows, schema=schema, depth=3)
        assert answer.verdict() is ALLOWED

    @pytest.mark.parametrize(
        ("question", "named"),
        [("ghost:a#view@user:u", "ghost"), ("doc:a#fly@user:u", "fly"), ("broken:a#x@user:u", "rule")],
    )
    async def test_an_unknown_name_is_not_found_and_quoted(self, question: str, named: str) -> None:
        with pytest.raises(NotFound, match=named):
            await _verdict(question)

    async def test_a_reader_that_breaks_breaks_the_whole_request(self) -> None:
        with pytest.raises(Unavailable):
            await _ask(_BrokenReader(), "doc:a#view@user:u")

    async def test_a_walk_over_too_many_nodes_is_stopped(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engine.walk, "MOST_NODES", 50)
        with pytest.raises(LimitExceeded, match="50"):
            await _verdict("group:g0#member@user:u", *(f"group:g{n}#member@group:g{n + 1}#member" for n in range(60)))


class TestWork:
    async def test_the_direct_subjects_of_a_relation_are_never_listed(self) -> None:
        reader = MemoryReader(_rows(*(f"group:g#member@user:u{n}" for n in range(50)), "doc:a#viewer@group:g#member"))
        await _ask(reader, "doc:a#view@user:u7")
        wanted = {name for batch in reader.batches for read in batch for name in read.wanted.subjects}
        assert wanted == {"parent"}

    async def test_each_entity_is_read_once_and_each_level_in_one_batch(self) -> None:
        rows = [f"folder:f{n}#parent@folder:f{n + 1}" for n in range(8)]
        reader = MemoryReader(_rows("doc:a#parent@folder:f0", "doc:a#parent@folder:f5", *rows))
        await _ask(reader, "doc:a#view@user:u")
        read = [entity_read.entity_id for batch in reader.batches for entity_read in batch]
        assert sorted(read) == ["a", *(f"f{n}" for n in range(9))]
        assert len(reader.batches) == 6

    async def test_a_permission_contained_in_another_is_not_walked_beside_it(self) -> None:
        rows = [f"folder:f{n}#parent@folder:f{n + 1}" for n in range(8)]
        answer = await _answer("folder:f0#view@user:u", *rows, schema=HIERARCHY)
        assert answer.verdict() is DENIED
        assert answer.check_count == 9 * 4  # on each folder: view, and the three relations

    async def test_an_answer_found_ends_the_walk(self) -> None:
        rows = [f"folder:f{n}#parent@folder:f{n + 1}" for n in range(8)]
        reader = MemoryReader(_rows("folder:f1#viewer@user:u", *rows))
        assert (await _ask(reader, "folder:f0#view@user:u")).verdict() is ALLOWED
        assert len(reader.batches) == 2

    async def test_a_branch_that_no_longer_matters_is_given_up(self) -> None:
        rows = [f"folder:f{n}#parent@folder:f{n + 1}" for n in range(8)]
        reader = MemoryReader(_rows("doc:a#parent@folder:f0", *rows))
        assert (await _ask(reader, "doc:a#strict@user:u")).verdict() is DENIED
        assert len(reader.batches) == 1

    async def test_what_waited_only_for_a_decided_part_is_given_up(self) -> None:
        schema = """
            entity user {}
            entity group { relation member @user }
            entity folder { relation parent @folder relation viewer @user permission view = viewer or parent.view }
            entity doc {
              relation long @folder
              relation short @folder
              relation team @group#member
              permission view = (long.view and team) or short.view
            }
        """
        chains = [f"folder:{kind}{n}#parent@folder:{kind}{n + 1}" for kind in ("l", "s") for n in range(20)]
        rows = ["doc:a#long@folder:l0", "doc:a#short@folder:s0", "doc:a#team@group:g#member", *chains]
        reader = MemoryReader(_rows(*rows))
        assert (await _ask(reader, "doc:a#view@user:u", schema=schema)).verdict() is DENIED
        read = {entity_read.entity_id for batch in reader.batches for entity_read in batch}
        assert {f"s{n}" for n in range(20)} <= read
        assert "l5" not in read

    async def test_a_subject_the_permission_cannot_reach_costs_no_read(self) -> None:
        reader = MemoryReader()
        assert (await _ask(reader, "folder:f#view@doc:a")).verdict() is DENIED
        assert not reader.batches

    async def test_questions_asked_together_share_what_they_have_in_common(self) -> None:
        rows = [f"doc:d{n}#parent@folder:f" for n in range(50)]
        reader = MemoryReader(_rows(*rows, "folder:f#viewer@user:u"))
        answers = await _ask_all(reader, [f"doc:d{n}#view@user:u" for n in range(50)])
        assert {answer.outcome for answer in answers} == {ALLOWED}
        assert sum(len(batch) for batch in reader.batches) == 51

    async def test_wide_frontiers_are_read_in_bounded_batches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engine.walk, "NODES_PER_BATCH", 10)
        monkeypatch.setattr(engine.walk, "MOST_NODES_PER_READ", 30)
        rows = [f"doc:a#viewer@group:g{n:03}#member" for n in range(200)]
        reader = MemoryReader(_rows(*rows, "group:g055#member@user:u"))
        assert (await _ask(reader, "doc:a#viewer@user:u")).verdict() is ALLOWED
        assert [len(batch) for batch in reader.batches] == [1, 10, 20, 30]

    async def test_a_batch_is_built_in_turns_and_only_as_far_as_needed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engine.walk, "NODES_PER_BATCH", 10)
        rows = [f"doc:a#viewer@group:g{n:03}#member" for n in range(200)]
        deeper = [f"group:g{n:03}#member@group:h{n:03}#member" for n in range(200)]
        reader = MemoryReader(_rows(*rows, *deeper, "group:g055#member@user:u"))
        answer = asyncio.ensure_future(_ask(reader, "doc:a#viewer@user:u"))
        turns = 0
        while not answer.done():
            await asyncio.sleep(0)
            turns += 1
        assert [len(batch) for batch in reader.batches] == [1, 10, 20, 40]
        assert turns >= 6
        assert (await answer).check_count == 1 + 200 + 55  # nothing that g056 and later groups hold was looked at

    async def test_a_long_walk_leaves_the_event_loop_to_others_and_can_be_cancelled(self) -> None:
        rows = [f"folder:f{n}#parent@folder:f{n + 1}" for n in range(5_000)]
        walk = asyncio.ensure_future(_answer("folder:f0#view@user:u", *rows))
        turns = 0
        while not walk.done():
            await asyncio.sleep(0)
            turns += 1
        assert turns > 40
        walk = asyncio.ensure_future(_answer("folder:f0#view@user:u", *rows))
        for _ in range(5):
            await asyncio.sleep(0)
        walk.cancel()
        with pytest.raises(asyncio.CancelledError):
            await walk

    async def test_cancelling_at_any_read_ends_the_walk(self) -> None:
        rows = [f"folder:f{n}#parent@folder:f{n + 1}" for n in range(5)]
        for reads_answered in range(5):
            reader = _StallingReader(MemoryReader(_rows(*rows)), reads_answered)
            task = asyncio.ensure_future(_ask(reader, "folder:f0#view@user:u"))
            await reader.stalled.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task


class _BrokenReader(MemoryReader):
    async def read(self, *_: object) -> Sequence[Facts]:
        raise Unavailable("the database is away")


class _StallingReader(MemoryReader):
    """Answers some batches, then keeps the caller waiting."""

    def __init__(self, reader: MemoryReader, reads_answered: int) -> None:
        super().__init__()
        self.stalled = asyncio.Event()
        self._reader = reader
        self._left = reads_answered

    async def read(self, tenant: str, snapshot: Snapshot, reads: Sequence[EntityRead]) -> Sequence[Facts]:
        if self._left == 0:
            self.stalled.set()
            await asyncio.Event().wait()
        self._left -= 1
        return await self._reader.read(tenant, snapshot, reads)


async def _verdict(question: str, *rows: str, schema: str = SCHEMA, context: Context | None = None) -> Verdict:
    return (await _answer(question, *rows, schema=schema, context=context)).verdict()


async def _answer(
    question: str, *rows: str, schema: str = SCHEMA, context: Context | None = None, depth: int = 100_000
) -> CheckAnswer:
    return await _ask(MemoryReader(_rows(*rows)), question, schema=schema, context=context, depth=depth)


async def _ask(
    reader: MemoryReader,
    question: str,
    *,
    schema: str = SCHEMA,
    context: Context | None = None,
    depth: int = 100_000,
) -> CheckAnswer:
    (answer,) = await _ask_all(reader, [question], schema=schema, context=context, depth=depth)
    return answer


async def _ask_all(
    reader: MemoryReader,
    questions: Sequence[str],
    *,
    schema: str = SCHEMA,
    context: Context | None = None,
    depth: int = 100_000,
) -> tuple[CheckAnswer, ...]:
    request = CheckRequest("t1", tuple(map(_question, questions)), depth, context=context or Context())
    return await check(reader, Plan(compile_schema(schema)), Snapshot.at_commit(1), request)


def _rows(*texts: str) -> tuple[RelationTuple, ...]:
    return tuple(RelationTuple.parse(text) for text in texts)


def _question(text: str) -> Question:
    left, _, subject = text.partition("@")
    entity, _, permission = left.partition("#")
    return Question(EntityRef.parse(entity), permission, SubjectRef.parse(subject))
