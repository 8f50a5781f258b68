"""Templates: what is a place, what fills it, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from api.bundle_template import Template, clipped
from model.errors import ErrorCode, InvalidRequest

names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,9}", fullmatch=True)
literals = st.text(max_size=20).filter(lambda text: "{" not in text)
spaces = st.text(alphabet=" \t\r\n", max_size=3)
values = st.text(max_size=20)


@st.composite
def places(draw: st.DrawFn) -> tuple[str, str]:
    """A place as it is written, and its name."""
    name = draw(names)
    return f"{{{{{draw(spaces)}.{name}{draw(spaces)}}}}}", name


@given(parts=st.lists(literals | places(), max_size=8), arguments=st.dictionaries(names, values))
def test_every_place_is_filled_as_it_is_and_everything_else_stays(
    parts: list[str | tuple[str, str]], arguments: dict[str, str]
) -> None:
    text = "".join(part if isinstance(part, str) else part[0] for part in parts)
    wanted = "".join(part if isinstance(part, str) else arguments.get(part[1], "") for part in parts)
    template = Template.parse(text)
    assert template.fill(arguments) == wanted
    assert template.size(arguments) == len(wanted)


@given(text=st.text())
def test_a_text_without_braces_gives_itself(text: str) -> None:
    assume("{{" not in text)
    assert Template.parse(text).fill({"a": "x"}) == text


@given(text=st.text(alphabet="{}.a -|\n", max_size=30))
def test_any_text_is_read_or_refused_and_what_is_read_has_no_place_left(text: str) -> None:
    try:
        template = Template.parse(text)
    except InvalidRequest:
        return
    assert len(template.literals) == len(template.names) + 1
    assert not any("{{" in literal for literal in template.literals)


@given(value=values)
def test_a_value_is_never_read_as_a_template(value: str) -> None:
    assert Template.parse("<{{.a}}>").fill({"a": "{{.b}}" + value, "b": "x"}) == "<{{.b}}" + value + ">"


def test_a_value_is_not_escaped() -> None:
    assert Template.parse("{{.a}}").fill({"a": "<a & 'b' \"c\">"}) == "<a & 'b' \"c\">"


def test_a_missing_name_leaves_nothing() -> None:
    assert Template.parse("doc:{{.id}}#owner").fill({}) == "doc:#owner"


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("doc:{{if .x}}1{{end}}", "{{if .x}}"),
        ('doc:{{printf "%s" .x}}', '{{printf "%s" .x}}'),
        ("doc:{{.x | html}}", "{{.x | html}}"),
        ("doc:{{.user.id}}", "{{.user.id}}"),
        ("doc:{{.}}", "{{.}}"),
        ("doc:{{}}", "{{}}"),
        ("doc:{{x}}", "{{x}}"),
        ("doc:{{.1}}", "{{.1}}"),
        ("doc:{{.a-b}}", "{{.a-b}}"),
        ("doc:{{. x}}", "{{. x}}"),
        ("doc:{{- .x -}}", "{{- .x -}}"),
        ("doc:{{/* who */}}", "{{/* who */}}"),
        ("doc:{{{.x}}}", "{{{.x}}"),
        ("doc:{{.x}", "doc:{{.x}"),
        ("doc:{{ {{.x}}", "doc:{{ {{.x}}"),
    ],
)
def test_what_is_not_a_name_is_refused_and_quoted(text: str, quoted: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        Template.parse(text)
    assert refusal.value.code is ErrorCode.VALIDATION
    assert repr(quoted) in str(refusal.value)


def test_closing_braces_alone_are_text() -> None:
    assert Template.parse("a}}b{{.x}}}").fill({"x": "1"}) == "a}}b1}"


@given(text=st.text())
def test_a_quotation_is_short(text: str) -> None:
    assert clipped(text, 5) == (repr(text) if len(text) <= 5 else repr(text[:5]) + "…")
