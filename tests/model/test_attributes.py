"""Attribute values in their text form, their kinds, and every text that is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.attributes import INT32_MAX, INT32_MIN, Attribute, AttributeKind, AttributeValue, EntityAttribute
from model.errors import ErrorCode, InvalidRequest
from proto.base.v1 import base_pb2

ZEROS = {
    "boolean": False,
    "boolean[]": (),
    "string": "",
    "string[]": (),
    "integer": 0,
    "integer[]": (),
    "double": 0.0,
    "double[]": (),
}

words = st.text(st.characters(exclude_characters=":$|", exclude_categories=["Cs"]), min_size=1, max_size=20)
texts = st.text(st.characters(exclude_characters=":|", exclude_categories=["Cs"]), max_size=20)
scalars: dict[AttributeKind, st.SearchStrategy[bool | str | int | float]] = {
    AttributeKind.BOOLEAN: st.booleans(),
    AttributeKind.STRING: texts,
    AttributeKind.INTEGER: st.integers(INT32_MIN, INT32_MAX),
    AttributeKind.DOUBLE: st.floats(allow_nan=False),
}
listed_texts = texts.filter(lambda text: text and text == text.strip() and "," not in text)  # commas part, spaces go


@st.composite
def values(draw: st.DrawFn) -> AttributeValue:
    kind = draw(st.sampled_from(AttributeKind))
    if not kind.is_array:
        return AttributeValue(kind, draw(scalars[kind]))
    items = listed_texts if kind is AttributeKind.STRING_ARRAY else scalars[kind.element]
    return AttributeValue(kind, tuple(draw(st.lists(items, max_size=5))))


@given(entity_type=words, entity_id=words, name=words, value=values())
def test_an_attribute_is_read_back_from_its_text(
    entity_type: str, entity_id: str, name: str, value: AttributeValue
) -> None:
    attribute = Attribute(entity_type, entity_id, name, value)
    parsed = Attribute.parse(str(attribute))
    assert parsed == attribute
    assert parsed.key == EntityAttribute(entity_type, entity_id, name)
    assert type(parsed.value.value) is type(value.value)


def value_of(typed: str) -> AttributeValue:
    return Attribute.parse(f"doc:1$a|{typed}").value


def test_a_text_form_reads_from_left_to_right() -> None:
    attribute = Attribute("doc", "1", "sizes", AttributeValue(AttributeKind.INTEGER_ARRAY, (1, -2)))
    assert str(attribute) == "doc:1$sizes|integer[]:1,-2"
    assert str(value_of("boolean[]:true,false")) == "boolean[]:true,false"


def test_elements_of_a_list_may_have_spaces_around_them() -> None:
    assert value_of("integer[]:1, 2 ,3").value == (1, 2, 3)
    assert value_of("string[]: a b , c").value == ("a b", "c")


def test_a_list_of_nothing_is_empty_and_a_text_of_nothing_is_a_text() -> None:
    assert value_of("string[]:").value == value_of("double[]:").value == ()
    assert value_of("string:").value == ""
    assert value_of("string[]:,").value == ("", "")


def test_a_text_keeps_its_commas_spaces_and_dollars() -> None:
    assert value_of("string: a, b$c ").value == " a, b$c "


@pytest.mark.parametrize(("text", "number"), [("2147483647", INT32_MAX), ("-2147483648", INT32_MIN), ("-0", 0)])
def test_integers_reach_to_the_bounds_of_32_bits(text: str, number: int) -> None:
    assert value_of(f"integer:{text}").value == number
    assert value_of(f"integer[]:{text},{text}").value == (number, number)


@pytest.mark.parametrize("number", ["2147483648", "-2147483649", "9" * 5000])
@pytest.mark.parametrize("kind", ["integer", "integer[]"])
def test_integers_beyond_32_bits_are_refused(kind: str, number: str) -> None:
    assert_refused(f"doc:1$a|{kind}:{number}", quoting=number)


@pytest.mark.parametrize(("text", "number"), [("1", 1.0), ("-1.5", -1.5), ("1e3", 1000.0), (".5", 0.5)])
def test_doubles_are_written_in_any_usual_way(text: str, number: float) -> None:
    value = value_of(f"double:{text}").value
    assert value == number
    assert type(value) is float


@pytest.mark.parametrize(
    "text",
    [
        "",
        "doc:1",
        "doc:1$a",
        "doc:1$a|",
        "doc:1$a|boolean",
        "doc:1|boolean:true",
        "doc:1$|boolean:true",
        "doc:1$a|boolean:true|x",
        "doc:1$a|string:x:y",
        "doc:1$a|string:http://example.com",
    ],
)
def test_any_other_shape_is_no_attribute(text: str) -> None:
    assert_refused(text, quoting=text)


@pytest.mark.parametrize("owner", ["", "doc", ":1", "doc:", "doc:1:2"])
def test_a_malformed_entity_is_quoted(owner: str) -> None:
    assert_refused(f"{owner}$a|boolean:true", quoting=owner)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("boolean", ""),
        ("boolean", "True"),
        ("boolean", "yes"),
        ("boolean", "1"),
        ("boolean", " true"),
        ("integer", ""),
        ("integer", "1.0"),
        ("integer", "one"),
        ("integer", "0x10"),
        ("double", ""),
        ("double", "1,5"),
        ("double", "many"),
    ],
)
def test_a_value_of_another_kind_is_quoted_with_the_kind(kind: str, text: str) -> None:
    assert_refused(f"doc:1$a|{kind}:{text}", quoting=text)
    assert_refused(f"doc:1$a|{kind}:{text}", quoting=kind, is_literal=False)


@pytest.mark.parametrize(("kind", "items", "fault"), [("boolean[]", "true,no", "no"), ("integer[]", "1,,2", "")])
def test_the_element_at_fault_is_quoted(kind: str, items: str, fault: str) -> None:
    assert_refused(f"doc:1$a|{kind}:{items}", quoting=fault)


@pytest.mark.parametrize("kind", list(AttributeKind))
def test_a_kind_is_read_back_from_its_keyword(kind: AttributeKind) -> None:
    assert AttributeKind.parse(kind.keyword) is kind


@given(text=st.text(st.characters(codec="ascii"), max_size=12))
def test_any_other_word_is_no_kind(text: str) -> None:
    assert_no_kind(text)


@pytest.mark.parametrize(
    "text", ["", "[]", "Boolean", "STRING", "string_array", "string[][]", "boolean []", " double", "int", "float"]
)
def test_words_that_nearly_are_a_kind_are_none(text: str) -> None:
    assert_no_kind(text)


def test_kinds_have_the_numbers_of_the_contract() -> None:
    numbers = {name: number for name, number in base_pb2.AttributeType.items() if number}
    assert {f"ATTRIBUTE_TYPE_{kind.name}": kind.value for kind in AttributeKind} == numbers


@pytest.mark.parametrize("kind", list(AttributeKind))
def test_a_list_kind_has_an_element_of_its_scalar_kind(kind: AttributeKind) -> None:
    assert not kind.element.is_array
    assert kind.keyword == kind.element.keyword + "[]" * kind.is_array
    assert kind.element.element is kind.element


def test_every_kind_has_a_zero_of_its_own_type() -> None:
    zeros = {kind.keyword: kind.zero for kind in AttributeKind}
    assert zeros == ZEROS
    assert {kind: type(zero) for kind, zero in zeros.items()} == {kind: type(zero) for kind, zero in ZEROS.items()}


def assert_no_kind(text: str) -> None:
    if text in ZEROS:
        return
    with pytest.raises(InvalidRequest) as refusal:
        AttributeKind.parse(text)
    assert repr(text) in str(refusal.value)
    assert refusal.value.code == ErrorCode.INVALID_ARGUMENT


def assert_refused(text: str, *, quoting: str, is_literal: bool = True) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        Attribute.parse(text)
    assert (repr(quoting) if is_literal else quoting) in str(refusal.value)
    assert refusal.value.code == ErrorCode.VALIDATION


@pytest.mark.parametrize(
    "text",
    [
        "doc:a$n|integer:1_000",
        "doc:a$n|integer: 5",
        "doc:a$n|integer:\u0663",
        "doc:a$n|double:1_0.5",
        "doc:a$b$c|integer:1",
        "doc:a$n|\u017ftring:x",
    ],
)
def test_what_python_reads_but_the_text_form_does_not_know_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        Attribute.parse(text)
