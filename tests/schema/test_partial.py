"""Partial writes: what they change, what they refuse, and that order of arrival does not matter."""
# ruff: noqa: E501  # a table reads better with one case to a line

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import AuthzError, ErrorCode, InvalidRequest, InvalidSchema, NotFound
from schema.compiled import ComputedUserset, Target
from schema.compiler import compile_schema
from schema.parser import parse_schema
from schema.partial import Partial, apply_partials
from schema.printer import print_schema
from tests.schema.generated import schemas
from tests.schema.test_compiler import SAMPLE


def test_writes_updates_and_deletes_are_made() -> None:
    changes = Partial(
        write=["relation reader @user @team#member", "permission see = reader or owner;"],
        update=["relation owner @user @team#lead", "action purge = owner"],
        delete=["read"],
    )
    file = compile_schema(apply_partials(SAMPLE, {"file": changes})).entities["file"]
    assert file.relations["owner"] == (Target("user"), Target("team", "lead"))
    assert list(file.relations) == ["owner", "team", "reader"]
    assert list(file.permissions) == ["purge", "see"]
    assert file.permissions["purge"] == ComputedUserset("owner")


def test_no_partials_give_the_canonical_text() -> None:
    assert apply_partials(SAMPLE, {}) == print_schema(parse_schema(SAMPLE))
    assert apply_partials(parse_schema(SAMPLE), {"file": Partial()}) == print_schema(parse_schema(SAMPLE))


@pytest.mark.parametrize(
    ("entity", "partial", "kind", "code", "message"),
    [
        ("file", Partial(write=["relation owner @user"]), InvalidRequest, ErrorCode.ALREADY_EXIST, "file#owner exists"),
        ("file", Partial(write=["attribute owner string"]), InvalidRequest, ErrorCode.ALREADY_EXIST, "file#owner"),
        ("file", Partial(write=["relation a @user", "attribute a string"]), InvalidRequest, ErrorCode.ALREADY_EXIST, "file#a"),
        ("file", Partial(update=["relation owne @user"]), NotFound, ErrorCode.REFERENCE_NOT_FOUND, "did you mean 'owner'?"),
        ("file", Partial(delete=["sizes"]), NotFound, ErrorCode.REFERENCE_NOT_FOUND, "did you mean 'size'?"),
        ("file", Partial(delete=["size", "size"]), NotFound, ErrorCode.REFERENCE_NOT_FOUND, "no member 'size'"),
        ("fille", Partial(), NotFound, ErrorCode.ENTITY_STATEMENT_NOT_FOUND, "did you mean 'file'?"),
        ("small", Partial(), InvalidRequest, ErrorCode.CANNOT_CONVERT_TO_ENTITY_STATEMENT, "'small' is a rule"),
        ("file", Partial(write=[""]), InvalidSchema, ErrorCode.SCHEMA_PARSE, "no valid statement found"),
        ("file", Partial(write=["entity x {}"]), InvalidSchema, ErrorCode.SCHEMA_PARSE, "1:1: "),
        ("file", Partial(write=["relation a @user relation b @user"]), InvalidSchema, ErrorCode.SCHEMA_PARSE, "1:18: "),
        ("file", Partial(update=["nonsense relation owner @user"]), InvalidSchema, ErrorCode.SCHEMA_PARSE, "1:1: "),
    ],
)  # fmt: skip
def test_what_cannot_be_applied_is_refused(
    entity: str, partial: Partial, kind: type[AuthzError], code: ErrorCode, message: str
) -> None:
    with pytest.raises(kind) as caught:
        apply_partials(SAMPLE, {entity: partial})
    assert caught.value.code is code
    assert message in str(caught.value)


def test_a_schema_without_entities_has_nothing_to_change() -> None:
    with pytest.raises(InvalidSchema) as caught:
        apply_partials("", {})
    assert str(caught.value) == "1:1: no entity references found in schema"
    assert caught.value.code is ErrorCode.NO_ENTITY_REFERENCES_FOUND_IN_SCHEMA


def test_an_update_to_another_kind_fails_to_compile_as_a_duplicate() -> None:
    merged = apply_partials(SAMPLE, {"file": Partial(update=["attribute owner string"])})
    with pytest.raises(InvalidSchema, match="duplication found for file#owner"):
        compile_schema(merged)


def test_within_a_call_writes_come_before_deletes() -> None:
    assert "relation extra" not in apply_partials(
        SAMPLE, {"user": Partial(write=["relation extra @user"], delete=["extra"])}
    )


def test_the_first_entity_by_name_speaks() -> None:
    for names in (["user", "file"], ["file", "user"]):
        with pytest.raises(NotFound, match="'file' has no member"):
            apply_partials(SAMPLE, {name: Partial(delete=["nothing"]) for name in names})


@given(schemas(), st.data())
def test_what_is_deleted_can_be_written_back(text: str, data: st.DataObject) -> None:
    tree = parse_schema(text)
    entity = data.draw(st.sampled_from(tree.entities))
    if entity.members:
        member = data.draw(st.sampled_from(entity.members))
        source = tree.source.text[member.span.start : member.span.end]
        without = apply_partials(text, {entity.name.text: Partial(delete=[member.name.text])})
        back = apply_partials(without, {entity.name.text: Partial(write=[source])})
        assert compile_schema(back).entities == compile_schema(text).entities
