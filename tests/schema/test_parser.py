"""Text to tree: newlines, precedence, tolerated oddities, bounds; and that no text does worse than raise."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from model.errors import ErrorCode, InvalidSchema, LimitExceeded
from schema.ast import Binary, Call, EntityNode, Expression, Path, RuleNode, SchemaNode
from schema.parser import parse_member, parse_schema
from schema.source import MAX_SCHEMA_BYTES
from schema.tokens import MAX_NESTING


def shape(expression: Expression) -> str:
    """The expression with every operation in parentheses."""
    match expression:
        case Path(names):
            return ".".join(name.text for name in names)
        case Call(rule, arguments):
            return f"{rule.text}({', '.join(map(shape, arguments))})"
        case Binary(operator, left, right):
            return f"({shape(left)} {operator.value} {shape(right)})"


def permission(text: str) -> str:
    entity = parse_schema(f"entity e {{ permission p = {text} }}").entities[0]
    return shape(entity.permissions[0].expression)


def fault(text: str) -> InvalidSchema:
    with pytest.raises(InvalidSchema) as caught:
        parse_schema(text)
    return caught.value


def parsed_or_fault(text: str) -> SchemaNode | InvalidSchema:
    try:
        return parse_schema(text)
    except InvalidSchema as error:
        return error


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", "a"),
        ("a or b and c not d", "(((a or b) and c) not d)"),
        ("a not b or c", "((a not b) or c)"),
        ("a or (b and c)", "(a or (b and c))"),
        ("((a))", "a"),
        ("(a or b) and listed", "((a or b) and listed)"),
        ("a . b", "a.b"),
        ("a.b.c", "a.b.c"),
        ("r ( n , m )", "r(n, m)"),
        ("r()", "r()"),
        ("r(context.data.x)", "r(context.data.x)"),
        ("\n a", "a"),
        ("( \n a or \n b)", "(a or b)"),
        ("a and // why\n b", "(a and b)"),
        ("a and /* why\n\n */ \n b", "(a and b)"),
        ("a not\r\n b", "(a not b)"),
        ("a or ; b", "(a or b)"),
    ],
)
def test_operators_have_one_precedence_and_associate_to_the_left(text: str, expected: str) -> None:
    assert permission(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "entity e {}\n\n;;\nentity f {\n\n}\n",
        "entity e { relation x @a permission p = x relation y @a }",
        "entity e {\n\n relation x @a\n\n\n attribute n integer \n\n}",
        "entity e { relation x @ a # b @c }",
        "entity e { attribute n integer [ ] }",
        "entity e { { { relation x @a }",
        "entity e {{ relation x @a }}",
        "rule r(a integer, b string[],) {\n\n a > 1 \n\n}",
        "rule r() { true }",
        "entity e { // comment\n /* block */ }\n// end",
        "entity e {} /* never closed",
        "entity e {}\0 entity",
        "",
    ],
)
def test_the_form_is_accepted(text: str) -> None:
    parse_schema(text)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("entity e\n{}", 1, 9, "expected next token to be LCB, got NEWLINE instead"),
        ("rule r()\n{ true }", 1, 9, "expected next token to be LCB, got NEWLINE instead"),
        ("rule r(a\n integer) { true }", 1, 9, "expected next token to be IDENT, got NEWLINE instead"),
        ("rule r(a integer,\n b integer) { true }", 1, 18, "expected token to be IDENT, RP, got NEWLINE instead"),
        ("entity e { relation x\n@a }", 1, 22, "expected next token to be SIGN, got NEWLINE instead"),
        (
            "entity e {\nrelation x @a\n@b }",
            3,
            1,
            "expected token to be RELATION, PERMISSION, ATTRIBUTE, got SIGN instead",
        ),
        ("entity e { permission p =\n\n a }", 2, 1, "no prefix parse function for NEWLINE found"),
        ("entity e { permission p = a or\n\n b }", 2, 1, "no prefix parse function for NEWLINE found"),
        (
            "entity e { permission p = a\n or b }",
            2,
            2,
            "expected token to be RELATION, PERMISSION, ATTRIBUTE, got OR instead",
        ),
        ("entity e { permission p = (a\n) }", 1, 29, "expected next token to be RP, got NEWLINE instead"),
        ("entity e { permission p = r(\na) }", 1, 29, "expected token to be IDENT, RP, got NEWLINE instead"),
        ("entity e { permission p = not b }", 1, 27, "no prefix parse function for NOT found"),
        ("entity e { permission p = a and not b }", 1, 33, "no prefix parse function for NOT found"),
        ("entity e { permission p = () }", 1, 28, "no prefix parse function for RP found"),
        ("entity e { permission p a }", 1, 25, "expected next token to be ASSIGN, got IDENT instead"),
        ("entity e { relation }", 1, 21, "expected next token to be IDENT, got RCB instead"),
        ("entity e { attribute n integer[ }", 1, 33, "expected next token to be RSB, got RCB instead"),
        ("entity user1 {}", 1, 12, "expected next token to be LCB, got INTEGER instead"),
        ("entity usér {}", 1, 10, "expected next token to be LCB, got ILLEGAL instead"),
        ("entity and {}", 1, 8, "expected next token to be IDENT, got AND instead"),
        ("entity e {} $", 1, 13, "expected token to be ENTITY, RULE, got ILLEGAL instead"),
        ("entity e {", 1, 11, "expected token to be RCB, got EOF instead"),
        ("entity e {\n", 2, 1, "expected token to be RCB, got EOF instead"),
        ("rule r() { true", 1, 16, "expected next token to be RCB, got EOF instead"),
        ("entity e {}\nentity e {}", 2, 8, "duplication found for e"),
        ("entity e {}\nrule e() { true }", 2, 6, "duplication found for e"),
        ("entity e { relation x @e\n attribute x integer }", 2, 12, "duplication found for e#x"),
        ("rule r() { 'a }\n}", 1, 12, "string literal is not terminated"),
    ],
)
def test_the_first_fault_of_syntax_is_placed_and_named(text: str, line: int, column: int, message: str) -> None:
    error = fault(text)
    assert (error.line, error.column, str(error)) == (line, column, f"{line}:{column}: {message}")
    assert error.code is ErrorCode.SCHEMA_PARSE
    assert error.source_line == [*text.split("\n"), ""][line - 1]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("entty x {}", "did you mean 'entity'?"),
        ("entity x { relatoin a @x }", "did you mean 'relation'?"),
        ("entity x { aktion a = x }", "did you mean 'action'?"),
        ("entity x { permission p = not a }", "'not' stands between two operands: 'a not b' is a without b"),
        ("entity x { permission in = a }", "'in' is a keyword and cannot be a name"),
        ("entity user1 {}", "names are made of letters and underscores, without digits"),
        ("entity x { permission p = (a", "expected here: ')'"),
    ],
)
def test_a_fault_comes_with_a_hint(text: str, hint: str) -> None:
    assert fault(text).hint == hint


def test_the_caret_stands_under_the_fault() -> None:
    error = fault("entity e {\n\trelation x #\n}")
    assert error.explain().splitlines()[:3] == [
        "2:13: expected next token to be SIGN, got HASH instead",
        "  | \trelation x #",
        "  | \t           ^",
    ]


def test_a_duplicate_before_a_fault_of_syntax_speaks_first() -> None:
    assert str(fault("entity e {}\nentity e {}\nentity ? {}")) == "2:8: duplication found for e"
    assert str(fault("entity ? {}\nentity e {}\nentity e {}")).startswith("1:8:")


def test_line_ends_of_every_kind_count_once() -> None:
    assert fault("entity e {}\r\n\r\n?").line == 3
    assert fault("entity e {}\r\r?").line == 3


def test_action_is_a_permission() -> None:
    assert parse_schema("entity e { action p = p }") == parse_schema("entity e { permission p = p }")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{ n in m }", "n in m"),
        ("{n > 10}", "n > 10"),
        ('{ s == "a}b" }', 's == "a}b"'),
        ("{ s == 'a}b' && s != 'it\\'s }' }", "s == 'a}b' && s != 'it\\'s }'"),
        ("{ s == r'\\' }", "s == r'\\'"),
        ("{ s == '''a}\n'b' }''' }", "s == '''a}\n'b' }'''"),
        ("{ {'a': {'b': 1}}.a.b == 1 }", "{'a': {'b': 1}}.a.b == 1"),
        ("{ true // so }\n}", "true // so }"),
        ("{ true /* so } */ }", "true /* so } */"),
        ("{\n\t\n}", ""),
        ("{ s == 'é' }", "s == 'é'"),
        ("{ a ;\r\n b }", "a ;\n b"),
    ],
)
def test_a_rule_body_is_taken_as_it_stands_up_to_the_brace_that_closes_it(body: str, expected: str) -> None:
    schema = parse_schema(f"rule r() {body} entity after {{}}")
    rule, after = schema.definitions
    assert isinstance(rule, RuleNode)
    assert isinstance(after, EntityNode)
    assert rule.body.text == expected
    assert schema.source.text[rule.body.span.start : rule.body.span.end] == expected


def test_every_node_knows_where_it_stands() -> None:
    text = "entity e {\n relation x @a#b\n permission p = (x or e.x) not r(n)\n}"
    schema = parse_schema(text)
    (relation, granted) = schema.entities[0].members
    assert text[relation.span.start : relation.span.end] == "relation x @a#b"
    assert schema.entities[0].span == (0, len(text))
    expression = schema.entities[0].permissions[0].expression
    assert text[granted.span.start : granted.span.end] == "permission p = (x or e.x) not r(n)"
    assert isinstance(expression, Binary)
    assert text[expression.right.span.start : expression.right.span.end] == "r(n)"
    assert schema.source.position(granted.span.start) == (3, 2)


def test_a_member_can_stand_alone() -> None:
    assert parse_member("\n relation x @a\n") == parse_schema("entity e { relation x @a }").entities[0].members[0]
    for text in ["", " ;\n", "relation x @a relation y @a", "entity e {}", "x"]:
        with pytest.raises(InvalidSchema):
            parse_member(text)


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 10_000 + "a" + ")" * 10_000,
        "(" * 10_000,
        " or ".join(["a"] * 10_000),
        "a or (" * 10_000 + "a" + ")" * 10_000,
    ],
    ids=["nested", "unclosed", "chain", "right"],
)
def test_depth_beyond_the_bound_is_a_fault(expression: str) -> None:
    assert f"nests deeper than {MAX_NESTING} levels" in str(fault(f"entity e {{ permission p = {expression} }}"))


def test_depth_up_to_the_bound_is_accepted() -> None:
    permission("(" * MAX_NESTING + "a" + ")" * MAX_NESTING)
    permission(" or ".join(["a"] * (MAX_NESTING + 1)))


def test_a_text_beyond_the_bound_is_refused_unread() -> None:
    with pytest.raises(LimitExceeded):
        parse_schema(" " * (MAX_SCHEMA_BYTES + 1))
    with pytest.raises(LimitExceeded):
        parse_schema("// " + "é" * (MAX_SCHEMA_BYTES // 2))


@pytest.mark.parametrize(
    "text",
    [
        "rule r() {" + '"""' * 100_000,
        "rule r() {" + "/*" * 100_000,
        "rule r() {" + '"\\' * 100_000,
        "rule r() {" + "{" * 200_000,
        "/*" * 200_000,
        '"\\' * 200_000,
        "entity e {" + "{" * 100_000,
        "entity " + "a" * 500_000,
        "@" * 500_000,
        "entity e { permission p = r(" + "a," * 100_000,
        "entity e { permission p = " + "a." * 100_000,
    ],
    ids=range(11),
)
def test_large_hostile_texts_are_read_in_one_pass(text: str) -> None:
    tree = parsed_or_fault(text)
    assert isinstance(tree, SchemaNode) or len(str(tree)) < 1_000


def test_text_without_a_utf8_form_is_a_fault() -> None:
    assert (fault("entity e {}\n// \ud800").line, fault("\ud800").column) == (2, 1)


WORDS = ["entity", "rule", "relation", "attribute", "permission", "action", "and", "or", "not", "in", "true", "e", "r"]
SIGNS = [*"{}()[]@#.,=;:'\"/*\\$&\n\r\0 \t1é", "//", "/*", "*/", "'''", "integer", "boolean[]"]


@given(st.lists(st.sampled_from(WORDS + SIGNS), max_size=40).map(" ".join) | st.text(max_size=60))
@example("entity e { permission p = e and }")
@example("rule r() { '")
def test_any_text_parses_or_is_a_fault(text: str) -> None:
    tree = parsed_or_fault(text)
    if isinstance(tree, InvalidSchema):
        assert tree.line >= 1
        assert 1 <= tree.column <= len(tree.source_line) + 1
    else:
        assert all(node.span.start < node.span.end for node in tree.definitions)
