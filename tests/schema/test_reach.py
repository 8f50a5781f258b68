"""Reach: who can possibly be allowed, held against a plain fixed point."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given

from schema import reach
from schema.compiled import Arrow, CompiledSchema, ComputedUserset, Operation, Reach, Rewrite, Target
from schema.compiler import compile_schema
from tests.schema.generated import schemas
from tests.schema.test_compiler import SAMPLE


def test_the_sample_reaches_what_it_declares() -> None:
    found = compile_schema(SAMPLE).reach
    lead, member, owner = Target("team", "lead"), Target("team", "member"), Target("file", "owner")
    assert found["team", "lead"] == Reach(frozenset({lead, Target("user")}), anyone=False)
    assert found["team", "member"] == Reach(frozenset({member, lead, Target("user")}), anyone=False)
    assert found["file", "team"] == Reach(frozenset({Target("file", "team"), Target("team")}), anyone=False)
    read = {Target("file", "read"), owner, member, lead, Target("user")}
    assert found["file", "read"] == Reach(frozenset(read), anyone=True)
    assert found["file", "purge"].anyone


def test_members_on_a_cycle_reach_the_same() -> None:
    found = compile_schema(
        "entity u {} entity g { relation a @g#b relation b @g#c relation c @g#a @u permission p = a not c }"
    ).reach
    everything = {Target("u"), Target("g", "a"), Target("g", "b"), Target("g", "c")}
    assert found["g", "a"].targets == found["g", "b"].targets == found["g", "c"].targets == everything
    assert found["g", "p"] == Reach(frozenset(everything | {Target("g", "p")}), anyone=False)


def test_an_arrow_asks_the_targets_own_type_where_it_has_the_name() -> None:
    text = """entity u { permission see = see }
    entity g { relation m @u attribute see boolean }
    entity d { relation v @u @g#m permission p = v.see }"""
    with pytest.raises(Exception, match="undefined relation reference"):
        compile_schema(text.replace("@u @g#m", "@g"))
    found = compile_schema(text).reach["d", "p"]  # accepted since u, where the userset ends, has the name
    assert found == Reach(frozenset({Target("d", "p"), Target("u", "see")}), anyone=True)


Found = dict[tuple[str, str], tuple[frozenset[Target], bool]]


def naive(schema: CompiledSchema) -> Found:
    """The definition, iterated until nothing changes."""
    members = [(e.name, name) for e in schema.entities.values() for name in (*e.relations, *e.permissions)]
    found: Found = {member: (frozenset([Target(*member)]), False) for member in members}
    while True:
        grown = {member: naive_step(schema, *member, found) for member in members}
        if grown == found:
            return found
        found = grown


def naive_step(schema: CompiledSchema, entity: str, name: str, found: Found) -> tuple[frozenset[Target], bool]:
    definition = schema.entities[entity]
    if name in definition.permissions:
        return join([found[entity, name], naive_rewrite(schema, entity, definition.permissions[name], found)])
    targets = definition.relations[name]
    usersets = [found[target.type, target.relation] for target in targets if target.relation]
    return join([found[entity, name], (frozenset(targets), False), *usersets])


def naive_rewrite(
    schema: CompiledSchema, entity: str, rewrite: Rewrite, found: Found
) -> tuple[frozenset[Target], bool]:
    match rewrite:
        case Operation(_, left, right):
            return join(naive_rewrite(schema, entity, side, found) for side in (left, right))
        case ComputedUserset(name):
            return found[entity, name]
        case Arrow(relation, name):
            types = [target.type for target in schema.entities[entity].relations[relation]]
            anyone = any(name in schema.entities[kind].attributes for kind in types)
            return join([(frozenset(), anyone), *(found[kind, name] for kind in types if (kind, name) in found)])
        case _:
            return frozenset(), True


def join(parts: Iterable[tuple[frozenset[Target], bool]]) -> tuple[frozenset[Target], bool]:
    sets, flags = zip(*parts, strict=True)
    return frozenset().union(*sets), any(flags)


@given(schemas())
def test_reach_is_the_least_fixed_point(text: str) -> None:
    schema = compile_schema(text)
    assert {m: (r.targets, r.anyone) for m, r in schema.reach.items()} == naive(schema)


def test_beyond_its_budget_reach_is_too_large_but_never_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    letters = "abcdefghijklmnopqrst"
    lines = [f"relation {a} @g#{b}" for a, b in pairwise(letters)]
    text = "entity u {}\nentity g {\n" + "\n".join([*lines, f"relation {letters[-1]} @u"]) + "\n}"
    exact = compile_schema(text).reach
    monkeypatch.setattr(reach, "MAX_WORK", 20)
    coarse = compile_schema(text).reach
    assert all(coarse[member].targets >= exact[member].targets for member in exact)
    assert coarse["g", "a"].anyone


def test_a_long_chain_of_relations_compiles() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = ["n" + a + b + c for a in letters[:8] for b in letters for c in letters]
    lines = [f"relation {a} @u#{b}" for a, b in pairwise(names)]
    schema = compile_schema("entity u {\n" + "\n".join([*lines, f"relation {names[-1]} @u"]) + "\n}")
    assert Target("u") in schema.reach["u", names[0]].targets
    assert sum(len(found.targets) for found in set(schema.reach.values())) <= 2 * reach.MAX_WORK
