"""What a bundle changes: its templates filled with arguments, and read as tuples and attributes.

A value fills the place it is given and never alters what stands around it. The text forms see to most of that: a tuple
has one ``@``, an entity one ``:``, and names have letters only, so that a value which brings a separator the template
has already makes a text that is refused. The one separator that may be there or not is the ``#`` of a userset. A value
may therefore bring it only as part of a whole subject, ``group:1#member``, for a template that leaves the subject open
(``doc:{{.id}}#viewer@{{.who}}``); for ``user:{{.uid}}`` there is no value that makes it a userset.

What comes out must keep the rules of the contract for a Data.Write. Source: reference semantics §11.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from api.bundle_template import Template, clipped
from api.convert import attribute_to_proto, tuple_to_proto
from api.validation import check_fields
from model.attributes import Attribute
from model.errors import ErrorCode, InvalidRequest, LimitExceeded
from model.tuples import RelationTuple
from storage.base import Bundle, BundleOperation, Changeset

MAX_FILLED_CHARACTERS = 4 * 1024 * 1024
"""How much text one run may make: what one message can carry. Without it a value that stands in many places would
let a small request fill the memory of a node."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Form(Generic[T]):
    """A sort of text. separators: its separators in order, each of them optional since a value may bring it."""

    written: str
    separators: re.Pattern[str]
    no_separator: re.Pattern[str]
    read: Callable[[Template, Mapping[str, str]], T]


def check_bundle(bundle: Bundle) -> None:
    """Return if the bundle can be run, given the right arguments.

    Raises InvalidRequest (ALREADY_EXIST) for a text that stands twice in one list of one operation, and InvalidRequest
    (VALIDATION) for a bundle without a name and for a text that no argument can make a tuple or an attribute.
    """
    if not bundle.name:
        raise InvalidRequest("a bundle needs a name", ErrorCode.VALIDATION)
    with _named(bundle):
        for operation in bundle.operations:
            _check_list("relationships_write", operation.relationships_write, _TUPLE)
            _check_list("relationships_delete", operation.relationships_delete, _TUPLE)
            _check_list("attributes_write", operation.attributes_write, _ATTRIBUTE)
            _check_list("attributes_delete", operation.attributes_delete, _ATTRIBUTE)


def count_changes(bundle: Bundle) -> int:
    """How many tuples and attributes the bundle writes and deletes."""
    return sum(1 for _ in _texts(bundle))


def changes_of(bundle: Bundle, arguments: Mapping[str, str]) -> list[Changeset]:
    """What the bundle changes, one Changeset for each operation. Arguments it does not declare may be given too.

    Raises InvalidRequest: MISSING_ARGUMENT for a declared argument that is not given, VALIDATION, quoting the result,
    for a text that is no tuple or attribute once it is filled. Raises LimitExceeded for MAX_FILLED_CHARACTERS.
    """
    with _named(bundle):
        missing = [name for name in bundle.arguments if name not in arguments]
        if missing:
            message = f"missing {', '.join(clipped(name) for name in missing[:5])}"
            raise InvalidRequest(message, ErrorCode.MISSING_ARGUMENT)
        size = sum(Template.parse(text).size(arguments) for text in _texts(bundle))
        if size > MAX_FILLED_CHARACTERS:
            raise LimitExceeded(f"gives {size} characters of text; at most {MAX_FILLED_CHARACTERS} are accepted")
        return [_changeset(operation, arguments) for operation in bundle.operations]


def _texts(bundle: Bundle) -> Iterator[str]:
    for operation in bundle.operations:
        yield from operation.relationships_write
        yield from operation.attributes_write
        yield from operation.relationships_delete
        yield from operation.attributes_delete


def _changeset(operation: BundleOperation, arguments: Mapping[str, str]) -> Changeset:
    """One operation; the value of an attribute to delete is there for the form only."""
    deleted = _read_list(operation.attributes_delete, _ATTRIBUTE, arguments)
    return Changeset(
        tuples_written=_read_list(operation.relationships_write, _TUPLE, arguments),
        attributes_written=_read_list(operation.attributes_write, _ATTRIBUTE, arguments),
        tuples_deleted=_read_list(operation.relationships_delete, _TUPLE, arguments),
        attributes_deleted=tuple(attribute.key for attribute in deleted),
    )


def _check_list(name: str, texts: Sequence[str], form: _Form[T]) -> None:
    seen: set[str] = set()
    for text in texts:
        if text in seen:
            raise InvalidRequest(f"{name} has {clipped(text)} twice", ErrorCode.ALREADY_EXIST)
        seen.add(text)
        template = Template.parse(text)
        if not template.names:
            _read(text, form, {})
        elif not form.separators.fullmatch(form.no_separator.sub("", "".join(template.literals))):
            raise InvalidRequest(f"{name}: expected {form.written}, got {clipped(text)}", ErrorCode.VALIDATION)


def _read_list(texts: Sequence[str], form: _Form[T], arguments: Mapping[str, str]) -> tuple[T, ...]:
    return tuple(_read(text, form, arguments) for text in texts)


def _read(text: str, form: _Form[T], arguments: Mapping[str, str]) -> T:
    template = Template.parse(text)
    try:
        return form.read(template, arguments)
    except InvalidRequest as error:
        result = f"{clipped(text)} gives {clipped(template.fill(arguments))}" if template.names else clipped(text)
        raise InvalidRequest(f"{result}: {str(error)[:500]}", ErrorCode.VALIDATION) from error


def _read_tuple(template: Template, arguments: Mapping[str, str]) -> RelationTuple:
    for name in template.names:
        value = arguments.get(name, "")
        if "#" in value and ":" not in value:  # with a ":" it is a whole subject, or else one ":" too many
            raise InvalidRequest(f"argument {name!r} may not add a relation to a subject: {clipped(value)}")
    row = RelationTuple.parse(template.fill(arguments))
    check_fields(tuple_to_proto(row))
    return row


def _read_attribute(template: Template, arguments: Mapping[str, str]) -> Attribute:
    attribute = Attribute.parse(template.fill(arguments))
    check_fields(attribute_to_proto(attribute))
    if "$" in attribute.name:  # came with a value, and the contract has no rule for names of attributes
        raise InvalidRequest(f"an attribute's name has no $: {clipped(attribute.name)}")
    return attribute


@contextmanager
def _named(bundle: Bundle) -> Iterator[None]:
    """Errors say which bundle they are about."""
    try:
        yield
    except (InvalidRequest, LimitExceeded) as error:
        raise type(error)(f"bundle {clipped(bundle.name)}: {error}", error.code) from error


_TUPLE = _Form("type:id#relation@type:id[#relation]", re.compile(":?#?@?:?#?"), re.compile("[^:#@]"), _read_tuple)
_ATTRIBUTE = _Form("type:id$name|kind:value", re.compile(r":?\$?\|?:?\$*"), re.compile(r"[^:$|]"), _read_attribute)
