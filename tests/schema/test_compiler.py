"""Validation of names and calls, the compiled form, and that compilation is bounded."""
# ruff: noqa: E501  # a table reads better with one case to a line

from __future__ import annotations

import pytest

from model.attributes import AttributeKind
from model.errors import ErrorCode, InvalidSchema, LimitExceeded
from schema.compiled import (
    Arrow,
    ComputedAttribute,
    ComputedUserset,
    EntityDefinition,
    Operation,
    Operator,
    RuleCall,
    Target,
)
from schema.compiler import MAX_RULES, compile_schema

SAMPLE = """
entity user {}
entity team {
  relation lead @user
  relation member @user @team#lead
}
entity file {
  relation owner @user
  relation team @team
  attribute listed boolean
  attribute size integer
  permission read = (owner or team.member) and listed
  action purge = owner not small(size)
}
rule small(size integer) {
  size < 10
}
"""


def fault(text: str) -> InvalidSchema:
    with pytest.raises(InvalidSchema) as caught:
        compile_schema(text)
    return caught.value


def test_the_sample_of_the_reference_compiles_as_it_says() -> None:
    schema = compile_schema(SAMPLE)
    assert list(schema.entities) == ["user", "team", "file"]
    assert schema.entities["team"].relations["member"] == (Target("user"), Target("team", "lead"))
    assert schema.entities["file"] == EntityDefinition(
        name="file",
        relations={"owner": (Target("user"),), "team": (Target("team"),)},
        attributes={"listed": AttributeKind.BOOLEAN, "size": AttributeKind.INTEGER},
        permissions={
            "read": Operation(
                Operator.INTERSECTION,
                Operation(Operator.UNION, ComputedUserset("owner"), Arrow("team", "member")),
                ComputedAttribute("listed"),
            ),
            "purge": Operation(Operator.EXCLUSION, ComputedUserset("owner"), RuleCall("small", ("size",))),
        },
    )
    assert schema.rules["small"].parameters == {"size": AttributeKind.INTEGER}


def test_equal_schemas_compile_equal_whatever_their_layout() -> None:
    assert compile_schema(SAMPLE) == compile_schema(SAMPLE.replace("\n", "\r\n").replace("  ", "\t"))
    assert compile_schema(SAMPLE) != compile_schema(SAMPLE.replace("size < 10", "size < 11"))


CHECKS = [
    ("5", "", 1, 1, "no entity references found in schema", 2024),
    ("5 rules only", "\n\nrule r() { true }", 1, 1, "no entity references found in schema", 2024),
    ("6 type", "entity e {\n relation x @f\n}", 2, 14, "relation reference not found in entity references", 2010),
    ("6 rule", "entity e { relation x @r }\nrule r() { true }", 1, 24, "relation reference not found in entity references", 2010),
    ("6 relation", "entity e { relation x @e#y }", 1, 26, "relation reference not found in entity references", 2010),
    ("6 permission", "entity e { relation x @e#p permission p = x }", 1, 26, "relation reference not found in entity references", 2010),
    ("7 attribute", "entity e { attribute n int }", 1, 24, "invalid argument", 2025),
    ("7 case", "entity e { attribute n Integer }", 1, 24, "invalid argument", 2025),
    ("7 parameter", "entity e {}\nrule r(n float) { true }", 2, 10, "invalid argument", 2025),
    ("8", "entity e { permission p = q }", 1, 27, "undefined relation reference", 2006),
    ("9", "entity e { attribute n integer permission p = n }", 1, 47, "schema compile", 2016),
    ("9 list", "entity e { attribute n boolean[] permission p = n }", 1, 49, "schema compile", 2016),
    ("10 unknown", "entity e { permission p = q.p }", 1, 27, "undefined relation reference", 2006),
    ("10 permission", "entity e { permission p = p.p }", 1, 27, "undefined relation reference", 2006),
    ("11 missing", "entity e { relation x @e permission p = x.y }", 1, 43, "undefined relation reference", 2006),
    ("11 attribute", "entity e { relation x @e attribute b boolean permission p = x.b }", 1, 63, "undefined relation reference", 2006),
    ("11 one type", "entity u {}\nentity e { relation x @e @u permission p = x.p }", 2, 46, "undefined relation reference", 2006),
    ("12", "entity e { relation x @e permission p = x.x.x }", 1, 45, "not supported relation walk", 2007),
    ("13 rule", "entity e { attribute n integer permission p = r(n) }", 1, 47, "invalid rule reference", 2026),
    ("13 attribute", "entity e { permission p = r(n) }\nrule r(n integer) { n < 1 }", 1, 29, "invalid rule reference", 2026),
    ("14 few", "entity e { permission p = r() }\nrule r(n integer) { n < 1 }", 1, 27, "missing argument", 2028),
    ("14 many", "entity e { attribute n integer permission p = r(n, n) }\nrule r(n integer) { n < 1 }", 1, 47, "missing argument", 2028),
    ("15 name", "entity e { attribute m integer permission p = r(m) }\nrule r(n integer) { n < 1 }", 1, 49, "invalid argument", 2025),
    ("15 kind", "entity e { attribute n double permission p = r(n) }\nrule r(n integer) { n < 1 }", 1, 48, "invalid argument", 2025),
    ("16", "entity e { permission p = r(context.data.x) }\nrule r(n integer) { n < 1 }", 1, 29, "not supported walk", 2027),
    ("17 type", "entity e {}\nrule r(n integer) { n < 1.5 }", 2, 23, "found no matching overload for '_<_' applied to '(int, double)'", 2016),
    ("17 later line", "entity e {}\nrule r(n integer) {\n  true &&\n\tm == 1\n}", 4, 2, "undeclared reference to 'm' (in container '')", 2016),
    ("17 context", "entity e {}\nrule r(context integer) { true }", 2, 27, "overlapping identifier for name 'context'", 2016),
    ("17 reserved", "entity e {}\nrule r(package string) { package == '' }", 2, 26, "reserved identifier: package", 2016),
    ("17 after wide text", "entity e {}\nrule r() { '😀é' == foo }", 2, 20, "undeclared reference to 'foo' (in container '')", 2016),
    ("18", "entity e {}\nrule r(n integer) { n }", 2, 21, "rule expression must result in a boolean type not int", 2016),
    ("18 dyn", "entity e {}\nrule r() { context.data.x }", 2, 12, "rule expression must result in a boolean type not dyn", 2016),
    ("empty body", "entity e {}\nrule r() { }", 2, 12, "rule body is empty", 2016),
    ("same parameter twice", "entity e {}\nrule r(n integer, n integer) { true }", 2, 19, "duplication found for r#n", 2016),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "code"), [c[1:] for c in CHECKS], ids=[c[0] for c in CHECKS]
)
def test_each_check_of_the_reference_names_its_place(
    text: str, line: int, column: int, message: str, code: int
) -> None:
    error = fault(text)
    assert (str(error), error.code) == (f"{line}:{column}: {message}", ErrorCode(code))
    assert (error.line, error.column) == (line, column)
    assert error.source_line == text.split("\n")[line - 1]
    caret = error.explain().splitlines()[2] if error.source_line else "  | ^"
    assert caret.index("^") == len("  | ") + column - 1


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("entity user {} entity e { relation x @usr }", "did you mean 'user'?"),
        ("entity e { attribute n int }", "did you mean 'integer'?"),
        ("entity e { relation owner @e permission p = ownr }", "did you mean 'owner'?"),
        (
            "entity e { attribute n integer permission p = smal(n) } rule small(n integer) { n < 1 }",
            "did you mean 'small'?",
        ),
        ("entity e { attribute n integer permission p = n }", "only a boolean attribute stands alone"),
        ("entity e { permission p = r() } rule r(n integer) { n < 1 }", "'r' takes (n integer)"),
    ],
)
def test_a_fault_says_what_would_have_been_accepted(text: str, hint: str) -> None:
    assert hint in fault(text).hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("entity e { permission p = q }\nentity f { relation x @g }", "2:24"),  # references come before definitions
        ("entity e { relation x @f relation y @g }", "1:24"),
        ("entity e { permission p = q\n permission r = s }", "1:27"),
        ("entity e { permission p = q }\nrule r(n int) { true }", "1:27"),
        ("rule r(n int) { true }\nentity e { permission p = q }", "1:10"),
        ("entity e { permission p = q or z }\nentity e {}", "2:8"),
        ("entity e { attribute n integer permission p = r(n) }\nrule r(n int) { true }", "2:10"),  # not at the call
    ],
)
def test_the_first_fault_in_source_order_wins_within_its_phase(text: str, expected: str) -> None:
    assert str(fault(text)).startswith(expected + ":")


