"""Rules: the CEL environment, what evaluation raises, and that nobody can make a rule run long or crash the process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.attributes import AttributeKind, PlainValue
from model.errors import ErrorCode, InvalidSchema, RuleFailed
from schema.rules import MAX_BODY_CHARACTERS, MAX_VALUE_DEPTH, Rule

PARAMETERS = {
    "b": AttributeKind.BOOLEAN,
    "n": AttributeKind.INTEGER,
    "d": AttributeKind.DOUBLE,
    "s": AttributeKind.STRING,
    "bs": AttributeKind.BOOLEAN_ARRAY,
    "ns": AttributeKind.INTEGER_ARRAY,
    "ds": AttributeKind.DOUBLE_ARRAY,
    "ss": AttributeKind.STRING_ARRAY,
}
ARGUMENTS: dict[str, PlainValue] = {
    "b": True,
    "n": 7,
    "d": 1.5,
    "s": "abc",
    "bs": (True, False),
    "ns": (1, 2, 3),
    "ds": (0.5, 1.5),
    "ss": ("a", "b"),
}
DATA = {
    "flag": True,
    "x": 3.0,
    "name": "abc",
    "l": [1.0, 2.0],
    "m": {"k": "v"},
    "none": None,
    "at": "2024-03-01T12:30:00Z",
}


def rule(body: str) -> Rule:
    return Rule.compile("r", PARAMETERS, body)


def evaluate(body: str, arguments: Mapping[str, PlainValue] = ARGUMENTS, data: Mapping[str, Any] = DATA) -> bool:
    return rule(body).evaluate({**ARGUMENTS, **arguments}, data)


def compiled_or_fault(body: str) -> Rule | InvalidSchema:
    try:
        return rule(body)
    except InvalidSchema as error:
        return error


def verdict_or_failure(compiled: Rule, data: Mapping[str, Any]) -> bool | str:
    try:
        return compiled.evaluate(ARGUMENTS, data)
    except RuleFailed as error:
        return str(error)[: len("failed to evaluate expression: ")]


OUTCOMES = {True, False, "failed to evaluate expression: "}


def failure(act: Callable[[], object]) -> str:
    with pytest.raises(RuleFailed) as caught:
        act()
    return str(caught.value)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("b", True),
        ("n == 7 && d > 1.0 && s == 'abc'", True),
        ("bs[0] && !bs[1]", True),
        ("ns == [1, 2, 3] && ds.size() == 2 && 'a' in ss", True),
        ("n + 2 * 3 - 1 == 12 && n / 2 == 3 && n % 2 == 1", True),
        ("context.data.x == 3 && context.data.x > 2 && context.data.x < 3.5", True),
        ("context.data.x == 3u", True),
        ("context.data['x'] == 3.0", True),
        ("context.data.flag == true", True),
        ("context.data.none == null", True),
        ("has(context.data.x) && !has(context.data.y)", True),
        ("has(context.data.m.k) && context.data.m['k'] == 'v'", True),
        ("ns.all(x, x > 0) && ns.exists(x, x == 2) && ns.exists_one(x, x > 2)", True),
        ("ns.map(x, x * 2) == [2, 4, 6] && ns.filter(x, x > 1) == [2, 3]", True),
        ("ns.map(x, x > 1, x * 2) == [4, 6]", True),
        ("context.data.m.all(k, k == 'k')", True),
        ("size(s) == 3 && s.size() == 3 && size('é😀') == 2", True),
        ("s.contains('b') && s.startsWith('a') && s.endsWith('c') && s.matches('^[a-c]+$')", True),
        ("int('7') == n && string(n) == '7' && double(n) == 7.0 && uint(n) == 7u && bool('true')", True),
        ("bytes(s) == b'abc' && type(n) == int", True),
        ("timestamp(context.data.at).getHours() == 12", True),
        ("timestamp(context.data.at).getHours('America/New_York') == 7", True),
        ("timestamp(context.data.at).getDayOfWeek() == 5 && timestamp(context.data.at).getFullYear() == 2024", True),
        ("timestamp(context.data.at) + duration('1h') > timestamp(context.data.at)", True),
        ("duration('90m').getMinutes() == 90", True),
        ("{'a': 1}.a == 1 && {'a': [1]}['a'][0] == 1", True),
        ("false || context.data.missing == 1 || true", True),
        ("b ? n > 100 : true", False),
        ("dyn(n) == 7.0 && dyn(n) > 1.5", True),
        ("1 / 0 == 1 || true", True),
        ("true /* a comment { of } ours */ && b // and CEL's", True),
        ("double('NaN') == double('NaN')", False),
    ],
)
def test_the_standard_library_of_cel_is_there(body: str, *, expected: bool) -> None:
    assert evaluate(body) is expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("n > 1.5", "found no matching overload for '_>_' applied to '(int, double)'"),
        ("d > 1", "found no matching overload for '_>_' applied to '(double, int)'"),
        ("n < ", "Syntax error"),
        ("request.x == 1", "undeclared reference to 'request.x' (in container '')"),
        ("now() > timestamp(0)", "undeclared reference to 'now' (in container '')"),
        ("cel.bind(x, 1, x == 1)", "undeclared reference to 'cel' (in container '')"),
        ("optional.of(1).hasValue()", "undeclared reference to 'optional' (in container '')"),
        ("s.charAt(0) == 'a'", "undeclared reference to 'charAt' (in container '')"),
        ("s.lowerAscii() == 'a'", "undeclared reference to 'lowerAscii' (in container '')"),
        ("math.greatest(1, 2) == 2", "undeclared reference to 'math' (in container '')"),
        ("context.data.?x.hasValue()", "unsupported syntax '.?'"),
        ("n", "rule expression must result in a boolean type not int"),
        ("context.data.flag", "rule expression must result in a boolean type not dyn"),
        ("ns", "rule expression must result in a boolean type not list"),
    ],
)
def test_what_the_environment_lacks_is_a_fault(body: str, message: str) -> None:
    with pytest.raises(InvalidSchema) as caught:
        rule(body)
    assert str(caught.value).partition(": ")[2].startswith(message)
    assert caught.value.code is ErrorCode.SCHEMA_COMPILE


def test_a_fault_is_placed_in_the_body_and_the_first_one_is_told() -> None:
    with pytest.raises(InvalidSchema) as caught:
        rule("true &&\n  (foo == 1 || cel.bind(x, 1, x == bar))")
    assert str(caught.value) == "2:4: undeclared reference to 'foo' (in container '')"


def test_a_parameter_cannot_be_called_context() -> None:
    with pytest.raises(InvalidSchema, match="overlapping identifier for name 'context'"):
        Rule.compile("r", {"context": AttributeKind.STRING}, "true")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("context.data.y == 1", 'Key not found in map : "y"'),
        ("context.data.x + 1 > 2", "No matching overloads found : _+_(double, int64)"),
        ("n / 0 == 1", "divide by zero"),
        ("n % 0 == 1", "modulus by zero"),
        ("n + 9223372036854775807 > 0", "integer overflow"),
        ("int('99999999999999999999') > 0", "cannot convert string to int"),
        ("timestamp(99999999999999) > timestamp(0)", "timestamp overflow"),
        ("timestamp('9999-12-31T23:59:59Z') + duration('10h') > timestamp(0)", "timestamp overflow"),
        ("timestamp('nonsense') > timestamp(0)", ""),
        ("timestamp(0).getHours('Nowhere/Atall') > 0", ""),
        ("duration('99999999999999999h') > duration('1s')", ""),
        ("s.matches('(')", "invalid_argument"),
        ("ns[3] == 1", ""),
        ("context.data.flag == true && context.data.name", ""),
    ],
)  # fmt: skip
def test_what_cel_cannot_evaluate_fails_the_rule(body: str, message: str) -> None:
    text = failure(lambda: evaluate(body))
    assert text.startswith("failed to evaluate expression: ")
    assert message.lower() in text.lower() or message == "invalid_argument"


def test_a_missing_argument_fails_the_rule() -> None:
    assert "n" in failure(lambda: rule("n == 1").evaluate({}, {}))
    assert rule("true").evaluate({}, {})


def test_arguments_bind_by_name_and_keep_their_kind() -> None:
    compiled = Rule.compile("r", {"a": AttributeKind.INTEGER, "b": AttributeKind.DOUBLE}, "a == 1 && b == 2.0")
    assert compiled.evaluate({"b": 2.0, "a": 1}, {})
    assert list(compiled.parameters) == ["a", "b"]


def test_zero_values_are_what_an_absent_attribute_gives() -> None:
    zeros = {name: kind.zero for name, kind in PARAMETERS.items()}
    assert evaluate("!b && n == 0 && d == 0.0 && s == '' && bs == [] && ns == [] && ds == [] && ss == []", zeros)


def test_rules_are_equal_by_name_parameters_and_body() -> None:
    assert rule("n < 1") == rule("n < 1")
    assert rule("n < 1") != rule("n < 2")
    assert "n < 1" in repr(rule("n < 1"))


def test_a_rule_outlives_what_compiled_it_and_serves_many_threads() -> None:
    compiled = rule("ns.map(x, x + n).exists(y, y == n)")

    def ask(offset: int) -> bool:
        return all(compiled.evaluate({**ARGUMENTS, "n": n, "ns": (0, n)}, {}) for n in range(offset, offset + 200))

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(ask, range(0, 4_000, 1_000)))


@pytest.mark.parametrize("size", [10, 15, 28, 31, 100, MAX_BODY_CHARACTERS // 2 - 8, 100_000])
@pytest.mark.parametrize(
    "repeated",
    [
        ("(", "1", ")==1"),
        ("[", "1", "]==[1]"),
        ("{1:", "1", "}=={}"),
        ("-", "n", "==1"),
        ("!", "b", ""),
        ("b?true:", "b", ""),
        ("ns.exists(x,", "true", ")"),
        ("size(", "s", ")==1"),
        ("b||", "b", ""),
        ("n+", "n", "==1"),
        ("n<", "n", ""),
        ("context.", "a", "==1"),
        ("context[0]", "[0]", "[0]==1"),
        ("'", "", "'"),
        ("(", "", ""),
    ],
)
def test_deep_or_long_expressions_compile_or_are_faults(repeated: tuple[str, str, str], size: int) -> None:
    opening, middle, closing = repeated
    closed = closing.split("==")[0] * size
    body = opening * size + middle + closed + closing.removeprefix(closing.split("==")[0])
    assert compiled_or_fault(body) is not None


@pytest.mark.parametrize(
    "body",
    [
        "[s]" + ".map(x, x + x)" * 27 + ".size() == 1",
        "[ns]" + ".map(x, x + x)" * 27 + ".size() == 1",
        "[ns]" + ".map(x, [x, x])" * 27 + ".all(y, y == y)",
        "[ns]" + ".map(x, {'a': x, 'b': x})" * 27 + ".all(y, y == y)",
        "[s]" + ".map(x, string(x) + x)" * 27 + ".size() == 1",
        "s.matches('" + "x{0,1000}" * 100 + "')",
        "s.matches('((((x{0,30}){0,30}){0,30}){0,30})')",
    ],
    ids=["strings", "lists", "nested lists", "maps", "conversions", "counted regex", "nested counts"],
)
def test_what_grows_beyond_any_bound_is_refused_with_its_schema(body: str) -> None:
    with pytest.raises(InvalidSchema, match="may need more than"):
        rule(body)


@pytest.mark.parametrize(
    ("body", "size"),
    [
        ("ns.map(x, x + 1).size() == 0", 9_000),
        ("ns.exists(x, ns.exists(y, ns.exists(z, x + y + z == -1)))", 300),
        ("ns.all(x, ns == ns)", 9_000),
        ("context.data.l.all(x, x in context.data.l)", 9_000),
        ("context.data.l.all(x, (context.data.l + context.data.l).size() > 0)", 2_000),
        ("context.data.l.all(x, s + s == s + s)", 9_000),
        ("s.matches(context.data.p)", 5_000),
        ("[s].map(x, x + x).map(x, x + x).map(x, x + x)[0] == s", 2_000_000),
    ],
)
def test_inputs_that_could_run_long_fail_before_they_run(body: str, size: int) -> None:
    arguments: dict[str, PlainValue] = {"ns": tuple(range(size)), "s": "x" * size}
    data = {"l": [1.0] * size, "p": "x{0,1000}" * 100}
    assert "inputs too large" in failure(lambda: evaluate(body, arguments, data))


@pytest.mark.parametrize(
    "body",
    [
        "ns.all(x, x >= 0)",
        "ns.exists(x, x == 4999)",
        "4999 in ns",
        "context.data.l.exists(x, x == 1)",
        "s.contains('y') || s.startsWith('x')",
        "s.matches('^x*$')",
        "s.matches('^[a-z]{1,5}') && s != ''",
        "size(s) > 3",
        "context.data.l.size() == 5000",
    ],
)
def test_ordinary_rules_take_large_inputs(body: str) -> None:
    assert evaluate(body, {"ns": tuple(range(5_000)), "s": "x" * 5_000}, {"l": [1.0] * 5_000, "p": "^x"})


def test_an_identifier_pattern_and_a_pattern_from_the_request_are_affordable() -> None:
    pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
    uuid = "123e4567-e89b-12d3-a456-426614174000"
    assert evaluate(f"s.matches('{pattern}')", {"s": uuid})
    assert evaluate("s.matches(context.data.p)", {"s": "/docs/1"}, {"p": "^/docs/[0-9]+$", **DATA})


def test_the_iterations_of_one_evaluation_are_bounded() -> None:
    body = "[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, ns.all(c, ns.all(d, d > 0))))"
    assert "teration budget" in failure(lambda: evaluate(body, {"ns": tuple(range(1, 13))}))


def nested(depth: int) -> dict[str, Any]:
    data: dict[str, Any] = {"x": 1.0}
    for _ in range(depth):
        data = {"x": data}
    return data


def test_values_nest_up_to_the_bound() -> None:
    assert evaluate("has(context.data.x)", data=nested(MAX_VALUE_DEPTH - 3))
    for depth in (MAX_VALUE_DEPTH, 100_000):
        text = failure(lambda depth=depth: evaluate("has(context.data.x)", data=nested(depth)))  # type: ignore[misc]
        assert "nest deeper" in text


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_the_library_would_misread_fails_the_rule(text: str) -> None:
    for body in ("s == 'a'", "ss[0] == 'a'", "context.data.x == 'a'", "has(context.data.x)"):
        with pytest.raises(RuleFailed, match="NUL or is not valid Unicode"):
            evaluate(body, {"s": text, "ss": (text,)}, {"x": text, text: 1.0})


def test_what_a_rule_does_not_read_cannot_fail_it() -> None:
    assert evaluate("n == 7", {"s": "a\0b"}, {"x": nested(1_000)})


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
NAMES = [
    "n",
    "s",
    "ns",
    "d",
    "b",
    "x",
    "x,",
    "context",
    "context.data",
    "1",
    "1.0",
    "'a'",
    '"b"',
    "true",
    "null",
    "'x{9}'",
]
SIGNS = ["(", ")", "[", "]", "{", "}", ".", ",", "?", ":", "in", *"+-*/%!<>", "==", "&&", "||"]
CALLS = [
    "all(",
    "exists(",
    "map(",
    "filter(",
    "has(",
    "size(",
    "matches(",
    "timestamp(",
    "duration(",
    "int(",
    "string(",
]
PIECES = st.sampled_from([*NAMES, *SIGNS, *CALLS])


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4))
def test_any_data_gives_a_verdict_or_a_failure(data: dict[str, Any]) -> None:
    for body in ("context.data.x == 1", "context.data.exists(k, k == 'x')", "has(context.data.a)"):
        assert verdict_or_failure(rule(body), data) in OUTCOMES


@given(st.lists(PIECES, max_size=14).map(" ".join) | st.text(max_size=30))
def test_any_body_compiles_or_is_a_fault(body: str) -> None:
    compiled = compiled_or_fault(body)
    if isinstance(compiled, Rule):
        assert verdict_or_failure(compiled, DATA) in OUTCOMES
