"""What a bundle changes: texts to changesets, and values that try to be more than values."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.bundle_changes import MAX_FILLED_CHARACTERS, changes_of, check_bundle, count_changes
from model.attributes import Attribute
from model.errors import ErrorCode, InvalidRequest, LimitExceeded
from model.tuples import RelationTuple
from storage.base import Bundle, BundleOperation, Changeset

_FRAGMENTS = ["a", "user", "group", "member", "owner", "size", "integer", "1", "..."]
hostile = st.lists(st.sampled_from([*_FRAGMENTS, *":#@$|*,& \0", "{{.b}}"]), max_size=8).map("".join)


def test_each_operation_is_a_changeset_in_order() -> None:
    bundle = _bundle(
        BundleOperation(("doc:{{.id}}#owner@user:{{.uid}}",), (), ("doc:{{.id}}$size|integer:{{.n}}",), ()),
        BundleOperation((), ("doc:{{.id}}#viewer@group:{{.uid}}#member",), (), ("doc:{{ .id }}$size|integer:0",)),
    )
    size = Attribute.parse("doc:1$size|integer:7")
    assert changes_of(bundle, {"id": "1", "uid": "ann", "n": "7"}) == [
        Changeset((RelationTuple.parse("doc:1#owner@user:ann"),), (size,)),
        Changeset((), (), (RelationTuple.parse("doc:1#viewer@group:ann#member"),), (size.key,)),
    ]
    assert count_changes(bundle) == 4


def test_a_bundle_without_operations_changes_nothing() -> None:
    assert changes_of(_bundle(), {}) == []
    assert count_changes(_bundle()) == 0


@given(first=hostile, second=hostile)
def test_no_value_alters_what_a_tuple_template_fixes(first: str, second: str) -> None:
    bundle = _bundle(BundleOperation(("doc:{{.a}}#viewer@user:{{.b}}",)))
    try:
        (changes,) = changes_of(bundle, {"a": first, "b": second})
    except InvalidRequest:
        return
    assert changes.tuples_written == (RelationTuple("doc", first, "viewer", "user", second),)


@given(left=hostile, who=hostile)
def test_an_open_subject_leaves_the_rest_of_the_template_fixed(left: str, who: str) -> None:
    bundle = _bundle(BundleOperation(("doc:{{.a}}#viewer@{{.b}}",)))
    try:
        (changes,) = changes_of(bundle, {"a": left, "b": who})
    except InvalidRequest:
        return
    (row,) = changes.tuples_written
    assert row[:3] == ("doc", left, "viewer")
    assert str(row.subject) == who.removesuffix("#...")


@given(id_=hostile, value=hostile)
def test_no_value_alters_what_an_attribute_template_fixes(id_: str, value: str) -> None:
    text = "doc:{{.a}}$title|string:{{.b}}"
    bundle = _bundle(BundleOperation((), (), (text,), (text,)))
    try:
        (changes,) = changes_of(bundle, {"a": id_, "b": value})
    except InvalidRequest:
        return
    (attribute,) = changes.attributes_written
    assert (*attribute.key, attribute.value.value) == ("doc", id_, "title", value)
    assert changes.attributes_deleted == (attribute.key,)


@pytest.mark.parametrize("value", ["ann#member", "ann#...", "ann#", "", "a b", "b:c", "ann@x", "<a>", "x" * 129, "ü"])
@pytest.mark.parametrize("list_name", ["relationships_write", "relationships_delete"])
def test_a_value_that_is_no_id_is_refused_quoting_it(value: str, list_name: str) -> None:
    bundle = _bundle(BundleOperation(**{list_name: ("doc:1#viewer@user:{{.uid}}",)}))
    with pytest.raises(InvalidRequest, match=re.escape(repr(f"doc:1#viewer@user:{value}"))) as refusal:
        changes_of(bundle, {"uid": value})
    assert refusal.value.code is ErrorCode.VALIDATION
    assert "bundle 'b'" in str(refusal.value)


@pytest.mark.parametrize("value", ["ann#member", "1$size|integer:1", "1$x"])
def test_an_attribute_to_delete_is_held_to_its_template_too(value: str) -> None:
    bundle = _bundle(BundleOperation(attributes_delete=("doc:{{.id}}$size|integer:0",)))
    with pytest.raises(InvalidRequest):
        changes_of(bundle, {"id": value})


def test_a_string_value_may_have_any_sign_but_the_forms_own() -> None:
    bundle = _bundle(BundleOperation(attributes_write=("doc:1$title|string:{{.title}}",)))
    (changes,) = changes_of(bundle, {"title": "C# & <b> for $5, a@b"})
    assert changes.attributes_written[0].value.value == "C# & <b> for $5, a@b"


def test_the_value_of_a_list_may_be_a_whole_list() -> None:
    bundle = _bundle(BundleOperation(attributes_write=("doc:1$tags|string[]:{{.tags}}",)))
    (changes,) = changes_of(bundle, {"tags": "x,y"})
    assert changes.attributes_written[0].value.value == ("x", "y")


def test_the_legacy_relation_of_a_subject_means_none() -> None:
    (changes,) = changes_of(_bundle(BundleOperation(("doc:1#viewer@user:{{.uid}}#...",))), {"uid": "ann"})
    assert changes.tuples_written == (RelationTuple.parse("doc:1#viewer@user:ann"),)


def test_declared_arguments_must_be_given_and_others_may() -> None:
    bundle = _bundle(BundleOperation(("doc:{{.id}}#owner@user:ann",)), arguments=("id", "uid"))
    with pytest.raises(InvalidRequest, match="missing 'uid'") as refusal:
        changes_of(bundle, {"id": "1"})
    assert refusal.value.code is ErrorCode.MISSING_ARGUMENT
    assert changes_of(bundle, {"id": "1", "uid": "", "more": "x"})


def test_a_run_makes_a_bounded_amount_of_text() -> None:
    bundle = _bundle(BundleOperation(attributes_write=("doc:1$title|string:" + "{{.x}}" * 100,)))
    assert changes_of(bundle, {"x": "x" * 1_000})
    with pytest.raises(LimitExceeded):
        changes_of(bundle, {"x": "x" * (MAX_FILLED_CHARACTERS // 100)})


def test_a_long_result_is_quoted_in_part() -> None:
    bundle = _bundle(BundleOperation(("doc:{{.x}}#owner@user:ann",)))
    with pytest.raises(InvalidRequest) as refusal:
        changes_of(bundle, {"x": "x:" * 100_000})
    assert len(str(refusal.value)) < 2_000


@pytest.mark.parametrize(
    "operation",
    [
        BundleOperation(relationships_write=("doc:1#owner",)),
        BundleOperation(relationships_write=("doc:1#owner@user:a b",)),
        BundleOperation(relationships_delete=("doc:{{.a}}#owner@user:b@c",)),
        BundleOperation(relationships_delete=("doc:{{.a}}@user:b#c#d",)),
        BundleOperation(relationships_write=("{{.a}}#owner@x:y:z",)),
        BundleOperation(relationships_write=("doc:{{.a}}#{{if .b}}owner{{end}}@user:c",)),
        BundleOperation(attributes_write=("doc:1$size|integer:many",)),
        BundleOperation(attributes_write=("doc:1$size|number:1",)),
        BundleOperation(attributes_write=("doc:{{.a}}|integer$size:1",)),
        BundleOperation(attributes_delete=("doc:{{.a}}$size|integer:1:2",)),
        BundleOperation(attributes_delete=("doc:1$size",)),
    ],
)
def test_a_text_that_no_argument_can_mend_is_refused_when_stored(operation: BundleOperation) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        check_bundle(_bundle(operation))
    assert refusal.value.code is ErrorCode.VALIDATION


@pytest.mark.parametrize(
    "operation",
    [
        BundleOperation(relationships_write=("{{.row}}", "{{.a}}#{{.b}}@{{.c}}", "doc:{{.a}}{{.b}}")),
        BundleOperation(relationships_delete=("{{.t}}:{{.i}}#{{.r}}@{{.st}}:{{.si}}#{{.sr}}", "doc:1#owner@user:*")),
        BundleOperation(attributes_write=("{{.row}}", "doc:{{.a}}${{.n}}|{{.k}}:{{.v}}", "d:1$s|string:{{.a}} $5, $6")),
        BundleOperation(attributes_delete=("doc:{{.a}}$tags|string[]:", "doc:1$public|boolean:true")),
    ],
)
def test_a_text_that_some_argument_makes_right_is_stored(operation: BundleOperation) -> None:
    check_bundle(_bundle(operation))


def test_parts_of_a_text_may_come_together_from_one_value() -> None:
    bundle = _bundle(BundleOperation(("{{.row}}", "doc:2#viewer@{{.who}}")))
    (changes,) = changes_of(bundle, {"row": "doc:1#owner@user:ann", "who": "group:g#member"})
    assert list(map(str, changes.tuples_written)) == ["doc:1#owner@user:ann", "doc:2#viewer@group:g#member"]


@pytest.mark.parametrize(
    "list_name", ["relationships_write", "relationships_delete", "attributes_write", "attributes_delete"]
)
def test_a_text_stands_once_in_a_list(list_name: str) -> None:
    text = "doc:1#owner@user:ann" if list_name.startswith("r") else "doc:1$public|boolean:true"
    with pytest.raises(InvalidRequest, match=re.escape(f"{list_name} has {text!r} twice")) as refusal:
        check_bundle(_bundle(BundleOperation(**{list_name: (text, text)})))
    assert refusal.value.code is ErrorCode.ALREADY_EXIST
    check_bundle(_bundle(BundleOperation(**{list_name: (text,)}), BundleOperation(**{list_name: (text,)})))


def _bundle(*operations: BundleOperation, arguments: Sequence[str] = ()) -> Bundle:
    return Bundle("b", arguments, operations)