@pytest.mark.parametrize(
    "text",
    [
        "entity e { permission p = p }",
        "entity e { permission p = q permission q = p }",
        "entity e { relation x @e @e }",
        "entity e { relation e @e } ",
        "entity e {}\nrule unused() { true }",
        "entity e { permission p = r() }\nrule r() { context.data.x == 1 }",
        "entity e { attribute n integer attribute m integer permission p = r(n, n) }\nrule r(n integer, m integer) { n < m }",
        "entity e { attribute a_b boolean permission p = a_b }",
        "entity e { attribute n integer attribute m string permission p = r(m, n) }\nrule r(n integer, m string) { n < 1 }",
        "rule r(n integer) { n < 1 }\nentity e { attribute n integer permission p = r(n) }",
        "entity " + "a" * 100 + " {}",
    ],
)
def test_what_the_reference_does_not_check_is_accepted(text: str) -> None:
    compile_schema(text)


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        # the userset's own type has the name: evaluation asks there
        ("entity u {} entity g { relation m @u permission see = m } entity d { relation v @g#m permission p = v.see }", True),
        # only the types at the end of the userset have it: the reference checks there
        ("entity u { permission see = see } entity g { relation m @u } entity d { relation v @g#m permission p = v.see }", True),
        ("entity u {} entity g { relation m @u } entity d { relation v @g#m permission p = v.see }", False),
        ("entity g { relation m @g#m } entity d { relation v @g#m permission p = v.see }", False),
        ("entity u { permission see = see } entity g { relation m @u @g#m } entity d { relation v @g#m permission p = v.see }", True),
    ],
)  # fmt: skip
def test_an_arrow_is_accepted_if_either_reading_of_usersets_finds_the_name(text: str, *, accepted: bool) -> None:
    if accepted:
        compile_schema(text)
    else:
        assert fault(text).code is ErrorCode.UNDEFINED_RELATION_REFERENCE


def test_usersets_that_refer_to_themselves_end() -> None:
    text = "entity user {}\nentity group { relation member @user @group#member permission see = member.see }\n"
    assert fault(text).column == text.split("\n")[1].index("see }") + 1
    compile_schema(
        "entity user { permission see = see }\nentity group { relation m @user @group#m permission see = m.see }"
    )


def test_too_many_rules_are_refused_before_any_is_compiled() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = [a + b + c for a in letters for b in letters for c in letters][: MAX_RULES + 1]
    with pytest.raises(LimitExceeded):
        compile_schema("entity e {}\n" + "".join(f"rule r{name}() {{ this is not CEL }}\n" for name in names))


def test_deep_schemas_compare_and_print() -> None:
    schema = compile_schema("entity e { relation a @e permission p = " + " or ".join(["a"] * 251) + " }")
    assert compile_schema(schema.text) == schema
