"""The bound on a rule's work: how it grows with inputs, and that it never falls short of what is done."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.attributes import AttributeKind
from model.errors import InvalidSchema
from schema import rule_cost
from schema.cel_tree import Comprehension, Constant, FunctionCall, Ident, Literal, Node, Select, tree_of
from schema.regex_cost import MAX_STATES, states_of
from schema.rule_cost import Estimate, Workload
from schema.rules import Rule

PARAMETERS = {"n": AttributeKind.INTEGER, "s": AttributeKind.STRING, "ns": AttributeKind.INTEGER_ARRAY}


def tree(body: str) -> Node:
    return tree_of(Rule.compile("r", PARAMETERS, body).checked_expr)


def work(body: str, size: int) -> int:
    inputs = {"n": Estimate(1), "s": Estimate(size), "ns": Estimate(size, element=1), "context": Estimate(size)}
    return Workload(tree(body)).bound(inputs)


def test_the_tree_of_an_expression_is_read_from_its_serialised_form() -> None:
    assert tree("n < 10") == FunctionCall("_<_", (Ident("n"), Constant(None)))
    assert tree("s.startsWith('é')") == FunctionCall("startsWith", (Ident("s"), Constant("é")))
    assert tree("has(context.data.x)") == Select(Select(Ident("context"), "data"), "x")
    assert tree("[n, 1] == []") == FunctionCall("_==_", (Literal((Ident("n"), Constant(None))), Literal(())))
    assert tree("{'k': n} == {}") == FunctionCall("_==_", (Literal((Constant("k"), Ident("n"))), Literal(())))
    fold = tree("ns.all(x, x > 0)")
    assert isinstance(fold, Comprehension)
    assert (fold.variable, fold.range) == ("x", Ident("ns"))


@pytest.mark.parametrize(
    ("body", "exponent"),
    [
        ("n < 10", 1),
        ("s == 'a'", 1),
        ("n in ns", 1),
        ("ns.all(x, x > 0)", 1),
        ("context.data.x == s", 1),
        ("ns.exists(x, x in ns)", 2),
        ("ns.map(x, x + 1) == []", 2),
        ("context.data.l.exists(x, x == s)", 2),
        ("ns.all(x, ns.all(y, x != y))", 2),
        ("ns.all(x, ns.all(y, y in ns))", 3),
    ],
)
def test_work_grows_with_the_inputs_to_the_power_of_the_loops(body: str, exponent: int) -> None:
    assert 2**exponent * 0.7 <= work(body, 2_000) / work(body, 1_000) <= 2**exponent * 1.3


def test_doubling_in_a_chain_of_macros_shows_as_doubled_work() -> None:
    short, long = (work("[s]" + ".map(x, x + x)" * times + ".size() == 1", 1_000) for times in (4, 8))
    assert long >= 2**4 * short / 2


def test_nested_macros_are_walked_once() -> None:
    workload = Workload(tree("ns.exists(x, " * 30 + "true" + ")" * 30))
    calls = 0
    walk = rule_cost._estimate

    def counted(*given: Any) -> Estimate:
        nonlocal calls
        calls += 1
        return walk(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rule_cost, "_estimate", counted)
        workload.bound({"ns": Estimate(2)})
    assert calls < 500


def test_macros_keep_their_accumulator_to_themselves() -> None:
    fold = tree("ns.map(x, x + 1).size() == 1 && ns.all(x, x > 0)")
    accumulators = {name for name in Workload(fold).inputs() if name not in {"ns", "x"}}
    assert accumulators == {"@result"}
    with pytest.raises(InvalidSchema):
        Rule.compile("r", PARAMETERS, "ns.map(x, @result).size() == 1")
    with pytest.raises(InvalidSchema):
        Rule.compile("r", PARAMETERS, "ns.map(x, __result__).size() == 1")


def test_known_values_are_estimated_as_they_are() -> None:
    workload = Workload(tree("s.matches(context.data.p)"))
    inputs = {"s": Estimate(10), "context": Estimate.of({"data": {"p": "^a+$", "other": "x" * 800}})}
    assert workload.bound(inputs) < workload.bound({**inputs, "context": Estimate(100)}) / 100


@given(
    st.recursive(
        st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
    )
)
def test_a_value_is_as_large_as_its_parts(value: object) -> None:
    size = Estimate.of(value).size
    assert size >= 1
    assert Estimate.of([value, value]) == Estimate(2 * size + 1, element=size, length=2)
    assert Estimate.of({"k": value}).size == size + 2
    assert Estimate.of({"k": value}).fields == {"k": Estimate.of(value)}


@pytest.mark.parametrize(
    ("pattern", "least", "most"),
    [
        ("abc", 3, 10),
        ("^[0-9a-f]{8}-[0-9a-f]{4}$", 12, 300),
        ("x{0,1000}", 1_000, 3_000),
        ("x{0,1000}" * 10, 10_000, 30_000),
        ("(x{0,30}){0,30}", 900, 3_000),
        ("((x{10}){10}){10}", 1_000, 5_000),
        ("x{3,}", 3, 10),
        (r"\{1000\}", 1, 30),
        ("[{1000}]", 1, 30),
        ("x{,1000}", 1, 30),
        (r"\pL{100}", 10_000, 100_000),
        ("(((((x{1000}){1000}){1000}", MAX_STATES, MAX_STATES),
        ("{1000}", 1, 10),
        (")(", 1, 10),
        ("", 1, 1),
    ],
)
def test_the_states_of_a_pattern_count_its_repetitions(pattern: str, least: int, most: int) -> None:
    assert least <= states_of(pattern) <= most


@given(st.text("x(){}[]\\p0159,.*+?|^", max_size=40) | st.text())
def test_any_pattern_has_a_number_of_states(pattern: str) -> None:
    assert 1 <= states_of(pattern) <= MAX_STATES
