"""Attribute values survive being stored."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from model.attributes import INT32_MAX, INT32_MIN, AttributeKind, AttributeValue
from storage.values import decode_value, encode_value

_SCALARS: dict[AttributeKind, st.SearchStrategy[bool | str | int | float]] = {
    AttributeKind.BOOLEAN: st.booleans(),
    AttributeKind.STRING: st.text(),
    AttributeKind.INTEGER: st.integers(INT32_MIN, INT32_MAX),
    AttributeKind.DOUBLE: st.floats(),
}
values = st.sampled_from(AttributeKind).flatmap(
    lambda kind: st.builds(
        AttributeValue,
        st.just(kind),
        st.lists(_SCALARS[kind.element]).map(tuple) if kind.is_array else _SCALARS[kind],
    )
)


@given(value=values)
@settings(deadline=None)
def test_a_value_comes_back_exactly(value: AttributeValue) -> None:
    assert repr(decode_value(*encode_value(value))) == repr(value)  # repr tells 1 from 1.0 and finds NaN equal


def test_a_whole_number_given_for_a_double_comes_back_as_a_double() -> None:
    assert repr(decode_value(*encode_value(AttributeValue(AttributeKind.DOUBLE, 1))).value) == "1.0"
    assert repr(decode_value(*encode_value(AttributeValue(AttributeKind.DOUBLE_ARRAY, (1,)))).value) == "(1.0,)"
